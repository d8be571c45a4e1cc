// SPDX-License-Identifier: Apache-2.0
// IQs: answered here, or passed to the resource that they are addressed to (RFC 6120 section 10.3.3, RFC 6121
// section 8).

extension Router {
    func routeIQ(_ stanza: Stanza, from session: Session) -> Work {
        guard let to = stanza.to else {
            // RFC 6120 section 10.3.3: without an address it is for the sender's own account.
            return answer(stanza, at: session.host, account: session.account, session: session)
        }
        guard let host = host(to) else { return receive(stanza, outsideHosts: to, session: session) }
        return receiveIQ(stanza, at: host, to: to, session: session)
    }

    func receiveIQ(_ stanza: Stanza, at host: Host, to: JID, session: Session?) -> Work {
        if to.isDomain, to.isBare { return answer(stanza, at: host, account: nil, session: session) }
        let sessions = registry.sessions(of: to.bare)
        switch admission(of: .iq, from: stanza.from, to: to, at: host, among: sessions) {
        case .all, .some:
            return pass(stanza, at: host, to: to, among: sessions, session: session)
        case .refused:
            return refuse(stanza)
        case .unknown(let ask):
            return later(ask, stanza) { [self] in
                receiveIQ(stanza, at: host, to: to, session: session)
            } pass: { [self] in
                pass(stanza, at: host, to: to, among: registry.sessions(of: to.bare), session: session)
            }
        }
    }

    /// An IQ that the rules of its recipient let pass.
    private func pass(
        _ stanza: Stanza, at host: Host, to: JID, among sessions: [SessionRecord], session: Session?
    ) -> Work {
        guard let full = to.full, !to.isDomain else {
            return to.isBare
                ? answer(stanza, at: host, account: to.bare, session: session)
                : bounce(stanza, .serviceUnavailable)
        }
        guard let match = sessions.first(where: { $0.session.jid == full }) else {
            // RFC 6121 section 8.5.3.2.3
            return bounce(stanza, .serviceUnavailable)
        }
        return deliver(stanza, to: match.session, at: host, account: to.bare, from: session)
    }

    /// Hands an IQ to the resource that it is for, if whoever watches over such requests lets it.
    private func deliver(
        _ stanza: Stanza, to recipient: Session, at host: Host, account: BareJID, from session: Session?
    ) -> Work {
        guard stanza.type == .get || stanza.type == .set, let iq = IQ(stanza), let payload = iq.payload,
            let sender = stanza.from, let watch = host.resourceHandler(for: payload, iq.type)
        else {
            recipient.deliver(stanza)
            return .done
        }
        @Sendable func finish(_ result: Result<Element?, StanzaError>) -> Work {
            switch result {
            case .success:
                recipient.deliver(stanza)
                return .done
            case .failure(let error): return bounce(stanza, error)
            }
        }
        switch watch(IQRequest(iq: iq, payload: payload, sender: sender, account: account, session: session)) {
        case .now(let result): return finish(result)
        case .answered(let work): return work
        case .later(let body): return .laterLeaving { await finish(body()) }
        }
    }

    /// Handles an IQ on behalf of an account or the host.
    private func answer(_ stanza: Stanza, at host: Host, account: BareJID?, session: Session?) -> Work {
        guard let iq = IQ(stanza), let sender = stanza.from else { return .done }
        guard iq.type == .get || iq.type == .set, let payload = iq.payload else {
            guard account == nil, let session else { return .done }
            return host.events.hostAnswered.raise(HostReply(iq: iq, session: session))
        }
        let request = IQRequest(iq: iq, payload: payload, sender: sender, account: account, session: session)
        return carryOut(request, host.handler(for: request))
    }

    /// Has a request answered.
    func carryOut(_ request: IQRequest, _ handler: Result<IQHandler, StanzaError>) -> Work {
        let answered: IQAnswer
        switch handler {
        case .success(let handler): answered = handler(request)
        case .failure(let error): answered = .now(.failure(error))
        }
        switch answered {
        case .now(let result):
            return reply(to: request, result)
        case .answered(let work):
            return work
        case .later(let body):
            return .laterLeaving { [self] in reply(to: request, await body()) }
        }
    }

    private func reply(to request: IQRequest, _ result: Result<Element?, StanzaError>) -> Work {
        let answer: Stanza
        switch result {
        case .success(let payload):
            answer = request.iq.result(payload).stanza
        case .failure(let error):
            guard let failure = request.iq.stanza.error(error) else { return .done }
            answer = failure
        }
        if let session = request.session {
            session.deliver(answer)
            return .done
        }
        return route(answer)
    }
}

/// A result or error that a client sent to the host.
public struct HostReply: Sendable {
    /// The result or error.
    public let iq: IQ
    /// The session of the client that sent it.
    public let session: Session
}

extension Notice where Payload == HostReply {
    /// A client answered an IQ that the host had sent it. On the session's loop.
    public static var hostAnswered: Notice<HostReply> { Notice("host-answered") }
}
