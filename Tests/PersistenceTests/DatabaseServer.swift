// SPDX-License-Identifier: Apache-2.0
// The database servers that tests may use, and databases of theirs that are one test's own.

import Foundation
import XMPPCore
import XMPPPersistenceMySQL
import XMPPPersistencePostgreSQL
import XMPPPersistenceSQL

/// A server that a variable of the environment names, as `host:port:user:password`; the user may make databases.
struct DatabaseServer: Sendable, CustomStringConvertible {
    static let postgreSQL = DatabaseServer("PostgreSQL", "MIMD_TEST_POSTGRESQL", .postgreSQL, of: "postgres")
    static let mariaDB = DatabaseServer("MariaDB", "MIMD_TEST_MARIADB", .mySQL, of: "information_schema")
    static let mySQL = DatabaseServer("MySQL", "MIMD_TEST_MYSQL", .mySQL, of: "information_schema")
    /// A PostgreSQL server that is made to behave like CockroachDB where that differs; see ``CockroachRules``.
    static let cockroachRules = DatabaseServer(
        "CockroachDB's rules", "MIMD_TEST_POSTGRESQL", .cockroachDB, of: "postgres", turns: postgreSQL.turns)
    private static let all = [postgreSQL, mariaDB, mySQL]
    /// Those that can be had here.
    static let available = all.filter(\.isThere)
    /// Those of them whose certificate is known.
    static let withCertificate = available.filter { $0.certificatePath != nil }
    /// One for each driver, which need not be there.
    static let drivers = [postgreSQL, mySQL]

    let description: String

    private let place: [String]
    /// The file of its certificate, which names `localhost`; nil where it has none or it is not known.
    let certificatePath: String?
    private let dialect: Dialect
    /// A database that every such server has.
    private let commonDatabase: String
    /// A server takes a hundred connections, and tests run side by side.
    private let turns: Turns
    private static let turnCount = 8

    private init(
        _ name: String, _ variable: String, _ dialect: Dialect, of commonDatabase: String,
        turns: Turns = Turns(turnCount)
    ) {
        description = name
        self.turns = turns
        let environment = ProcessInfo.processInfo.environment
        let text = environment[variable] ?? ""
        place = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        certificatePath = environment[variable + "_CERTIFICATE"]
        self.dialect = dialect
        self.commonDatabase = commonDatabase
    }

    var isThere: Bool { place.count == 4 }

    func settings(database: String? = nil) -> DatabaseSettings {
        var settings = DatabaseSettings(
            host: place[0], port: Int(place[1]) ?? 0, database: database ?? commonDatabase, username: place[2])
        settings.password = place[3]
        settings.connectionCount = 4
        // The machine is busy with other tests.
        settings.answerTimeout = .seconds(30)
        return settings
    }

    func open(_ settings: DatabaseSettings) throws(StorageError) -> PooledDatabase {
        switch dialect {
        case .mySQL: try .mySQL(settings, logger: Backend.logger)
        case .postgreSQL, .cockroachDB, .sqlite: try .postgreSQL(settings, dialect: dialect, logger: Backend.logger)
        }
    }

    /// Gives `body` an empty database, and removes it afterwards.
    func withDatabase(
        _ change: (inout DatabaseSettings) -> Void = { _ in }, _ body: (PooledDatabase) async throws -> Void
    ) async throws {
        try await withSettings { settings in
            var settings = settings
            change(&settings)
            try await withDatabase(at: settings, body)
        }
    }

    /// Opens a database and closes it afterwards.
    func withDatabase(at settings: DatabaseSettings, _ body: (PooledDatabase) async throws -> Void) async throws {
        let database = try open(settings)
        let result = await Result { try await body(database) }
        await database.close()
        try result.get()
    }

