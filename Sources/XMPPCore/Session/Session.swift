// SPDX-License-Identifier: Apache-2.0
// A bound resource (RFC 6120 section 7). It may outlive its stream (XEP-0198), and belongs to one event loop.

import Synchronization

/// Where a session sends what it delivers: its stream, or the host program.
protocol SessionOutlet: AnyObject {
    /// Sends a stanza to the client.
    func send(_ stanza: Stanza)
    /// Whether the client has taken enough of what it was sent.
    var hasRoom: Bool { get }
    /// Ends what carries the session, with this error.
    func end(_ error: StreamError)
}

/// One connected resource of an account.
///
/// All methods and properties but `jid`, `account`, `host`, `loop` and ``deliver(_:)`` belong to the session's loop.
/// Handlers that get a session run there.
///
/// `@unchecked Sendable`: the mutable state is touched only on `loop`, as asserted in debug builds.
public final class Session: @unchecked Sendable {
    /// The full JID of the resource.
    public let jid: FullJID
    /// The account's host.
    public let host: Host
    /// Where the session runs, for as long as it lives.
    public let loop: EventLoop
    /// The client's address, without port; empty for an in-process session.
    public let peerAddress: String
    /// The account that the session belongs to.
    public let account: BareJID

    /// The presence that the session broadcast last; nil while it is unavailable.
    public private(set) var presence: Presence?
    /// Whom it sent presence directly, outside its roster (RFC 6121 section 4.6).
    public var directedPresence: Set<JID> = []
    private var isInterested = false
    private let storedRules = Mutex<SessionRules?>(nil)
    private let rulesState = Atomic(SessionRulesState.unread)
    var outlet: (any SessionOutlet)?
    private(set) var isEnded = false
    /// Whether all that an end brings with it is done.
    private var isGone = false
    private var goneHandlers: [() -> Void] = []
    private var attachments: [ObjectIdentifier: any Sendable] = [:]

    init(jid: FullJID, host: Host, loop: EventLoop, peerAddress: String) {
        self.jid = jid
        self.host = host
        self.loop = loop
        self.peerAddress = peerAddress
        account = jid.bare
    }

    /// Whether the session is an available resource (RFC 6121 section 4.2).
    public var isAvailable: Bool { presence != nil }

    /// What a module keeps with the session; nil until it does.
    public subscript<Key: SessionKey>(key: Key.Type) -> Key.Value? {
        get {
            loop.assertCurrent()
            return attachments[ObjectIdentifier(key)] as? Key.Value
        }
        set {
            loop.assertCurrent()
            attachments[ObjectIdentifier(key)] = newValue
        }
    }

    /// Remembers the presence that the session broadcast, for probes and for the choice of who gets messages.
    ///
    /// - Parameter presence: available presence with a valid priority; nil once it is unavailable.
    public func setPresence(_ presence: Presence?) {
        loop.assertCurrent()
        self.presence = presence
        host.registry.update(self) { record in
            record.presence = presence
            record.priority = presence.map { $0.priority ?? 0 }
        }
    }

    /// The rules that hold for the session; nil for none, and while they have not been read. From any thread. Who sets
    /// them is the ``StanzaGate`` of its host.
    public var rules: SessionRules? {
        get { isFreeOfRules ? nil : storedRules.withLock { $0 } }
        set {
            let rules = newValue?.applied == nil ? nil : newValue
            storedRules.withLock { stored in
                stored = rules
                rulesState.store(rules == nil ? .none : .some, ordering: .releasing)
            }
        }
    }

    /// Whether nobody has set its rules yet. From any thread.
    public var areRulesUnread: Bool { rulesState.load(ordering: .acquiring) == .unread }

    /// Whether its rules have been read, and are none: one load for each stanza of nearly everybody. From any thread.
    var isFreeOfRules: Bool { rulesState.load(ordering: .acquiring) == .none }

    /// Marks the session as one that asked for its roster, and gets pushes (RFC 6121 section 2.1.6).
    public func becomeInterested() {
        loop.assertCurrent()
        guard !isInterested else { return }
        isInterested = true
        host.registry.update(self) { $0.isInterested = true }
    }

    /// Sets or clears a mark that others see in ``SessionRecord/marks``.
    public func setMark(_ mark: SessionMark, _ isSet: SessionMarkState) {
        loop.assertCurrent()
        host.registry.update(self) { record in
            if isSet == .on { record.marks.insert(mark) } else { record.marks.remove(mark) }
        }
    }

    /// Sends a stanza to the client of this session. From any thread; stanzas from one thread stay in order.
    public func deliver(_ stanza: Stanza) {
        if loop.isCurrent { deliverHere(stanza) } else { loop.post { self.deliverHere(stanza) } }
    }

    /// Sends a stanza to the client, after everything that other loops have sent to this session before. From any
    /// thread. For what must keep the order in which an account changed.
    public func deliverInOrder(_ stanza: Stanza) {
        loop.post { self.deliverHere(stanza) }
    }

    private func deliverHere(_ stanza: Stanza) {
        guard !isEnded, let outlet else { return host.router.redeliver(stanza, from: self) }
        guard !host.events.filterDelivery.isEmpty else { return outlet.send(stanza) }
        var delivery = Delivery(stanza: stanza, session: self)
        do throws(StanzaError) {
            guard case .pass = try host.events.filterDelivery.apply(&delivery) else { return }
        } catch {
            if let answer = stanza.error(error) { host.router.routeFromServer(answer) }
            return
        }
        outlet.send(delivery.stanza)
    }

