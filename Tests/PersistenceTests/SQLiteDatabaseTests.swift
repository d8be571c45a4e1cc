// SPDX-License-Identifier: Apache-2.0
// The SQLite driver: groups, limits, closing, and files that are not what they should be.

import Foundation
import Testing
import XMPPCore
import XMPPPersistenceSQL

@testable import XMPPPersistenceSQLite

@Suite struct SQLiteDatabaseTests {
    static let make = SQLStatement("CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT")
    static let insert = SQLStatement("INSERT INTO item (id, text) VALUES (?, ?)")
    static let find = SQLStatement("SELECT text FROM item WHERE id = ?")
    static let count = SQLStatement("SELECT count(*) FROM item")

    static func withDatabase(
        _ location: SQLiteLocation = .memory, limits: SQLiteDatabase.Limits = .init(),
        _ body: (SQLiteDatabase) async throws -> Void
    ) async throws {
        let database = try await SQLiteDatabase.open(location, limits: limits)
        #expect(try await database.execute(make, []) == 0)
        try await body(database)
        await database.close()
    }

    static func withFile(_ body: (String) async throws -> Void) async throws {
        try await Backend.withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try await body(directory + "/test.sqlite")
        }
    }

    @Test func oneFailingWriteDoesNotFailItsGroup() async throws {
        try await Self.withFile { path in
            try await Self.withDatabase(.file(path: path)) { database in
                let before = await database.groupCount
                let outcomes = await withTaskGroup(of: Bool.self) { group in
                    for index in 0..<200 {
                        group.addTask {
                            do throws(StorageError) {
                                // Two rows; the second is refused in every tenth request.
                                try await database.write { transaction throws(StorageError) in
                                    for id in [index * 2, index % 10 == 0 ? index * 2 : index * 2 + 1] {
                                        let values: [SQLValue] = [.integer(Int64(id)), .text("text")]
                                        let count = try await transaction.execute(Self.insert, values)
                                        #expect(count == 1)
                                    }
                                }
                                return true
                            } catch {
                                #expect(error == .conflict)
                                return false
                            }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(outcomes.count { !$0 } == 20)
                let rows = try await database.query(Self.count, [])
                #expect(rows == [SQLRow(values: [.integer(360)])])
                #expect(await database.groupCount - before < 200)
            }
        }
    }

    @Test func acknowledgedWriteIsSeenByAnotherConnection() async throws {
        try await Self.withFile { path in
            try await Self.withDatabase(.file(path: path)) { database in
                let other = try await SQLiteDatabase.open(.file(path: path))
                for id in Int64(0)..<20 {
                    let writer = id % 2 == 0 ? database : other
                    #expect(try await writer.execute(Self.insert, [.integer(id), .text("text")]) == 1)
                    for reader in [database, other] {
                        #expect(try await reader.query(Self.count, []) == [SQLRow(values: [.integer(id + 1)])])
                    }
                }
                await other.close()
            }
        }
    }

    @Test func readingsThatShareATransactionSeeWhatWasAcknowledgedBefore() async throws {
        try await Self.withFile { path in
            try await Self.withDatabase(.file(path: path)) { database in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for id in Int64(0)..<400 {
                        group.addTask {
                            try await database.execute(Self.insert, [.integer(id), .text("text")])
                            let rows = try await database.query(Self.find, [.integer(id)])
                            #expect(rows == [SQLRow(values: [.text("text")])])
                            let again = try await database.read { transaction throws(StorageError) in
                                try await transaction.query(Self.find, [.integer(id)])
                            }
                            #expect(again == rows)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func writersOfTwoConnectionsAllSucceed() async throws {
        try await Self.withFile { path in
            try await Self.withDatabase(.file(path: path)) { database in
                let other = try await SQLiteDatabase.open(.file(path: path))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for id in Int64(0)..<100 {
                        let writer = id % 2 == 0 ? database : other
                        group.addTask {
                            let count = try await writer.execute(Self.insert, [.integer(id), .text("text")])
                            #expect(count == 1)
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try await other.query(Self.count, []) == [SQLRow(values: [.integer(100)])])
                await other.close()
            }
        }
    }

    @Test func requestBeyondTheLimitIsRefused() async throws {
        var limits = SQLiteDatabase.Limits()
        limits.requestCountMax = 1
        try await Self.withDatabase(limits: limits) { database in
            // The one request that fits is under way while its body asks for another.
            let inner = try await database.write { _ throws(StorageError) -> StorageError? in
                do throws(StorageError) {
                    _ = try await database.query(Self.count, [])  // never gets as far as the rows
                    return nil
                } catch {
                    return error
                }
            }
            #expect(inner == .unavailable(detail: "too many requests wait for the database"))
            #expect(try await database.query(Self.count, []).count == 1)
        }
    }

    @Test func requestBeyondItsDeadlineIsNotRun() async throws {
        let database = try await SQLiteDatabase.open(.memory, limits: .with(waitMax: .zero))
        await #expect(throws: StorageError.unavailable(detail: "the request waited for longer than it may")) {
            try await database.execute(Self.make, [])
        }
        await database.close()
    }

    @Test func closedDatabaseRefuses() async throws {
        let database = try await SQLiteDatabase.open(.memory)
        await database.close()
        await database.close()
        await #expect(throws: StorageError.unavailable(detail: "the database is closed")) {
            try await database.query(Self.count, [])
        }
    }

    @Test func closingWaitsForRequestsThatWereAdmitted() async throws {
        try await Self.withFile { path in
            let database = try await SQLiteDatabase.open(.file(path: path))
            #expect(try await database.execute(Self.make, []) == 0)
            let stored = await withTaskGroup(of: Bool.self) { group in
                for id in Int64(0)..<100 {
                    group.addTask {
                        do throws(StorageError) {
                            return try await database.execute(Self.insert, [.integer(id), .text("text")]) == 1
                        } catch {
                            return false  // it came after the closing
                        }
                    }
                    if id == 50 {
                        group.addTask {
                            await database.close()
                            return false
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            let again = try await SQLiteDatabase.open(.file(path: path))
            #expect(try await again.query(Self.count, []) == [SQLRow(values: [.integer(Int64(stored))])])
            await again.close()
        }
    }

    @Test func droppedDatabaseKeepsWhatWasAcknowledged() async throws {
        try await Self.withFile { path in
            do {
                let database = try await SQLiteDatabase.open(.file(path: path))
                #expect(try await database.execute(Self.make, []) == 0)
                #expect(try await database.execute(Self.insert, [.integer(1), .text("text")]) == 1)
            }
            let again = try await SQLiteDatabase.open(.file(path: path))
            #expect(try await again.query(Self.count, []) == [SQLRow(values: [.integer(1)])])
            await again.close()
        }
    }

    @Test func valuesComeBack() async throws {
        let values: [SQLValue] = [
            .null, .integer(.min), .integer(.max), .integer(0), .text(""), .text("\u{0}a\u{0}"), .text("\u{1F600}"),
            .bytes([]), .bytes([0, 255]),
        ]
        let database = try await SQLiteDatabase.open(.memory)
        for value in values {
            #expect(try await database.query(SQLStatement("SELECT ?"), [value]) == [SQLRow(values: [value])])
        }
        let utf8 = try await database.query(SQLStatement("SELECT ?, ?"), [.utf8([]), .utf8([0x61])])
        #expect(utf8 == [SQLRow(values: [.text(""), .text("a")])])
        await database.close()
    }

    @Test(arguments: ["SELECT cast(x'ff' AS TEXT)", "SELECT 1.5"])
    func unreadableColumnIsCorrupt(_ text: String) async throws {
        let database = try await SQLiteDatabase.open(.memory)
        let error = await #expect(throws: StorageError.self) { try await database.query(SQLStatement(text), []) }
        guard case .corrupt = error else { throw try #require(error) }
        await database.close()
    }

    @Test func statementCacheIsBounded() async throws {
        let database = try await SQLiteDatabase.open(.memory)
        for index in 0..<(SQLiteHandle.statementCountMax * 2) {
            let rows = try await database.query(SQLStatement("SELECT \(index)"), [])
            #expect(rows == [SQLRow(values: [.integer(Int64(index))])])
        }
        await database.close()
    }

    @Test func errorsOfTheStoreShowNoValues() async throws {
        try await Self.withDatabase { database in
            let values: [SQLValue] = [.integer(1), .text("secret")]
            #expect(try await database.execute(Self.insert, values) == 1)
            let refusal = await #expect(throws: StorageError.self) {
                try await database.execute(SQLStatement("INSERT INTO item (id, text) VALUES (?, NULL)"), [.integer(2)])
            }
            let error = try #require(refusal)
            #expect(error.description == "the store refused the request (1299)")
            #expect(!error.debugDescription.contains("secret"))
        }
    }

    @Test(arguments: [
        Array("this is not a database, but it is long enough to look at".utf8), [UInt8](repeating: 0xff, count: 8_192),
    ])
    func fileThatIsNoDatabaseIsNamed(_ content: [UInt8]) async throws {
        try await Backend.withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let path = directory + "/" + LocalStorage.fileName
            try Data(content).write(to: URL(fileURLWithPath: path))
            let error = await #expect(throws: LocalStorageError.self) {
                try await LocalStorage.open(.directory(path: directory), logger: Backend.logger)
            }
            #expect(error?.description == "\(path) is not a database, or is damaged")
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(content))
        }
    }

    @Test func damagedFileIsAnErrorAndNotATrap() async throws {
        try await Backend.withDirectory { directory in
            let juliet = try BareJID("juliet@capulet.example")
            try await Backend.withStorage(in: directory) { storage in
                for index in 0..<200 {
                    let account = try BareJID("account\(index)@capulet.example")
                    let credential = AccountCredential(password: String(repeating: "p", count: 100))
                    try await storage.accounts.create(account, credential: credential, accountCountMax: nil)
                }
            }
            let path = directory + "/" + LocalStorage.fileName
            var content = try Data(contentsOf: URL(fileURLWithPath: path))
            // Every page but the first, which says where the others are.
            for index in 4_096..<content.count { content[index] = UInt8(truncatingIfNeeded: index &* 37) }
            try content.write(to: URL(fileURLWithPath: path))
            await #expect(throws: (any Error).self) {
                try await Backend.withStorage(in: directory) { storage in
                    _ = try await storage.accounts.credential(of: juliet)  // it must throw before it returns
                }
            }
        }
    }

    @Test func directoryThatCannotBeMadeIsNamed() async throws {
        try await Self.withFile { path in
            try Data().write(to: URL(fileURLWithPath: path))
            let error = await #expect(throws: LocalStorageError.self) {
                try await LocalStorage.open(.directory(path: path + "/data"), logger: Backend.logger)
            }
            #expect(error?.path == path + "/data")
            #expect(error?.reason == .file(errno: ENOTDIR))
        }
    }

    @Test func onlyTheOwnerMayReadTheFile() async throws {
        try await Backend.withDirectory { directory in
            try await Backend.withStorage(in: directory + "/a/b/") { storage in
                let credential = AccountCredential(password: "p")
                let juliet = try BareJID("juliet@capulet.example")
                try await storage.accounts.create(juliet, credential: credential, accountCountMax: nil)
                for name in ["mimd.sqlite", "mimd.sqlite-wal", "mimd.sqlite-shm"] {
                    let attributes = try FileManager.default.attributesOfItem(atPath: directory + "/a/b/" + name)
                    #expect(attributes[.posixPermissions] as? Int == 0o600)
                }
            }
        }
    }
}

extension SQLiteDatabase.Limits {
    static func with(waitMax: Duration) -> Self {
        var limits = Self()
        limits.waitMax = waitMax
        return limits
    }
}
