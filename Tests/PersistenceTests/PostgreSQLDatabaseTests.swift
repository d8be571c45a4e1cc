// SPDX-License-Identifier: Apache-2.0
// What is PostgreSQL's own: commits that are refused, and texts.

import Foundation
import Testing
import XMPPCore
import XMPPPersistenceSQL

@testable import XMPPPersistencePostgreSQL

@Suite(.enabled(if: DatabaseServer.postgreSQL.isThere), .timeLimit(.minutes(5)))
struct PostgreSQLDatabaseTests {
    private static let insert = SQLStatement("INSERT INTO item (id, text) VALUES (?, ?)")
    private static let count = SQLStatement("SELECT count(*) FROM item")

    /// The statement itself is done, and the transaction that it is alone in is refused.
    @Test func refusedCommitIsAnErrorAndNothingIsStored() async throws {
        try await DatabaseServer.postgreSQL.withDatabase { database in
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
        try await DatabaseServer.postgreSQL.withDatabase { database in
            try await database.execute(SQLStatement(DatabaseServer.postgreSQL.words.makeTable), [])
            await #expect(throws: StorageError.self) {
                try await database.execute(Self.insert, [.integer(1), .text("a\u{0}b")])
            }
            let rows = try await database.query(Self.count, [])
            #expect(rows == [SQLRow(values: [.integer(0)])])
        }
    }
}
