// SPDX-License-Identifier: Apache-2.0
// Stanzas of a bound resource, in and out (RFC 6120 section 8).

import Logging

extension ClientStream {
    func handleBound(_ element: Element, _ session: Session) {
        switch parseStanza(element) {
        case .success(let stanza): handle(stanza, session)
        case .failure(.notAStanza): handleOther(element, session)
        case .failure(.malformedAddress(let kind)): refuse(element, kind, .jidMalformed, session)
        case .failure(.malformed(let kind)): refuse(element, kind, .badRequest, session)
        }
    }

    /// Reads an element of the stream as a stanza, with the addresses that the loop remembers.
    func parseStanza(_ element: Element) -> Result<Stanza, Stanza.ParsingError> {
        loop.withJIDCache { cache in
            do throws(Stanza.ParsingError) { return .success(try Stanza.parse(element, &cache)) } catch {
                return .failure(error)
            }
        }
    }

    private func handle(_ received: Stanza, _ session: Session) {
        var stanza = received
        if let from = stanza.from, from != session.jid.jid, from != session.account.jid {
            // RFC 6120 section 8.1.2.1
            return fail(StreamError(.invalidFrom))
        }
        // RFC 6121 section 3.1.2: subscription requests come from the account, all else from the resource.
        stanza.from =
            stanza.kind == .presence && stanza.type.managesSubscription ? session.account.jid : session.jid.jid
        guard let managed else {
            return wait(for: work(stanza, session))
        }
        // XEP-0198 section 4: handled means that the server has taken responsibility, so not before it is done.
        let work = work(stanza, session)
        guard work.holdsUp else { return managed.handled(after: work.completion) }
        managed.beginHandling()
        perform { managed.endHandling(after: await work.proceed()) }
    }

    private func work(_ stanza: Stanza, _ session: Session) -> Work {
        let before = session.host.events.streamReceived.raise(session)
        if stanza.kind == .iq, let answer = answerStreamIQ(stanza, session) { return before.then(answer) }
        return before.then(services.router.route(stanza, from: session))
    }

    /// The IQs of negotiation, which a bound client has no more use for.
    private func answerStreamIQ(_ stanza: Stanza, _ session: Session) -> Work? {
        guard let iq = IQ(stanza), iq.type == .set, let payload = iq.payload else { return nil }
        if payload.isNamed("session", .session) {
            session.deliver(iq.result().stanza)
            return .done
        }
        // RFC 6120 section 7.7.3: one resource for each stream
        if payload.isNamed("bind", .bind) { return services.router.bounce(stanza, .notAllowed) }
        return nil
    }

    private func refuse(_ element: Element, _ kind: Stanza.Kind, _ error: StanzaError, _ session: Session) {
        managed?.handled()
        // RFC 6120 section 8.3.1: no error in answer to an error
        guard element["type"] != "error", element["type"] != "result" else { return }
        let answer = Element(kind.name, .client, ["id": element["id"]]) { error.element }
        send(Stanza(kind: kind, type: .error, to: session.jid.jid, from: session.host.address.jid, element: answer))
    }

    private func handleOther(_ element: Element, _ session: Session) {
        if element.namespace == .streamManagement { return handleManagement(element, session) }
        guard let handler = session.host.nonzaHandler(for: element) else {
            return fail(StreamError(.unsupportedStanzaType))
        }
        wait(for: handler(session, element))
    }

    // MARK: SessionOutlet

    func send(_ stanza: Stanza) {
        loop.assertCurrent()
        guard !isEnded else { return }
        // Kept before it is written: there may be no room for it in the transport, and the stream ends.
        let room = managed?.state.sent(stanza)
        transport.write { $0.append(stanza) }
        guard !isEnded, let managed else { return }
        if case .exhausted = room, expectAcknowledgement(managed) == .overdue { return }
        if managed.state.requestsAcknowledgement(at: loop.now) { sendRequest() }
    }

    var hasRoom: Bool {
        transport.waitingByteCount < TransportLimits.roomByteCount && !(managed?.state.isLong ?? false)
    }
}

extension StanzaType {
    /// Whether presence of this type manages a subscription (RFC 6121 section 3).
    var managesSubscription: Bool {
        switch self {
        case .subscribe, .subscribed, .unsubscribe, .unsubscribed: true
        default: false
        }
    }
}
