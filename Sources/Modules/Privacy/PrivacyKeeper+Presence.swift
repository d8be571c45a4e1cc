// SPDX-License-Identifier: Apache-2.0
// What contacts and an account see of each other's presence when a list comes to hold or ceases to (XEP-0016 sections
// 2.9 and 2.10, XEP-0191 sections 3.2 and 3.3).

internal import XMPPCore

extension PrivacyKeeper {
    /// Sends the presence that the change of a session's rules brings with it. On the session's loop.
    func follow(_ session: Session, from old: SessionRules, to new: SessionRules) {
        guard old.applied != nil || new.applied != nil else { return }
        takeBackDirected(session, from: old, to: new)
        guard let presence = session.presence,
            let subscriptions = roster?.subscriptionsInMemory(of: session.account)
        else { return }
        for contact in subscriptions.from where host.router.host(contact.jid) != nil {
            let wasSeen = session.allows(.presenceOut, contact.jid, under: old)
            let isSeen = session.allows(.presenceOut, contact.jid, under: new)
            if wasSeen, !isSeen { sendUnavailable(of: session, to: contact.jid) }
            guard isSeen, !wasSeen else { continue }
            var stanza = presence.stanza
            stanza.to = contact.jid
            host.router.routeFromServer(stanza)
        }
        for contact in subscriptions.to {
            for record in host.registry.sessions(of: contact) where record.isAvailable {
                show(record, to: session, from: old, to: new)
            }
        }
    }

    /// Shows the presence of a contact's resource to a session that may see it from now on, and its end to one that may
    /// see it no more.
    private func show(_ record: SessionRecord, to session: Session, from old: SessionRules, to new: SessionRules) {
        let contact = record.session.jid.jid
        let sawIt = session.allows(.presenceIn, contact, under: old)
        let seesIt = session.allows(.presenceIn, contact, under: new)
        guard sawIt != seesIt, record.session.allows(.presenceOut, session.jid.jid),
            roster(ofHostOf: contact)?.subscriptionsInMemory(of: contact.bare)?.from.contains(session.account) == true
        else { return }
        let unavailable = Presence(from: contact, type: .unavailable)
        guard var stanza = (seesIt ? record.presence : unavailable)?.stanza else { return }
        stanza.to = session.jid.jid
        session.deliver(stanza)
    }

    private func roster(ofHostOf contact: JID) -> (any RosterService)? {
        host.router.host(contact)?.service((any RosterService).self)
    }

    private func takeBackDirected(_ session: Session, from old: SessionRules, to new: SessionRules) {
        for target in session.directedPresence
        where session.allows(.presenceOut, target, under: old) && !session.allows(.presenceOut, target, under: new) {
            session.directedPresence.remove(target)
            sendUnavailable(of: session, to: target)
        }
    }

    private func sendUnavailable(of session: Session, to contact: JID) {
        guard host.router.host(contact) != nil else { return }
        host.router.routeFromServer(Presence(to: contact, from: session.jid.jid, type: .unavailable).stanza)
    }
}
