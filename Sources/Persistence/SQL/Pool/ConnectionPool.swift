// SPDX-License-Identifier: Apache-2.0
// The connections of a database and who waits for them. Single statements that wait go out together: they share a round
// trip, and those that write a commit.

import DequeModule
import Logging
import XMPPCore

/// A statement that somebody waits for.
struct PooledRequest {
    let command: SQLCommand
    /// When it is too late to begin with it.
    let deadline: Duration
    /// How often it was refused because others were in its way.
    var attemptCount = 0
    /// Called once.
    let answer: (Result<SQLResult, StorageError>) -> Void
}

/// Somebody who needs a connection for several statements in turn.
struct ConnectionLease {
    let deadline: Duration
    /// Called once: with a connection, which is to be given back by `ConnectionPool.giveBack`, or with what is in the way.
    let begin: (Result<any SQLConnection, StorageError>) -> Void
}

/// The connections of one database, all on one event loop. Confined to it.
final class ConnectionPool: EndOfTurnWork, @unchecked Sendable {
    // Unchecked: made on one thread, and used on the loop's alone from then on, which `admit` and `giveBack` assert.

    /// Most statements that go out together: it bounds how long the first of them waits for the last.
    static let groupCountMax = 256
    /// Beyond so many bytes of values no more join a group.
    static let groupByteCountMax = 1_048_576
    /// How often what others were in the way of is tried: for about five seconds. Databases see conflicts where there are
    /// none, between neighbours on one page, and with a crowd at work most attempts may meet one.
    static let attemptCountMax = 100
    private static let retryDelayMax = Duration.milliseconds(100)

    /// How long to wait before an attempt: longer each time, and by chance, so that those who met do not meet again.
    static func retryDelay(afterAttempt attempt: Int) -> Duration {
        min(retryDelayMax, .milliseconds(1) * (1 << min(attempt, 10))) * Double.random(in: 0...1)
    }

    private static let reconnectDelayMin = Duration.milliseconds(100)

    private let loop: EventLoop
    private let settings: DatabaseSettings
    private let logger: Logger
    private var connections: [any SQLConnection] = []
    private var leased: Set<ObjectIdentifier> = []
    private var reads = Deque<PooledRequest>()
    private var writes = Deque<PooledRequest>()
    private var leases = Deque<ConnectionLease>()
    /// Writes are on their way. Others wait, so that they share a commit, and do not get in each other's way.
    private var isWriting = false
    private var isDispatchScheduled = false
    private var deadlineTimer: TimerToken?
    private var keepaliveTimer: TimerToken?
    private var failedAttemptCount = 0
    /// What attempts failed of and was logged, so that it is logged once; empty since all is well.
    private var loggedReasons: Set<String> = []
    private static let loggedReasonCountMax = 8
    /// Why there is no connection; nil while there is one, or nobody knows yet.
    private var outage: String?
    private var isClosed = false

    init(
        _ loop: EventLoop, _ settings: DatabaseSettings, _ logger: Logger,
        makeConnection: (@escaping ConnectionChange) -> any SQLConnection
    ) {
        self.loop = loop
        self.settings = settings
        self.logger = logger
        for _ in 0..<max(1, settings.connectionCount) {
            connections.append(
                makeConnection { [unowned self] connection, reason in changed(connection, reason) }
            )
        }
    }

    // MARK: Asking

    func read(_ request: PooledRequest) {
        guard admit({ request.answer(.failure($0)) }) else { return }
        reads.append(request)
        scheduleDispatch()
    }

    func write(_ request: PooledRequest) {
        guard admit({ request.answer(.failure($0)) }) else { return }
        writes.append(request)
        scheduleDispatch()
    }

    func lease(_ lease: ConnectionLease) {
        guard admit({ lease.begin(.failure($0)) }) else { return }
        leases.append(lease)
        scheduleDispatch()
    }

    func giveBack(_ connection: any SQLConnection) {
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
        if !writes.isEmpty, !isWriting, let connection = idleConnection {
            isWriting = true
            send(take(&writes, Self.groupCountMax), .write, on: connection) { [self] in isWriting = false }
        }
        while !reads.isEmpty, let connection = idleConnection {
            let share = connection.answersOneByOne ? reads.count / max(1, idleCount) + 1 : Self.groupCountMax
            send(take(&reads, share), .read, on: connection) {}
        }
        // The last one is left to single statements, if there are others.
        while !leases.isEmpty, leased.count < max(1, connections.count - 1), let connection = idleConnection {
            leased.insert(ObjectIdentifier(connection))
            leases.removeFirst().begin(.success(connection))
        }
        watchDeadline()
    }

