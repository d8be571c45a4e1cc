// SPDX-License-Identifier: Apache-2.0
// The SQLite driver: one connection that writes, one that reads, each on its own thread.

public import XMPPCore
public import XMPPPersistenceSQL

/// Where a database lies.
public enum SQLiteLocation: Hashable, Sendable {
    /// In a file, which is made when it is not there; with it come files whose names end in `-wal` and `-shm`. Several
    /// processes may have it open.
    case file(path: String)
    /// In memory: it is gone when it is closed.
    case memory
}

/// A SQLite database.
///
/// May be used from any isolation. ``close()`` ends it in order; when it is dropped instead, what was acknowledged is
/// durable all the same.
public final class SQLiteDatabase: SQLDatabase {
    /// What a database takes on at once.
    public struct Limits: Hashable, Sendable {
        /// Most requests that wait; the next one throws ``StorageError/unavailable(detail:)``.
        public var requestCountMax = 10_000
        /// How long a request may wait before it is started; one that did throws
        /// ``StorageError/unavailable(detail:)`` and has changed nothing.
        public var waitMax = Duration.seconds(10)

        /// How long a request waits for another process that writes; then it throws
        /// ``StorageError/unavailable(detail:)``. In whole milliseconds.
        public var lockWaitMax = Duration.seconds(5)

        /// Makes the default limits.
        public init() {}
    }

    /// SQLite's.
    public let dialect = Dialect.sqlite
    private let limits: Limits
    private let writer: SQLiteConnection
    private let writerThread: SQLiteThread
    /// The writer itself when the database is in memory: no other connection can see it.
    private let reader: SQLiteConnection
    private let readerThread: SQLiteThread?
    private let gate: RequestGate

    /// Opens a database, and makes it if it is not there.
    ///
    /// - Throws: ``StorageError``: `.corrupt` when the file is no database; `.backend` when it cannot be opened;
    ///   `.unavailable` when it cannot be read or written, or another process keeps it locked.
    public static func open(
        _ location: SQLiteLocation, limits: Limits = Limits()
    ) async throws(StorageError) -> SQLiteDatabase {
        let database = try SQLiteDatabase(location, limits: limits)
        do throws(StorageError) {
            switch location {
            case .memory:
                try await database.writer.open(path: ":memory:", lockWaitMax: limits.lockWaitMax)
            case .file(let path):
                try await database.writer.open(path: path, lockWaitMax: limits.lockWaitMax)
                try await database.reader.open(path: path, lockWaitMax: limits.lockWaitMax)
            }
        } catch {
            await database.close()
            throw error
        }
        return database
    }

    private init(_ location: SQLiteLocation, limits: Limits) throws(StorageError) {
        self.limits = limits
        gate = RequestGate(requestCountMax: limits.requestCountMax)
        let thread = try SQLiteThread.start(.open)
        writerThread = thread
        writer = SQLiteConnection(thread: thread, role: .writing)
        guard location != .memory else {
            readerThread = nil
            reader = writer
            return
        }
        do throws(StorageError) {
            let thread = try SQLiteThread.start(.closed)
            readerThread = thread
            reader = SQLiteConnection(thread: thread, role: .reading)
        } catch {
            thread.abandon()
            throw error
        }
    }

    deinit {
        // Nobody has a request here: each holds the database while it waits.
        guard !gate.isClosed else { return }
        writerThread.abandon()
        readerThread?.abandon()
    }

    /// Waits for the requests that are under way, closes the files and ends the threads. Later requests throw
    /// ``StorageError/unavailable(detail:)``. Closing twice does nothing.
    public func close() async {
        guard gate.close() else { return }
        await gate.waitUntilEmpty()
        if readerThread != nil { await reader.close() }
        await writer.close()
        readerThread?.stop()
        writerThread.stop()
    }

    /// How many groups of writes were committed, for measurements: the fewer for as many writes, the better.
    public var groupCount: Int {
        get async { await writer.groupCount }
    }

    /// Whether the file may only be read, as it was when it was opened; every write throws
    /// ``StorageError/unavailable(detail:)``.
    public var isReadOnly: Bool {
        get async { await writer.isReadOnly }
    }

    // MARK: Requests

    /// Runs statements that only read, all on one state of the database.
    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let deadline = try enter()
        defer { gate.leave() }
        return try await reader.read(by: deadline, body)
    }

    /// Runs statements that may write, as one step: durable when this returns, undone when `body` throws.
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let deadline = try enter()
        defer { gate.leave() }
        return try await writer.write(by: deadline, body)
    }

    /// Runs one statement that only reads.
    public func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow] {
        let deadline = try enter()
        defer { gate.leave() }
        return try await reader.query(by: deadline, statement.text(in: .sqlite), parameters)
    }

    /// Runs one statement that writes, durably, and returns how many rows it wrote.
    @discardableResult
    public func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int {
        let deadline = try enter()
        defer { gate.leave() }
        return try await writer.execute(by: deadline, statement.text(in: .sqlite), parameters)
    }

    /// Runs a statement that writes with each of several lists of parameters, and returns how many rows each wrote.
    public func execute(
        _ statement: SQLStatement, forEach parameters: [[SQLValue]]
    ) async throws(StorageError) -> [Int] {
        let deadline = try enter()
        defer { gate.leave() }
        return try await writer.execute(by: deadline, statement.text(in: .sqlite), forEach: parameters)
    }

    /// Lets a request in, which then must leave the gate.
    ///
    /// - Returns: when it is too late to start it.
    private func enter() throws(StorageError) -> ContinuousClock.Instant {
        try gate.enter()
        return ContinuousClock.now + limits.waitMax
    }
}
