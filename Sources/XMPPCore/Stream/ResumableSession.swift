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
    private weak var stream: ClientStream?
    private var timer: TimerToken?

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

    /// Hands the session to another stream. The one that it had, if it still has one, ends with `<conflict/>`.
    func attach(_ newStream: ClientStream) {
        session.loop.assertCurrent()
        if let timer { session.loop.cancel(timer) }
        timer = nil
        stream?.loseSession()
        stream = newStream
        session.outlet = newStream
        state.resume()
    }

    func send(_ stanza: Stanza) {
        if case .exhausted = state.sent(stanza) { give(up: .lost) }
    }

    func end(_ error: StreamError) { give(up: .replaced) }

    /// Ends the session. What its client has not acknowledged goes to its other resources, or to where messages for
    /// absent accounts go.
    func give(up reason: SessionEnd) {
        session.loop.assertCurrent()
        if let timer { session.loop.cancel(timer) }
        timer = nil
        if let id { registry.remove(id) }
        let router = session.host.router
        router.run(session.end(reason))
        let unacknowledged = state.unacknowledged
        state = StreamManagement(options)
        for stanza in unacknowledged { router.redeliver(stanza, from: session) }
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
}