    /// Whether the client has taken so much of what it was sent that it can be sent more. Whoever has much for it, and
    /// can keep that elsewhere, waits while it has not: a client that is too far behind loses its stream. From any
    /// thread; false once the server is gone.
    public func hasRoom() async -> Bool {
        loop.isCurrent ? outlet?.hasRoom ?? true : await loop.run { [self] in outlet?.hasRoom ?? true } ?? false
    }

    /// Sends a stanza past the filters: one that a filter held back.
    public func release(_ stanza: Stanza) {
        loop.assertCurrent()
        outlet?.send(stanza)
    }

    /// Ends the session's stream with an error. From any thread.
    public func disconnect(_ error: StreamError) {
        loop.post { [self] in outlet?.end(error) }
    }

    /// Takes the session out of the server. Its unavailable presence goes out first. Idempotent.
    ///
    /// What listeners still have to do goes on after this; ``whenGone(_:)`` tells when it is done.
    func end(_ reason: SessionEnd) {
        loop.assertCurrent()
        guard !isEnded else { return }
        isEnded = true
        // What carried it has said goodbye: it takes no more, not even the session's own unavailable presence.
        outlet = nil
        var work = Work.done
        // Directed presence may have gone out before, or without, initial presence (RFC 6121 section 4.6.3).
        if isAvailable || !directedPresence.isEmpty {
            let unavailable = Presence(from: jid.jid, type: .unavailable)
            work = host.router.route(unavailable.stanza, from: self)
        }
        host.registry.remove(self)
        work = work.then(host.events.sessionEnded.raise(EndedSession(session: self, reason: reason)))
        guard work.holdsUp else {
            host.router.run(work)
            return becomeGone()
        }
        let left = work
        host.router.run(
            .later { [self] in
                await left.finish()
                becomeGone()
            })
    }

    /// Lets go of what carries the session and of what modules keep with it, without a word to anybody: its server is
    /// released.
    func abandon() {
        loop.assertCurrent()
        isEnded = true
        outlet = nil
        becomeGone()
    }

    private func becomeGone() {
        loop.assertCurrent()
        isGone = true
        // What a module keeps may refer to the session.
        attachments = [:]
        let handlers = goneHandlers
        goneHandlers = []
        for handler in handlers { handler() }
    }

    /// Calls `handler` on the loop once all that the session's end brought with it is done, at once if it is. On the
    /// loop.
    func whenGone(_ handler: @escaping () -> Void) {
        loop.assertCurrent()
        if isGone { handler() } else { goneHandlers.append(handler) }
    }

    /// Ends the session with an error on its stream, from any loop. Returns once its contacts have been told, but not
    /// later than the host's ``HostConfiguration/replacedWaitTimeout``.
    func endNow(_ error: StreamError) async {
        await withCheckedContinuation { continuation in
            loop.post { [self] in
                var timer: TimerToken?
                var waiting: CheckedContinuation<Void, Never>? = continuation
                func proceed() {
                    if let timer { loop.cancel(timer) }
                    waiting?.resume()
                    waiting = nil
                }
                timer = loop.schedule(after: host.configuration.replacedWaitTimeout, proceed)
                if let outlet { outlet.end(error) } else { end(.replaced) }
                whenGone(proceed)
            }
        }
    }
}

/// Names something that a module keeps with a session.
public protocol SessionKey {
    associatedtype Value: Sendable
}

/// Why a session ended.
public enum SessionEnd: Sendable, Equatable {
    /// The client closed its stream.
    case closed
    /// The connection was lost and, with stream management, not resumed in time.
    case lost
    /// Another session took the resource, or the server ended it.
    case replaced
}

/// A mark on a session that is seen from other loops, such as "wants carbons".
public struct SessionMark: Sendable, Hashable {
    let name: String
    /// Names a mark. Marks of the same name are the same.
    public init(_ name: String) { self.name = name }
}

/// Whether a mark is on a session.
public enum SessionMarkState: Sendable { case on, off }

/// A stanza on its way to a session's client.
public struct Delivery: Sendable {
    /// The stanza. A filter may change it.
    public var stanza: Stanza
    /// The session that gets it.
    public let session: Session
}

/// A session that is no more.
public struct EndedSession: Sendable {
    /// The session.
    public let session: Session
    /// Why it ended.
    public let reason: SessionEnd
}

extension Notice where Payload == Session {
    /// A resource was bound. On the session's loop, before its client may send stanzas.
    public static var sessionBound: Notice<Session> { Notice("session-bound") }
}

extension Notice where Payload == Session {
    /// Another stream took the session over (XEP-0198 section 5), and its client was sent what it had missed. On the
    /// session's loop, before the client may send stanzas.
    public static var sessionResumed: Notice<Session> { Notice("session-resumed") }
}

extension Notice where Payload == EndedSession {
    /// A session ended and is no longer registered. On its loop.
    public static var sessionEnded: Notice<EndedSession> { Notice("session-ended") }
}

extension Filter where Subject == Delivery {
    /// A stanza is about to be sent to a client. On the session's loop. It may be held back: a filter that drops it may
    /// keep it, and ``Session/release(_:)`` it later.
    public static var delivery: Filter<Delivery> { Filter("delivery") }
}
