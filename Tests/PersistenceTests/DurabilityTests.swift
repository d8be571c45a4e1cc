// SPDX-License-Identifier: Apache-2.0
// What is left after a crash, a full disk and a lock that another process holds. A crash is a copy of the files as they
// lie on the disk: what is only in a process's memory is not in it.

import Foundation
import Testing
import XMPPCore
import XMPPPersistenceSQL

@testable import XMPPPersistenceSQLite

@Suite struct DurabilityTests {
    private typealias Item = SQLiteDatabaseTests

    /// The files of a database as a crash would leave them, opened.
    private static func crashed(_ path: String, as copy: String) async throws -> SQLiteDatabase {
        for end in ["", "-wal"] { try FileManager.default.copyItem(atPath: path + end, toPath: copy + end) }
        return try await SQLiteDatabase.open(.file(path: copy))
    }

    private static func count(_ database: SQLiteDatabase) async throws -> Int64 {
        try #require(try await database.query(Item.count, []).first).integer(0)
    }

    @Test func acknowledgedWritesSurviveACrash() async throws {
        try await Item.withFile { path in
            try await Item.withDatabase(.file(path: path)) { database in
                for round in 1...5 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for index in 0..<40 {
                            let id = Int64(round * 1_000 + index)
                            group.addTask { try await database.execute(Item.insert, [.integer(id), .text("text")]) }
                        }
                        try await group.waitForAll()
                    }
                    let crashed = try await Self.crashed(path, as: path + ".\(round)")
                    #expect(try await Self.count(crashed) == Int64(round * 40))
                    await crashed.close()
                }
            }
        }
    }

    @Test func transactionThatWasUnderWayIsNotThere() async throws {
        try await Item.withFile { path in
            try await Item.withDatabase(.file(path: path)) { database in
                try await database.write { transaction throws(StorageError) in
                    for id in Int64(0)..<10 {
                        try await transaction.execute(Item.insert, [.integer(id), .text("text")])
                    }
                    do {
                        for end in ["", "-wal"] {
                            try FileManager.default.copyItem(atPath: path + end, toPath: path + ".copy" + end)
                        }
                    } catch {
                        throw .backend(code: "copy", detail: "\(error)")
                    }
                }
                let crashed = try await SQLiteDatabase.open(.file(path: path + ".copy"))
                #expect(try await Self.count(crashed) == 0)
                #expect(try await Self.count(database) == 10)
                await crashed.close()
            }
        }
    }

    @Test func fullDiskFailsWritesAndLosesNone() async throws {
        try await Item.withFile { path in
            try await Item.withDatabase(.file(path: path)) { database in
                try await database.execute(SQLStatement("PRAGMA max_page_count = 40"), [])
                let text = String(repeating: "t", count: 2_000)
                let stored = await withTaskGroup(of: Bool.self) { group in
                    for id in Int64(0)..<400 {
                        group.addTask {
                            do throws(StorageError) {
                                if id % 2 == 0 {
                                    try await database.execute(Item.insert, [.integer(id), .text(text)])
                                } else {
                                    try await database.write { transaction throws(StorageError) -> Void in
                                        try await transaction.execute(Item.insert, [.integer(id), .text(text)])
                                    }
                                }
                                return true
                            } catch {
                                guard case .unavailable = error else {
                                    Issue.record(error)
                                    return false
                                }
                                // The operator learns from the log what there is to do.
                                #expect("\(error)".contains("full"))
                                return false
                            }
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(stored < 400)
                #expect(try await Self.count(database) == Int64(stored))
                try await database.execute(SQLStatement("PRAGMA max_page_count = 100000"), [])
                try await database.execute(Item.insert, [.integer(1_000), .text(text)])
                #expect(try await Self.count(database) == Int64(stored) + 1)
            }
        }
    }

    @Test func lockOfAnotherProcessMakesTheStoreUnavailable() async throws {
        try await Item.withFile { path in
            var limits = SQLiteDatabase.Limits()
            limits.lockWaitMax = .milliseconds(20)
            try await Item.withDatabase(.file(path: path), limits: limits) { database in
                let other = try SQLiteHandle(path: path)
                try other.run("BEGIN IMMEDIATE")
                let error = await #expect(throws: StorageError.self) {
                    try await database.execute(Item.insert, [.integer(1), .text("text")])
                }
                guard case .unavailable = error else { throw try #require(error) }
                // Readers do not mind.
                #expect(try await Self.count(database) == 0)
                try other.run("COMMIT")
                try await database.execute(Item.insert, [.integer(1), .text("text")])
                #expect(try await Self.count(database) == 1)
            }
        }
    }
}
