// SPDX-License-Identifier: Apache-2.0
// What holds of every database behind a network: groups, transactions that are in each other's way, connections that
// break.

import Foundation
import Testing
import XMPPCore
import XMPPPersistenceSQL

@Suite(.enabled(if: !DatabaseServer.available.isEmpty), .timeLimit(.minutes(5)))
struct PooledDatabaseTests {
    static let insert = SQLStatement("INSERT INTO item (id, text) VALUES (?, ?)")
    static let count = SQLStatement("SELECT count(*) FROM item")
    static let find = SQLStatement("SELECT text FROM item WHERE id = ?")
    static let findTooMany = SQLStatement("SELECT (SELECT text FROM item WHERE id >= ?)")
    static let change = SQLStatement("UPDATE item SET text = ? WHERE id = ?")
    static func withTable(
        _ server: DatabaseServer, _ change: (inout DatabaseSettings) -> Void = { _ in },
        _ body: (PooledDatabase) async throws -> Void
    ) async throws {
        try await server.withDatabase(change) { database in
            try await database.execute(SQLStatement(server.words.makeTable), [])
            try await body(database)
        }
    }

    @Test(arguments: DatabaseServer.available) func oneFailingWriteDoesNotFailItsGroup(_ server: DatabaseServer)
        async throws
    {
        try await Self.withTable(server) { database in
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

    @Test(arguments: DatabaseServer.available) func oneFailingReadDoesNotFailItsGroup(_ server: DatabaseServer)
        async throws
    {
        try await Self.withTable(server) { database in
            try await database.execute(Self.insert, [.integer(1), .text("text")])
            try await database.execute(Self.insert, [.integer(2), .text("")])
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for index in Int64(0)..<100 {
                    group.addTask {
                        let statement = index == 50 ? Self.findTooMany : Self.find
                        do throws(StorageError) {
                            let rows = try await database.query(statement, [.integer(1)])
                            return rows == [SQLRow(values: [.text("text")])]
                        } catch {
                            #expect(error.description.contains("21000"))
                            return false
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 } == 99)
        }
    }

    @Test(arguments: DatabaseServer.available) func bodiesThatAreInEachOthersWayAllCount(_ server: DatabaseServer)
        async throws
    {
        try await Self.withTable(server) { database in
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

    @Test(arguments: DatabaseServer.available) func singleStatementsThatAreInTheWayOfBodiesAllCount(
        _ server: DatabaseServer
    ) async throws {
        try await Self.withTable(server) { database in
            try await database.execute(Self.insert, [.integer(1), .text("0")])
            let increment = SQLStatement(server.words.increment)
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

    @Test(arguments: DatabaseServer.available) func bodyThatSwallowsAnErrorIsNotToldThatItWorked(
        _ server: DatabaseServer
    ) async throws {
        try await Self.withTable(server) { database in
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

    @Test(arguments: DatabaseServer.available) func bodyThatThrowsLeavesNothing(_ server: DatabaseServer) async throws {
        try await Self.withTable(server) { database in
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

    @Test(
        arguments: DatabaseServer.available,
        ["", "'; DROP TABLE item; --", "\u{1F600}", "א\u{202E}ב", String(repeating: "x", count: 1 << 20)])
    func valuesComeBack(_ server: DatabaseServer, _ text: String) async throws {
        try await Self.withTable(server) { database in
            try await database.execute(Self.insert, [.integer(.min), .text(text)])
            try await database.execute(Self.insert, [.integer(.max), .utf8(Array(text.utf8))])
            for id in [Int64.min, .max] {
                #expect(try await database.query(Self.find, [.integer(id)]) == [SQLRow(values: [.text(text)])])
            }
            try await database.execute(SQLStatement(server.words.makeTableOfBytes), [])
            let insert = SQLStatement("INSERT INTO binary_item (bytes, number, text) VALUES (?, CAST(? AS BIGINT), ?)")
            try await database.execute(insert, [.bytes([0, 255, 39]), .null, .null])
            let rows = try await database.query(SQLStatement("SELECT bytes, number, text FROM binary_item"), [])
            #expect(rows == [SQLRow(values: [.bytes([0, 255, 39]), .null, .null])])
        }
    }

    @Test(arguments: DatabaseServer.available) func connectionsThatAreCutComeBack(_ server: DatabaseServer) async throws
    {
        try await Self.withTable(server) { database in
            for round in Int64(0)..<5 {
                // Whether the cut is noticed before the next statement or by it, that one may fail; none may hang, and what
                // worked is there.
                await server.cutConnections(of: database)
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

    @Test(arguments: DatabaseServer.available) func nothingAcknowledgedIsLostWhenConnectionsAreCut(
        _ server: DatabaseServer
    ) async throws {
        try await Self.withTable(server) { database in
            let stored = await withTaskGroup(of: Int64?.self) { group in
                for id in Int64(0)..<500 {
                    group.addTask {
                        // Its own connection may be cut by another of these.
                        if id % 100 == 50 { await server.cutConnections(of: database) }
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

    @Test(arguments: DatabaseServer.available) func statementThatTakesTooLongIsGivenUp(_ server: DatabaseServer)
        async throws
    {
        try await Self.withTable(server, { $0.answerTimeout = .seconds(2) }) { database in
            await #expect(throws: StorageError.self) {
                try await database.query(SQLStatement(server.words.endless), [])
            }
            let rows = try await Self.untilItWorks { try await database.query(Self.count, []) }
            #expect(rows.count == 1)
        }
    }

    @Test(arguments: DatabaseServer.available) func closedDatabaseRefuses(_ server: DatabaseServer) async throws {
        try await server.withDatabase { database in
            await database.close()
            await database.close()
            await #expect(throws: StorageError.unavailable(detail: "the database is closed")) {
                try await database.query(Self.count, [])
            }
        }
    }

    @Test(arguments: DatabaseServer.available) func closingEndsWhatIsUnderWay(_ server: DatabaseServer) async throws {
        try await Self.withTable(server) { database in
            // On a connection of its own, so that what follows does not wait for it.
            let sleeping = Task {
                try await database.read { transaction throws(StorageError) in
                    try await transaction.query(SQLStatement(server.words.sleep), [])
                }
            }
            let sleeperCount = SQLStatement(server.words.sleeperCount)
            while try await database.query(sleeperCount, []).first?.integer(0) != 1 {}
            await database.close()
            await #expect(throws: StorageError.self) { try await sleeping.value }
        }
    }

    @Test(arguments: DatabaseServer.available) func wrongPasswordIsSaid(_ server: DatabaseServer) async throws {
        var settings = server.settings()
        settings.password = "wrong"
        let database = try server.open(settings)
        let error = await #expect(throws: StorageError.self) { try await database.query(Self.count, []) }
        #expect("\(String(describing: error))".contains(server.words.wrongPassword))
        await database.close()
    }
}
