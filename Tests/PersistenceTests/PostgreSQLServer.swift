// SPDX-License-Identifier: Apache-2.0
// The PostgreSQL server that tests may use, and databases of it that are one test's own.

import Foundation
import Logging
import Testing
import XMPPCore
import XMPPPersistencePostgreSQL
import XMPPPersistenceSQL

/// The PostgreSQL server that tests may use.
enum PostgreSQLServer {
    static var isThere: Bool { DatabaseServer.postgreSQL.isThere }
    static var certificatePath: String? { DatabaseServer.postgreSQL.certificatePath }

    static func settings(database: String = "postgres") -> DatabaseSettings {
        DatabaseServer.postgreSQL.settings(database: database)
    }

    static func withDatabase(
        _ change: (inout DatabaseSettings) -> Void = { _ in }, _ body: (PooledDatabase) async throws -> Void
    ) async throws {
        try await DatabaseServer.postgreSQL.withDatabase(change, body)
    }
}

/// Where the environment says that no backend may be missing (`MIMD_REQUIRE_BACKENDS`), a missing one is a failure, not a
/// skip.
@Suite struct RequiredBackendTests {
    @Test(.enabled(if: ProcessInfo.processInfo.environment["MIMD_REQUIRE_BACKENDS"] != nil))
    func allAreThere() {
        #expect(Backend.available.count == Backend.allCases.count)
        #expect(PostgreSQLServer.certificatePath != nil)
    }
}

extension Result where Failure == any Error {
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// Lets so many in at a time.
final class Turns: Sendable {
    private let stream: AsyncStream<Void>
    private let free: AsyncStream<Void>.Continuation

    init(_ count: Int) {
        (stream, free) = AsyncStream.makeStream()
        for _ in 0..<count { free.yield() }
    }

    func begin() async { for await _ in stream { return } }
    func end() { free.yield() }
}
