// SPDX-License-Identifier: Apache-2.0
// The connections of a database and who waits for them. Single statements that wait go out together: they share a round
// trip, and those that write a commit.

import DequeModule
import Glibc
import Logging
import XMPPCore
import XMPPPersistenceSQL

/// A statement that somebody waits for.
struct PostgreSQLRequest {
    let command: PostgreSQLCommand
    /// When it is too late to begin with it.
    let deadline: Duration
    /// How often it was refused because others were in its way.
    var attemptCount = 0
    /// Called once.
    let answer: (Result<PostgreSQLResult, StorageError>) -> Void
}

/// Somebody who needs a connection for several statements in turn.
struct PostgreSQLLease {
    let deadline: Duration
    /// Called once: with a connection, which is to be given back by `PostgreSQLPool.giveBack`, or with what is in the way.
    let begin: (Result<PostgreSQLConnection, StorageError>) -> Void
}

/// The connections of one database, all on one event loop. Confined to it.
final class PostgreSQLPool: EndOfTurnWork, @unchecked Sendable {
    // Unchecked: made on one thread, and used on the loop's alone from then on, which `admit` and `giveBack` assert.

    /// Most statements that go out together: it bounds how long the first of them waits for the last.
    static let groupCountMax = 256
    /// Beyond so many bytes of values no more join a group.
    static let groupByteCountMax = 1_048_576
    /// How often what others were in the way of is tried: for about two seconds.
    static let attemptCountMax = 30
    private static let retryDelayMax = Duration.milliseconds(100)

    /// How long to wait before an attempt: longer each time, and by chance, so that those who met do not meet again.
    static func retryDelay(afterAttempt attempt: Int) -> Duration {
        min(retryDelayMax, .milliseconds(1) * (1 << min(attempt, 10))) * Double.random(in: 0...1)
    }

    private static let reconnectDelayMin = Duration.milliseconds(100)

    private let loop: EventLoop
    private let settings: PostgreSQLSettings
    private let logger: Logger
    private let resolve: @Sendable (String) async -> Result<[String?], StorageError>
    private var connections: [PostgreSQLConnection] = []
    private var leased: Set<ObjectIdentifier> = []
    private var reads = Deque<PostgreSQLRequest>()
    private var writes = Deque<PostgreSQLRequest>()
    private var leases = Deque<PostgreSQLLease>()
    /// Writes are on their way. Others wait, so that they share a commit, and do not get in each other's way.
    private var isWriting = false
    private var isDispatchScheduled = false
    private var deadlineTimer: TimerToken?
    private var keepaliveTimer: TimerToken?
    private var failedAttemptCount = 0
    /// What the last attempt failed of, so that it is logged once; nil since all is well.
    private var lastFailure: String?
    /// Why there is no connection; nil while there is one, or nobody knows yet.
    private var outage: String?
    private var isClosed = false

    init(
        _ loop: EventLoop, _ settings: PostgreSQLSettings, _ dialect: Dialect, _ logger: Logger,
        resolve: @escaping @Sendable (String) async -> Result<[String?], StorageError>
    ) {
        self.loop = loop
        self.settings = settings
        self.logger = logger
        self.resolve = resolve
        for _ in 0..<max(1, settings.connectionCount) {
            connections.append(
                PostgreSQLConnection(loop, settings, dialect) { [unowned self] connection, reason in
                    changed(connection, reason)
                }
            )
        }
    }

    // MARK: Asking

    func read(_ request: PostgreSQLRequest) {
        guard admit({ request.answer(.failure($0)) }) else { return }
        reads.append(request)
        scheduleDispatch()
    }

    func write(_ request: PostgreSQLRequest) {
        guard admit({ request.answer(.failure($0)) }) else { return }
        writes.append(request)
        scheduleDispatch()
    }

    func lease(_ lease: PostgreSQLLease) {
        guard admit({ lease.begin(.failure($0)) }) else { return }
        leases.append(lease)
        scheduleDispatch()
    }

    func giveBack(_ connection: PostgreSQLConnection) {
        loop.assertCurrent()
        leased.remove(ObjectIdentifier(connection))
        scheduleDispatch()
    }

    private func admit(_ refuse: (StorageError) -> Void) -> Bool {
        loop.assertCurrent()
        guard let outage else { return true }
        refuse(.unavailable(detail: outage))
        return false
    }

    // MARK: Dispatching

    private func scheduleDispatch() {
        guard !isDispatchScheduled else { return }
        isDispatchScheduled = true
        loop.atEndOfTurn(self)
    }

