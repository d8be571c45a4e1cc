// SPDX-License-Identifier: Apache-2.0
// Presence: handed to the modules that know rosters and subscriptions (RFC 6121 sections 3 and 4).

extension Router {
    func routePresence(_ stanza: Stanza, from session: Session) -> Work {
        guard let presence = Presence(stanza) else { return .done }
        switch presence.type {
        case .subscribe, .subscribed, .unsubscribe, .unsubscribed:
            guard presence.to != nil else { return refuse(stanza, .badRequest, session) }
            guard let handler = session.host.subscriptionHandler else {
                return refuse(stanza, .serviceUnavailable, session)
            }
            return handler.sent(presence, session)
        case .available, .unavailable:
            // RFC 6121 section 4.7.2.3: a priority is a number from -128 to 127.
            guard presence.priority != nil else { return bounce(stanza, .badRequest) }
            guard presence.type == .available, let complete = session.host.presenceCompleter else {
                return send(presence, from: session)
            }
            switch complete(presence, session) {
            case .now(let completed):
                return send(completed, from: session)
            case .later(let body):
                return .laterLeaving { [self] in
                    let completed = await body()
                    // Its end has been told meanwhile.
                    return session.isEnded ? .done : send(completed, from: session)
                }
            }
        case .probe, .error:
            // RFC 6121 section 4.3.1: probes are the server's to send; a client's own is passed on like any directed
            // presence, and tells it what it may know.
            return presence.to == nil ? .done : route(stanza)
        }
    }

    /// Broadcasts presence, or directs it to its address.
    private func send(_ presence: Presence, from session: Session) -> Work {
        if let work = session.host.presenceHandler?.sent(presence, session) { return work }
        return presence.to == nil ? remember(presence, session) : route(presence.stanza)
    }

    /// Tells the resource itself: a subscription stanza is from the account, where an error would reach nobody (RFC
    /// 6121 section 8.5.2.1.2).
    private func refuse(_ stanza: Stanza, _ error: StanzaError, _ session: Session) -> Work {
        guard var answer = stanza.error(error) else { return .done }
        answer.to = session.jid.jid
        session.deliver(answer)
        return .done
    }

    /// Without a presence module: who is available still decides who gets messages.
    private func remember(_ presence: Presence, _ session: Session) -> Work {
        session.setPresence(presence.type == .available ? presence : nil)
        return .done
    }

    /// Presence for an address of a host.
    func receivePresence(_ stanza: Stanza, at host: Host, to: JID) -> Work {
        guard let presence = Presence(stanza), !to.isDomain else { return .done }
        let sessions = registry.sessions(of: to.bare)
        let passage: StanzaPassage
        switch presence.type {
        case .available, .unavailable:
            // Nobody is there whom rules could protect.
            guard !sessions.isEmpty else { return .done }
            passage = .presenceIn
        case .subscribe, .subscribed, .unsubscribe, .unsubscribed, .probe, .error:
            passage = .other
        }
        switch admission(of: passage, from: stanza.from, to: to, at: host, among: sessions) {
        case .all:
            return pass(presence, at: host, to: to, among: sessions)
        case .some(let admitted):
            return pass(presence, at: host, to: to, among: admitted)
        case .refused:
            return refuse(stanza)
        case .unknown(let ask):
            return later(ask, stanza) { [self] in
                receivePresence(stanza, at: host, to: to)
            } pass: { [self] in
                pass(presence, at: host, to: to, among: registry.sessions(of: to.bare))
            }
        }
    }

    /// Presence that the rules of its recipient let pass to these of its sessions.
    private func pass(_ presence: Presence, at host: Host, to: JID, among sessions: [SessionRecord]) -> Work {
        switch presence.type {
        case .subscribe, .subscribed, .unsubscribe, .unsubscribed:
            return host.subscriptionHandler?.received(presence, to.bare) ?? .done
        case .probe:
            return host.presenceHandler?.received(presence, to.bare) ?? .done
        case .available, .unavailable, .error:
            if let full = to.full {
                // RFC 6121 section 8.5.3.1: delivered if the resource is there, else silently ignored.
                sessions.first { $0.session.jid == full }?.session.deliver(presence.stanza)
                return .done
            }
            if presence.type == .error { return .done }
            for record in sessions where record.isAvailable { record.session.deliver(presence.stanza) }
            return .done
        }
    }
}

/// What a module does with presence of one sort.
public struct PresenceHandler: Sendable {
    /// A client sent it. On the session's loop.
    let sent: @Sendable (Presence, Session) -> Work
    /// It came for an account. On any loop.
    let received: @Sendable (Presence, BareJID) -> Work
}

/// Available presence with what a module adds to it.
public enum PresenceCompletion: Sendable {
    /// At once; the same presence when nothing is to be added.
    case now(Presence)
    /// After waiting. The closure stays on the session's loop; later stanzas of the client wait for it.
    case later(@Sendable () async -> Presence)
}

/// Completes the presence of a session, on its loop.
typealias PresenceCompleter = @Sendable (Presence, Session) -> PresenceCompletion
