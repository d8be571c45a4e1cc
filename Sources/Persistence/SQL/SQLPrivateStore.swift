// SPDX-License-Identifier: Apache-2.0
// Private XML (XEP-0049) in MongooseIM's table `private_storage`.

public import Logging
public import XMPPCore

/// The private elements of the accounts of a SQL database.
public struct SQLPrivateStore: PrivateStore {
    static let read = SQLStatement(
        "SELECT data FROM private_storage WHERE server = ? AND username = ? AND namespace = ?"
    )
    static let write = SQLStatement.upsert(
        into: "private_storage",
        key: ["server", "username", "namespace"],
        columns: ["data"]
    )
    static let count = SQLStatement("SELECT count(*) FROM private_storage WHERE server = ? AND username = ?")
    static let removeAccount = SQLStatement("DELETE FROM private_storage WHERE server = ? AND username = ?")
    static let removeDomain = SQLStatement("DELETE FROM private_storage WHERE server = ?")
    static let list = SQLListing(
        "SELECT namespace, data FROM private_storage",
        where: "server = ? AND username = ?",
        orderedBy: ["namespace"]
    )
    static let listAccounts = SQLListing(
        "SELECT DISTINCT server, username FROM private_storage",
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

    /// The element of a namespace; nil when there is none.
    public func element(
        namespace: String, of account: BareJID
    ) async throws(StorageError) -> PrivateElement? {
        let rows = try await context.database.query(Self.read, account.key + [.text(namespace)])
        guard let row = rows.first else { return nil }
        return PrivateElement(namespace: namespace, xml: Array(try row.text(0).utf8))
    }

    /// Stores elements, all or none of them, in place of those of the same namespaces.
    public func set(
        _ elements: [PrivateElement], of account: BareJID, elementCountMax: Int?
    ) async throws(StorageError) {
        let key = account.key
        try await context.database.write { transaction throws(StorageError) in
            let before = try await transaction.query(Self.count, key).first?.integer(0) ?? 0
            for element in elements {
                try await transaction.execute(
                    Self.write,
                    key + [.text(element.namespace), .utf8(element.xml)]
                )
            }
            guard let elementCountMax else { return }
            let after = try await transaction.query(Self.count, key).first?.integer(0) ?? 0
            // An account that had more already, from before the bound was lowered, may still replace its elements.
            guard after <= elementCountMax || after == before else { throw .limitExceeded }
        }
    }

    /// Lists an account's elements.
    public func elements(
        of account: BareJID, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<PrivateElement> {
        try await context.page(Self.list, account.key, after: cursor, limit: limit, keyColumns: [0]) {
            row throws(StorageError) in
            PrivateElement(namespace: try row.text(0), xml: Array(try row.text(1).utf8))
        }
    }

    /// Lists the accounts that have elements, of every domain.
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
}
