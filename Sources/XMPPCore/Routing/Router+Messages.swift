// SPDX-License-Identifier: Apache-2.0
// Delivery of messages (RFC 6121 section 8).

extension Router {
    func routeMessage(_ stanza: Stanza, from session: Session) -> Work {
        // RFC 6120 section 10.3.1: without an address it is for the sender's own account.
        var sent = SentMessage(stanza: stanza, session: session)
        if sent.stanza.to == nil { sent.stanza.to = session.account.jid }
        do throws(StanzaError) {
            switch try session.host.events.filterSentMessage.apply(&sent) {
            case .pass: break
            case .drop: return .done
            case .wait(let body):
                return wait(body, stanza) { [self] in routeMessage(stanza, from: session) }
            }
        } catch {
            return bounce(stanza, error)
        }
        let archived = sent.archive?(&sent) ?? .done
        return archived.then(route(sent.stanza)).then(session.host.events.messageSent.raise(sent))
    }

    /// Waits for what a filter has to know, and goes on with the message.
    private func wait(
        _ body: @escaping @Sendable () async throws(StanzaError) -> Void, _ stanza: Stanza,
        _ again: @escaping @Sendable () -> Work
    ) -> Work {
        .laterLeaving { [self] in
            do throws(StanzaError) { try await body() } catch { return bounce(stanza, error) }
            return again()
        }
    }

    /// A message for an address of a host.
    func receiveMessage(_ stanza: Stanza, at host: Host, to: JID) -> Work {
        guard !to.isDomain else {
            // RFC 6121 section 8.5.1 knows no rule for the host itself: nobody reads what is sent there.
            return bounce(stanza, .serviceUnavailable)
        }
        let account = to.bare
        let sessions = registry.sessions(of: account)
        // Most occupants of a large room are not there: nothing is done for them, and nobody is told.
        if sessions.isEmpty, host.events.filterReceivedMessage.isEmpty, host.roomMessageKeepers.isEmpty,
            isFromRoom(stanza, to)
        {
            return .done
        }
        switch admission(of: .message, from: stanza.from, to: to, at: host, among: sessions) {
        case .all:
            return pass(stanza, at: host, to: to, of: account, among: sessions)
        case .some(let admitted):
            return pass(stanza, at: host, to: to, of: account, among: admitted)
        case .refused:
            return refuse(stanza)
        case .unknown(let ask):
            return later(ask, stanza) { [self] in
                receiveMessage(stanza, at: host, to: to)
            } pass: { [self] in
                pass(stanza, at: host, to: to, of: account, among: registry.sessions(of: account))
            }
        }
    }

    /// A message that the rules of its recipient let pass to these of its sessions.
    private func pass(
        _ stanza: Stanza, at host: Host, to: JID, of account: BareJID, among sessions: [SessionRecord]
    ) -> Work {
        var received = ReceivedMessage(stanza: stanza, account: account, host: host)
        do throws(StanzaError) {
            switch try host.events.filterReceivedMessage.apply(&received) {
            case .pass: break
            case .drop: return .done
            case .wait(let body):
                // From the beginning: what holds may have changed meanwhile.
                return wait(body, stanza) { [self] in receiveMessage(stanza, at: host, to: to) }
            }
        } catch {
            return bounce(stanza, error)
        }
        var archived = Work.done
        // Before anybody gets it, for they get it with its name there.
        if let archive = received.archive, isAccepted(received.stanza, to: to, among: sessions) {
            archived = archive(&received)
            received.isArchived = true
        }
        let delivered = host.events.messageDelivered
        var recipients: [Session] = []
        let isDelivered = forEachRecipient(of: received.stanza, to: to, among: sessions) { session in
            if !delivered.isEmpty { recipients.append(session) }
            session.deliver(received.stanza)
        }
        guard isDelivered else { return archived.then(undelivered(received, to: to)) }
        return archived.then(
            delivered.raise(DeliveredMessage(message: received, recipients: recipients, sessions: sessions)))
    }

