// SPDX-License-Identifier: Apache-2.0
// Message archives in MongooseIM's tables `mam_message`, of accounts, and `mam_muc_message`, of rooms. What a message's
// column holds is told by its first byte (ArchivedStanza); XML is written.

public import Logging
public import XMPPCore

/// The archives of the accounts, or of the rooms, of a SQL database.
///
/// A room's archive has no direction, and of a sender the account alone: all of its messages are `.received` and came
/// through a room.
public struct SQLArchiveStore: ArchiveStore {
    /// Most entries that one request to the database has.
    static let appendCountMax = 1_024
    let context: SQLStoreContext
    let statements: ArchiveStatements
    let format: ArchiveAddressFormat
    private let insert: SQLStatement

    /// Makes the store of accounts' archives, in a database that has the schema.
    ///
    /// - Parameters:
    ///   - format: how addresses are written, and were.
    ///   - logger: gets a warning for each row that cannot be read.
    public static func ofAccounts(
        _ database: any SQLDatabase, format: ArchiveAddressFormat = .relative, logger: Logger
    ) -> SQLArchiveStore {
        SQLArchiveStore(.accounts, database, format, logger)
    }

    /// Makes the store of rooms' archives, in a database that has the schema. Their table has no addresses but those of
    /// accounts and rooms, in parts.
    ///
    /// - Parameter logger: gets a warning for each row that cannot be read.
    public static func ofRooms(_ database: any SQLDatabase, logger: Logger) -> SQLArchiveStore {
        SQLArchiveStore(.rooms, database, .whole, logger)
    }

    private init(
        _ kind: ArchiveStatements.Kind, _ database: any SQLDatabase, _ format: ArchiveAddressFormat, _ logger: Logger
    ) {
        context = SQLStoreContext(database: database, logger: logger)
        statements = ArchiveStatements(kind: kind, dialect: database.dialect)
        self.format = format
        insert = statements.insert
    }

    /// The same archives, with addresses written, and read, in another format.
    public func written(in format: ArchiveAddressFormat) -> SQLArchiveStore {
        SQLArchiveStore(statements.kind, context.database, format, context.logger)
    }

    /// Everything.
    public var features: Set<ArchiveFeature> { Set(ArchiveFeature.allCases) }

    // MARK: Appending

    /// Stores messages of any archives, durably.
    public func append(_ entries: [ArchiveEntry]) async throws(StorageError) {
        var start = 0
        while start < entries.count {
            let end = min(start + Self.appendCountMax, entries.count)
            try await append(entries[start..<end])
            start = end
        }
    }

    /// Stores messages, each by a statement that finds its owner; then, for who is new, the owners and the rest again.
    private func append(_ entries: ArraySlice<ArchiveEntry>) async throws(StorageError) {
        var entries = entries
        for attempt in 0..<2 {
            if attempt > 0 { try await addOwners(of: entries) }
            var rows: [[SQLValue]] = []
            rows.reserveCapacity(entries.count)
            for entry in entries { rows.append(try row(of: entry)) }
            let counts = try await context.database.execute(insert, forEach: rows)
            if !counts.contains(0) { return }
            entries = ArraySlice(zip(entries, counts).filter { $0.1 == 0 }.map(\.0))
        }
        try await appendAtOnce(entries)
    }

    private func addOwners(of entries: ArraySlice<ArchiveEntry>) async throws(StorageError) {
        var missing: [[SQLValue]] = []
        for owner in owners(of: entries) where try await number(of: owner) == nil { missing.append(owner.key) }
        // How many were new is not the point.
        _ = try await context.database.execute(ArchiveStatements.addOwner, forEach: missing)
    }

    private func owners(of entries: ArraySlice<ArchiveEntry>) -> Set<BareJID> {
        let archives = Set(entries.map(\.archive))
        return statements.kind == .accounts ? archives : archives.union(entries.map(\.message.sender.bare))
    }

    /// Stores messages and their owners in one transaction: somebody has removed the owners that were added.
    private func appendAtOnce(_ entries: ArraySlice<ArchiveEntry>) async throws(StorageError) {
        var added: [[SQLValue]] = []
        for entry in entries { added.append(try row(of: entry)) }
        let (rows, owners, insert) = (added, owners(of: entries), insert)
        try await context.database.write { transaction throws(StorageError) in
            // Their numbers are found by the statements.
            for owner in owners { _ = try await ArchiveStatements.number(of: owner, in: transaction) }
            for row in rows { try await transaction.execute(insert, row) }
        }
    }

    // MARK: Reading

    /// Reads messages of an archive by their names.
    public func messages(
        in archive: BareJID, matching query: ArchiveQuery, order: ArchiveOrder, limit: Int
    ) async throws(StorageError) -> [ArchivedMessage] {
        let limit = SQLStoreContext.rowCount(limit)
        guard let conditions = conditions(query, in: archive), let owner = try await number(of: archive) else {
            return []
        }
        var steps = ArchiveSteps(conditions, order, statements)
        var messages: [ArchivedMessage] = []
        // Once, unless no index has all conditions, or there are rows that cannot be read.
        while let step = try await next(&steps, of: owner) {
            let rows = try await context.database.query(
                statements.read(step.conditions, order: order),
                statements.parameters(step.conditions, of: owner, limit: limit))
            messages += context.items(of: rows) { row throws(StorageError) in try message(of: row, in: archive) }
            if messages.count >= limit { return Array(messages.prefix(limit)) }
            // Where the limit ended a step, what is behind its last row is still to be read.
            steps.end(
                at: rows.count < limit ? step.last : try rows.last.map { row throws(StorageError) in try name(row) })
        }
        return messages
    }

