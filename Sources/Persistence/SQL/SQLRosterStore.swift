// SPDX-License-Identifier: Apache-2.0
// Rosters in MongooseIM's tables `rosterusers`, `rostergroups` and `roster_version`.
//
// Codes: subscription N none, T to, F from, B both; ask N none, O out, I in, B both. S and U, which MongooseIM's older
// releases wrote for a request of the account's to subscribe or to unsubscribe, are read as out and as none.

public import Logging
public import XMPPCore

/// The rosters of the accounts of a SQL database.
public struct SQLRosterStore: RosterStore {
    static let columns = "jid, nick, subscription, ask, askmessage"
    static let readItem = SQLStatement(
        "SELECT \(columns) FROM rosterusers WHERE server = ? AND username = ? AND jid = ?"
    )
    static let readItems = SQLStatement(
        "SELECT \(columns) FROM rosterusers WHERE server = ? AND username = ? AND jid > ? ORDER BY jid LIMIT ?"
    )
    static let countItems = SQLStatement("SELECT count(*) FROM rosterusers WHERE server = ? AND username = ?")
    static let writeItem = SQLStatement.upsert(
        into: "rosterusers",
        key: ["server", "username", "jid"],
        columns: ["nick", "subscription", "ask", "askmessage"]
    )
    static let removeItem = SQLStatement("DELETE FROM rosterusers WHERE server = ? AND username = ? AND jid = ?")
    static let readGroups = SQLStatement(
        "SELECT jid, grp FROM rostergroups WHERE server = ? AND username = ? AND jid = ?"
    )
    static let readGroupsOfItems = SQLStatement(
        "SELECT jid, grp FROM rostergroups WHERE server = ? AND username = ? AND jid >= ? AND jid <= ?"
    )
    static let writeGroup = SQLStatement(
        "INSERT INTO rostergroups (server, username, jid, grp) VALUES (?, ?, ?, ?)"
    )
    static let removeGroups = SQLStatement(
        "DELETE FROM rostergroups WHERE server = ? AND username = ? AND jid = ?"
    )
    static let readVersion = SQLStatement("SELECT version FROM roster_version WHERE server = ? AND username = ?")
    static let writeVersion = SQLStatement.upsert(
        into: "roster_version",
        key: ["server", "username"],
        columns: ["version"]
    )
    static let listAccounts = SQLListing(
        "SELECT DISTINCT server, username FROM rosterusers",
        where: nil,
        orderedBy: ["server", "username"]
    )
    static let tables = ["rosterusers", "rostergroups", "roster_version"]
    static let removeAccount = tables.map { SQLStatement("DELETE FROM \($0) WHERE server = ? AND username = ?") }
    static let removeDomain = tables.map { SQLStatement("DELETE FROM \($0) WHERE server = ?") }

    let context: SQLStoreContext
    let nowMicroseconds: @Sendable () -> Int64

    /// Makes the store of a database that has the schema.
    ///
    /// - Parameters:
    ///   - nowMicroseconds: the time, from which versions are made: microseconds since 1970-01-01 UTC.
    ///   - logger: gets a warning for each row that cannot be read.
    public init(
        database: any SQLDatabase, logger: Logger,
        nowMicroseconds: @escaping @Sendable () -> Int64 = WallClock.microseconds
    ) {
        context = SQLStoreContext(database: database, logger: logger)
        self.nowMicroseconds = nowMicroseconds
    }

    /// Reads a page of an account's roster, with the version of the whole.
    public func roster(
        of account: BareJID, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> RosterPage {
        try SQLStoreContext.check(cursor, partCount: 1)
        let key = account.key
        let limit = SQLStoreContext.rowCount(limit)
        let context = context
        return try await context.database.read { transaction throws(StorageError) in
            let version = try await Self.version(key, in: transaction)
            let rows = try await transaction.query(
                Self.readItems,
                key + [.text(cursor?.key[0] ?? ""), .integer(Int64(limit))]
            )
            guard let first = rows.first, let last = rows.last else {
                return RosterPage(items: [], next: nil, version: version)
            }
            var groups: [String: Set<String>] = [:]
            let bounds: [SQLValue] = [.text(try first.text(0)), .text(try last.text(0))]
            for row in try await transaction.query(Self.readGroupsOfItems, key + bounds) {
                groups[try row.text(0), default: []].insert(try row.text(1))
            }
            let items = context.items(of: rows) { row throws(StorageError) in
                try Self.item(of: row, groups: groups[try row.text(0)] ?? [])
            }
            let next = try SQLStoreContext.next(after: rows, limit: limit, [0])
            return RosterPage(items: items, next: next, version: version)
        }
    }

    /// The item of one contact; nil when there is none.
    public func item(_ contact: JID, of account: BareJID) async throws(StorageError) -> RosterItem? {
        let key = account.key + [.text(contact.description)]
        return try await context.database.read { transaction throws(StorageError) in
            try await Self.item(key, in: transaction)
        }
    }

    /// The version of an account's roster; nil when it was never changed.
    public func version(of account: BareJID) async throws(StorageError) -> RosterVersion? {
        try await context.database.query(Self.readVersion, account.key).first.map { row throws(StorageError) in
            RosterVersion(try row.text(0))
        }
    }

    /// Changes one item, and the version with it, in one transaction. `change` may be called more than once.
    @discardableResult
    public func update(
        _ contact: JID, of account: BareJID, itemCountMax: Int?,
        _ change: @escaping @Sendable (RosterItem?) -> RosterItem?
    ) async throws(StorageError) -> RosterChange {
        let account = account.key
        let now = nowMicroseconds()
        return try await context.database.write { transaction throws(StorageError) in
            let old = try await Self.item(account + [.text(contact.description)], in: transaction)
            let version = try await Self.version(account, in: transaction)
            var new = change(old)
            new?.contact = contact
            guard new != old else { return RosterChange(old: old, new: new, version: version) }
            if old == nil, let itemCountMax {
                let count = try await transaction.query(Self.countItems, account).first?.integer(0) ?? 0
                guard count < itemCountMax else { throw .limitExceeded }
            }
            try await Self.replace(old, by: new, contact, of: account, in: transaction)
            let following = Self.version(after: version, now)
            try await transaction.execute(Self.writeVersion, account + [.text(following.text)])
            return RosterChange(old: old, new: new, version: following)
        }
    }

    /// Adds items, all or none of them, in one transaction.
    public func add(_ items: [RosterItem], to account: BareJID) async throws(StorageError) {
        guard Set(items.map(\.contact)).count == items.count else { throw .conflict }
        guard !items.isEmpty else { return }
        let account = account.key
        let now = nowMicroseconds()
        try await context.database.write { transaction throws(StorageError) in
            // Most rosters that are filled are empty before, which is asked for once instead of for each contact.
            let isEmpty = try await transaction.query(Self.countItems, account).first?.integer(0) == 0
            for item in items {
                let key = account + [.text(item.contact.description)]
                if !isEmpty, try await !transaction.query(Self.readItem, key).isEmpty { throw .conflict }
                try await Self.replace(nil, by: item, item.contact, of: account, in: transaction)
            }
            let version = Self.version(after: try await Self.version(account, in: transaction), now)
            try await transaction.execute(Self.writeVersion, account + [.text(version.text)])
        }
    }

    /// Lists the accounts that have at least one roster item, of every domain.
    public func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await context.accounts(Self.listAccounts, after: cursor, limit: limit)
    }

