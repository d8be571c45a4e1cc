// SPDX-License-Identifier: Apache-2.0
// The PostgreSQL driver: groups, transactions that are in each other's way, connections that break and servers that do
// not answer.

import Foundation
import Testing
import XMPPCore
import XMPPPersistenceSQL

@testable import XMPPPersistencePostgreSQL

@Suite(.enabled(if: PostgreSQLServer.isThere), .timeLimit(.minutes(2)))
struct PostgreSQLDatabaseTests {
    static let make = SQLStatement("CREATE TABLE item (id BIGINT PRIMARY KEY, text TEXT NOT NULL)")
    static let insert = SQLStatement("INSERT INTO item (id, text) VALUES (?, ?)")
    static let count = SQLStatement("SELECT count(*) FROM item")
    static let find = SQLStatement("SELECT text FROM item WHERE id = ?")
    static let change = SQLStatement("UPDATE item SET text = ? WHERE id = ?")
    static let killOthers = SQLStatement(
        """
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        """
    )

    static func withTable(
        _ change: (inout DatabaseSettings) -> Void = { _ in }, _ body: (PooledDatabase) async throws -> Void
    ) async throws {
        try await PostgreSQLServer.withDatabase(change) { database in
            try await database.execute(make, [])
            try await body(database)
        }
    }

    @Test func oneFailingWriteDoesNotFailItsGroup() async throws {
        try await Self.withTable { database in
            let outcomes = await withTaskGroup(of: StorageError?.self) { group in
                for index in Int64(0)..<300 {
                    group.addTask {
                        do throws(StorageError) {
                            // Each tenth has the key of the one before.
                            let id = index % 10 == 9 ? index - 1 : index
                            try await database.execute(Self.insert, [.integer(id), .text("text")])
                            return nil
                        } catch {
                            return error
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 == .conflict } == 30)
            #expect(outcomes.count { $0 == nil } == 270)
            let rows = try await database.query(Self.count, [])
            #expect(rows == [SQLRow(values: [.integer(270)])])
        }
    }

    @Test func oneFailingReadDoesNotFailItsGroup() async throws {
        try await Self.withTable { database in
            try await database.execute(Self.insert, [.integer(1), .text("text")])
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for index in Int64(0)..<100 {
                    group.addTask {
                        let statement = index == 50 ? SQLStatement("SELECT 1 / (? - 50)") : Self.find
                        do throws(StorageError) {
                            let rows = try await database.query(statement, [.integer(index == 50 ? 50 : 1)])
                            return rows == [SQLRow(values: [.text("text")])]
                        } catch {
                            #expect(error.description.contains("22012"))
                            return false
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 } == 99)
        }
    }

    @Test func bodiesThatAreInEachOthersWayAllCount() async throws {
        try await Self.withTable { database in
            try await database.execute(Self.insert, [.integer(1), .text("0")])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await database.write { transaction throws(StorageError) in
                            let row = try await transaction.query(Self.find, [.integer(1)]).first
                            let number = Int(try row?.text(0) ?? "") ?? 0
                            let values: [SQLValue] = [.text("\(number + 1)"), .integer(1)]
                            try await transaction.execute(Self.change, values)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let rows = try await database.query(Self.find, [.integer(1)])
            #expect(rows == [SQLRow(values: [.text("20")])])
        }
    }

    @Test func singleStatementsThatAreInTheWayOfBodiesAllCount() async throws {
        try await Self.withTable { database in
            try await database.execute(Self.insert, [.integer(1), .text("0")])
            let increment = SQLStatement("UPDATE item SET text = CAST(CAST(text AS BIGINT) + 1 AS TEXT) WHERE id = ?")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        guard index % 2 == 0 else {
                            try await database.execute(increment, [.integer(1)])
                            return
                        }
                        try await database.write { transaction throws(StorageError) in
                            _ = try await transaction.query(Self.find, [.integer(1)])  // to be in the others' way
                            try await transaction.execute(increment, [.integer(1)])
                        }
                    }
                }
                try await group.waitForAll()
            }
            let rows = try await database.query(Self.find, [.integer(1)])
            #expect(rows == [SQLRow(values: [.text("40")])])
        }
    }

    @Test func bodyThatSwallowsAnErrorIsNotToldThatItWorked() async throws {
        try await Self.withTable { database in
            await #expect(throws: StorageError.conflict) {
                try await database.write { transaction throws(StorageError) in
                    for _ in 0..<2 {
                        // The second is refused.
                        do throws(StorageError) {
                            try await transaction.execute(Self.insert, [.integer(1), .text("")])
                        } catch {}
                    }
                }
            }
            let rows = try await database.query(Self.count, [])
            #expect(rows == [SQLRow(values: [.integer(0)])])
        }
    }

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

