// SPDX-License-Identifier: Apache-2.0
// One connection to a MySQL or MariaDB server. libmariadb's calls that do not wait are begun, and gone on with whenever
// the socket is ready; the server takes one statement after the other.

import CMariaDB
import Glibc
import XMPPCore
import XMPPPersistenceSQL

/// A connection; what is asked for on it must be asked for one at a time.
///
/// `@unchecked Sendable`: it is confined to its loop, which what others call asserts.
final class MySQLConnection: SQLConnection, EventSource, @unchecked Sendable {
    /// Most statements that are kept prepared; before one more all are forgotten.
    static let statementCountMax = 256
    /// Most connections of a pool that are made at once.
    static let connectingCountMax = 16

    private enum Phase {
        /// Not connected, and nobody is at it.
        case closed
        case connecting
        /// Nothing is under way.
        case idle
        /// Steps are under way.
        case busy
    }

    private let loop: EventLoop
    private let settings: DatabaseSettings
    private let helpers: WorkerPool
    private let changed: ConnectionChange
    private var phase = Phase.closed
    private var handle: UnsafeMutablePointer<MYSQL>?
    private var watch: (descriptor: Int32, token: SourceToken, interest: ReadyEvents)?
    private var prepared: [SQLStatement: MySQLStatement] = [:]
    /// Who waits for the socket.
    private var waiter: UnsafeContinuation<Void, Never>?
    private var timer: TimerToken?
    /// Why the connection is given up; nil while it is not.
    private var end: String?

    init(_ loop: EventLoop, _ settings: DatabaseSettings, _ helpers: WorkerPool, _ changed: @escaping ConnectionChange)
    {
        self.loop = loop
        self.settings = settings
        self.helpers = helpers
        self.changed = changed
    }

    deinit { if let handle { mysql_close(handle) } }

    var isIdle: Bool { phase == .idle }
    var isAlive: Bool { phase != .closed }
    var answersOneByOne: Bool { true }

    // MARK: Connecting

    func connect() {
        loop.assertCurrent()
        precondition(phase == .closed, "a connection is made once at a time")
        phase = .connecting
        end = nil
        let settings = settings
        loop.start { [self] in
            let result: Result<MySQLHandle, StorageError>
            do {
                result = .success(try await helpers.run { try MySQLHandle.connect(settings) })
            } catch {
                result = .failure(error as? StorageError ?? .unavailable(detail: "\(error)"))
            }
            await connected(result)
        }
    }

    private func connected(_ result: Result<MySQLHandle, StorageError>) async {
        switch result {
        case .failure(let error):
            giveUp(end ?? Self.reason(of: error))
        case .success(let handle):
            self.handle = handle.pointer
            guard end == nil else { return giveUp(end) }
            do throws(SystemError) {
                let descriptor = mysql_get_socket(handle.pointer)
                watch = (descriptor, try loop.register(descriptor, self, .readable), .readable)
            } catch {
                return giveUp("\(error)")
            }
            await setUp()
        }
    }

    private static func reason(of error: StorageError) -> String {
        if case .unavailable(let detail) = error { detail } else { error.debugDescription }
    }

    private func setUp() async {
        let milliseconds = Int(settings.answerTimeout / .milliseconds(1))
        let seconds = Int((settings.answerTimeout / .seconds(1)).rounded(.up))
        let statements = [
            // What does not fit is refused, not cut. What nobody waits for any more is not to go on: the signs make each
            // server read its own word for that.
            """
            SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
            innodb_lock_wait_timeout = \(max(1, seconds)) /*!80000 , max_execution_time = \(milliseconds) */ \
            /*M! , max_statement_time = \(Double(milliseconds) / 1_000) */
            """,
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        ]
        for statement in statements {
            do throws(MySQLError) { try await run(statement) } catch { return giveUp(error.message) }
        }
        phase = .idle
        changed(self, nil)
    }

    // MARK: Steps