    /// Whether a message is delivered, or kept for those who are away, and not refused.
    private func isAccepted(_ stanza: Stanza, to: JID, among sessions: [SessionRecord]) -> Bool {
        if forEachRecipient(of: stanza, to: to, among: sessions, { _ in }) { return true }
        switch MessageType(stanza.type) {
        case .chat: return true
        case .normal: return to.isBare
        case .groupchat: return isFromRoom(stanza, to)
        case .headline, .error: return false
        }
    }

    /// A message for a bare JID, whose first recipient ended before it had the message. Filters have seen it and
    /// listeners know of it, so that neither an archive nor carbons have it twice.
    func redeliver(_ received: ReceivedMessage) -> Work {
        var received = received
        received.isArchived = received.stanza.children.contains { child in
            child.isNamed("stanza-id", .stanzaIDs) && child["by"] == received.account.description
        }
        let to = received.account.jid
        // Another session may have chosen another list.
        var sessions = registry.sessions(of: received.account).filter { record in
            received.stanza.from.map { record.session.allows(.message, $0) } ?? true
        }
        let count = sessions.count
        if isFromRoom(received.stanza, to) {
            // Whoever was there had it when this one did, or has it waiting. Whoever came later has not; and when that is
            // not known, it is better that somebody gets it twice than that nobody does.
            sessions.removeAll { $0.wasThere(at: received.stanza.roomMoment) }
        }
        let isDelivered = forEachRecipient(of: received.stanza, to: to, among: sessions) { session in
            session.deliver(received.stanza)
        }
        return isDelivered || sessions.count < count ? .done : undelivered(received, to: to)
    }

    /// A message that a room without presence is about to send to the bare JIDs of its occupants, marked as that: it is
    /// delivered by the rules for rooms, and its copies know who else had theirs. Called once for all copies, before any
    /// of them is routed.
    ///
    /// - Parameter message: of type groupchat, from an address of a service domain of this server.
    public func fromRoom(_ message: Stanza) -> Stanza {
        var marked = message
        if isFromRoom(message) { marked.roomMoment = registry.moment }
        return marked
    }

    /// Whether it is a message that a room of this server sends to an account. RFC 6121 section 8.5.2.1.1 knows only
    /// rooms that send to resources; a room without presence sends to bare JIDs, and only rooms do. Nobody else can send
    /// in the name of a service domain.
    private func isFromRoom(_ stanza: Stanza, _ to: JID) -> Bool {
        to.isBare && (stanza.roomMoment != 0 || isFromRoom(stanza))
    }

    private func isFromRoom(_ stanza: Stanza) -> Bool {
        guard stanza.type == .groupchat, let from = stanza.from else { return false }
        return isService(from)
    }

    /// Calls `body` for who gets a message: the table of RFC 6121 section 8.5.4.
    ///
    /// - Returns: whether anybody gets it.
    private func forEachRecipient(
        of stanza: Stanza, to: JID, among sessions: [SessionRecord], _ body: (Session) -> Void
    ) -> Bool {
        // Section 8.5.3.1: a resource that matches gets it, whatever the type.
        if !to.isBare, let index = sessions.firstIndex(where: { $0.session.jid.jid == to }) {
            body(sessions[index].session)
            return true
        }
        let priorityMin: Int8
        switch MessageType(stanza.type) {
        // Section 8.5.2.1.1 for the bare JID; section 8.5.3.2.1: with a resource that is not there, no one of these.
        case .normal where to.isBare, .chat: priorityMin = Self.highestPriority(of: sessions)
        case .headline where to.isBare: priorityMin = 0
        // Everybody who is there has a place in the room.
        case .groupchat where isFromRoom(stanza, to): priorityMin = 0
        case .normal, .headline, .groupchat, .error: return false
        }
        // Whoever has a negative priority gets none that is not for its full JID.
        guard priorityMin >= 0 else { return false }
        var isDelivered = false
        for index in sessions.indices {
            guard let priority = sessions[index].priority, priority >= priorityMin else { continue }
            isDelivered = true
            body(sessions[index].session)
        }
        return isDelivered
    }

