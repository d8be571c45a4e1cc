// SPDX-License-Identifier: Apache-2.0
// The first rule of delivery (XEP-0016 section 2.2, rule 4): what an account's privacy list lets pass.

extension Router {
    /// What the rules of an account say of a stanza that comes for it.
    enum Admission {
        /// It passes to all sessions.
        case all
        /// It passes to these sessions.
        case some([SessionRecord])
        case refused
        /// It is not known yet. What is asked returns nil when the stanza is to be looked at again.
        case unknown(@Sendable () async throws(StorageError) -> StanzaVerdict?)
    }

    /// What the rules of an account say of a stanza from `peer`.
    ///
    /// - Parameter sessions: all that the account has.
    func admission(
        of passage: StanzaPassage, from peer: JID?, to: JID, at host: Host, among sessions: [SessionRecord]
    ) -> Admission {
        var isFree = !sessions.isEmpty
        for index in sessions.indices where !sessions[index].session.isFreeOfRules { isFree = false }
        guard !isFree, let gate = host.stanzaGate, let peer, !isExempt(peer, to.bare, host) else { return .all }
        guard !sessions.isEmpty else {
            let account = to.bare
            switch gate.verdict(on: passage, peer, of: account) {
            case .allowed: return .all
            case .denied, .blocked: return .refused
            case nil:
                return .unknown { () async throws(StorageError) in
                    try await gate.verdictLater(on: passage, peer, of: account)
                }
            }
        }
        let unread = sessions.filter { $0.session.areRulesUnread }
        guard unread.isEmpty else {
            return .unknown { () async throws(StorageError) in
                for record in unread { try await gate.prepare(record.session) }
                return nil
            }
        }
        if let full = to.full, let match = sessions.first(where: { $0.session.jid == full }) {
            return match.session.allows(passage, peer) ? .all : .refused
        }
        let admitted = sessions.filter { $0.session.allows(passage, peer) }
        return admitted.count == sessions.count ? .all : admitted.isEmpty ? .refused : .some(admitted)
    }

    /// Finds out what is not known, and goes on with the stanza.
    ///
    /// - Parameters:
    ///   - again: what is done when the stanza is to be looked at again.
    ///   - pass: what is done when it passes.
    func later(
        _ ask: @escaping @Sendable () async throws(StorageError) -> StanzaVerdict?, _ stanza: Stanza,
        again: @escaping @Sendable () -> Work, pass: @escaping @Sendable () -> Work
    ) -> Work {
        .laterLeaving { [self] in
            do throws(StorageError) {
                switch try await ask() {
                case nil: return again()
                case .allowed: return pass()
                case .denied, .blocked: return refuse(stanza)
                }
            } catch {
                // Whether it may pass is not known, so it does not.
                return stanza.kind == .presence ? .done : bounce(stanza, StanzaError(storage: error))
            }
        }
    }

    /// What the sender of a stanza that was refused is told (XEP-0016 section 2.13): as if nobody were there.
    func refuse(_ stanza: Stanza) -> Work {
        stanza.kind == .presence ? .done : bounce(stanza, .serviceUnavailable)
    }

    /// What is done instead of routing a stanza that a client sent; nil when it may go. On the session's loop.
    func detained(_ stanza: Stanza, from session: Session) -> Work? {
        guard !session.isFreeOfRules, let gate = session.host.stanzaGate else { return nil }
        if session.areRulesUnread {
            // Whoever cannot be told what holds can still look at the lists, and mend them.
            if stanza.kind == .iq, stanza.to == nil { return nil }
            return .laterLeaving { [self] in
                do throws(StorageError) {
                    try await gate.prepare(session)
                } catch {
                    answer(stanza, StanzaError(storage: error), to: session)
                    return .done
                }
                return route(stanza, from: session)
            }
        }
        // Without an address it is for the sender's own account, or a broadcast, which asks for each contact.
        guard let to = stanza.to else { return nil }
        var passage = StanzaPassage.other
        if stanza.kind == .presence, stanza.type == .none || stanza.type == .unavailable { passage = .presenceOut }
        switch session.verdict(on: passage, to) {
        case .allowed: return nil
        case .denied: answer(stanza, StanzaError(.notAcceptable, type: .cancel), to: session)
        case .blocked:
            // XEP-0191 section 3.2
            let detail = Element("blocked", .blockingErrors)
            answer(stanza, StanzaError(.notAcceptable, type: .cancel, detail: detail), to: session)
        }
        return .done
    }

    /// Tells the resource itself: an error for the bare JID of a subscription stanza would reach nobody.
    private func answer(_ stanza: Stanza, _ error: StanzaError, to session: Session) {
        guard var answer = stanza.error(error) else { return }
        answer.to = session.jid.jid
        session.deliver(answer)
    }
}

extension Namespace {
    /// The condition of errors that answer stanzas to somebody whom the sender has blocked (XEP-0191 section 3.2).
    static let blockingErrors: Namespace = "urn:xmpp:blocking:errors"
}
