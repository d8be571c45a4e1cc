// SPDX-License-Identifier: Apache-2.0
// The PostgreSQL driver: a pool of connections on an event loop of its own.

import Glibc
public import Logging
public import XMPPCore
public import XMPPPersistenceSQL

/// A database of a PostgreSQL server, or of one that speaks its protocol.
///
/// May be used from any isolation. A server that cannot be reached is tried again and again; meanwhile requests throw
/// ``StorageError/unavailable(detail:)`` at once.
public final class PostgreSQLDatabase: SQLDatabase {
    /// How its SQL is written.
    public let dialect: Dialect
    private let settings: PostgreSQLSettings
    private let loops: EventLoopGroup
    private let loop: EventLoop
    private let pool: PostgreSQLPool
    private let lookups: WorkerPool
    private let gate: RequestGate

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - dialect: the server's.
    ///   - logger: gets an error when the server can no longer be reached, and a notice when it is reached again.
    /// - Throws: ``StorageError/unavailable(detail:)`` when the system gives no thread or descriptor.
    public init(
        _ settings: PostgreSQLSettings, dialect: Dialect = .postgreSQL, logger: Logger = Logger(label: "mimd.storage")
    ) throws(StorageError) {
        self.settings = settings
        self.dialect = dialect
        gate = RequestGate(requestCountMax: settings.requestCountMax)
        do throws(SystemError) { loops = try EventLoopGroup(loopCount: 1) } catch {
            throw .unavailable(detail: "no event loop for the database: \(error)")
        }
        loop = loops.loops[0]
        do throws(WorkerPoolError) { lookups = try WorkerPool(threadCount: 1) } catch {
            loops.shutdown()
            throw .unavailable(detail: "no thread for the database: \(error)")
        }
        let lookups = lookups
        pool = PostgreSQLPool(loop, settings, dialect, logger) { host in
            do {
                return .success(try await lookups.run { try Self.addresses(of: host) })
            } catch {
                return .failure(.unavailable(detail: "\(host) is not found"))
            }
        }
        let pool = pool
        loop.post { pool.start() }
    }

    deinit {
        guard !gate.isClosed else { return }
        let (pool, loops) = (pool, loops)
        loop.post { pool.close() }
        loops.shutdown()
        lookups.shutDown()
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
        loops.shutdown()
        lookups.shutDown()
    }

    // MARK: Requests

    /// Runs statements that only read, all on one state of the database.
    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await run(Self.beginReading, body)
    }

    /// Runs statements that may write, as one step: durable when this returns, undone when `body` throws.
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await run(Self.beginWriting, body)
    }

    private static let beginReading = SQLStatement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    private static let beginWriting = SQLStatement("BEGIN ISOLATION LEVEL SERIALIZABLE")

    /// Runs one statement that only reads.
    public func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow] {
        try await ask(statement, parameters) { $0.read($1) }.rows
    }

    /// Runs one statement that writes, durably, and returns how many rows it wrote.
    @discardableResult
    public func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int {
        try await ask(statement, parameters) { $0.write($1) }.rowCount
    }

    private func ask(
        _ statement: SQLStatement, _ parameters: [SQLValue],
        _ submit: @escaping @Sendable (PostgreSQLPool, PostgreSQLRequest) -> Void
    ) async throws(StorageError) -> PostgreSQLResult {
        try gate.enter()
        defer { gate.leave() }
        let (loop, pool, waitMax) = (loop, pool, settings.waitMax)
        let result = await withUnsafeContinuation { continuation in
            loop.post {
                submit(
                    pool,
                    PostgreSQLRequest(
                        command: PostgreSQLCommand(statement, parameters),
                        deadline: loop.now + waitMax,
                        answer: { continuation.resume(returning: $0) }
                    )
                )
            }
        }
        return try result.get()
    }

    private func run<Value: Sendable>(
        _ begin: SQLStatement,
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try gate.enter()
        defer { gate.leave() }
        let (loop, pool, waitMax) = (loop, pool, settings.waitMax)
        let result = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<Result<Value, StorageError>, Never>) in
            loop.post {
                pool.lease(
                    PostgreSQLLease(deadline: loop.now + waitMax) { lease in
                        switch lease {
                        case .failure(let error):
                            continuation.resume(returning: .failure(error))
                        case .success(let connection):
                            loop.start {
                                let result = await Self.run(body, begin, on: connection, loop)
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
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value, _ begin: SQLStatement,
        on connection: PostgreSQLConnection, _ loop: EventLoop
    ) async -> Result<Value, StorageError> {
        for attempt in 0..<PostgreSQLPool.attemptCountMax {
            let transaction = PostgreSQLTransaction(connection, begin: begin)
            let result: Result<Value, StorageError>
            do throws(StorageError) { result = .success(try await body(transaction)) } catch {
                result = .failure(error)
            }
            let failure: StorageError? = if case .failure(let error) = result { error } else { nil }
            do throws(PostgreSQLTransaction.End) {
                try await transaction.end(failure)
                return result
            } catch {
                switch error {
                case .contended:
                    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                        loop.schedule(after: PostgreSQLPool.retryDelay(afterAttempt: attempt)) { continuation.resume() }
                    }
                case .failed(let error): return .failure(error)
                }
            }
        }
        return .failure(.unavailable(detail: "others change the same rows all the time"))
    }

    // MARK: Addresses

    /// The addresses of a host; one that is nil for a local socket. Blocks.
    private static func addresses(of host: String) throws(StorageError) -> [String?] {
        if host.hasPrefix("/") { return [nil] }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { throw .unavailable(detail: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var addresses: [String?] = []
        var next = list
        while let entry = next?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            if getnameinfo(
                entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            {
                addresses.append(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
            }
            next = entry.ai_next
        }
        guard !addresses.isEmpty else { throw .unavailable(detail: "\(host) has no address") }
        return addresses
    }
}
