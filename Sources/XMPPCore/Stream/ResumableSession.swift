// SPDX-License-Identifier: Apache-2.0
// Sessions that outlive their streams (XEP-0198 section 5).

import DequeModule
import Synchronization

/// A session under stream management. While it has no stream, it takes the session's stanzas itself.
///
/// `@unchecked Sendable`: confined to the session's loop, but for the constants.
final class ResumableSession: SessionOutlet, @unchecked Sendable {
    let session: Session
    /// What the client names the session by; nil when it may not be resumed.
    let id: String?
    let options: StreamManagementOptions
    var state: StreamManagement
    private let registry: ResumptionRegistry
    /// Until the stream is lost or the session ends.
    private var stream: ClientStream?
    private var timer: TimerToken?
    /// Stanzas of the client that are being handled, and who waits until none is.
    private var unhandledCount = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var handling = HandlingQueue()
    /// Runs while the answer to `<r/>` waits for what is under way.
    private var answerTimer: TimerToken?
    private var owesAnswer = false
    /// How long the answer to `<r/>`, or to `<resume/>`, waits for what is under way. After that it says how far the
    /// server has come.
    static let answerDelayMax = Duration.milliseconds(500)

    init(
        _ session: Session,
        id: String?,
        options: StreamManagementOptions,
        stream: ClientStream,
        registry: ResumptionRegistry
    ) {
        self.session = session
        self.id = id
        self.options = options
        self.stream = stream
        self.registry = registry
        state = StreamManagement(options)
    }

    /// Takes over from a stream that was lost, until the client comes back or the time is up.
    func detach() {
        stream = nil
        session.outlet = self
        timer = session.loop.schedule(after: options.resumptionTimeout) { [self] in give(up: .lost) }
    }

    /// A stanza of the client is being handled.
    func beginHandling() { unhandledCount += 1 }

    /// A stanza of the client is handled once this is complete, or now for nil, and those before it are.
    func handled(after completion: Completion?) {
        session.loop.assertCurrent()
        guard let completion, !completion.isComplete else {
            return handling.isEmpty ? state.handled() : handling.appendHandled()
        }
        handling.append(completion)
        completion.whenComplete { [self] in
            if session.loop.isCurrent { settle() } else { session.loop.post { self.settle() } }
        }
    }

    /// A stanza of the client is handled, once those before it are.
    func handled() { handled(after: nil) }

    /// Counts what is complete by now.
    private func settle() {
        for _ in 0..<handling.removeComplete() { state.handled() }
        guard handling.isEmpty else { return }
        if owesAnswer { answer() }
        wakeWaiting()
    }

    /// Answers `<r/>`: when all that came before it is handled, but within ``answerDelayMax``.
    func acknowledge() {
        guard !handling.isEmpty else { return answer() }
        owesAnswer = true
        guard answerTimer == nil else { return }
        answerTimer = session.loop.schedule(after: Self.answerDelayMax) { [self] in
            answerTimer = nil
            stream?.sendAcknowledgement(state.handledCount)
        }
    }

    private func answer() {
        owesAnswer = false
        if let answerTimer { session.loop.cancel(answerTimer) }
        answerTimer = nil
        stream?.sendAcknowledgement(state.handledCount)
    }

    /// A stanza of the client is handled once this is complete, or now for nil.
    func endHandling(after completion: Completion?) {
        handled(after: completion)
        unhandledCount -= 1
        wakeWaiting()
    }

    private func wakeWaiting() {
        guard unhandledCount == 0 else { return }
        let continuations = waiting
        waiting = []
        for continuation in continuations { continuation.resume() }
    }

    /// Ends the stream that the session still has, with `<conflict/>`, and returns once what it had begun to handle is
    /// handled: only then is it known what the client must send again.
    func release() async {
        while true {
            session.loop.assertCurrent()
            if let stream {
                stream.loseSession()
                detach()
            }
            guard unhandledCount > 0 || !handling.isEmpty else { return }
            var isLate = false
            let timer = session.loop.schedule(after: Self.answerDelayMax) { [self] in
                isLate = true
                if unhandledCount == 0 { wakeWaiting() }
            }
            await withCheckedContinuation { waiting.append($0) }
            session.loop.cancel(timer)
            guard isLate, unhandledCount == 0 else { continue }
            // What is under way for longer will be sent again: it is handled twice rather than never, and counted once.
            handling = HandlingQueue()
        }
    }

    /// Hands the session, which was released, to another stream.
    func attach(_ newStream: ClientStream) {
        session.loop.assertCurrent()
        if let timer { session.loop.cancel(timer) }
        timer = nil
        stream = newStream
        session.outlet = newStream
        state.resume()
    }

    func send(_ stanza: Stanza) {
        if case .exhausted = state.sent(stanza) { give(up: .lost) }
    }

    var hasRoom: Bool { !state.isLong }

    func end(_ error: StreamError) { give(up: .replaced) }

    /// Ends the session. What its client has not acknowledged goes to its other resources, or to where messages for
    /// absent accounts go.
    func give(up reason: SessionEnd) {
        session.loop.assertCurrent()
        if let timer { session.loop.cancel(timer) }
        timer = nil
        if let id { registry.remove(id) }
        stream = nil
        let router = session.host.router
        session.end(reason)
        let unacknowledged = state.unacknowledged
        state = StreamManagement(options)
        handling = HandlingQueue()
        for stanza in unacknowledged { router.redeliver(stanza, from: session) }
    }
}

/// What a client sent that others are at, and what it sent after that: counted in this order.
private struct HandlingQueue {
    private struct Entry {
        let completion: Completion
        /// How many stanzas came behind it that are handled.
        var handledCount = 0
    }
    private var entries: Deque<Entry> = []

    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ completion: Completion) {
        // Many wait for one thing, as messages do that are written together.
        if entries.last?.completion === completion { return appendHandled() }
        entries.append(Entry(completion: completion))
    }

    /// A stanza is handled, though one before it is not.
    mutating func appendHandled() { entries[entries.count - 1].handledCount += 1 }

    /// Takes out what is complete up to the first that is not.
    ///
    /// - Returns: how many stanzas were taken out.
    mutating func removeComplete() -> Int {
        var count = 0
        while let first = entries.first, first.completion.isComplete {
            count += 1 + first.handledCount
            entries.removeFirst()
        }
        return count
    }
}

/// The resumable sessions of a server, by what their clients name them by. May be used from any thread.
final class ResumptionRegistry: Sendable {
    private let sessions = Mutex<[String: ResumableSession]>([:])

    func insert(_ session: ResumableSession) {
        guard let id = session.id else { return }
        sessions.withLock { $0[id] = session }
    }

    func find(_ id: String) -> ResumableSession? { sessions.withLock { $0[id] } }

    func remove(_ id: String) { sessions.withLock { $0[id] = nil } }

    /// Forgets all sessions, which hold the registry.
    func removeAll() {
        // Released outside the lock.
        let all = sessions.withLock { sessions in
            defer { sessions = [:] }
            return sessions
        }
        withExtendedLifetime(all) {}
    }
}
