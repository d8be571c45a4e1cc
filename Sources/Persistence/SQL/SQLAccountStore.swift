// SPDX-License-Identifier: Apache-2.0
// Accounts in MongooseIM's table `users`.

public import Logging
public import XMPPCore

/// The accounts of a SQL database.
public struct SQLAccountStore: AccountStore {
    static let exists = SQLStatement("SELECT 1 FROM users WHERE server = ? AND username = ?")
    static let read = SQLStatement("SELECT pass_details, password FROM users WHERE server = ? AND username = ?")
    static let insert = SQLStatement(
        "INSERT INTO users (server, username, pass_details, password) VALUES (?, ?, ?, ?)"
    )
    static let change = SQLStatement(
        "UPDATE users SET pass_details = ?, password = ? WHERE server = ? AND username = ?"
    )
    static let count = SQLStatement("SELECT count(*) FROM users WHERE server = ?")
    static let removeAccount = SQLStatement("DELETE FROM users WHERE server = ? AND username = ?")
    static let removeDomain = SQLStatement("DELETE FROM users WHERE server = ?")
    static let list = SQLListing(
        "SELECT server, username, pass_details, password FROM users",
        where: nil,
        orderedBy: ["server", "username"]
    )
    static let listDomain = SQLListing(
        "SELECT server, username, pass_details, password FROM users",
        where: "server = ?",
        orderedBy: ["username"]
    )

    let context: SQLStoreContext

    /// Makes the store of a database that has the schema.
    ///
    /// - Parameter logger: gets a warning for each row that cannot be read.
    public init(database: any SQLDatabase, logger: Logger) {
        context = SQLStoreContext(database: database, logger: logger)
    }

    /// Whether the account is registered.
    public func contains(_ account: BareJID) async throws(StorageError) -> Bool {
        try await !context.database.query(Self.exists, account.key).isEmpty
    }

    /// The credential of an account; nil when it is not registered.
    public func credential(of account: BareJID) async throws(StorageError) -> AccountCredential? {
        guard let row = try await context.database.query(Self.read, account.key).first else { return nil }
        return try Self.credential(row, from: 0)
    }

    /// Registers an account: it is counted and inserted in one transaction.
    public func create(
        _ account: BareJID, credential: AccountCredential, accountCountMax: Int?
    ) async throws(StorageError) {
        let key = account.key
        let row = key + Self.values(of: credential)
        try await context.database.write { transaction throws(StorageError) in
            guard try await transaction.query(Self.exists, key).isEmpty else { throw .conflict }
            if let accountCountMax {
                let count = try await transaction.query(Self.count, [key[0]]).first?.integer(0) ?? 0
                guard count < accountCountMax else { throw .limitExceeded }
            }
            try await transaction.execute(Self.insert, row)
        }
    }

    /// Replaces the credential of an account; false when it is not registered.
    public func setCredential(
        _ credential: AccountCredential, of account: BareJID
    ) async throws(StorageError) -> Bool {
        try await context.database.execute(Self.change, Self.values(of: credential) + account.key) > 0
    }

    /// Lists a domain's accounts; nil lists those of every domain.
    public func accounts(
        in domain: String?, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<Account> {
        let listing = domain == nil ? Self.list : Self.listDomain
        let fixed = domain.map { [SQLValue.text($0)] } ?? []
        let keyColumns = domain == nil ? [0, 1] : [1]
        return try await context.page(listing, fixed, after: cursor, limit: limit, keyColumns: keyColumns) {
            row throws(StorageError) in
            guard let address = BareJID(server: try row.text(0), username: try row.text(1)) else { return nil }
            return Account(address: address, credential: try Self.credential(row, from: 2))
        }
    }

    /// How many accounts a domain has; 0 for an unknown domain.
    public func accountCount(in domain: String) async throws(StorageError) -> Int {
        let row = try await context.database.query(Self.count, [.text(domain)]).first
        return Int(clamping: try row?.integer(0) ?? 0)
    }

    /// Removes an account.
    public func removeAll(for account: BareJID) async throws(StorageError) {
        try await context.remove([Self.removeAccount], account.key)
    }

    /// Removes the accounts of a domain.
    public func removeAll(domain: String) async throws(StorageError) {
        try await context.remove([Self.removeDomain], [.text(domain)])
    }

    private static func values(of credential: AccountCredential) -> [SQLValue] {
        [.optional(credential.passwordDetails), .text(credential.password)]
    }

    private static func credential(_ row: SQLRow, from column: Int) throws(StorageError) -> AccountCredential {
        AccountCredential(passwordDetails: try row.optionalText(column), password: try row.text(column + 1))
    }
}