    /// Makes an empty database, gives `body` what it takes to open it, and removes it afterwards.
    ///
    /// - Parameter isAlone: whether nobody else uses the server meanwhile; for one caller at a time. A serializable
    ///   transaction that is held open keeps the locks of all others, of which a server has room for a few thousand.
    func withSettings(isAlone: Bool = false, _ body: (DatabaseSettings) async throws -> Void) async throws {
        let count = isAlone ? Self.turnCount : 1
        for _ in 0..<count { await turns.begin() }
        defer { for _ in 0..<count { turns.end() } }
        let name = "mimd_test_" + UUID().uuidString.lowercased().replacing("-", with: "")
        var control = settings()
        control.connectionCount = 1
        // A database is made and removed with a checkpoint, which may take its time.
        control.answerTimeout = .seconds(60)
        let server = try open(control)
        try await server.execute(SQLStatement("CREATE DATABASE \(name)"), [])
        let result = await Result { try await body(settings(database: name)) }
        let isForced = dialect == .mySQL ? "" : " WITH (FORCE)"
        try await server.execute(SQLStatement("DROP DATABASE \(name)\(isForced)"), [])
        await server.close()
        try result.get()
    }

    /// Has the server end all connections to a database but the one that asks.
    func cutConnections(of database: PooledDatabase) async {
        // It may be that one which another such call ends.
        let rows = (try? await database.query(SQLStatement(words.listOthers), [])) ?? []
        guard dialect == .mySQL else { return }
        for row in rows {
            guard let number = try? row.integer(0) else { continue }  // it would be a row of another statement
            _ = try? await database.query(SQLStatement("KILL \(number)"), [])  // that one may have gone meanwhile
        }
    }
}

extension DatabaseServer {
    /// How a kind of server says what tests want of it.
    struct Words {
        var makeTable: String
        var makeTableOfBytes: String
        var increment: String
        var sleep: String
        var sleeperCount: String
        /// Takes longer than any test waits.
        var endless: String
        var listOthers: String
        /// What is said of a server that says nothing, and of one that is not there.
        var silence: String
        var absence: String
        var wrongPassword: String
        /// What is said of a certificate for another host, and of one that nobody known has signed.
        var otherName: String
        var unknownAuthority: String
        /// A row whose second column is the cipher of the connection, if it has one.
        var cipher: String
        /// Has the table of accounts merge names that differ; nil where no word of it does.
        var makeCareless: String?
    }

    var words: Words { dialect == .mySQL ? Self.mySQLWords : Self.postgreSQLWords }

    private static let postgreSQLWords = Words(
        makeTable: "CREATE TABLE item (id BIGINT PRIMARY KEY, text TEXT NOT NULL)",
        makeTableOfBytes: "CREATE TABLE binary_item (bytes BYTEA, number BIGINT, text TEXT)",
        increment: "UPDATE item SET text = CAST(CAST(text AS BIGINT) + 1 AS TEXT) WHERE id = ?",
        sleep: "SELECT 1 FROM pg_sleep(60)",
        sleeperCount:
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
        endless: "SELECT 1 FROM pg_sleep(60)",
        listOthers: """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """,
        silence: "does not answer",
        absence: "Connection refused",
        wrongPassword: "password authentication failed",
        otherName: "does not match",
        unknownAuthority: "certificate verify failed",
        cipher: "SELECT 'cipher', COALESCE(cipher, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    )

    private static let mySQLWords = Words(
        makeTable: "CREATE TABLE item (id BIGINT PRIMARY KEY, text LONGTEXT NOT NULL) CHARACTER SET utf8mb4",
        makeTableOfBytes: "CREATE TABLE binary_item (bytes BLOB, number BIGINT, text TEXT) CHARACTER SET utf8mb4",
        increment: "UPDATE item SET text = CAST(CAST(text AS SIGNED) + 1 AS CHAR) WHERE id = ?",
        sleep: "SELECT SLEEP(60)",
        sleeperCount:
            "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User sleep'",
        endless: """
            SELECT count(*) FROM information_schema.columns AS a, information_schema.columns AS b, \
            information_schema.columns AS c
            """,
        listOthers: "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
        silence: "Lost connection to server",
        absence: "Can't connect to server",
        wrongPassword: "Access denied",
        otherName: "Validation of SSL server certificate failed",
        unknownAuthority: "certificate",
        cipher: "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
        // To it "a" and "a " are one.
        makeCareless: "ALTER TABLE users CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    )
}