    /// Removes what is stored for an account.
    public func removeAll(for account: BareJID) async throws(StorageError) {
        try await context.remove(Self.removeAccount, account.key)
    }

    /// Removes what is stored for the accounts of a domain.
    public func removeAll(domain: String) async throws(StorageError) {
        try await context.remove(Self.removeDomain, [.text(domain)])
    }
}

// MARK: - Rows

extension SQLRosterStore {
    private static func replace(
        _ old: RosterItem?, by new: RosterItem?, _ contact: JID, of account: [SQLValue],
        in transaction: any SQLTransaction
    ) async throws(StorageError) {
        let key = account + [.text(contact.description)]
        let groups = new?.groups ?? []
        guard groups.count <= RosterItem.groupCountMax else { throw .limitExceeded }
        if groups != old?.groups ?? [] {
            try await transaction.execute(removeGroups, key)
            for group in groups { try await transaction.execute(writeGroup, key + [.text(group)]) }
        }
        guard let new else {
            try await transaction.execute(removeItem, key)
            return
        }
        let columns: [SQLValue] = [
            .text(new.name), .text(code(of: new.subscription)), .text(code(of: new.pending)), .text(new.requestText),
        ]
        try await transaction.execute(writeItem, key + columns)
    }

    private static func item(
        _ key: [SQLValue], in transaction: any SQLTransaction
    ) async throws(StorageError) -> RosterItem? {
        guard let row = try await transaction.query(readItem, key).first else { return nil }
        var groups: Set<String> = []
        for row in try await transaction.query(readGroups, key) { groups.insert(try row.text(1)) }
        return try item(of: row, groups: groups)
    }

    private static func item(of row: SQLRow, groups: Set<String>) throws(StorageError) -> RosterItem {
        let text = try row.text(0)
        let contact: JID
        do throws(JIDError) { contact = try JID(text) } catch {
            throw .corrupt(detail: "a roster item's contact is no address")
        }
        return RosterItem(
            contact: contact,
            name: try row.text(1),
            groups: groups,
            subscription: try subscription(code: try row.text(2)),
            pending: try pending(code: try row.text(3)),
            requestText: try row.text(4)
        )
    }

    private static func version(
        _ account: [SQLValue], in transaction: any SQLTransaction
    ) async throws(StorageError) -> RosterVersion? {
        guard let row = try await transaction.query(readVersion, account).first else { return nil }
        return RosterVersion(try row.text(0))
    }

    /// The time, so that a roster which was removed and made anew has no version twice; one more than the last version
    /// when the clock has not moved or was set back. MongooseIM's versions are no numbers, and just end here.
    static func version(after version: RosterVersion?, _ nowMicroseconds: Int64) -> RosterVersion {
        guard let last = version.flatMap({ Int64($0.text) }), last < Int64.max else {
            return RosterVersion("\(nowMicroseconds)")
        }
        return RosterVersion("\(max(nowMicroseconds, last + 1))")
    }

    private static func code(of subscription: RosterSubscription) -> String {
        switch subscription {
        case .none: "N"
        case .to: "T"
        case .from: "F"
        case .both: "B"
        }
    }

    private static func subscription(code: String) throws(StorageError) -> RosterSubscription {
        switch code {
        case "N": .none
        case "T": .to
        case "F": .from
        case "B": .both
        default: throw .corrupt(detail: "unknown code of a subscription")
        }
    }

    private static func code(of pending: RosterPending) -> String {
        switch pending {
        case .none: "N"
        case .out: "O"
        case .in: "I"
        case .both: "B"
        }
    }

    private static func pending(code: String) throws(StorageError) -> RosterPending {
        switch code {
        case "N", "U": .none
        case "O", "S": .out
        case "I": .in
        case "B": .both
        default: throw .corrupt(detail: "unknown code of a pending subscription")
        }
    }
}
