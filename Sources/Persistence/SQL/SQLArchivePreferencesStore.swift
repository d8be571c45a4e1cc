// SPDX-License-Identifier: Apache-2.0
// What accounts want archived, in MongooseIM's table `mam_config`: a row for each address, and one without an address
// for all others. Codes: A always, N never, R roster.

public import Logging
public import XMPPCore

/// The archive preferences of the accounts of a SQL database.
public struct SQLArchivePreferencesStore: ArchivePreferencesStore {
    /// MongooseIM's types for codes differ from database to database, so they are not read but compared.
    static let read = SQLStatement(
        """
        SELECT c.remote_jid, CASE WHEN c.behaviour = 'A' THEN 1 WHEN c.behaviour = 'N' THEN 2 ELSE 3 END \
        FROM mam_config AS c JOIN mam_server_user AS u ON u.id = c.user_id WHERE u.server = ? AND u.user_name = ?
        """
    )
    static let add = SQLStatement("INSERT INTO mam_config (user_id, remote_jid, behaviour) VALUES (?, ?, ?)")
    static let remove = SQLStatement("DELETE FROM mam_config WHERE user_id = ?")
    static let listAccounts = SQLListing(
        "SELECT server, user_name FROM mam_server_user",
        where: ArchiveStatements.first("user_id", of: "mam_config", order: "remote_jid") + " IS NOT NULL",
        orderedBy: ["server", "user_name"]
    )
    private static func removals(where condition: String, _ forgetting: SQLStatement) -> [SQLStatement] {
        [
            SQLStatement(
                "DELETE FROM mam_config WHERE user_id IN (SELECT u.id FROM mam_server_user AS u WHERE \(condition))"),
            forgetting,
        ]
    }
    static let removeAccount = removals(
        where: "u.server = ? AND u.user_name = ?", ArchiveStatements.forgetOwner)
    static let removeDomain = removals(where: "u.server = ?", ArchiveStatements.forgetDomain)

    let context: SQLStoreContext

    /// Makes the store of a database that has the schema.
    ///
    /// - Parameter logger: gets a warning for each row that cannot be read.
    public init(database: any SQLDatabase, logger: Logger) {
        context = SQLStoreContext(database: database, logger: logger)
    }

    /// An account's preferences; nil when it has stored none. Where a row cannot be read, its address is taken for one
    /// that nothing is said of.
    public func preferences(of account: BareJID) async throws(StorageError) -> ArchivePreferences? {
        let rows = try await context.database.query(Self.read, account.key)
        guard !rows.isEmpty else { return nil }
        var preferences = ArchivePreferences()
        for row in rows where try row.text(0).isEmpty { preferences.standard = try Self.behaviour(row) }
        let exceptions = context.items(of: rows) { row throws(StorageError) in try Self.exception(row) }
        for case (let address?, let isArchived) in exceptions { preferences.exceptions[address] = isArchived }
        return preferences
    }

    /// Stores an account's preferences in place of those before, in one transaction.
    public func set(_ preferences: ArchivePreferences, of account: BareJID) async throws(StorageError) {
        let code =
            switch preferences.standard {
            case .always: "A"
            case .never: "N"
            case .roster: "R"
            }
        var rows: [[SQLValue]] = [[.text(""), .text(code)]]
        for (address, isArchived) in preferences.exceptions {
            rows.append([.text(address.description), .text(isArchived ? "A" : "N")])
        }
        let columns = rows
        try await context.database.write { transaction throws(StorageError) in
            let number = SQLValue.integer(try await ArchiveStatements.number(of: account, in: transaction))
            try await transaction.execute(Self.remove, [number])
            for columns in columns { try await transaction.execute(Self.add, [number] + columns) }
        }
    }

    /// Lists the accounts that have stored preferences, of every domain.
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

    private static func behaviour(_ row: SQLRow) throws(StorageError) -> ArchivePreferences.Behaviour {
        switch try row.integer(1) {
        case 1: .always
        case 2: .never
        default: .roster
        }
    }

    /// What a row says of an address, which is nil for the row of all others; nil for an address that is none.
    private static func exception(_ row: SQLRow) throws(StorageError) -> (JID?, Bool)? {
        let text = try row.text(0)
        if text.isEmpty { return (nil, false) }
        let address: JID
        do throws(JIDError) { address = try JID(text) } catch { return nil }
        switch try behaviour(row) {
        case .always: return (address, true)
        case .never: return (address, false)
        case .roster: throw .corrupt(detail: "what is said of one address is a roster's matter")
        }
    }
}
