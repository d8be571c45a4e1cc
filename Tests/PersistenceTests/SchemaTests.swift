// SPDX-License-Identifier: Apache-2.0
// The schema: its printed text, and how a database comes to it.

import Foundation
import Testing
import XMPPCore

@testable import XMPPPersistenceSQL
@testable import XMPPPersistenceSQLite

@Suite struct SchemaTests {
    private static let next = Migration(
        version: Schema.version + 1,
        tables: [Table(name: "next", columns: [.name("a"), .integer("b")], primaryKey: ["a"], indexes: [["b"]])]
    )

    @Test(arguments: Dialect.allCases)
    func printedSchemaIsTheFileInPriv(_ dialect: Dialect) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appendingPathComponent("priv/\(dialect.rawValue).sql")
        if ProcessInfo.processInfo.environment["MIMD_PRINT_SCHEMA"] != nil {
            try Schema.text(in: dialect).write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == Schema.text(in: dialect))
    }

    @Test func releasedStepsNeverChange() {
        #expect(Schema.migrations.map(\.version) == Array(1...Schema.version))
        #expect(
            Schema.migrations.map { $0.checksum(in: .sqlite) } == [
                "72234c8b6e3f8e33", "d1ab7858e4fb92ce", "fe2a961b0752e57f", "9befd9a7a6c23706",
            ])
    }

    @Test func scriptMakesADatabaseThatOpens() async throws {
        try await Backend.withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let handle = try SQLiteHandle(path: directory + "/" + LocalStorage.fileName)
            try handle.run(Schema.text(in: .sqlite))
            try await Backend.withStorage(in: directory) { storage in
                let count = try await storage.accounts.accountCount(in: "capulet.example")
                #expect(count == 0)
            }
        }
    }

    @Test func migratingTwiceDoesNothing() async throws {
        let database = try await SQLiteDatabase.open(.memory)
        #expect(try await Schema.migrate(database) == 0)
        #expect(try await Schema.migrate(database) == Schema.version)
        await database.close()
    }

    @Test func olderDatabaseIsUpgradedAndKeepsItsData() async throws {
        let database = try await SQLiteDatabase.open(.memory)
        #expect(try await Schema.migrate(database) == 0)
        let storage = Storage(database: database, logger: Backend.logger)
        let juliet = try BareJID("juliet@capulet.example")
        let credential = AccountCredential(password: "r0m30myr0m30")
        try await storage.accounts.create(juliet, credential: credential, accountCountMax: nil)
        let steps = Schema.migrations + [Self.next]
        #expect(try await Schema.migrate(database, through: steps) == Schema.version)
        #expect(try await Schema.migrate(database, through: steps) == Schema.version + 1)
        #expect(try await storage.accounts.credential(of: juliet) == credential)
        #expect(try await database.query(SQLStatement("SELECT count(*) FROM next"), []).count == 1)
        await database.close()
    }

    @Test func newerDatabaseIsRefusedAndNamed() async throws {
        try await Backend.withDirectory { directory in
            try await Backend.withStorage(at: .directory(path: directory)) { local in
                let steps = Schema.migrations + [Self.next]
                let found = try await Schema.migrate(local.database, through: steps)
                #expect(found == Schema.version)
            }
            let refusal = await #expect(throws: LocalStorageError.self) {
                try await LocalStorage.open(.directory(path: directory), logger: Backend.logger)
            }
            let error = try #require(refusal)
            #expect(error.reason == .schema(.newer(found: Schema.version + 1, known: Schema.version)))
            #expect(error.description.contains(directory + "/mimd.sqlite"))
            #expect(error.description.contains("version \(Schema.version + 1)"))
            #expect(error.description.contains("up to \(Schema.version)"))
        }
    }

    @Test func differingStepIsRefused() async throws {
        let database = try await SQLiteDatabase.open(.memory)
        #expect(try await Schema.migrate(database) == 0)
        let change = SQLStatement("UPDATE mimd_schema SET checksum = 'other'")
        #expect(try await database.execute(change, []) == Schema.version)
        await #expect(throws: SchemaError.differs(version: 1)) { try await Schema.migrate(database) }
        await database.close()
    }

    @Test func tablesThatAreThereAreKept() async throws {
        let database = try await SQLiteDatabase.open(.memory)
        // As MongooseIM would have left it, with something in it.
        for statement in database.dialect.statements(for: Schema.users) {
            try await database.execute(SQLStatement(statement), [])
        }
        let insert = SQLStatement("INSERT INTO users (server, username, password) VALUES ('a.example', 'juliet', 'x')")
        try await database.execute(insert, [])
        let plan = try await Schema.plan(database)
        #expect(plan.foundVersion == 0)
        #expect(plan.keptTables == ["users"])
        #expect(plan.drifts.isEmpty)
        await #expect(throws: SchemaError.missing(found: 0)) { try await Schema.verify(database) }
        #expect(try await Schema.apply(database) == plan)
        #expect(try await Schema.verify(database).isEmpty)
        #expect(try await Schema.plan(database).statements.isEmpty)
        let rows = try await database.query(SQLStatement("SELECT username FROM users"), [])
        #expect(rows == [SQLRow(values: [.text("juliet")])])
        await database.close()
    }

    @Test func tablesThatStoresCannotUseAreInTheWay() async throws {
        let database = try await SQLiteDatabase.open(.memory)
        let other =
            "CREATE TABLE users (username TEXT, server INTEGER, password TEXT, created_at TEXT, team TEXT NOT NULL)"
        try await database.execute(SQLStatement(other), [])
        let expected = [
            SchemaDrift(table: "users", kind: .columnType("server", expected: "text", found: "integer")),
            SchemaDrift(table: "users", kind: .columnMissing("pass_details")),
            SchemaDrift(table: "users", kind: .columnUnknown("team")),
        ]
        #expect(try await Schema.plan(database).drifts == expected)
        await #expect(throws: SchemaError.drifted(expected)) { try await Schema.apply(database) }
        await database.close()
    }

    @Test func laterChangesByHandAreFound() async throws {
        let database = try await SQLiteDatabase.open(.memory)
        _ = try await Schema.apply(database)  // the plan of an empty database is the subject of other tests
        try await database.execute(SQLStatement("DROP TABLE last"), [])
        #expect(try await Schema.verify(database) == [SchemaDrift(table: "last", kind: .tableMissing)])
        await database.close()
    }

    @Test func failingStepLeavesTheDatabaseAsItWas() async throws {
        let database = try await SQLiteDatabase.open(.memory)
        #expect(try await Schema.migrate(database) == 0)
        // SQLite keeps such names for itself.
        let refused = Table(name: "sqlite_third", columns: [.integer("id")], primaryKey: ["id"])
        let half = Migration(version: Schema.version + 1, tables: Self.next.tables + [refused])
        await #expect(throws: SchemaError.self) {
            try await Schema.migrate(database, through: Schema.migrations + [half])
        }
        #expect(try await Schema.migrate(database) == Schema.version)
        let found = try await Schema.migrate(database, through: Schema.migrations + [Self.next])
        #expect(found == Schema.version)
        await database.close()
    }

    @Test func concurrentOpenersMigrateOnce() async throws {
        try await Backend.withDirectory { directory in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await Backend.withStorage(in: directory) { storage in
                            let count = try await storage.accounts.accountCount(in: "capulet.example")
                            #expect(count == 0)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
