// SPDX-License-Identifier: Apache-2.0
// A body of statements in one transaction, on a connection that is its own meanwhile.

import XMPPCore

/// A transaction that is under way. It begins with its first statement, in the same round trip.
final class PooledTransaction: SQLTransaction {
    private let connection: any SQLConnection
    private let beginning: SQLStep.Kind
    private var hasBegun = false
    /// What the first step that failed came to. After that no more is sent.
    private var failure: SQLRefusal?

    /// - Parameter beginning: the kind of its first step.
    init(_ connection: any SQLConnection, _ beginning: SQLStep.Kind) {
        self.connection = connection
        self.beginning = beginning
    }

    func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow] {
        try await run(SQLCommand(statement, parameters)).rows
    }

    func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int {
        try await run(SQLCommand(statement, parameters)).rowCount
    }

    private func run(_ command: SQLCommand) async throws(StorageError) -> SQLResult {
        if let failure { throw failure.error }
        let kind = hasBegun ? .goOn : beginning
        hasBegun = true
        guard let result = try await perform(SQLStep(kind, [command])).first else { throw .connectionLost }
        return try result.get()
    }

    private func perform(_ step: SQLStep) async throws(StorageError) -> [Result<SQLResult, StorageError>] {
        var outcome: StepOutcome?
        if connection.isIdle {
            outcome = await withUnsafeContinuation { continuation in
                connection.perform([step]) { continuation.resume(returning: $0.first) }
            }
        }
        let refusal: SQLRefusal
        switch outcome {
        case .done(let results): return results
        case .refused(let reason): refusal = reason
        case .lost(let reason): refusal = SQLRefusal(.unavailable(detail: reason))
        case nil: refusal = SQLRefusal(.connectionLost)
        }
        failure = refusal
        throw refusal.error
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
        if let error = bodyFailure ?? failure?.error {
            let isContended = failure?.isWorthRetrying == true
            await rollBack()
            throw isContended ? .contended : .failed(error)
        }
        // COMMIT has no rows.
        do throws(StorageError) { _ = try await perform(SQLStep(.commit)) } catch {
            throw failure?.isWorthRetrying == true ? .contended : .failed(error)
        }
    }

    private func rollBack() async {
        failure = nil
        // Without a connection there is nothing to undo, and nobody who could.
        do throws(StorageError) { _ = try await perform(SQLStep(.rollBack)) } catch {}
    }
}
