// SPDX-License-Identifier: Apache-2.0
// One connection in libpq's pipeline mode: many statements go out before the first answer comes, and neither sending nor
// waiting holds the loop up.

import CPostgreSQL
import DequeModule
import XMPPCore
import XMPPPersistenceSQL

/// A connection; what is asked for on it must be asked for one at a time.
///
/// `@unchecked Sendable`: it is confined to its loop, which what others call asserts.
final class PostgreSQLConnection: SQLConnection, EventSource, @unchecked Sendable {
    /// Most statements that are kept prepared; the rest is prepared for each use.
    static let statementCountMax = 256

    private enum Phase {
        /// Not connected, and nobody is at it.
        case closed
        case connecting
        /// Nothing is under way.
        case idle
        /// Answers are awaited.
        case busy
    }

    /// What the server answers next.
    private enum Expected {
        case prepared(PreparedKey)
        case result
        /// Of a statement that a step is framed by.
        case framing
        /// The end of a step.
        case sync
        /// The end of rolling back what a step has left open.
        case syncOfRollBack
    }

    private struct PreparedKey: Hashable {
        let statement: SQLStatement
        let types: [Oid]
    }

    private let loop: EventLoop
    private let settings: DatabaseSettings
    private let dialect: Dialect
    private let helpers: WorkerPool
    private let changed: ConnectionChange
    private var phase = Phase.closed
    private var handle: OpaquePointer?
    private var watch: (descriptor: Int32, token: SourceToken, interest: ReadyEvents)?
    private var timer: TimerToken?

    private var prepared: [PreparedKey: String] = [:]
    private var expected = Deque<Expected>()
    private var results: [Result<SQLResult, StorageError>] = []
    private var refusal: PostgreSQLError?
    private var leavesOpenWhenRefused = false
    private var outcomes: [StepOutcome] = []
    private var stepCount = 0
    private var completion: (([StepOutcome]) -> Void)?

    init(
        _ loop: EventLoop, _ settings: DatabaseSettings, _ dialect: Dialect, _ helpers: WorkerPool,
        _ changed: @escaping ConnectionChange
    ) {
        self.loop = loop
        self.helpers = helpers
        self.settings = settings
        self.dialect = dialect
        self.changed = changed
    }

    deinit { if let handle { PQfinish(handle) } }

    var isIdle: Bool { phase == .idle }
    var isAlive: Bool { phase != .closed }
    var answersOneByOne: Bool { false }

    // MARK: Connecting

    func connect() {
        loop.assertCurrent()
        precondition(phase == .closed, "a connection is made once at a time")
        phase = .connecting
        let attempt = connectCount
        connectCount += 1
        loop.start { [self] in
            let found = await PostgreSQLHost.addresses(of: settings.host, helpers)
            // It may have been closed, and opened anew, meanwhile.
            guard phase == .connecting, attempt == connectCount - 1 else { return }
            switch found {
            case .success(let addresses): connect(address: addresses[attempt % addresses.count])
            case .failure(let error): lose(error.description)
            }
        }
    }
    private var connectCount = 0

    /// - Parameter address: of the host; nil for a local socket.
    private func connect(address: String?) {
        let parameters = settings.parameters(address: address)
        handle = withCStrings(parameters.map(\.0)) { keywords in
            withCStrings(parameters.map(\.1)) { values in PQconnectStartParams(keywords, values, 0) }
        }
        guard let handle, PQstatus(handle) != CONNECTION_BAD else { return lose(lastMessage) }
        // It would print them.
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        startTimer("the server does not answer")
        watchDescriptor(.writable)
    }

    private func continueConnecting() {
        // libpq may close the socket and take another, with the same number even.
        unwatch()
        switch PQconnectPoll(handle) {
        case PGRES_POLLING_READING: watchDescriptor(.readable)
        case PGRES_POLLING_WRITING: watchDescriptor(.writable)
        case PGRES_POLLING_OK: setUp()
        default: lose(lastMessage)
        }
    }

    private func setUp() {
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else { return lose(lastMessage) }
        watchDescriptor(.readable)
        stopTimer()
        phase = .idle
        let milliseconds = Int(settings.answerTimeout / .milliseconds(1))
        let setUp = [
            // A statement reads what it then changes, and others must not come between.
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            // What nobody waits for any more is not to go on.
            "SET statement_timeout = \(milliseconds)",
        ]
        perform([SQLStep(.write, setUp.map { SQLCommand(SQLStatement($0)) })]) { [self] outcomes in
            switch outcomes.first {
            case .done: changed(self, nil)
            case .refused(let refusal): lose(refusal.error.debugDescription)
            case .lost, nil: break  // `lose` has told it
            }
        }
    }

    // MARK: Steps

    func perform(_ steps: [SQLStep], _ completion: @escaping ([StepOutcome]) -> Void) {
        loop.assertCurrent()
        precondition(phase == .idle, "a connection does one thing at a time")
        precondition(
            steps.count == 1 || steps.allSatisfy { $0.kind != .read || $0.commands.count == 1 },
            "a group of readings, which may have to be rolled back, comes alone")
        phase = .busy
        self.completion = completion
        stepCount = steps.count
        startTimer("no answer within \(settings.answerTimeout)")
        for step in steps {
            guard send(step) else { return lose(lastMessage) }
        }
        flush()
    }

