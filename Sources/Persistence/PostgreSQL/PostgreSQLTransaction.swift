// SPDX-License-Identifier: Apache-2.0
// A body of statements in one transaction, on a connection that is its own meanwhile.

import XMPPCore
import XMPPPersistenceSQL

/// A transaction that is under way. It begins with its first statement, in the same round trip.
final class PostgreSQLTransaction: SQLTransaction {
    private let connection: PostgreSQLConnection
    private let begin: SQLStatement
    private var hasBegun = false
    /// What the first statement that failed came to. After that the server takes no more.
    private var failure: Failure?

    private enum Failure {
        case refused(PostgreSQLError)
        case lost(StorageError)
        case unreadable(StorageError)

        var storageError: StorageError {
            switch self {
            case .refused(let error): error.storageError
            case .lost(let error), .unreadable(let error): error
            }
        }
    }

    /// - Parameter begin: the statement that begins it.
    init(_ connection: PostgreSQLConnection, begin: SQLStatement) {
        self.connection = connection
        self.begin = begin
    }

    func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow] {
        try await run(PostgreSQLCommand(statement, parameters)).rows
    }

    func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int {
        try await run(PostgreSQLCommand(statement, parameters)).rowCount
    }

    private func run(_ command: PostgreSQLCommand) async throws(StorageError) -> PostgreSQLResult {
        if let failure { throw failure.storageError }
        let commands = hasBegun ? [command] : [PostgreSQLCommand(begin), command]
        hasBegun = true
        guard let result = try await perform(commands).last else {
            throw .unavailable(detail: "the connection was lost")
        }
        return try result.get()
    }

    private func perform(
        _ commands: [PostgreSQLCommand]
    ) async throws(StorageError) -> [Result<PostgreSQLResult, StorageError>] {
        guard connection.isIdle else {
            let error = StorageError.unavailable(detail: "the connection was lost")
            failure = .lost(error)
            throw error
        }
        let outcome = await withUnsafeContinuation { continuation in
            connection.perform([commands]) { outcomes in
                continuation.resume(returning: outcomes.first ?? .lost(reason: "the connection was lost"))
            }
        }
        switch outcome {
        case .done(let results):
            return results
        case .refused(let error):
            failure = .refused(error)
            throw error.storageError
        case .lost(let reason):
            let error = StorageError.unavailable(detail: reason)
            failure = .lost(error)
            throw error
        }
    }

    /// How a transaction ended that did not work.
    enum End: Error {
        /// Others were in its way: the body may be run again.
        case contended
        case failed(StorageError)
    }

    /// Makes what was done durable, or undoes it all.
    ///
    /// - Parameter failure: what the body threw; nil when it wants to keep what it did.
    func end(_ bodyFailure: StorageError?) async throws(End) {
        guard hasBegun else {
            if let bodyFailure { throw .failed(bodyFailure) }
            return
        }
        // COMMIT of a transaction that has failed says nothing, and undoes it: a body that swallowed an error must not be
        // told that it worked.
        guard failure == nil, bodyFailure == nil else {
            let isContended = if case .refused(let error) = failure { error.isWorthRetrying } else { false }
            let error = failure?.storageError ?? bodyFailure ?? .unavailable(detail: "the transaction failed")
            await rollBack()
            throw isContended ? .contended : .failed(bodyFailure ?? error)
        }
        // COMMIT has no rows.
        do throws(StorageError) { _ = try await perform([PostgreSQLCommand(PostgreSQLPool.commit)]) } catch {
            if case .refused(let refusal) = failure, refusal.isWorthRetrying { throw .contended }
            throw .failed(error)
        }
    }

    private func rollBack() async {
        failure = nil
        // Without a connection there is nothing to undo, and nobody who could.
        do throws(StorageError) { _ = try await perform([PostgreSQLCommand(PostgreSQLPool.rollBack)]) } catch {}
    }
}
