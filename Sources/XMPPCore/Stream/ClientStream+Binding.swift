// SPDX-License-Identifier: Apache-2.0
// Resource binding (RFC 6120 section 7), Bind 2 (XEP-0386) and what SASL2 does in the same step.

import Logging

extension ClientStream {
    /// What binding came to.
    private enum Bound {
        case session(Session)
        case refused(StanzaError)
    }

    func handleAuthenticated(_ element: Element, _ account: BareJID) {
        if element.isNamed("resume", .streamManagement) {
            return perform { [self] in await resume(element, account) }
        }
        if element.isNamed("enable", .streamManagement) {
            // XEP-0198 section 3: only once a resource is bound
            return send(.managementFailure(.unexpectedRequest))
        }
        guard element.isNamed("iq", .client) else {
            // RFC 6120 section 7.1: nothing but binding comes first.
            return fail(StreamError(.notAuthorized, text: "no resource is bound"))
        }
        guard case .success(let stanza) = parseStanza(element), let iq = IQ(stanza), iq.type == .set,
            let bind = iq.payload, bind.isNamed("bind", .bind)
        else {
            return fail(StreamError(.notAuthorized, text: "no resource is bound"))
        }
        perform { [self] in
            switch await bindResource(bind.child("resource")?.text, account) {
            case .session(let session):
                let bound = Element("bind", .bind) { Element("jid", .bind) { session.jid.description } }
                reply(to: iq, .success(bound))
                // Nothing reaches the client before it knows its resource.
                session.outlet = self
            case .refused(let error):
                reply(to: iq, .failure(error))
            }
        }
    }

    /// Binds a resource and makes its session.
    ///
    /// - Parameter resource: what the client asks for; nil or empty for one of the server's making.
    private func bindResource(_ resource: String?, _ account: BareJID) async -> Bound {
        guard let host else { return .refused(.internalServerError) }
        let wanted = resource.flatMap { $0.isEmpty ? nil : $0 } ?? RandomToken.make()
        // RFC 6120 section 7.7.2.1: why it is no resourcepart is not said.
        guard let jid = try? account.with(resourcepart: wanted) else { return .refused(.badRequest) }
        guard host.access(settings.accessRule, of: account.jid) != .deny else { return .refused(.notAllowed) }
        let sessionCountMax = host.access("max_user_sessions", of: account.jid).countMax ?? Self.sessionCountMaxDefault
        let session = Session(jid: jid, host: host, loop: loop, peerAddress: transport.peerAddress)
        switch services.router.registry.insert(session, sessionCountMax: sessionCountMax) {
        case .refused:
            // RFC 6120 section 7.6.2.2
            return .refused(StanzaError(.resourceConstraint))
        case .inserted(nil):
            break
        case .inserted(let replaced?):
            // RFC 6120 section 7.7.2.2: the newer connection wins. It waits until the older has said goodbye, so that
            // contacts see the two in order.
            await replaced.endNow(StreamError(.conflict, text: "another connection took the resource"))
        }
        guard !isEnded, !session.isEnded else {
            session.end(.lost)
            return .refused(.conflict)
        }
        phase = .bound(session)
        log(.info, "resource bound")
        watch()
        await host.events.sessionBound.raise(session).finish()
        guard !isEnded, !session.isEnded else {
            // A third connection took the resource meanwhile.
            fail(StreamError(.conflict, text: "another connection took the resource"))
            return .refused(.conflict)
        }
        return .session(session)
    }

    /// Sessions of one account when no access rule `max_user_sessions` says otherwise.
    private static let sessionCountMaxDefault = 10

    // MARK: SASL2

    /// Does what `<authenticate/>` asked for besides, then says `<success/>` (XEP-0388 section 2.6.2).
    func acceptSASL2(_ request: Element, _ account: BareJID, _ additionalData: [UInt8]?) async {
        guard let resume = request.child("resume", .streamManagement) else {
            return await bindInline(request, account, additionalData, results: [])
        }
        switch findResumable(resume, account) {
        case .success(let managed):
            await onLoop(of: managed.session) { [self] in
                guard let resumed = await takeOver(managed, handled: resume["h"]) else {
                    guard !isEnded else { return }
                    let failed = Element.managementFailure(.itemNotFound)
                    return await bindInline(request, account, additionalData, results: [failed])
                }
                sendSuccess(account.description, additionalData, [resumed])
                sendFeatures()
                resendUnacknowledged()
            }
        case .failure(let failure):
            await bindInline(request, account, additionalData, results: [failure.element])
        }
    }

    private func bindInline(
        _ request: Element,
        _ account: BareJID,
        _ additionalData: [UInt8]?,
        results: [Element]
    ) async {
        guard let bind = request.child("bind", .bind2), host?.service(Bind2Options.self) != nil else {
            sendSuccess(account.description, additionalData, results)
            expectProgress()
            return sendFeatures()
        }
        switch await bindResource(bind2Resource(bind), account) {
        case .session(let session):
            let bound = Element("bound", .bind2) { enableInline(bind, session) }
            sendSuccess(session.jid.description, additionalData, results + [bound])
            sendFeatures()
            session.outlet = self
        case .refused(let error):
            log(.info, "bind refused", ["error": "\(error.condition.rawValue)"])
            fail(StreamError(.policyViolation, text: "the resource cannot be bound"))
        }
    }

    private func sendSuccess(_ address: String, _ additionalData: [UInt8]?, _ results: [Element]) {
        send(
            Element("success", .sasl2) {
                if let additionalData {
                    Element("additional-data", .sasl2) { Base64.encodeToString(additionalData) }
                }
                Element("authorization-identifier", .sasl2) { address }
                results
            }
        )
    }

    /// XEP-0386 section 3.1: the client's tag, then something that makes it unique.
    private func bind2Resource(_ bind: Element) -> String {
        let unique = String(RandomToken.make().prefix(8))
        guard let tag = bind.childText("tag"), !tag.isEmpty, tag.utf8.count <= Self.tagByteCountMax else {
            return unique
        }
        return "\(tag).\(unique)"
    }
    private static let tagByteCountMax = 256

    private func enableInline(_ bind: Element, _ session: Session) -> [Element] {
        var results: [Element] = []
        if let enable = bind.child("enable", .streamManagement), let enabled = enableManagement(enable, session) {
            results.append(enabled)
        }
        for feature in session.host.bindFeatures {
            guard let request = bind.children.first(where: { $0.namespace == feature.namespace }) else { continue }
            if let result = feature.bound(session, request) { results.append(result) }
        }
        return results
    }
}

extension AccessValue {
    /// The number that a rule gives; nil when it gives none, and `.max` for "infinity".
    var countMax: Int? {
        switch self {
        case .limit(let count): count
        case .unlimited: .max
        case .allow, .deny, .name: nil
        }
    }
}