    /// Sends a step and the Sync that ends it: what lies between two Syncs outside of a transaction is one.
    private func send(_ step: SQLStep) -> Bool {
        let isGroup = step.commands.count > 1
        let (before, after): (SQLStatement?, SQLStatement?) =
            switch step.kind {
            // What only reads, each statement for itself, needs none of the care that the session's transactions take.
            case .read: isGroup ? (Self.beginReadingGroup, Self.commit) : (nil, nil)
            case .write, .goOn: (nil, nil)
            case .beginReading: (Self.beginReading, nil)
            case .beginWriting: (Self.beginWriting, nil)
            case .commit: (Self.commit, nil)
            case .rollBack: (Self.rollBack, nil)
            }
        if let before, !send(SQLCommand(before), answeredBy: .framing) { return false }
        for command in step.commands where !send(command, answeredBy: .result) { return false }
        if let after, !send(SQLCommand(after), answeredBy: .framing) { return false }
        leavesOpenWhenRefused = after != nil
        return sync(.sync)
    }

    private func sync(_ answer: Expected) -> Bool {
        expected.append(answer)
        return PQpipelineSync(handle) == 1
    }

    /// A group of readings that was refused has left its transaction open.
    private func rollBack() {
        leavesOpenWhenRefused = false
        guard send(SQLCommand(Self.rollBack), answeredBy: .framing), sync(.syncOfRollBack) else {
            return lose(lastMessage)
        }
        flush()
    }

    private static let beginReadingGroup = SQLStatement("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
    private static let beginReading = SQLStatement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    private static let beginWriting = SQLStatement("BEGIN ISOLATION LEVEL SERIALIZABLE")
    private static let commit = SQLStatement("COMMIT")
    private static let rollBack = SQLStatement("ROLLBACK")

    private func send(_ command: SQLCommand, answeredBy answer: Expected) -> Bool {
        let types = command.parameters.map(\.postgreSQLType)
        let key = PreparedKey(statement: command.statement, types: types)
        if let name = prepared[key] {
            expected.append(answer)
            return sendParameters(command.parameters) { count, values, lengths, formats in
                PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1)
            }
        }
        let text = command.statement.text(in: dialect)
        guard prepared.count < Self.statementCountMax else {
            expected.append(answer)
            return sendParameters(command.parameters) { count, values, lengths, formats in
                PQsendQueryParams(handle, text, count, types, values, lengths, formats, 1)
            }
        }
        let name = "mimd\(nameCount)"
        nameCount += 1
        guard PQsendPrepare(handle, name, text, Int32(types.count), types) == 1 else { return false }
        expected.append(.prepared(key))
        prepared[key] = name
        return send(command, answeredBy: answer)
    }
    private var nameCount = 0

