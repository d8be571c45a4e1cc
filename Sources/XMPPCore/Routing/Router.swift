// SPDX-License-Identifier: Apache-2.0
// Where stanzas go (RFC 6120 section 10, RFC 6121 section 8). Not here yet: other servers and components.

import Synchronization

/// Routes stanzas between the sessions, accounts and hosts of one server. May be used from any loop.
public final class Router: Sendable {
    // `nonisolated(unsafe)`: filled before the first stanza is routed, and emptied once the loops have stopped.
    nonisolated(unsafe) private(set) var hosts: [Host] = []
    /// The sessions that it delivers to.
    public let registry: SessionRegistry
    /// The loops that work for the server.
    package let loops: [EventLoop]
    private let runningCount = Atomic<Int>(0)

    /// The domain that answers those who ask for none that is served.
    let defaultDomain: String

    init(registry: SessionRegistry, loops: [EventLoop], defaultDomain: String) {
        self.registry = registry
        self.loops = loops
        self.defaultDomain = defaultDomain
    }

    /// Adds a host. All are added before the first stanza is routed.
    func add(_ host: Host) { hosts.append(host) }

    /// Lets go of hosts and sessions, and the hosts of their modules: all of them hold each other. Once the loops have
    /// stopped; nothing is routed any more.
    func shutDown() {
        for host in hosts { host.uninstall() }
        hosts = []
        registry.removeAll()
    }

    /// The host of a domain; nil when this server does not serve it.
    public func host(_ address: JID) -> Host? {
        hosts.first { $0.serves(address.storage) }
    }

    /// The service domain of an address; nil when it is none of this server's.
    func service(_ address: JID) -> RunningService? {
        for host in hosts {
            if let service = host.services.first(where: { $0.serves(address.storage) }) { return service }
        }
        return nil
    }

    /// Whether an address is a service domain of this server, or one of its nodes.
    public func isService(_ address: JID) -> Bool { service(address) != nil }

    /// Whether stanzas for an address stay on this server: that of a host, of an account, or of a service domain.
    public func serves(_ address: JID) -> Bool { host(address) != nil || service(address) != nil }

    /// Routes a stanza that a client sent. On the session's loop.
    ///
    /// - Parameter stanza: its `from` is the session's full JID, or, on subscription requests, its bare JID.
    /// - Returns: what must be done before the stanza counts as handled.
    public func route(_ stanza: Stanza, from session: Session) -> Work {
        if let work = detained(stanza, from: session) { return work }
        switch stanza.kind {
        case .message: return routeMessage(stanza, from: session)
        case .presence: return routePresence(stanza, from: session)
        case .iq: return routeIQ(stanza, from: session)
        }
    }

    /// Routes a stanza of a host, or of a module on behalf of an account. `to` and `from` are set.
    ///
    /// - Returns: what must be done before the stanza counts as handled.
    public func route(_ stanza: Stanza) -> Work {
        guard let to = stanza.to else { return .done }
        guard let host = host(to) else { return receive(stanza, outsideHosts: to, session: nil) }
        switch stanza.kind {
        case .message: return receiveMessage(stanza, at: host, to: to)
        case .presence: return receivePresence(stanza, at: host, to: to)
        case .iq: return receiveIQ(stanza, at: host, to: to, session: nil)
        }
    }

    /// Routes a stanza that nobody waits for.
    public func routeFromServer(_ stanza: Stanza) { run(route(stanza)) }

    /// Answers a stanza with an error, if it may be answered so.
    public func bounce(_ stanza: Stanza, _ error: StanzaError) -> Work {
        guard let answer = stanza.error(error), let to = answer.to, serves(to) else { return .done }
        return route(answer)
    }

    /// Routes what could not be delivered to a session because it ended: to the account's other resources, or back.
    func redeliver(_ stanza: Stanza, from session: Session) {
        guard !stanza.isCopy else { return }
        switch stanza.kind {
        case .message:
            var message = stanza
            message.to = session.account.jid
            let received = ReceivedMessage(stanza: message, account: session.account, host: session.host)
            run(redeliver(received))
        case .iq:
            run(bounce(stanza, .serviceUnavailable))
        case .presence:
            break
        }
    }

    /// Does work that no stream waits for, and counts it until it is done.
    public func run(_ work: Work) {
        guard work.holdsUp else {
            guard let completion = work.completion else { return }
            runningCount.add(1, ordering: .relaxed)
            return completion.whenComplete { [self] in runningCount.subtract(1, ordering: .relaxed) }
        }
        let loop = loops.first { $0.isCurrent } ?? loops[0]
        runningCount.add(1, ordering: .relaxed)
        let counted: @Sendable () async -> Void = { [self] in
            await work.finish()
            runningCount.subtract(1, ordering: .relaxed)
        }
        if loop.isCurrent { loop.start(counted) } else { loop.post { loop.start(counted) } }
    }

    /// Runs `body` on one of the server's loops, once after `delay`; never when the server is gone by then. From any
    /// thread.
    public func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) {
        guard let loop = loops.first(where: { $0.isCurrent }) else {
            return loops[0].post { [loop = loops[0]] in loop.schedule(after: delay, body) }
        }
        loop.schedule(after: delay, body)
    }

    /// Returns after `delay`: true, or false when the server is gone.
    public func pause(for delay: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            let answer = Answer(continuation)
            schedule(after: delay) { answer.give(true) }
        } ?? false
    }

    /// Returns when something is complete, true, or when it takes longer than `delay`, false.
    public func wait(for completion: Completion, atMost delay: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            let answer = Answer(continuation)
            completion.whenComplete { answer.give(true) }
            schedule(after: delay) { answer.give(false) }
        } ?? false
    }

    /// How many pieces of work run that no stream waits for.
    var backgroundWorkCount: Int { runningCount.load(ordering: .relaxed) }
}