    /// What is asked for next; nil at the end of the archive.
    private func next(_ steps: inout ArchiveSteps, of owner: Int64) async throws(StorageError) -> ArchiveSteps.Step? {
        guard let rest = steps.rest else { return nil }
        guard let passed = steps.passed else { return ArchiveSteps.Step(conditions: rest, last: nil) }
        let row = try await context.database.query(
            statements.nameBehind(passed, order: steps.order),
            statements.parameters(passed, of: owner) + [.integer(Int64(steps.messageCount - 1))]
        ).first
        return steps.next(through: try row.map { row throws(StorageError) in try name(row) })
    }

    /// Reads messages of an archive by their names, in the archive's order.
    public func messages(in archive: BareJID, ids: [ArchiveID]) async throws(StorageError) -> [ArchivedMessage] {
        let ids = Array(ids.prefix(Page<ArchivedMessage>.itemCountMax))
        guard !ids.isEmpty, let owner = try await number(of: archive) else { return [] }
        // A power of two, so that there are few statements; one name more than once finds no more.
        var count = 1
        while count < ids.count { count *= 2 }
        let names = ids + Array(repeating: ids[0], count: count - ids.count)
        let rows = try await context.database.query(
            statements.read(idCount: count), [.integer(owner)] + names.map { .integer($0.number) })
        return context.items(of: rows) { row throws(StorageError) in try message(of: row, in: archive) }
    }

    /// How many messages of an archive a query finds.
    public func count(in archive: BareJID, matching query: ArchiveQuery) async throws(StorageError) -> Int {
        guard let conditions = conditions(query, in: archive), let owner = try await number(of: archive) else {
            return 0
        }
        var steps = ArchiveSteps(conditions, .ascending, statements)
        var count = 0
        while let step = try await next(&steps, of: owner) {
            let row = try await context.database.query(
                statements.count(step.conditions), statements.parameters(step.conditions, of: owner)
            ).first
            count += Int(clamping: try row?.integer(0) ?? 0)
            steps.end(at: step.last)
        }
        return count
    }

    /// Lists the owners of archives that have messages, of every domain.
    public func archives(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await context.accounts(statements.listOwners, after: cursor, limit: limit)
    }

    /// The number of an owner; nil for one who has none, and so no messages.
    private func number(of owner: BareJID) async throws(StorageError) -> Int64? {
        try await context.database.query(ArchiveStatements.readOwner, owner.key).first?.integer(0)
    }

    private func name(_ row: SQLRow) throws(StorageError) -> ArchiveID {
        guard let id = ArchiveID(try row.integer(0)) else { throw .corrupt(detail: "a message has a negative name") }
        return id
    }

    // MARK: Changing

    /// Puts another stanza in the place of a message's.
    public func replace(
        _ id: ArchiveID, in archive: BareJID, by stanza: [UInt8]
    ) async throws(StorageError) -> Bool {
        guard let owner = try await number(of: archive) else { return false }
        let parameters: [SQLValue] = [.bytes(stanza), .integer(owner), .integer(id.number)]
        return try await context.database.execute(statements.replace, parameters) > 0
    }

    /// Removes the first messages of an archive.
    public func remove(before id: ArchiveID, in archive: BareJID, limit: Int) async throws(StorageError) -> Int {
        guard let owner = try await number(of: archive) else { return 0 }
        return try await remove(before: .integer(id.number), of: owner, limit: SQLStoreContext.rowCount(limit))
    }

    private func remove(
        before bound: SQLValue, of owner: Int64, limit: Int
    ) async throws(StorageError) -> Int {
        let statements = statements
        return try await context.database.write { transaction throws(StorageError) in
            let owner = SQLValue.integer(owner)
            // The name behind the last that is to go, if there is one.
            let row = try await transaction.query(
                statements.readBoundary, [owner, bound, .integer(Int64(limit))]
            ).first
            let end = try row.map { row throws(StorageError) in SQLValue.integer(try row.integer(0)) }
            return try await transaction.execute(statements.removeBefore, [owner, end ?? bound])
        }
    }

    /// Removes an archive.
    ///
    /// Step by step, for it may be long, and others wait for a step: one that fails half way has removed the first
    /// messages.
    public func removeAll(for account: BareJID) async throws(StorageError) {
        if let owner = try await number(of: account) { try await removeAll(of: owner) }
        try await context.database.execute(ArchiveStatements.forgetOwner, account.key)
    }

    /// Removes the archives of a domain, step by step.
    public func removeAll(domain: String) async throws(StorageError) {
        let listing = statements.listOwnersOfDomain
        let limit = Page<BareJID>.itemCountMax
        var cursor: PageCursor?
        repeat {
            let rows = try await context.database.query(
                listing.statement(after: cursor),
                listing.parameters([.text(domain)], after: cursor, limit: limit, in: context.database.dialect))
            for row in rows { try await removeAll(of: try row.integer(1)) }
            cursor = try SQLStoreContext.next(after: rows, limit: limit, [0])
        } while cursor != nil
        try await context.database.execute(ArchiveStatements.forgetDomain, [.text(domain)])
    }

    private func removeAll(of owner: Int64) async throws(StorageError) {
        let limit = Page<ArchivedMessage>.itemCountMax
        // No message has a name above the highest, which is the bound of all but that one.
        while try await remove(before: .integer(.max), of: owner, limit: limit) >= limit {}
        try await context.database.execute(statements.removeLast, [.integer(owner), .integer(.max)])
    }
}