    private func sendParameters(
        _ parameters: [SQLValue],
        _ body: (
            Int32, UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Int32>, UnsafePointer<Int32>
        ) -> Int32
    ) -> Bool {
        var bytes: [UInt8] = []
        var offsets: [Int?] = []
        var lengths: [Int32] = []
        for parameter in parameters {
            let start = bytes.count
            parameter.append(to: &bytes)
            offsets.append(parameter == .null ? nil : start)
            guard let length = Int32(exactly: bytes.count - start) else { return false }
            lengths.append(length)
        }
        // An empty value is one too, and must not be taken for NULL.
        bytes.append(0)
        let formats = [Int32](repeating: 1, count: parameters.count)
        return bytes.withUnsafeBytes { buffer in
            let values = offsets.map { offset in
                offset.flatMap { buffer.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self) }
            }
            return body(Int32(parameters.count), values, lengths, formats) == 1
        }
    }

    private func flush() {
        switch PQflush(handle) {
        case 0: setInterest(.readable)
        case 1: setInterest([.readable, .writable])
        default: lose(lastMessage)
        }
    }

    // MARK: Answers

    func ready(_ events: ReadyEvents) {
        guard phase != .connecting else { return continueConnecting() }
        guard PQconsumeInput(handle) == 1 else { return lose(lastMessage) }
        if events.contains(.writable) { flush() }
        takeResults()
        // What comes unasked is the server's farewell.
        if phase == .idle, PQisBusy(handle) == 0, let result = PQgetResult(handle) {
            let reason = PostgreSQLError(result).message
            PQclear(result)
            lose(reason)
        }
    }

    private func takeResults() {
        while phase == .busy, !expected.isEmpty, PQisBusy(handle) == 0 {
            // Nil stands between the results of two commands.
            guard let result = PQgetResult(handle) else {
                if PQstatus(handle) == CONNECTION_BAD { lose(lastMessage) }
                continue
            }
            take(result)
            PQclear(result)
        }
        guard phase == .busy, expected.isEmpty else { return }
        stopTimer()
        phase = .idle
        let completion = completion.take()
        let outcomes = outcomes
        self.outcomes = []
        completion?(outcomes)
    }

    private func take(_ result: OpaquePointer) {
        let status = PQresultStatus(result)
        guard status != PGRES_FATAL_ERROR || PQstatus(handle) != CONNECTION_BAD else {
            return lose(PostgreSQLError(result).message)
        }
        switch (expected.popFirst(), status) {
        case (.sync, PGRES_PIPELINE_SYNC):
            let isRefused = refusal != nil
            outcomes.append(refusal.map { .refused($0.refusal) } ?? .done(results))
            refusal = nil
            results = []
            if isRefused, leavesOpenWhenRefused { rollBack() }
        case (.syncOfRollBack, PGRES_PIPELINE_SYNC):
            if let refusal { lose(refusal.message) }
        case (.sync, PGRES_FATAL_ERROR):
            // The commit was refused, of what had all been done.
            refuse(result, status)
            expected.prepend(.sync)
        case (.prepared, PGRES_COMMAND_OK):
            break
        case (.prepared(let key), PGRES_FATAL_ERROR), (.prepared(let key), PGRES_PIPELINE_ABORTED):
            prepared[key] = nil
            refuse(result, status)
        case (.result, PGRES_FATAL_ERROR), (.result, PGRES_PIPELINE_ABORTED), (.framing, PGRES_FATAL_ERROR),
            (.framing, PGRES_PIPELINE_ABORTED):
            refuse(result, status)
        case (.framing, PGRES_COMMAND_OK):
            break
        case (.result, PGRES_COMMAND_OK), (.result, PGRES_TUPLES_OK):
            results.append(Result { () throws(StorageError) in try SQLResult(result) })
        default:
            lose("the server answered with what nobody asked for")
        }
    }

    private func refuse(_ result: OpaquePointer, _ status: ExecStatusType) {
        guard refusal == nil, status == PGRES_FATAL_ERROR else { return }
        let error = PostgreSQLError(result)
        // The server, or what stands before it, has forgotten a prepared statement.
        if error.isOfPreparation { prepared = [:] }
        refusal = error
    }

    // MARK: Losing it

    /// Closes the connection. What is under way is lost.
    func close() { lose("the database is closed") }

    /// The loop stops.
    func abandoned() { lose("the database is closed") }

    private func lose(_ reason: String) {
        guard phase != .closed else { return }
        let reason = reason.split(separator: "\n").first.map(String.init) ?? "the connection was lost"
        phase = .closed
        unwatch()
        stopTimer()
        if let handle { PQfinish(handle) }
        handle = nil
        prepared = [:]
        expected = []
        results = []
        refusal = nil
        let completion = completion.take()
        let missing = stepCount - outcomes.count
        let outcomes = outcomes + Array(repeating: .lost(reason: reason), count: max(0, missing))
        self.outcomes = []
        completion?(outcomes)
        changed(self, reason)
    }

    private var lastMessage: String {
        guard let handle, let message = PQerrorMessage(handle) else { return "no memory for a connection" }
        return String(cString: message)
    }

    private func startTimer(_ reason: String) {
        stopTimer()
        timer = loop.schedule(after: settings.answerTimeout) { [self] in
            timer = nil
            lose(reason)
        }
    }

    private func stopTimer() {
        if let timer { loop.cancel(timer) }
        timer = nil
    }

    // MARK: Events

    private func watchDescriptor(_ interest: ReadyEvents) {
        let descriptor = PQsocket(handle)
        do throws(SystemError) {
            watch = (descriptor, try loop.register(descriptor, self, interest), interest)
        } catch {
            lose("\(error)")
        }
    }

    private func setInterest(_ interest: ReadyEvents) {
        guard let current = watch, current.interest != interest else { return }
        loop.update(current.descriptor, current.token, interest)
        watch?.interest = interest
    }

    private func unwatch() {
        guard let watch else { return }
        self.watch = nil
        // libpq closes the socket by itself when it finds the connection broken.
        if PQsocket(handle) == watch.descriptor {
            loop.unregister(watch.descriptor, watch.token)
        } else {
            loop.forget(watch.token)
        }
    }
}

extension SQLResult {
    fileprivate init(_ result: OpaquePointer) throws(StorageError) {
        var rows: [SQLRow] = []
        for row in 0..<PQntuples(result) { rows.append(try SQLRow(result, row: row)) }
        self.init(rows: rows, rowCount: PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0)
    }
}

extension PostgreSQLError {
    init(_ result: OpaquePointer) {
        state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) } ?? ""
        message = PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
    }
}

/// Calls `body` with C strings, and a null pointer after the last.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    let ends = strings.reduce(into: [0]) { ends, string in ends.append(ends[ends.count - 1] + string.utf8.count + 1) }
    let bytes = strings.reduce(into: [CChar]()) { bytes, string in
        bytes += string.utf8.map { CChar(bitPattern: $0) } + [0]
    }
    return bytes.withUnsafeBufferPointer { buffer in
        var pointers: [UnsafePointer<CChar>?] = ends.dropLast().map { buffer.baseAddress?.advanced(by: $0) }
        pointers.append(nil)
        return body(pointers)
    }
}
