// SPDX-License-Identifier: Apache-2.0
// A database behind a network: a pool of connections on an event loop of its own.

package import Logging
public import XMPPCore

/// A database of a server that is reached through a pool of connections. The library of each driver has a function that
/// makes one.
///
/// May be used from any isolation. A server that cannot be reached is tried again and again; meanwhile requests throw
/// ``StorageError/unavailable(detail:)`` at once.
public final class PooledDatabase: SQLDatabase {
    /// How its SQL is written.
    public let dialect: Dialect
    private let settings: DatabaseSettings
    private let loops: EventLoopGroup
    private let loop: EventLoop
    private let pool: ConnectionPool
    private let helpers: WorkerPool
    private let gate: RequestGate

    /// Begins to connect; for drivers.
    ///
    /// - Parameters:
    ///   - logger: gets an error when the server can no longer be reached, and a notice when it is reached again.
    ///   - helperCount: how many threads there are for what blocks, 1 or more.
    ///   - makeConnection: makes a connection that lives on the loop, has those threads, and calls its last parameter
    ///     when it is connected and when it is lost.
    /// - Throws: ``StorageError/unavailable(detail:)`` when the system gives no thread or descriptor.
    package init(
        _ settings: DatabaseSettings, dialect: Dialect, logger: Logger, helperCount: Int,
        makeConnection: (EventLoop, WorkerPool, @escaping ConnectionChange) -> any SQLConnection
    ) throws(StorageError) {
        self.settings = settings
        self.dialect = dialect
        gate = RequestGate(requestCountMax: settings.requestCountMax)
        do throws(SystemError) { loops = try EventLoopGroup(loopCount: 1) } catch {
            throw .unavailable(detail: "no event loop for the database: \(error)")
        }
        let loop = loops.loops[0]
        self.loop = loop
        let helpers: WorkerPool
        do throws(WorkerPoolError) { helpers = try WorkerPool(threadCount: helperCount) } catch {
            loops.shutdown()
            throw .unavailable(detail: "no thread for the database: \(error)")
        }
        self.helpers = helpers
        pool = ConnectionPool(loop, settings, logger) { makeConnection(loop, helpers, $0) }
        let pool = pool
        loop.post { pool.start() }
    }
    deinit {
        guard !gate.isClosed else { return }
        let (pool, loops) = (pool, loops)
        loop.post { pool.close() }
        helpers.shutDown()
        loops.shutdown()
    }

    /// Closes the connections. What is under way or waits throws ``StorageError/unavailable(detail:)``, as later requests
    /// do. Closing twice does nothing.
    public func close() async {
        guard gate.close() else { return }
        let pool = pool
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            loop.post {
                pool.close()
                continuation.resume()
            }
        }
        await gate.waitUntilEmpty()
        // Before the loop stops, which gets what they were at.
        helpers.shutDown()
        loops.shutdown()
    }

    // MARK: Requests

    /// Runs statements that only read, all on one state of the database.
    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await run(.beginReading, body)
    }

    /// Runs statements that may write, as one step: durable when this returns, undone when `body` throws.
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await run(.beginWriting, body)
    }

    /// Runs one statement that only reads.
    public func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow] {
        try await ask(statement, parameters) { $0.read($1) }.rows
    }

    /// Runs one statement that writes, durably, and returns how many rows it wrote.
    @discardableResult
    public func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int {
        try await ask(statement, parameters) { $0.write($1) }.rowCount
    }

    /// Runs a statement that writes with each of several lists of parameters, and returns how many rows each wrote.
    public func execute(
        _ statement: SQLStatement, forEach parameters: [[SQLValue]]
    ) async throws(StorageError) -> [Int] {
        guard !parameters.isEmpty else { return [] }
        try gate.enter()
        defer { gate.leave() }
        let (loop, pool, waitMax) = (loop, pool, settings.waitMax)
        let result: Result<[Int], StorageError> = await withUnsafeContinuation { continuation in
            loop.post {
                let answers = PooledAnswers(count: parameters.count) { continuation.resume(returning: $0) }
                let deadline = loop.now + waitMax
                for (index, parameters) in parameters.enumerated() {
                    pool.write(
                        PooledRequest(command: SQLCommand(statement, parameters), deadline: deadline) { result in
                            answers.take(result, at: index)
                        }
                    )
                }
            }
        }
        return try result.get()
    }

    private func ask(
        _ statement: SQLStatement, _ parameters: [SQLValue],
        _ submit: @escaping @Sendable (ConnectionPool, PooledRequest) -> Void
    ) async throws(StorageError) -> SQLResult {
        try gate.enter()
        defer { gate.leave() }
        let (loop, pool, waitMax) = (loop, pool, settings.waitMax)
        let result = await withUnsafeContinuation { continuation in
            loop.post {
                submit(
                    pool,
                    PooledRequest(
                        command: SQLCommand(statement, parameters),
                        deadline: loop.now + waitMax,
                        answer: { continuation.resume(returning: $0) }
                    )
                )
            }
        }
        return try result.get()
    }

    private func run<Value: Sendable>(
        _ beginning: SQLStep.Kind,
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try gate.enter()
        defer { gate.leave() }
        let (loop, pool, waitMax) = (loop, pool, settings.waitMax)
        let result = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<Result<Value, StorageError>, Never>) in
            loop.post {
                pool.lease(
                    ConnectionLease(deadline: loop.now + waitMax) { lease in
                        switch lease {
                        case .failure(let error):
                            continuation.resume(returning: .failure(error))
                        case .success(let connection):
                            loop.start {
                                let result = await Self.run(body, beginning, on: connection, loop)
                                pool.giveBack(connection)
                                continuation.resume(returning: result)
                            }
                        }
                    }
                )
            }
        }
        return try result.get()
    }

    /// Runs a body until nobody is in its way.
    private static func run<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value,
        _ beginning: SQLStep.Kind, on connection: any SQLConnection, _ loop: EventLoop
    ) async -> Result<Value, StorageError> {
        for attempt in 0..<ConnectionPool.attemptCountMax {
            let transaction = PooledTransaction(connection, beginning)
            let result: Result<Value, StorageError>
            do throws(StorageError) { result = .success(try await body(transaction)) } catch {
                result = .failure(error)
            }
            let failure: StorageError? = if case .failure(let error) = result { error } else { nil }
            do throws(PooledTransaction.End) {
                try await transaction.end(failure)
                return result
            } catch {
                switch error {
                case .contended:
                    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                        loop.schedule(after: ConnectionPool.retryDelay(afterAttempt: attempt)) { continuation.resume() }
                    }
                case .failed(let error): return .failure(error)
                }
            }
        }
        return .failure(.unavailable(detail: "others change the same rows all the time"))
    }
}

/// The answers to requests that are asked for together. Confined to the loop.
private final class PooledAnswers {
    private var counts: [Int]
    private var missingCount: Int
    private var failure: StorageError?
    private let completion: (Result<[Int], StorageError>) -> Void

    /// - Parameter completion: called once, after the last answer.
    init(count: Int, _ completion: @escaping (Result<[Int], StorageError>) -> Void) {
        counts = Array(repeating: 0, count: count)
        missingCount = count
        self.completion = completion
    }

    func take(_ result: Result<SQLResult, StorageError>, at index: Int) {
        switch result {
        case .success(let result): counts[index] = result.rowCount
        case .failure(let error): failure = failure ?? error
        }
        missingCount -= 1
        guard missingCount == 0 else { return }
        completion(failure.map { .failure($0) } ?? .success(counts))
    }
}
