// SPDX-License-Identifier: Apache-2.0
// The PostgreSQL server that tests may use, and databases of it that are one test's own.

import Foundation
import Logging
import Synchronization
import Testing
import XMPPCore
import XMPPPersistencePostgreSQL
import XMPPPersistenceSQL

/// The PostgreSQL server that tests may use.
enum PostgreSQLServer {
    static var isThere: Bool { DatabaseServer.postgreSQL.isThere }

    static func settings(database: String = "postgres") -> DatabaseSettings {
        DatabaseServer.postgreSQL.settings(database: database)
    }

    static func withDatabase(
        _ change: (inout DatabaseSettings) -> Void = { _ in }, _ body: (PooledDatabase) async throws -> Void
    ) async throws {
        try await DatabaseServer.postgreSQL.withDatabase(change, body)
    }
}

private let environment = ProcessInfo.processInfo.environment
private let requiredNames = (environment["MIMD_REQUIRE_BACKENDS"] ?? "").split(separator: " ").map(String.init)

/// `MIMD_REQUIRE_BACKENDS` names the backends, with spaces between them, of which a missing one is a failure, not a skip.
@Suite struct RequiredBackendTests {
    @Test(arguments: requiredNames) func isThere(_ name: String) {
        let variable = "MIMD_TEST_\(name.uppercased())"
        #expect(environment[variable] != nil)
        // One that no test of the stores uses need only be named.
        guard let backend = Backend.allCases.first(where: { $0.description.lowercased() == name }) else { return }
        #expect(Backend.available.contains(backend))
        // MySQL's own certificate does not name its host.
        if backend != .mySQL { #expect(environment[variable + "_CERTIFICATE"] != nil) }
    }
}

extension Result where Failure == any Error {
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// Lets so many in at a time, in the order in which they came. Who is cancelled waits for his turn all the same.
final class Turns: Sendable {
    private struct State {
        var freeCount: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(freeCount: count)) }

    func begin() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.freeCount > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.freeCount -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    func end() {
        let next = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.freeCount += 1
                return nil as CheckedContinuation<Void, Never>?
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