    @Test func bodyThatThrowsLeavesNothing() async throws {
        try await Self.withTable { database in
            await #expect(throws: StorageError.limitExceeded) {
                try await database.write { transaction throws(StorageError) in
                    try await transaction.execute(Self.insert, [.integer(1), .text("")])
                    throw .limitExceeded
                }
            }
            let rows = try await database.query(Self.count, [])
            #expect(rows == [SQLRow(values: [.integer(0)])])
        }
    }

    @Test(arguments: ["", "'; DROP TABLE item; --", "\u{1F600}", "א\u{202E}ב", String(repeating: "x", count: 1 << 20)])
    func valuesComeBack(_ text: String) async throws {
        try await Self.withTable { database in
            try await database.execute(Self.insert, [.integer(.min), .text(text)])
            try await database.execute(Self.insert, [.integer(.max), .utf8(Array(text.utf8))])
            for id in [Int64.min, .max] {
                #expect(try await database.query(Self.find, [.integer(id)]) == [SQLRow(values: [.text(text)])])
            }
            let bytes = SQLStatement("SELECT CAST(? AS BYTEA), CAST(? AS BIGINT), CAST(? AS TEXT)")
            let rows = try await database.query(bytes, [.bytes([0, 255, 39]), .null, .null])
            #expect(rows == [SQLRow(values: [.bytes([0, 255, 39]), .null, .null])])
        }
    }

    /// PostgreSQL's texts hold no NUL. It must not be where a text ends unnoticed.
    @Test func textWithNULIsRefused() async throws {
        try await Self.withTable { database in
            await #expect(throws: StorageError.self) {
                try await database.execute(Self.insert, [.integer(1), .text("a\u{0}b")])
            }
            let rows = try await database.query(Self.count, [])
            #expect(rows == [SQLRow(values: [.integer(0)])])
        }
    }

    @Test func connectionsThatAreCutComeBack() async throws {
        try await Self.withTable { database in
            for round in Int64(0)..<5 {
                // Whether the cut is noticed before the next statement or by it, that one may fail; none may hang, and what
                // worked is there.
                _ = try? await database.query(Self.killOthers, [])
                var isStored = false
                while !isStored {
                    do throws(StorageError) {
                        try await database.execute(Self.insert, [.integer(round), .text("")])
                        isStored = true
                    } catch {
                        isStored = error == .conflict
                    }
                }
            }
            let rows = try await Self.untilItWorks { try await database.query(Self.count, []) }
            #expect(rows == [SQLRow(values: [.integer(5)])])
        }
    }

    @Test func nothingAcknowledgedIsLostWhenConnectionsAreCut() async throws {
        try await Self.withTable { database in
            let stored = await withTaskGroup(of: Int64?.self) { group in
                for id in Int64(0)..<500 {
                    group.addTask {
                        // Its own connection may be cut by another of these.
                        if id % 100 == 50 { _ = try? await database.query(Self.killOthers, []) }
                        do throws(StorageError) {
                            try await database.execute(Self.insert, [.integer(id), .text("")])
                            return id
                        } catch {
                            return nil  // nobody was told that it worked
                        }
                    }
                }
                return await group.reduce(into: Set<Int64>()) { if let id = $1 { $0.insert(id) } }
            }
            let rows = try await Self.untilItWorks {
                try await database.query(SQLStatement("SELECT id FROM item"), [])
            }
            let found = Set(try rows.map { try $0.integer(0) })
            #expect(stored.isSubset(of: found))
        }
    }

    private static func untilItWorks<Value>(_ body: () async throws -> Value) async throws -> Value {
        while true {
            do { return try await body() } catch StorageError.unavailable { await Task.yield() }
        }
    }

    @Test func statementThatTakesTooLongIsGivenUp() async throws {
        try await Self.withTable({ $0.answerTimeout = .seconds(2) }) { database in
            await #expect(throws: StorageError.self) {
                try await database.query(SQLStatement("SELECT 1 FROM pg_sleep(60)"), [])
            }
            let rows = try await Self.untilItWorks { try await database.query(Self.count, []) }
            #expect(rows.count == 1)
        }
    }

    @Test func closedDatabaseRefuses() async throws {
        try await PostgreSQLServer.withDatabase { database in
            await database.close()
            await database.close()
            await #expect(throws: StorageError.unavailable(detail: "the database is closed")) {
                try await database.query(Self.count, [])
            }
        }
    }

    @Test func closingEndsWhatIsUnderWay() async throws {
        try await Self.withTable { database in
            // On a connection of its own, so that what follows does not wait for it.
            let sleeping = Task {
                try await database.read { transaction throws(StorageError) in
                    try await transaction.query(SQLStatement("SELECT 1 FROM pg_sleep(60)"), [])
                }
            }
            let sleeperCount = SQLStatement(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
            )
            while try await database.query(sleeperCount, []).first?.integer(0) != 1 {}
            await database.close()
            await #expect(throws: StorageError.self) { try await sleeping.value }
        }
    }

    @Test func wrongPasswordIsSaid() async throws {
        var settings = PostgreSQLServer.settings()
        settings.password = "wrong"
        let database = try PooledDatabase.postgreSQL(settings, logger: Backend.logger)
        let error = await #expect(throws: StorageError.self) { try await database.query(Self.count, []) }
        #expect("\(String(describing: error))".contains("password authentication failed"))
        await database.close()
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
