// SPDX-License-Identifier: Apache-2.0
// Group commit: all writes that wait in the queue share one transaction, each within a savepoint of its own, and are
// acknowledged when it is committed. Readings share one too, on a connection of their own.

import Glibc
import XMPPCore
import XMPPPersistenceSQL

/// What a connection is for.
enum SQLiteConnectionRole {
    /// Writes, and reads what has been written.
    case writing
    /// Reads only: it sees what is committed, and never waits for a commit.
    case reading
}

/// One connection, confined to its thread.
///
/// `@unchecked Sendable`: the state is touched on the thread alone; every method that others may call goes there first.
final class SQLiteConnection: @unchecked Sendable {
    /// How a group of writes stands.
    private enum Group {
        case none
        case open
        /// It could not be opened: the writes of this batch all fail at once, instead of each waiting as long for the
        /// lock.
        case failed(StorageError)
    }

    /// To how many bytes the write-ahead log is cut when it was longer for a while.
    static let logByteCountMax = 64 << 20

    /// What the writer keeps of the file, and after how many pages of the log they go into it. Messages of many archives
    /// write to pages all over the file: with these, each takes two thirds of the time that SQLite's own numbers take
    /// (docs/decisions/0015). A checkpoint holds the writer up, so there is no more between two.
    static let cacheByteCountMax = 16 << 20
    static let checkpointPageCount = 4_096

    private let thread: SQLiteThread
    private let role: SQLiteConnectionRole
    private var handle: SQLiteHandle?
    private var group = Group.none
    /// Whether a body is under way.
    private var isInBody = false
    /// Those whose work is done but not committed. Each is called once, with what the commit came to.
    private var waiting: [(StorageError?) -> Void] = []
    private var committedGroupCount = 0

    /// Makes a connection that is not open.
    init(thread: SQLiteThread, role: SQLiteConnectionRole) {
        self.thread = thread
        self.role = role
    }

    /// Opens the file.
    ///
    /// - Parameters:
    ///   - path: of the file; `:memory:` for none.
    ///   - lockWaitMax: how long a request waits for another process that writes.
    func open(path: String, lockWaitMax: Duration) async throws(StorageError) {
        try await onThread { [self] answer in
            answer(Result { () throws(StorageError) in try openHere(path: path, lockWaitMax: lockWaitMax) })
        }
    }

    private func openHere(path: String, lockWaitMax: Duration) throws(StorageError) {
        let handle = try SQLiteHandle(path: path, lockWaitMax: lockWaitMax)
        // WAL: one process may write while others read. In memory there is none, and none is needed.
        let mode = try Self.chooseWriteAheadLog(handle, lockWaitMax)
        guard mode == "wal" || path == ":memory:" else {
            throw .backend(code: "journal_mode", detail: "the file system does not let processes share a file's memory")
        }
        // FULL: a commit is on the disk when it returns. secure_delete: what was removed is overwritten where that
        // costs no writing, for it was a credential or a message. The limit is what a burst leaves behind at most.
        try handle.run(
            """
            PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
            PRAGMA cell_size_check = ON; PRAGMA secure_delete = FAST; \
            PRAGMA journal_size_limit = \(Self.logByteCountMax);
            """
        )
        switch role {
        case .reading: try handle.run("PRAGMA query_only = ON")
        case .writing:
            try handle.run(
                """
                PRAGMA cache_size = -\(Self.cacheByteCountMax / 1_024); \
                PRAGMA wal_autocheckpoint = \(Self.checkpointPageCount)
                """
            )
        }
        self.handle = handle
    }

    /// Asks for WAL until nobody is in the way. SQLite does not wait by itself here: of several that open a new file at
    /// once, each could wait for the other.
    ///
    /// - Returns: the mode that the file has now.
    private static func chooseWriteAheadLog(
        _ handle: SQLiteHandle, _ lockWaitMax: Duration
    ) throws(StorageError) -> String? {
        let deadline = ContinuousClock.now + lockWaitMax
        while true {
            do throws(StorageError) {
                return try handle.query("PRAGMA journal_mode = WAL", []).first?.text(0)
            } catch .unavailable(let detail) {
                guard ContinuousClock.now < deadline else { throw .unavailable(detail: detail) }
                usleep(lockRetryMicroseconds)
            }
        }
    }
    private static let lockRetryMicroseconds: UInt32 = 5_000

    /// Whether the file can only be read: SQLite opens it all the same, and then refuses every write.
    var isReadOnly: Bool {
        get async { await ask { [self] in handle?.isReadOnly ?? false } }
    }

    /// Closes the file. Whoever comes later is refused.
    func close() async {
        await ask { [self] in
            commitGroup()
            if let handle { endReading(handle) }
            handle = nil
        }
    }

    /// How many groups were committed.
    var groupCount: Int {
        get async { await ask { [self] in committedGroupCount } }
    }

