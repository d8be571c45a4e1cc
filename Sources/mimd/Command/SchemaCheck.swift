// SPDX-License-Identifier: Apache-2.0
// Whether the tables of a database are those that this mimd knows: nothing is to be written into others.

import ServiceLifecycle
import XMPPCore
import XMPPPersistenceSQL

/// The check of a database's schema. As a service it waits for a database that was down at the start.
struct SchemaCheck: Service {
    /// How long to wait before a database is asked again.
    private static let retryDelay = Duration.seconds(1)

    let database: PooledDatabase
    /// The database, for the operator.
    let place: String
    /// The configuration's file.
    let file: String
    /// The tag of the pool.
    let tag: String

    /// Checks once.
    ///
    /// - Throws: `StorageError.unavailable` when the database does not answer; `SetUpError` with what to do when its
    ///   schema cannot be used.
    func perform() async throws {
        do throws(SchemaError) {
            let drifts = try await Schema.verify(database)
            guard drifts.isEmpty else { throw .drifted(drifts) }
        } catch {
            if case .storage(.unavailable(let detail)) = error { throw StorageError.unavailable(detail: detail) }
            throw SetUpError("the database \(place) cannot be used: \(error)\(advice(on: error))")
        }
    }

    /// Checks as soon as the database answers.
    ///
    /// - Throws: `SetUpError`, which ends the server: each of its writes might do harm.
    func run() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    return try await perform()
                } catch StorageError.unavailable {
                    // Whoever ends the server ends the waiting.
                    do { try await Task.sleep(for: Self.retryDelay) } catch { return }
                }
            }
        }
    }

    private func advice(on error: SchemaError) -> String {
        let options = "--config \(file)" + (tag == RelationalPool.defaultTag ? "" : " --pool \(tag)")
        return switch error {
        case .missing: "; to set it up, run: mimd schema apply \(options)"
        case .drifted: "; to see what differs, run: mimd schema verify \(options)"
        case .newer, .differs, .storage: ""
        }
    }
}
