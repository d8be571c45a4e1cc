// SPDX-License-Identifier: Apache-2.0
// What a driver does for the stores.

public import XMPPCore

/// A database that speaks SQL.
///
/// A driver never blocks its caller's executor, bounds the requests that wait, and gives every request a deadline: one
/// that cannot be started in time throws ``StorageError/unavailable(detail:)``.
public protocol SQLDatabase: Sendable {
    /// How its SQL is written.
    var dialect: Dialect { get }

    /// Runs statements that only read, all on one state of the database.
    ///
    /// - Parameter body: may be run more than once, and must await nothing but the transaction's methods: others wait
    ///   for it.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value

    /// Runs statements as one step: when it returns, what `body` wrote is durable and seen by every later request; when
    /// `body` throws, nothing of it is. Two bodies that touch the same rows run one after the other.
    ///
    /// - Parameter body: may be run more than once, and must await nothing but the transaction's methods: others wait
    ///   for it.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value

    /// Runs one statement that only reads.
    func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow]

    /// Runs one statement that writes; it is durable when this returns.
    ///
    /// - Returns: how many rows it wrote.
    @discardableResult
    func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int

    /// Runs a statement that writes with each of several lists of parameters, each for itself, as if each were asked for
    /// alone: but they share their way, and their commit.
    ///
    /// - Returns: how many rows each wrote; all of them are durable.
    /// - Throws: the error of one that was refused. The others may have been done or not.
    func execute(
        _ statement: SQLStatement, forEach parameters: [[SQLValue]]
    ) async throws(StorageError) -> [Int]
}

/// A transaction that is under way. It must not outlive the body that it is given to.
public protocol SQLTransaction {
    /// Runs a statement and returns its rows.
    func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow]

    /// Runs a statement and returns how many rows it wrote.
    @discardableResult
    func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int
}