    func perform(_ steps: [SQLStep], _ completion: @escaping ([StepOutcome]) -> Void) {
        loop.assertCurrent()
        precondition(phase == .idle, "a connection does one thing at a time")
        phase = .busy
        let completion = Completion(body: completion)
        loop.start { [self] in
            var outcomes: [StepOutcome] = []
            for step in steps { outcomes.append(await perform(step)) }
            guard end == nil else {
                let reason = end
                release()
                completion.body(outcomes)
                return changed(self, reason)
            }
            phase = .idle
            completion.body(outcomes)
        }
    }

    /// `@unchecked Sendable`: it never leaves the loop.
    private struct Completion: @unchecked Sendable {
        let body: ([StepOutcome]) -> Void
    }

    private func perform(_ step: SQLStep) async -> StepOutcome {
        do throws(MySQLError) {
            return .done(try await run(step))
        } catch {
            if error.endsConnection { lose(error.message) }
            if let end { return .lost(reason: end) }
            if error.isOfPreparation { forgetPrepared() }
            if step.kind == .write, step.commands.count > 1 {
                do throws(MySQLError) { try await run(Self.rollBack) } catch {
                    lose(error.message)
                    return .lost(reason: end ?? error.message)
                }
            }
            return .refused(error.refusal)
        }
    }

    private func run(_ step: SQLStep) async throws(MySQLError) -> [Result<SQLResult, StorageError>] {
        let isGroup = step.kind == .write && step.commands.count > 1
        switch step.kind {
        case .read, .goOn: break
        case .write: if isGroup { try await run(Self.begin) }
        case .beginReading: try await run(Self.beginReading)
        case .beginWriting:
            try await run(Self.setSerializable)
            try await run(Self.begin)
        case .commit: try await run(Self.commit)
        case .rollBack:
            try await run(Self.rollBack)
            // A transaction that failed has not given back what it locked by name.
            try await run(Self.releaseLocks)
        }
        var results: [Result<SQLResult, StorageError>] = []
        results.reserveCapacity(step.commands.count)
        for command in step.commands { results.append(try await run(command)) }
        if isGroup { try await run(Self.commit) }
        return results
    }

    private static let begin = "START TRANSACTION"
    private static let setSerializable = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"
    private static let beginReading = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
    private static let commit = "COMMIT"
    private static let rollBack = "ROLLBACK"
    private static let releaseLocks = "DO RELEASE_ALL_LOCKS()"

    private func run(_ command: SQLCommand) async throws(MySQLError) -> Result<SQLResult, StorageError> {
        let statement = try await prepare(command.statement)
        guard statement.bind(command.parameters) else { throw MySQLError(statement.handle) }
        if try await finish(
            { mysql_stmt_execute_start($0, statement.handle) }, { mysql_stmt_execute_cont($0, statement.handle, $1) })
            != 0
        {
            throw MySQLError(statement.handle)
        }
        guard statement.hasRows else {
            return .success(SQLResult(rows: [], rowCount: statement.writtenCount))
        }
        if try await finish(
            { mysql_stmt_store_result_start($0, statement.handle) },
            { mysql_stmt_store_result_cont($0, statement.handle, $1) }) != 0
        {
            throw MySQLError(statement.handle)
        }
        return Result { () throws(StorageError) in
            let rows = try statement.rows()
            return SQLResult(rows: rows, rowCount: rows.count)
        }
    }

    private func prepare(_ statement: SQLStatement) async throws(MySQLError) -> MySQLStatement {
        if let known = prepared[statement] { return known }
        if prepared.count >= Self.statementCountMax { forgetPrepared() }
        guard let handle, let pointer = mysql_stmt_init(handle) else { throw Self.lost }
        let new = MySQLStatement(pointer)
        // The library reads the text until it is done.
        let text = CText(statement.text(in: .mySQL))
        do throws(MySQLError) {
            if try await finish(
                { mysql_stmt_prepare_start($0, pointer, text.bytes, UInt(text.count)) },
                { mysql_stmt_prepare_cont($0, pointer, $1) }) != 0
            {
                throw MySQLError(pointer)
            }
        } catch {
            new.close()
            throw error
        }
        prepared[statement] = new
        return new
    }

    /// Closes the statements, of which the server has too many or knows no more.
    private func forgetPrepared() {
        let statements = prepared.values
        prepared = [:]
        for statement in statements { statement.close() }
    }

