// SPDX-License-Identifier: Apache-2.0
// What is PostgreSQL's own: commits that are refused, texts, TLS, and servers that do not answer.

import Foundation
import Testing
import XMPPCore
import XMPPPersistenceSQL

@testable import XMPPPersistencePostgreSQL

@Suite(.enabled(if: PostgreSQLServer.isThere), .timeLimit(.minutes(2)))
struct PostgreSQLDatabaseTests {
    private static let insert = SQLStatement("INSERT INTO item (id, text) VALUES (?, ?)")
    private static let count = SQLStatement("SELECT count(*) FROM item")

    /// The statement itself is done, and the transaction that it is alone in is refused.
    @Test func refusedCommitIsAnErrorAndNothingIsStored() async throws {
        try await PostgreSQLServer.withDatabase { database in
            let make = SQLStatement("CREATE TABLE item (id BIGINT UNIQUE DEFERRABLE INITIALLY DEFERRED, text TEXT)")
            try await database.execute(make, [])
            try await database.execute(Self.insert, [.integer(1), .text("")])
            for _ in 0..<3 {
                await #expect(throws: StorageError.conflict) {
                    try await database.execute(Self.insert, [.integer(1), .text("")])
                }
                await #expect(throws: StorageError.conflict) {
                    try await database.write { transaction throws(StorageError) in
                        try await transaction.execute(Self.insert, [.integer(1), .text("")])
                    }
                }
            }
            let rows = try await database.query(Self.count, [])
            #expect(rows == [SQLRow(values: [.integer(1)])])
        }
    }

    /// PostgreSQL's texts hold no NUL. It must not be where a text ends unnoticed.
    @Test func textWithNULIsRefused() async throws {
        try await PostgreSQLServer.withDatabase { database in
            try await database.execute(SQLStatement(DatabaseServer.postgreSQL.words.makeTable), [])
            await #expect(throws: StorageError.self) {
                try await database.execute(Self.insert, [.integer(1), .text("a\u{0}b")])
            }
            let rows = try await database.query(Self.count, [])
            #expect(rows == [SQLRow(values: [.integer(0)])])
        }
    }
}

/// TLS, with a server whose certificate names `localhost` and is its own authority.
@Suite(.enabled(if: PostgreSQLServer.isThere && PostgreSQLServer.certificatePath != nil), .timeLimit(.minutes(1)))
struct PostgreSQLTLSTests {
    private static let isEncrypted = SQLStatement(
        "SELECT CASE WHEN ssl THEN 1 ELSE 0 END FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    )

    private static func isEncrypted(
        host: String, _ change: (inout DatabaseSettings.TLS) -> Void
    ) async throws -> Bool {
        var settings = PostgreSQLServer.settings()
        settings.host = host
        settings.connectionCount = 1
        var tls = DatabaseSettings.TLS()
        change(&tls)
        settings.tls = tls
        let database = try PooledDatabase.postgreSQL(settings, logger: Backend.logger)
        let rows = await Result { try await database.query(isEncrypted, []) }
        await database.close()
        return try rows.get() == [SQLRow(values: [.integer(1)])]
    }

    @Test func unverifiedServerIsReachedEncrypted() async throws {
        let isEncrypted = try await Self.isEncrypted(host: "127.0.0.1") {
            $0.verification = .none
            $0.isRequired = true
        }
        #expect(isEncrypted)
    }

    @Test func verifiedServerIsReached() async throws {
        let isEncrypted = try await Self.isEncrypted(host: "localhost") {
            $0.authorityPath = PostgreSQLServer.certificatePath
        }
        #expect(isEncrypted)
    }

    @Test func serverOfAnotherNameIsRefused() async throws {
        let error = await #expect(throws: StorageError.self) {
            try await Self.isEncrypted(host: "127.0.0.1") { $0.authorityPath = PostgreSQLServer.certificatePath }
        }
        #expect("\(String(describing: error))".contains("does not match"))
        // Its authority alone is known: enough where the operator says so.
        let isEncrypted = try await Self.isEncrypted(host: "127.0.0.1") {
            $0.authorityPath = PostgreSQLServer.certificatePath
            $0.verification = .authority
        }
        #expect(isEncrypted)
    }

    @Test func serverOfAnotherAuthorityIsRefused() async throws {
        try await SQLiteDatabaseTests.withFile { path in
            try SelfSignedCertificate.write(for: ["localhost"], to: path)
            let error = await #expect(throws: StorageError.self) {
                try await Self.isEncrypted(host: "localhost") { $0.authorityPath = path }
            }
            #expect("\(String(describing: error))".contains("certificate verify failed"))
        }
    }
}

/// What needs no server.
@Suite(.timeLimit(.minutes(1)))
struct PostgreSQLOutageTests {
    /// A port of this machine on which somebody accepts connections, in the kernel, and never says a word.
    private final class SilentServer {
        let port: Int
        private let descriptor: Int32

        init() throws {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            self.descriptor = descriptor
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let bound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    bind(descriptor, pointer, length) == 0 && listen(descriptor, 16) == 0
                        && getsockname(descriptor, pointer, &length) == 0
                }
            }
            port = Int(UInt16(bigEndian: address.sin_port))
            try #require(bound)
        }

        deinit { close(descriptor) }
    }

    private static func settings(port: Int) -> DatabaseSettings {
        var settings = DatabaseSettings(host: "127.0.0.1", port: port, database: "none", username: "nobody")
        settings.connectionCount = 2
        settings.answerTimeout = .milliseconds(200)
        return settings
    }

    @Test func silentServerIsAnOutage() async throws {
        let server = try SilentServer()
        let database = try PooledDatabase.postgreSQL(Self.settings(port: server.port), logger: Backend.logger)
        for _ in 0..<3 {
            let error = await #expect(throws: StorageError.self) {
                try await database.query(SQLStatement("SELECT 1"), [])
            }
            #expect("\(String(describing: error))".contains("does not answer"))
        }
        await database.close()
        withExtendedLifetime(server) {}
    }

    @Test func absentServerIsAnOutage() async throws {
        // A port that was just given back.
        let port = try SilentServer().port
        let database = try PooledDatabase.postgreSQL(Self.settings(port: port), logger: Backend.logger)
        let error = await #expect(throws: StorageError.self) {
            try await database.write { transaction throws(StorageError) in
                _ = try await transaction.query(SQLStatement("SELECT 1"), [])
            }
        }
        #expect("\(String(describing: error))".contains("Connection refused"))
        await database.close()
    }

    @Test func unknownHostIsAnOutage() async throws {
        var settings = Self.settings(port: 1)
        settings.host = "host.invalid"
        let database = try PooledDatabase.postgreSQL(settings, logger: Backend.logger)
        let error = await #expect(throws: StorageError.self) {
            try await database.query(SQLStatement("SELECT 1"), [])
        }
        #expect("\(String(describing: error))".contains("host.invalid"))
        await database.close()
    }
}
