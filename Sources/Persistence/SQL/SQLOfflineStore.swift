// SPDX-License-Identifier: Apache-2.0
// Offline messages in MongooseIM's table `offline_message`: times in microseconds since 1970. The column
// `permanent_fields`, a term of Erlang's, is written as NULL and not read.

public import Logging
public import XMPPCore

/// The messages that wait for the accounts of a SQL database.
public struct SQLOfflineStore: OfflineStore {
    static let insert = SQLStatement(
        "INSERT INTO offline_message (timestamp, expire, server, username, from_jid, packet) VALUES (?, ?, ?, ?, ?, ?)"
    )
    /// One statement, so that it needs no transaction; it counts no further than the bound. A value that is NULL has a type
    /// only where it is said.
    static let insertBelow = SQLStatement(
        """
        INSERT INTO offline_message (timestamp, expire, server, username, from_jid, packet) \
        SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), ?, ?, ?, ? \
        WHERE (SELECT count(*) FROM (SELECT 1 FROM offline_message WHERE server = ? AND username = ? LIMIT ?) AS kept) \
        < ?
        """
    )
    static let read = SQLStatement(
        """
        SELECT id, timestamp, expire, from_jid, packet FROM offline_message \
        WHERE server = ? AND username = ? AND id > ? AND (expire IS NULL OR expire > ?) ORDER BY id LIMIT ?
        """
    )
    static let remove = SQLStatement("DELETE FROM offline_message WHERE id = ? AND server = ? AND username = ?")
    static let count = SQLStatement("SELECT count(*) FROM offline_message WHERE server = ? AND username = ?")
    /// The inner selection has a name because MySQL takes a LIMIT only in such a one.
    static let removeExpired = SQLStatement(
        """
        DELETE FROM offline_message WHERE id IN \
        (SELECT id FROM (SELECT id FROM offline_message WHERE expire <= ? LIMIT ?) AS expired)
        """
    )
    static let removeAccount = SQLStatement("DELETE FROM offline_message WHERE server = ? AND username = ?")
    static let removeDomain = SQLStatement("DELETE FROM offline_message WHERE server = ?")
    static let listAccounts = SQLListing(
        "SELECT DISTINCT server, username FROM offline_message",
        where: nil,
        orderedBy: ["server", "username"]
    )

    let context: SQLStoreContext

    /// Makes the store of a database that has the schema.
    ///
    /// - Parameter logger: gets a warning for each row that cannot be read.
    public init(database: any SQLDatabase, logger: Logger) {
        context = SQLStoreContext(database: database, logger: logger)
    }

    /// Stores a message behind those of its account, unless they are as many as they may be; nil for no bound.
    public func append(
        _ message: OfflineMessage, for account: BareJID, messageCountMax: Int?
    ) async throws(StorageError) -> OfflineAppendResult {
        let key = account.key
        var parameters: [SQLValue] = [
            .integer(message.receivedMicroseconds), .optional(message.expiryMicroseconds), key[0], key[1],
            .text(message.from.description), .utf8(message.stanza),
        ]
        guard let messageCountMax else {
            try await context.database.execute(Self.insert, parameters)
            return .stored
        }
        let bound = SQLValue.integer(Int64(max(messageCountMax, 0)))
        parameters += [key[0], key[1], bound, bound]
        return try await context.database.execute(Self.insertBelow, parameters) > 0 ? .stored : .limitExceeded
    }

    /// Reads an account's messages that have not expired, in the order in which they were stored.
    public func messages(
        for account: BareJID, at nowMicroseconds: Int64, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<StoredOfflineMessage> {
        try SQLStoreContext.check(cursor, partCount: 1)
        guard let after = Int64(cursor?.key[0] ?? "\(Int64.min)") else {
            throw .backend(code: "cursor", detail: "the cursor is of another listing")
        }
        let limit = SQLStoreContext.rowCount(limit)
        let rows = try await context.database.query(
            Self.read,
            account.key + [.integer(after), .integer(nowMicroseconds), .integer(Int64(limit))]
        )
        let items = context.items(of: rows) { row throws(StorageError) in try Self.message(of: row) }
        let last = rows.count < limit ? nil : try rows.last?.integer(0)
        return Page(items: items, next: last.map { PageCursor(key: ["\($0)"]) })
    }

    /// Removes messages of an account, all or none of them, and returns how many there were.
    public func remove(
        _ messages: [OfflineMessageID], for account: BareJID
    ) async throws(StorageError) -> Int {
        let key = account.key
        return try await context.database.write { transaction throws(StorageError) in
            var count = 0
            for message in messages {
                count += try await transaction.execute(Self.remove, [.integer(message.number)] + key)
            }
            return count
        }
    }

    /// How many messages an account has, expired ones included.
    public func messageCount(for account: BareJID) async throws(StorageError) -> Int {
        let row = try await context.database.query(Self.count, account.key).first
        return Int(clamping: try row?.integer(0) ?? 0)
    }

    /// Removes expired messages of any account, at most `limit`, and returns how many there were.
    public func removeExpired(at nowMicroseconds: Int64, limit: Int) async throws(StorageError) -> Int {
        let limit = SQLStoreContext.rowCount(limit)
        return try await context.database.execute(
            Self.removeExpired,
            [.integer(nowMicroseconds), .integer(Int64(limit))]
        )
    }

    /// Lists the accounts that have messages, of every domain.
    public func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await context.accounts(Self.listAccounts, after: cursor, limit: limit)
    }

    /// Removes what is stored for an account.
    public func removeAll(for account: BareJID) async throws(StorageError) {
        try await context.remove([Self.removeAccount], account.key)
    }

    /// Removes what is stored for the accounts of a domain.
    public func removeAll(domain: String) async throws(StorageError) {
        try await context.remove([Self.removeDomain], [.text(domain)])
    }

    private static func message(of row: SQLRow) throws(StorageError) -> StoredOfflineMessage? {
        let sender = try row.text(3)
        let from: JID
        do throws(JIDError) { from = try JID(sender) } catch { return nil }
        let message = OfflineMessage(
            from: from,
            stanza: Array(try row.text(4).utf8),
            receivedMicroseconds: try row.integer(1),
            expiryMicroseconds: try row.optionalInteger(2)
        )
        return StoredOfflineMessage(id: OfflineMessageID(try row.integer(0)), message: message)
    }
}