    /// The highest priority of available resources; negative when nobody is available. Those that carbons are for get
    /// theirs besides.
    private static func highestPriority(of sessions: [SessionRecord]) -> Int8 {
        var highest: Int8 = -1
        for index in sessions.indices {
            if let priority = sessions[index].priority { highest = max(highest, priority) }
        }
        return highest
    }

    private func undelivered(_ received: ReceivedMessage, to: JID) -> Work {
        switch MessageType(received.stanza.type) {
        case .error, .headline:
            // Sections 8.5.2.2.1 and 8.5.3.2.1: silently ignored.
            return .done
        case .groupchat where isFromRoom(received.stanza, to):
            for keeper in received.host.roomMessageKeepers {
                if let work = keeper(received) { return work }
            }
            return .done
        case .groupchat:
            return bounce(received.stanza, .serviceUnavailable)
        case .normal where !to.isBare:
            return bounce(received.stanza, .serviceUnavailable)
        case .normal, .chat:
            for keeper in received.host.undeliveredKeepers {
                if let work = keeper(received) { return work }
            }
            // Its account finds it in the archive, though it is kept nowhere else.
            return received.isArchived ? .done : bounce(received.stanza, .serviceUnavailable)
        }
    }
}

/// A message that a client sent.
public struct SentMessage: Sendable {
    /// The message. A filter may change it.
    public var stanza: Stanza
    /// The sender's session. The events of this message are raised on its loop.
    public let session: Session
    /// Puts it into the sender's archive once no filter has stopped it, and sets ``ownMark``; returns what must be done
    /// before it counts as handled. A filter may set it; nil for a message that is not archived.
    public var archive: (@Sendable (inout SentMessage) -> Work)?
    /// What the sender's own resources see in copies of it, and nobody else: its name in the sender's archive
    /// (XEP-0313 section 3.4); nil for nothing.
    public var ownMark: Element?

    init(stanza: Stanza, session: Session) {
        self.stanza = stanza
        self.session = session
    }
}

/// A message for an account of a host.
public struct ReceivedMessage: Sendable {
    /// The message. A filter may change it.
    public var stanza: Stanza
    /// Whom it is for.
    public let account: BareJID
    /// The account's host.
    public let host: Host
    /// Puts it into the account's archive, and its name there into the message, once it is known that it is accepted:
    /// what is refused is in no archive (XEP-0313 section 5.1). Returns what must be done before it counts as handled. A
    /// filter may set it; nil for a message that is not archived.
    public var archive: (@Sendable (inout ReceivedMessage) -> Work)?
    /// Whether the account finds it in its archive.
    public internal(set) var isArchived = false

    init(stanza: Stanza, account: BareJID, host: Host) {
        self.stanza = stanza
        self.account = account
        self.host = host
    }
}

/// A message that was delivered to at least one session.
public struct DeliveredMessage: Sendable {
    /// The message as it was delivered.
    public let message: ReceivedMessage
    /// Who got it.
    public let recipients: [Session]
    /// All sessions of the account that may get it.
    public let sessions: [SessionRecord]
}

extension Filter where Subject == SentMessage {
    /// A client's message is about to be routed. On the loop of the sender's session.
    public static var sentMessage: Filter<SentMessage> { Filter("sent-message") }
}

extension Filter where Subject == ReceivedMessage {
    /// A message for an account is about to be delivered or stored, once for each message. On any loop.
    public static var receivedMessage: Filter<ReceivedMessage> { Filter("received-message") }
}

extension Notice where Payload == SentMessage {
    /// A client's message was routed. On the loop of the sender's session.
    public static var messageSent: Notice<SentMessage> { Notice("message-sent") }
}

extension Notice where Payload == DeliveredMessage {
    /// A message was handed to sessions of an account; not raised again when one of them ends without having got it. On
    /// the loop where it was routed.
    public static var messageDelivered: Notice<DeliveredMessage> { Notice("message-delivered") }
}