    /// What came in this turn goes out together.
    func endTurn() {
        isDispatchScheduled = false
        dropOverdue()
        while !writes.isEmpty, !isWriting, let connection = idleConnection { sendWrites(on: connection) }
        while !reads.isEmpty, let connection = idleConnection { sendReads(on: connection) }
        // The last one is left to single statements, if there are others.
        while !leases.isEmpty, leased.count < max(1, connections.count - 1), let connection = idleConnection {
            leased.insert(ObjectIdentifier(connection))
            leases.removeFirst().begin(.success(connection))
        }
        watchDeadline()
    }

    private var idleConnection: PostgreSQLConnection? {
        connections.first { $0.isIdle && !leased.contains(ObjectIdentifier($0)) }
    }

    private func take(_ queue: inout Deque<PostgreSQLRequest>) -> [PostgreSQLRequest] {
        var group: [PostgreSQLRequest] = []
        var byteCount = 0
        while group.count < Self.groupCountMax, byteCount < Self.groupByteCountMax, let next = queue.popFirst() {
            byteCount += next.command.byteCount
            group.append(next)
        }
        return group
    }

    private func sendWrites(on connection: PostgreSQLConnection) {
        isWriting = true
        let group = take(&writes)
        // Between two Syncs lies a transaction: all of the group are done, or none.
        connection.perform([group.map(\.command)]) { [self] outcomes in
            if case .refused(let error) = outcomes.first, group.count > 1 || error.isWorthRetrying, connection.isIdle {
                return sendAlone(group, on: connection) { self.endWriting() }
            }
            answer(group, outcomes)
            endWriting()
        }
    }

    private func endWriting() {
        isWriting = false
        scheduleDispatch()
    }

