// SPDX-License-Identifier: Apache-2.0
// Presence subscriptions: what clients send and what comes for accounts (RFC 6121 section 3).

internal import Logging
internal import XMPPCore

extension Roster {
    // MARK: sent by a client

    /// RFC 6121 sections 3.1.2, 3.1.5, 3.2.2, 3.3.2.
    func subscriptionSent(_ presence: Presence, _ session: Session) -> Work {
        guard let event = SubscriptionEvent(presence.type), let contact = presence.to?.bare else { return .done }
        // Whoever sees an account's presence, it sees its own: there is nothing to ask for.
        guard contact != session.account else { return .done }
        return .later { await sent(event, presence, to: contact, from: session) }
    }

    private func sent(
        _ event: SubscriptionEvent, _ presence: Presence, to contact: BareJID, from session: Session
    ) async {
        // Sections 3.1.2 and so on: stamped with bare JIDs at both ends.
        var stamped = presence
        stamped.from = session.account.jid
        stamped.to = contact.jid
        let routed = stamped
        do throws(StorageError) {
            try await state.outbound.withLock(session.account) { () async throws(StorageError) in
                try await carryOut(event, routed, to: contact, from: session.account)
            }
        } catch {
            return answer(presence, with: StanzaError(storage: error), to: session)
        }
        if event == .subscribe, !host.router.serves(contact.jid) {
            answer(presence, with: StanzaError(.remoteServerNotFound), to: session)
        }
    }

    /// Tells the client itself: errors for a bare JID would reach nobody (RFC 6121 section 8.5.2.1.2).
    private func answer(_ presence: Presence, with error: StanzaError, to session: Session) {
        guard var answer = presence.stanza.error(error) else { return }
        answer.to = session.jid.jid
        session.deliver(answer)
    }

    private func carryOut(
        _ event: SubscriptionEvent, _ presence: Presence, to contact: BareJID, from account: BareJID
    ) async throws(StorageError) {
        let update = try await update(contact.jid, of: account, push: .whenSeen) { item in
            RosterItem.item(item, of: contact.jid, in: SubscriptionState(item).sending(event).state)
        }
        let old = SubscriptionState(update.change.old), transition = old.sending(event)
        // While the contact's server still expects the account's presence.
        if old.hasFrom, !transition.state.hasFrom { sendUnavailable(of: update.sessions, to: contact.jid) }
        guard transition.isPassedOn else { return }
        if host.router.serves(contact.jid) { await host.router.route(presence.stanza).finish() }
        // Section 3.1.5: after the approval comes what it allows to see.
        if transition.state.hasFrom, !old.hasFrom { sendPresence(of: account, to: contact) }
    }

    // MARK: received for an account

    /// RFC 6121 sections 3.1.3, 3.1.6, 3.2.3, 3.3.3.
    func subscriptionReceived(_ presence: Presence, _ account: BareJID) -> Work {
        guard let event = SubscriptionEvent(presence.type), let contact = presence.from?.bare, contact != account else {
            return .done
        }
        return .later {
            do throws(StorageError) {
                try await receive(event, presence, from: contact, for: account)
            } catch {
                // The contact's state is as it was, and its next stanza of this sort brings both together: requests are
                // routed again, and answered by the server where they were approved.
                host.logFailure("subscription stanza was not carried out", error, level: .warning)
            }
        }
    }

    private func receive(
        _ event: SubscriptionEvent, _ presence: Presence, from contact: BareJID, for account: BareJID
    ) async throws(StorageError) {
        // Section 8.5.1: silently ignored when there is no such account. Only a request could leave something behind.
        if event == .subscribe, try await !exists(account) { return }
        var stamped = presence
        stamped.from = contact.jid
        stamped.to = account.jid
        let delivered = stamped
        let itemCountMax = event == .subscribe ? Self.itemCountMaxForRequests : Self.itemCountMax
        let update = try await update(
            contact.jid, of: account, itemCountMax: itemCountMax, push: .whenSeen,
            deliver: { change in
                guard SubscriptionState(change.old).receiving(event).isPassedOn else { return }
                deliver(delivered, event, to: account)
            },
            { item in
                let state = SubscriptionState(item).receiving(event).state
                return RosterItem.item(item, of: contact.jid, in: state, request: delivered)
            })
        let old = SubscriptionState(update.change.old), transition = old.receiving(event)
        // Section 3.3.3
        if old.hasFrom, !transition.state.hasFrom { sendUnavailable(of: update.sessions, to: contact.jid) }
        if let reply = transition.reply {
            await send(reply, from: account, to: contact.jid)
            // A contact that had to ask again has forgotten the presence too.
            sendPresence(of: account, to: contact)
        }
    }

    /// Whether stanzas for the account mean somebody. One that no store knows may have logged in all the same.
    private func exists(_ account: BareJID) async throws(StorageError) -> Bool {
        if !host.registry.sessions(of: account).isEmpty { return true }
        return try await host.storage.accounts.contains(account)
    }

    /// Hands a subscription stanza to the resources that it is for. The account's lock is held, so that it comes before
    /// the push of the same change.
    private func deliver(_ presence: Presence, _ event: SubscriptionEvent, to account: BareJID) {
        for record in host.registry.sessions(of: account) {
            // Section 3.1.3: requests go to available resources. Sections 3.1.6, 3.2.3 and 3.3.3: the rest go to
            // interested ones.
            guard event == .subscribe ? record.isAvailable : record.isInterested else { continue }
            record.session.deliverInOrder(presence.stanza)
        }
    }

    // MARK: presence that follows

    /// Sends the presence of each available resource to a contact that may see it from now on.
    ///
    /// Each from its own loop, where it sends its next presence too: so the contact never ends with an old one. Posted
    /// even there, so that it comes after the approval, which was posted as well.
    private func sendPresence(of account: BareJID, to contact: BareJID) {
        for record in host.registry.sessions(of: account) where record.isAvailable {
            let session = record.session
            session.loop.post {
                guard var presence = session.presence, session.allows(.presenceOut, contact.jid) else { return }
                presence.to = contact.jid
                session.host.router.routeFromServer(presence.stanza)
            }
        }
    }

    /// Sends the end of the presence of resources to a contact that may see it no more.
    func sendUnavailable(of sessions: [SessionRecord], to contact: JID) {
        guard host.router.serves(contact) else { return }
        for record in sessions where record.isAvailable {
            let unavailable = Presence(to: contact, from: record.session.jid.jid, type: .unavailable)
            host.router.routeFromServer(unavailable.stanza)
        }
    }
}