    /// Runs a statement that has neither parameters nor rows.
    private func run(_ statement: String) async throws(MySQLError) {
        guard let handle else { throw Self.lost }
        let text = CText(statement)
        if try await finish(
            { mysql_real_query_start($0, handle, text.bytes, UInt(text.count)) },
            { mysql_real_query_cont($0, handle, $1) }) != 0
        {
            throw MySQLError(handle)
        }
    }

    // MARK: Waiting

    private static let lost = MySQLError(number: 2_006, state: "HY000", message: "the connection was lost")

    /// Begins a call of the library, and goes on with it until it is done.
    ///
    /// - Returns: what the call returned.
    private func finish(
        _ begin: (UnsafeMutablePointer<Int32>) -> Int32, _ goOn: (UnsafeMutablePointer<Int32>, Int32) -> Int32
    ) async throws(MySQLError) -> Int32 {
        guard end == nil else { throw Self.lost }
        var result: Int32 = 0
        var wanted = begin(&result)
        guard wanted != 0 else { return result }
        startTimer()
        while wanted != 0 {
            await ready(for: wanted)
            // After a shutdown the socket is ready for everything, and the call ends with an error.
            wanted = goOn(&result, Int32(MYSQL_WAIT_READ | MYSQL_WAIT_WRITE) & wanted)
        }
        stopTimer()
        return result
    }

    private func ready(for wanted: Int32) async {
        guard end == nil, let current = watch else { return }
        let interest: ReadyEvents = wanted & Int32(MYSQL_WAIT_WRITE) != 0 ? [.readable, .writable] : .readable
        if current.interest != interest {
            loop.update(current.descriptor, current.token, interest)
            watch?.interest = interest
        }
        await withUnsafeContinuation { waiter = $0 }
    }

    func ready(_ events: ReadyEvents) {
        if let waiter = waiter.take() { return waiter.resume() }
        // What comes unasked is the server's farewell.
        guard phase == .idle else { return }
        lose("the server closed the connection")
        giveUp(end)
    }

    private func startTimer() {
        stopTimer()
        timer = loop.schedule(after: settings.answerTimeout) { [self] in
            timer = nil
            lose("no answer within \(settings.answerTimeout)")
        }
    }

    private func stopTimer() {
        if let timer { loop.cancel(timer) }
        timer = nil
    }

    // MARK: Losing it

    func close() {
        loop.assertCurrent()
        guard phase != .closed else { return }
        let isIdle = isIdle
        lose("the database is closed")
        if isIdle { giveUp(end) }
    }

    /// The loop stops.
    func abandoned() { close() }

    /// Gives the connection up. What is under way fails at its next step, for the socket is of no use any more.
    private func lose(_ reason: String) {
        guard end == nil else { return }
        end = reason
        if let handle { shutdown(mysql_get_socket(handle), Int32(SHUT_RDWR)) }
        waiter.take()?.resume()
    }

    private func giveUp(_ reason: String?) {
        end = reason ?? "the connection was lost"
        release()
        changed(self, end)
    }

    /// Frees what the library has of the connection. Only when nothing is under way.
    private func release() {
        phase = .closed
        stopTimer()
        guard let handle else { return }
        // The library closes the socket by itself when it finds the connection broken.
        if let watch, mysql_get_socket(handle) == watch.descriptor {
            loop.unregister(watch.descriptor, watch.token)
        } else if let watch {
            loop.forget(watch.token)
        }
        watch = nil
        mysql_close(handle)
        self.handle = nil
        // Without a connection they are memory and nothing else.
        for statement in prepared.values { statement.close() }
        prepared = [:]
    }
}

/// A text where the library can read it for as long as a call lasts.
private final class CText {
    let bytes: UnsafeMutablePointer<CChar>
    let count: Int

    init(_ text: String) {
        count = text.utf8.count
        bytes = .allocate(capacity: max(1, count))
        for (index, byte) in text.utf8.enumerated() { bytes[index] = CChar(bitPattern: byte) }
    }

    deinit { bytes.deallocate() }
}