    private func ask<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await onThread { answer in answer(body()) }
    }

    // MARK: Requests

    /// What a request came to, told once.
    private typealias Answer<Value> = (Result<Value, StorageError>) -> Void

    /// Does a request on the thread, and returns what it answers. Nothing but the thread's queue lies between: no actor
    /// and, for single statements, no task.
    private func onThread<Value: Sendable>(
        _ request: @escaping @Sendable (_ answer: @escaping Answer<Value>) -> Void
    ) async throws(StorageError) -> Value {
        let result: Result<Value, StorageError> = await onThread(request)
        return try result.get()
    }

    private func onThread<Outcome: Sendable>(
        _ request: @escaping @Sendable (_ answer: @escaping (Outcome) -> Void) -> Void
    ) async -> Outcome {
        await withUnsafeContinuation { continuation in
            thread.post { request { continuation.resume(returning: $0) } }
        }
    }

    /// Runs a body that only reads.
    func read<Value: Sendable>(
        by deadline: ContinuousClock.Instant,
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await onThread { [self] answer in
            do throws(StorageError) {
                let handle = try startReading(by: deadline)
                run(body, on: handle) { self.answerReading($0, answer) }
            } catch {
                answer(.failure(error))
            }
        }
    }

    /// Runs one statement that only reads.
    func query(
        by deadline: ContinuousClock.Instant, _ text: String, _ parameters: [SQLValue]
    ) async throws(StorageError) -> [SQLRow] {
        try await onThread { [self] answer in
            let rows = Result { () throws(StorageError) in try startReading(by: deadline).query(text, parameters) }
            answerReading(rows, answer)
        }
    }

    /// Opens what the readings of a batch share: to open it costs more than most of them do. All of the batch were
    /// asked for before it opens, so each sees what had been acknowledged to whoever asks.
    private func startReading(by deadline: ContinuousClock.Instant) throws(StorageError) -> SQLiteHandle {
        let handle = try start(by: deadline)
        switch role {
        case .writing:
            try openGroup(handle)
        case .reading:
            guard handle.isOutsideTransaction else { break }
            thread.atBatchEnd { self.endReading(handle) }
            // One state of the file for all statements, whatever is written meanwhile.
            try handle.execute("BEGIN", [])
        }
        return handle
    }

    private func answerReading<Value>(_ result: Result<Value, StorageError>, _ answer: @escaping Answer<Value>) {
        switch role {
        case .writing: answerAfterCommit(answer, result)  // it may have seen what is not committed yet
        case .reading: answer(result)
        }
    }

    private func endReading(_ handle: SQLiteHandle) {
        guard !handle.isOutsideTransaction else { return }
        // Only a read lock is given up: an error here has nothing to undo, and the next BEGIN would report it.
        do throws(StorageError) { try handle.execute("COMMIT", []) } catch { rollBack(handle) }
    }

    /// Runs a body that writes, within a savepoint, and waits for the commit.
    func write<Value: Sendable>(
        by deadline: ContinuousClock.Instant,
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await onThread { [self] answer in
            do throws(StorageError) {
                let handle = try start(by: deadline)
                try openGroup(handle)
                try handle.execute("SAVEPOINT request", [])
                run(body, on: handle) { self.endWriting(handle, $0, answer) }
            } catch {
                answer(.failure(error))
            }
        }
    }

    private func endWriting<Value>(
        _ handle: SQLiteHandle, _ result: Result<Value, StorageError>, _ answer: @escaping Answer<Value>
    ) {
        do throws(StorageError) {
            let value = try result.get()
            try handle.execute("RELEASE request", [])
            answerAfterCommit(answer, .success(value))
        } catch {
            undoRequest(handle, after: error)
            answer(.failure(error))
        }
    }

    /// Runs one statement that writes, and waits for the commit. It needs no savepoint: SQLite undoes a statement that
    /// fails.
    func execute(
        by deadline: ContinuousClock.Instant, _ text: String, _ parameters: [SQLValue]
    ) async throws(StorageError) -> Int {
        try await onThread { [self] answer in
            do throws(StorageError) {
                let handle = try start(by: deadline)
                try openGroup(handle)
                do throws(StorageError) {
                    answerAfterCommit(answer, .success(try handle.execute(text, parameters)))
                } catch {
                    if handle.isOutsideTransaction { groupIsLost(error) }
                    throw error
                }
            } catch {
                answer(.failure(error))
            }
        }
    }

    /// Runs a statement that writes with each of several lists of parameters, and waits for the commit.
    func execute(
        by deadline: ContinuousClock.Instant, _ text: String, forEach parameters: [[SQLValue]]
    ) async throws(StorageError) -> [Int] {
        try await onThread { [self] answer in
            do throws(StorageError) {
                let handle = try start(by: deadline)
                try openGroup(handle)
                thread.countJobs(parameters.count)
                let result = execute(text, forEach: parameters, on: handle)
                if case .failure(let error) = result, handle.isOutsideTransaction { groupIsLost(error) }
                answerAfterCommit(answer, result)
            } catch {
                answer(.failure(error))
            }
        }
    }

    /// Goes on behind one that fails, unless it has ended the transaction.
    private func execute(
        _ text: String, forEach parameters: [[SQLValue]], on handle: SQLiteHandle
    ) -> Result<[Int], StorageError> {
        var counts: [Int] = []
        counts.reserveCapacity(parameters.count)
        var failure: StorageError?
        for parameters in parameters {
            do throws(StorageError) {
                counts.append(try handle.execute(text, parameters))
            } catch {
                failure = failure ?? error
                if handle.isOutsideTransaction { break }
            }
        }
        return failure.map { .failure($0) } ?? .success(counts)
    }

    private func start(by deadline: ContinuousClock.Instant) throws(StorageError) -> SQLiteHandle {
        guard !isInBody else { preconditionFailure("a transaction's body awaited something else than its statements") }
        guard let handle else { throw .unavailable(detail: "the database is closed") }
        guard ContinuousClock.now < deadline else {
            throw .unavailable(detail: "the request waited for longer than it may")
        }
        return handle
    }

    /// Runs a transaction's body in a task on this thread. Its statements do not wait, so it has ended when this returns.
    ///
    /// The task prefers the thread as its executor, as do those that it calls: one that preferred another, or an actor
    /// here, would be put back into the queue after every `await`, and others would run between its statements.
    private func run<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value,
        on handle: SQLiteHandle,
        _ end: @escaping Answer<Value>
    ) {
        thread.checkCurrent()
        isInBody = true
        // Neither leaves the thread.
        nonisolated(unsafe) let transaction = SQLiteTransaction(handle: handle), end = end
        Task.immediate(executorPreference: thread) { [self] in
            let result: Result<Value, StorageError>
            do throws(StorageError) { result = .success(try await body(transaction)) } catch {
                result = .failure(error)
            }
            isInBody = false
            end(result)
        }
    }

    // MARK: Groups

    private func openGroup(_ handle: SQLiteHandle) throws(StorageError) {
        switch group {
        case .open: return
        case .failed(let error): throw error
        case .none: break
        }
        thread.atBatchEnd { self.commitGroup() }
        do throws(StorageError) {
            // IMMEDIATE: it waits for other processes' writes now, when waiting can still succeed.
            try handle.execute("BEGIN IMMEDIATE", [])
            group = .open
        } catch {
            group = .failed(error)
            throw error
        }
    }

    /// Answers a request that worked once its group is committed, and says so if the commit fails.
    private func answerAfterCommit<Value>(_ answer: @escaping Answer<Value>, _ result: Result<Value, StorageError>) {
        guard case .success = result else { return answer(result) }
        // The commit calls each exactly once: `finishGroup` takes them all out of `waiting`.
        waiting.append { failure in answer(failure.map { .failure($0) } ?? result) }
    }

    private func commitGroup() {
        guard let handle, case .open = group else {
            group = .none
            return
        }
        do throws(StorageError) {
            try handle.execute("COMMIT", [])
            committedGroupCount += 1
            finishGroup(nil)
        } catch {
            rollBack(handle)
            finishGroup(error)
        }
    }

    private func finishGroup(_ failure: StorageError?) {
        group = .none
        let finished = waiting
        waiting.removeAll(keepingCapacity: true)
        for answer in finished { answer(failure) }
    }

    /// Undoes what one request did, and nothing of the others in its group.
    private func undoRequest(_ handle: SQLiteHandle, after error: StorageError) {
        if !handle.isOutsideTransaction {
            do throws(StorageError) {
                try handle.execute("ROLLBACK TO request", [])
                try handle.execute("RELEASE request", [])
                return
            } catch {
                rollBack(handle)
            }
        }
        groupIsLost(error)
    }

    /// SQLite rolls the whole transaction back after some errors (disk full, input or output, memory): with it goes
    /// what the others of the group did.
    private func groupIsLost(_ error: StorageError) {
        finishGroup(.unavailable(detail: "rolled back together with a request that failed: \(error.debugDescription)"))
    }

    private func rollBack(_ handle: SQLiteHandle) {
        guard !handle.isOutsideTransaction else { return }
        // It fails only when there is no transaction, which is what it is for.
        do throws(StorageError) { try handle.execute("ROLLBACK", []) } catch {}
    }
}

/// A transaction of a SQLite connection. Its statements run at once: nothing in it waits.
private final class SQLiteTransaction: SQLTransaction {
    private let handle: SQLiteHandle

    init(handle: SQLiteHandle) { self.handle = handle }

    func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow] {
        try handle.query(statement.text(in: .sqlite), parameters)
    }

    func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int {
        try handle.execute(statement.text(in: .sqlite), parameters)
    }
}
