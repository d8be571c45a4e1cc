// SPDX-License-Identifier: Apache-2.0
// Last activity in MongooseIM's table `last`: `seconds` since 1970, `state` the status text.

public import Logging
public import XMPPCore

/// The last activity of the accounts of a SQL database.
public struct SQLLastActivityStore: LastActivityStore {
    static let read = SQLStatement("SELECT seconds, state FROM last WHERE server = ? AND username = ?")
    static let write = SQLStatement.upsert(
        into: "last",
        key: ["server", "username"],
        columns: ["seconds", "state"]
    )
    static let countSince = SQLStatement("SELECT count(*) FROM last WHERE server = ? AND seconds >= ?")
    static let removeAccount = SQLStatement("DELETE FROM last WHERE server = ? AND username = ?")
    static let removeDomain = SQLStatement("DELETE FROM last WHERE server = ?")
    static let list = SQLListing(
        "SELECT server, username, seconds, state FROM last",
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

    /// The record of an account; nil when there is none.
    public func lastActivity(of account: BareJID) async throws(StorageError) -> LastActivityRecord? {
        guard let row = try await context.database.query(Self.read, account.key).first else { return nil }
        return LastActivityRecord(seconds: try row.integer(0), status: try row.text(1))
    }

    /// Stores the record of an account and replaces the one before.
    public func setLastActivity(_ record: LastActivityRecord, of account: BareJID) async throws(StorageError) {
        let seconds = min(record.seconds, context.database.dialect.secondsMax)
        try await context.database.execute(Self.write, account.key + [.integer(seconds), .text(record.status)])
    }

    /// How many accounts of a domain were last online at a time or later, in seconds since 1970-01-01 UTC.
    public func activeAccountCount(in domain: String, since seconds: Int64) async throws(StorageError) -> Int {
        let row = try await context.database.query(Self.countSince, [.text(domain), .integer(seconds)]).first
        return Int(clamping: try row?.integer(0) ?? 0)
    }

    /// Lists the records of every account of every domain.
    public func entries(
        after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<LastActivityEntry> {
        try await context.page(Self.list, [], after: cursor, limit: limit, keyColumns: [0, 1]) {
            row throws(StorageError) in
            guard let account = BareJID(server: try row.text(0), username: try row.text(1)) else { return nil }
            let record = LastActivityRecord(seconds: try row.integer(2), status: try row.text(3))
            return LastActivityEntry(account: account, record: record)
        }
    }

    /// Removes what is stored for an account.
    public func removeAll(for account: BareJID) async throws(StorageError) {
        try await context.remove([Self.removeAccount], account.key)
    }

    /// Removes what is stored for the accounts of a domain.
    public func removeAll(domain: String) async throws(StorageError) {
        try await context.remove([Self.removeDomain], [.text(domain)])
    }
}

extension Dialect {
    /// The greatest number that the column `seconds` holds.
    fileprivate var secondsMax: Int64 {
        switch self {
        case .sqlite: .max
        default: Int64(Int32.max)
        }
    }
}
