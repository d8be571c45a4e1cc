// SPDX-License-Identifier: Apache-2.0
// One connection in libpq's pipeline mode: many statements go out before the first answer comes, and neither sending nor
// waiting holds the loop up.

import CPostgreSQL
import DequeModule
import XMPPCore
import XMPPPersistenceSQL

/// A statement and its values.
struct PostgreSQLCommand {
    let statement: SQLStatement
    let parameters: [SQLValue]

    init(_ statement: SQLStatement, _ parameters: [SQLValue] = []) {
        self.statement = statement
        self.parameters = parameters
    }

    /// What the values take.
    var byteCount: Int { parameters.reduce(0) { $0 + $1.byteCount } }
}

/// What a statement came to.
struct PostgreSQLResult: Equatable {
    var rows: [SQLRow]
    /// How many rows it wrote, or read.
    var rowCount: Int
}

/// What a step came to: commands that are done together or not at all.
enum PostgreSQLOutcome {
    /// All were done, and what they wrote is durable unless they are inside of a transaction. Rows that cannot be read
    /// are an error of their command alone.
    case done([Result<PostgreSQLResult, StorageError>])
    /// The server refused one of them, and undid the others.
    case refused(PostgreSQLError)
    /// The connection went. Whether they were done is not known.
    case lost(reason: String)
}

/// A connection; what is asked for on it must be asked for one at a time.
///
/// `@unchecked Sendable`: it is confined to its loop, which what others call asserts.
final class PostgreSQLConnection: EventSource, @unchecked Sendable {
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
        case sync
    }

    private struct PreparedKey: Hashable {
        let statement: SQLStatement
        let types: [Oid]
    }

    private let loop: EventLoop
    private let settings: PostgreSQLSettings
    private let dialect: Dialect
    /// Told when the connection has become idle for the first time, and when it is lost, and then why.
    private let changed: (PostgreSQLConnection, _ lostBecause: String?) -> Void
    private var phase = Phase.closed
    private var handle: OpaquePointer?
    private var watch: (descriptor: Int32, token: SourceToken, interest: ReadyEvents)?
    private var timer: TimerToken?

    private var prepared: [PreparedKey: String] = [:]
    private var expected = Deque<Expected>()
    private var results: [Result<PostgreSQLResult, StorageError>] = []
    private var refusal: PostgreSQLError?
    private var outcomes: [PostgreSQLOutcome] = []
    private var stepCount = 0
    private var completion: (([PostgreSQLOutcome]) -> Void)?

    init(
        _ loop: EventLoop, _ settings: PostgreSQLSettings, _ dialect: Dialect,
        _ changed: @escaping (PostgreSQLConnection, _ lostBecause: String?) -> Void
    ) {
        self.loop = loop
        self.settings = settings
        self.dialect = dialect
        self.changed = changed
    }

    deinit { if let handle { PQfinish(handle) } }

    /// Whether it can be given something to do.
    var isIdle: Bool { phase == .idle }
    /// Whether it is connected, or may be soon.
    var isAlive: Bool { phase != .closed }

    // MARK: Connecting

    /// Begins to connect; `changed` is told how it ends.
    ///
    /// - Parameter address: of the host; nil for a local socket.
    func connect(address: String?) {
        loop.assertCurrent()
        precondition(phase == .closed, "a connection is made once at a time")
        phase = .connecting
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
        perform([setUp.map { PostgreSQLCommand(SQLStatement($0)) }]) { [self] outcomes in
            switch outcomes.first {
            case .done: changed(self, nil)
            case .refused(let error): lose(error.message)
            case .lost, nil: break  // `lose` has told it
            }
        }
    }

    // MARK: Statements

    /// Sends steps, all at once; each is done or undone by itself, in order.
    ///
    /// - Parameter completion: gets what each came to, when all are answered.
    func perform(_ steps: [[PostgreSQLCommand]], _ completion: @escaping ([PostgreSQLOutcome]) -> Void) {
        loop.assertCurrent()
        precondition(phase == .idle, "a connection does one thing at a time")
        phase = .busy
        self.completion = completion
        stepCount = steps.count
        startTimer("no answer within \(settings.answerTimeout)")
        for step in steps {
            for command in step {
                guard send(command) else { return lose(lastMessage) }
            }
            guard PQpipelineSync(handle) == 1 else { return lose(lastMessage) }
            expected.append(.sync)
        }
        flush()
    }

    private func send(_ command: PostgreSQLCommand) -> Bool {
        let types = command.parameters.map(\.postgreSQLType)
        let key = PreparedKey(statement: command.statement, types: types)
        if let name = prepared[key] {
            expected.append(.result)
            return sendParameters(command.parameters) { count, values, lengths, formats in
                PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1)
            }
        }
        let text = command.statement.text(in: dialect)
        guard prepared.count < Self.statementCountMax else {
            expected.append(.result)
            return sendParameters(command.parameters) { count, values, lengths, formats in
                PQsendQueryParams(handle, text, count, types, values, lengths, formats, 1)
            }
        }
        let name = "mimd\(nameCount)"
        nameCount += 1
        guard PQsendPrepare(handle, name, text, Int32(types.count), types) == 1 else { return false }
        expected.append(.prepared(key))
        prepared[key] = name
        return send(command)
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
            outcomes.append(refusal.map { .refused($0) } ?? .done(results))
            refusal = nil
            results = []
        case (.sync, PGRES_FATAL_ERROR):
            // The commit was refused, of what had all been done.
            refuse(result, status)
            expected.prepend(.sync)
        case (.prepared, PGRES_COMMAND_OK):
            break
        case (.prepared(let key), PGRES_FATAL_ERROR), (.prepared(let key), PGRES_PIPELINE_ABORTED):
            prepared[key] = nil
            refuse(result, status)
        case (.result, PGRES_FATAL_ERROR), (.result, PGRES_PIPELINE_ABORTED):
            refuse(result, status)
        case (.result, PGRES_COMMAND_OK), (.result, PGRES_TUPLES_OK):
            results.append(Result { () throws(StorageError) in try PostgreSQLResult(result) })
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

extension PostgreSQLResult {
    init(_ result: OpaquePointer) throws(StorageError) {
        rows = []
        for row in 0..<PQntuples(result) { rows.append(try SQLRow(result, row: row)) }
        rowCount = PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
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