    private var idleConnection: (any SQLConnection)? {
        connections.first { $0.isIdle && !leased.contains(ObjectIdentifier($0)) }
    }

    private var idleCount: Int { connections.count { $0.isIdle && !leased.contains(ObjectIdentifier($0)) } }

    private func take(_ queue: inout Deque<PooledRequest>, _ countMax: Int) -> [PooledRequest] {
        var group: [PooledRequest] = []
        var byteCount = 0
        let countMax = min(countMax, Self.groupCountMax)
        while group.count < countMax, byteCount < Self.groupByteCountMax, let next = queue.popFirst() {
            byteCount += next.command.byteCount
            group.append(next)
        }
        return group
    }

    /// Sends requests as one step, and those of one that is refused each as a step of its own: a mistake of one caller
    /// is nobody else's.
    private func send(
        _ group: [PooledRequest], _ kind: SQLStep.Kind, on connection: any SQLConnection, _ ended: @escaping () -> Void
    ) {
        connection.perform([SQLStep(kind, group.map(\.command))]) { [self] outcomes in
            if case .refused(let refusal) = outcomes.first, group.count > 1 || refusal.isWorthRetrying,
                connection.isIdle
            {
                return sendAlone(group, kind, on: connection, ended)
            }
            answer(group, outcomes.first)
            end(ended)
        }
    }

    private func sendAlone(
        _ group: [PooledRequest], _ kind: SQLStep.Kind, on connection: any SQLConnection, _ ended: @escaping () -> Void
    ) {
        connection.perform(group.map { SQLStep(kind, [$0.command]) }) { [self] outcomes in
            var again: [PooledRequest] = []
            for (request, outcome) in zip(group, outcomes) {
                if case .refused(let refusal) = outcome, refusal.isWorthRetrying,
                    request.attemptCount < Self.attemptCountMax
                {
                    var request = request
                    request.attemptCount += 1
                    again.append(request)
                } else {
                    answer([request], outcome)
                }
            }
            guard let attempt = again.first?.attemptCount else { return end(ended) }
            leased.insert(ObjectIdentifier(connection))
            loop.schedule(after: Self.retryDelay(afterAttempt: attempt)) { [self] in
                leased.remove(ObjectIdentifier(connection))
                guard connection.isIdle else {
                    fail(again, .connectionLost)
                    return end(ended)
                }
                sendAlone(again, kind, on: connection, ended)
            }
        }
    }

    private func end(_ ended: () -> Void) {
        ended()
        scheduleDispatch()
    }

    /// Answers requests that were one step.
    private func answer(_ group: [PooledRequest], _ outcome: StepOutcome?) {
        switch outcome {
        case .done(let results): for (request, result) in zip(group, results) { request.answer(result) }
        case .refused(let refusal): fail(group, refusal.error)
        case .lost(let reason): fail(group, .unavailable(detail: reason))
        case nil: fail(group, .connectionLost)
        }
    }

    private func fail(_ group: some Sequence<PooledRequest>, _ error: StorageError) {
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

    private func connect(_ connection: any SQLConnection) {
        guard !isClosed else { return }
        connection.connect()
    }

    private func changed(_ connection: any SQLConnection, _ reason: String?) {
        guard let reason else {
            failedAttemptCount = 0
            if connections.allSatisfy(\.isAlive) { loggedReasons = [] }
            if outage != nil { logger.notice("the database is reached again", metadata: place()) }
            outage = nil
            return scheduleDispatch()
        }
        guard !isClosed else { return }
        failedAttemptCount += 1
        let isNew = loggedReasons.count < Self.loggedReasonCountMax && loggedReasons.insert(reason).inserted
        if !connections.contains(where: \.isAlive) {
            if isNew || outage == nil { logger.error("the database cannot be reached", metadata: place(reason)) }
            outage = "the database at \(settings.host):\(settings.port) cannot be reached: \(reason)"
            failAll(.unavailable(detail: outage ?? reason))
        } else if isNew {
            logger.warning("a connection to the database was lost, or not had", metadata: place(reason))
        }
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
                connection.perform([SQLStep(.read, [SQLCommand(Self.probe)])]) { [self] _ in scheduleDispatch() }
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