    private func sendReads(on connection: PostgreSQLConnection) {
        let group = take(&reads)
        guard group.count > 1 else { return sendAlone(group, on: connection) {} }
        // What only reads, each statement for itself, needs none of the care that the session's transactions take.
        let commands = [PostgreSQLCommand(Self.beginReading)] + group.map(\.command) + [PostgreSQLCommand(Self.commit)]
        connection.perform([commands]) { [self] outcomes in
            switch outcomes.first {
            case .done(let results):
                for (request, result) in zip(group, results.dropFirst()) { request.answer(result) }
                scheduleDispatch()
            case .refused where connection.isIdle:
                connection.perform([[PostgreSQLCommand(Self.rollBack)]]) { [self] _ in
                    guard connection.isIdle else { return fail(group, .unavailable(detail: "the connection was lost")) }
                    sendAlone(group, on: connection) {}
                }
            case .lost(let reason): fail(group, .unavailable(detail: reason))
            case .refused, nil: fail(group, .unavailable(detail: "the connection was lost"))
            }
        }
    }
    private static let beginReading = SQLStatement("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
    static let commit = SQLStatement("COMMIT")
    static let rollBack = SQLStatement("ROLLBACK")

    /// Sends requests at once, but each as a transaction of its own.
    private func sendAlone(
        _ group: [PostgreSQLRequest], on connection: PostgreSQLConnection, _ ended: @escaping () -> Void
    ) {
        connection.perform(group.map { [$0.command] }) { [self] outcomes in
            var again: [PostgreSQLRequest] = []
            for (request, outcome) in zip(group, outcomes) {
                if case .refused(let error) = outcome, error.isWorthRetrying,
                    request.attemptCount < Self.attemptCountMax
                {
                    var request = request
                    request.attemptCount += 1
                    again.append(request)
                } else {
                    answer([request], [outcome])
                }
            }
            guard let attempt = again.first?.attemptCount else { return endAlone(ended) }
            leased.insert(ObjectIdentifier(connection))
            loop.schedule(after: Self.retryDelay(afterAttempt: attempt)) { [self] in
                leased.remove(ObjectIdentifier(connection))
                guard connection.isIdle else {
                    fail(again, .unavailable(detail: "the connection was lost"))
                    return endAlone(ended)
                }
                sendAlone(again, on: connection, ended)
            }
        }
    }

    private func endAlone(_ ended: () -> Void) {
        ended()
        scheduleDispatch()
    }

    /// Answers requests that were one step.
    private func answer(_ group: [PostgreSQLRequest], _ outcomes: [PostgreSQLOutcome]) {
        switch outcomes.first {
        case .done(let results): for (request, result) in zip(group, results) { request.answer(result) }
        case .refused(let error): fail(group, error.storageError)
        case .lost(let reason): fail(group, .unavailable(detail: reason))
        case nil: fail(group, .unavailable(detail: "the connection was lost"))
        }
    }

    private func fail(_ group: some Sequence<PostgreSQLRequest>, _ error: StorageError) {
        for request in group { request.answer(.failure(error)) }
    }

    // MARK: Deadlines

    private func dropOverdue() {
        let late = StorageError.unavailable(detail: "the request waited for longer than it may")
        let now = loop.now
        while reads.first.map({ $0.deadline <= now }) == true { fail([reads.removeFirst()], late) }
        while writes.first.map({ $0.deadline <= now }) == true { fail([writes.removeFirst()], late) }
        while leases.first.map({ $0.deadline <= now }) == true { leases.removeFirst().begin(.failure(late)) }
    }

    private func watchDeadline() {
        let deadlines = [reads.first?.deadline, writes.first?.deadline, leases.first?.deadline].compactMap(\.self)
        if let deadlineTimer { loop.cancel(deadlineTimer) }
        deadlineTimer = deadlines.min().map { deadline in
            loop.schedule(after: max(.zero, deadline - loop.now)) { [self] in
                deadlineTimer = nil
                scheduleDispatch()
            }
        }
    }

    // MARK: Connecting

    /// Connects all; for as long as that fails, again and again.
    func start() {
        loop.assertCurrent()
        for connection in connections { connect(connection) }
        keepAlive()
    }

    private func connect(_ connection: PostgreSQLConnection) {
        guard !isClosed else { return }
        let host = settings.host
        loop.start { [self] in
            let addresses = await resolve(host)
            guard !isClosed else { return }
            switch addresses {
            case .success(let addresses):
                connection.connect(address: addresses[failedAttemptCount % addresses.count])
            case .failure(let error):
                changed(connection, error.description)
            }
        }
    }

    private func changed(_ connection: PostgreSQLConnection, _ reason: String?) {
        guard let reason else {
            failedAttemptCount = 0
            if connections.allSatisfy(\.isAlive) { lastFailure = nil }
            if outage != nil { logger.notice("the database is reached again", metadata: place()) }
            outage = nil
            return scheduleDispatch()
        }
        guard !isClosed else { return }
        failedAttemptCount += 1
        if !connections.contains(where: \.isAlive) {
            if outage == nil { logger.error("the database cannot be reached", metadata: place(reason)) }
            outage = "the database at \(settings.host):\(settings.port) cannot be reached: \(reason)"
            failAll(.unavailable(detail: outage ?? reason))
        } else if lastFailure != reason {
            logger.warning("a connection to the database was lost, or not had", metadata: place(reason))
        }
        lastFailure = reason
        loop.schedule(after: reconnectDelay) { [self] in connect(connection) }
    }

    /// Doubled with each attempt, and by chance between half and all of that, so that not all servers come at once.
    private var reconnectDelay: Duration {
        let doublings = min(failedAttemptCount / connections.count, 16)
        let delay = min(settings.reconnectDelayMax, Self.reconnectDelayMin * (1 << doublings))
        return delay * Double.random(in: 0.5...1)
    }

    private func place(_ reason: String? = nil) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "host": "\(settings.host)", "port": "\(settings.port)", "database": "\(settings.database)",
        ]
        if let reason { metadata["reason"] = "\(reason)" }
        return metadata
    }

    private func keepAlive() {
        guard let interval = settings.keepaliveInterval, !isClosed else { return }
        keepaliveTimer = loop.schedule(after: interval) { [self] in
            for connection in connections where connection.isIdle && !leased.contains(ObjectIdentifier(connection)) {
                connection.perform([[PostgreSQLCommand(Self.probe)]]) { [self] _ in scheduleDispatch() }
            }
            keepAlive()
        }
    }
    private static let probe = SQLStatement("SELECT 1")

    // MARK: Closing

    private func failAll(_ error: StorageError) {
        let (reads, writes, leases) = (reads, writes, leases)
        self.reads = []
        self.writes = []
        self.leases = []
        fail(reads, error)
        fail(writes, error)
        for lease in leases { lease.begin(.failure(error)) }
    }

    /// Fails what waits, loses what is under way, and closes the connections.
    func close() {
        loop.assertCurrent()
        guard !isClosed else { return }
        isClosed = true
        outage = "the database is closed"
        for timer in [deadlineTimer, keepaliveTimer] { if let timer { loop.cancel(timer) } }
        failAll(.unavailable(detail: "the database is closed"))
        for connection in connections { connection.close() }
    }
}
