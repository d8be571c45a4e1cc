// SPDX-License-Identifier: Apache-2.0
// Exchanging presence (RFC 6121 section 4): initial and later presence, its end, probes, and directed presence. Not
// here: who is subscribed to whom (Roster), and contacts on other servers.

internal import Logging
public import XMPPCore

/// Tells contacts and own resources of the presence of connected resources.
public struct PresenceBroadcast: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_presence", implements: [.rfc(6121, section: "4")])

    /// Most addresses that a session's directed presence may wait to be taken back from.
    static let directedPresenceCountMax = 1_000

    let host: Host

    /// Makes the module for one host. Never throws.
    public init(options: NoOptions, host: Host) throws(ModuleError) { self.host = host }

    /// Handles the presence that sessions send, and the probes that reach accounts.
    public func register(in registrar: inout Registrar) {
        registrar.handlePresence(sent: sent, received: probed)
    }

    /// Whether the session's contacts have been told of it.
    private enum IsAnnounced: SessionKey {
        typealias Value = Bool
    }

    private var roster: (any RosterService)? { host.service((any RosterService).self) }

    private func subscriptionsInMemory(of account: BareJID) -> PresenceSubscriptions? {
        // A host without rosters has no subscriptions.
        guard let roster else { return PresenceSubscriptions() }
        return roster.subscriptionsInMemory(of: account)
    }

    private func sent(_ presence: Presence, _ session: Session) -> Work {
        if let to = presence.to { return direct(presence, to: to, session) }
        return presence.type == .available ? becomeAvailable(presence, session) : becomeUnavailable(presence, session)
    }

    // MARK: available

    /// RFC 6121 sections 4.2.2 and 4.4.2.
    private func becomeAvailable(_ presence: Presence, _ session: Session) -> Work {
        let change = PresenceChange(session: session, old: session.presence, new: presence)
        // Before the subscriptions are read, and before anybody else's presence is: a contact who does the same at this
        // moment on another loop sees this session, or is seen by it.
        session.setPresence(presence)
        if let subscriptions = subscriptionsInMemory(of: session.account) {
            announce(presence, session, subscriptions)
            return host.presenceChanged(change)
        }
        return .later {
            do throws(StorageError) {
                let subscriptions = try await roster?.subscriptions(of: session.account) ?? PresenceSubscriptions()
                // It may have ended meanwhile.
                guard session.isAvailable else { return }
                announce(presence, session, subscriptions)
            } catch {
                guard session.isAvailable else { return }
                // Messages can reach it; its contacts are told when it sends presence again.
                tellOwnResources(presence, session)
                if let answer = presence.stanza.error(StanzaError(storage: error)) { session.deliver(answer) }
            }
            await host.presenceChanged(change).finish()
        }
    }

    /// Tells everybody who may know, and a new resource what it may know.
    private func announce(_ presence: Presence, _ session: Session, _ subscriptions: PresenceSubscriptions) {
        if session[IsAnnounced.self] != true {
            session[IsAnnounced.self] = true
            learn(session, subscriptions)
        }
        tellOwnResources(presence, session)
        tell(presence, subscriptions.from, session)
        // Subscriptions that changed meanwhile on another loop: whoever lost one must not be left with this presence.
        guard let now = subscriptionsInMemory(of: session.account), now.from != subscriptions.from else { return }
        let lost = Set(subscriptions.from).subtracting(now.from), won = Set(now.from).subtracting(subscriptions.from)
        tell(Presence(from: session.jid.jid, type: .unavailable), Array(lost), session)
        tell(presence, Array(won), session)
    }

    /// RFC 6121 sections 4.2.2 and 4.4.2: an account's resources see each other, and each itself.
    private func tellOwnResources(_ presence: Presence, _ session: Session) {
        var copy = presence.stanza
        copy.to = session.account.jid
        for record in host.registry.sessions(of: session.account) where record.isAvailable {
            record.session.deliver(copy)
        }
    }

    private func tell(_ presence: Presence, _ contacts: [BareJID], _ session: Session) {
        var copy = presence.stanza
        for contact in contacts
        where host.router.serves(contact.jid) && session.allows(.presenceOut, contact.jid) {
            copy.to = contact.jid
            host.router.routeFromServer(copy)
        }
    }

    /// What probes would bring (RFC 6121 section 4.3), answered at once for accounts of this server; then requests that
    /// wait for an answer (section 3.1.3).
    private func learn(_ session: Session, _ subscriptions: PresenceSubscriptions) {
        for record in host.registry.sessions(of: session.account) where record.session !== session {
            pass(record.presence, to: session)
        }
        for contact in subscriptions.to {
            let records = host.registry.sessions(of: contact)
            // A contact whose subscriptions are not in memory is just being announced, to this session too.
            guard records.contains(where: \.isAvailable), let roster = rosterOfHost(of: contact),
                roster.subscriptionsInMemory(of: contact)?.from.contains(session.account) == true
            else { continue }
            for record in records
            where session.allows(.presenceIn, record.session.jid.jid)
                && record.session.allows(.presenceOut, session.jid.jid)
            {
                pass(record.presence, to: session)
            }
        }
        for request in subscriptions.requests { session.deliver(request.stanza) }
    }

    private func rosterOfHost(of contact: BareJID) -> (any RosterService)? {
        host.router.host(contact.jid)?.service((any RosterService).self)
    }

    private func pass(_ presence: Presence?, to session: Session) {
        guard var stanza = presence?.stanza else { return }
        stanza.to = session.jid.jid
        session.deliver(stanza)
    }

    // MARK: unavailable

    /// RFC 6121 sections 4.5.2 and 4.6.3. Also when the session ends.
    private func becomeUnavailable(_ presence: Presence, _ session: Session) -> Work {
        let old = session.presence
        let wasAnnounced = session[IsAnnounced.self] == true
        // Read before others can see that the session is gone: a contact who loses its subscription at this moment is
        // told here, or by whoever took the subscription.
        let subscriptions = subscriptionsInMemory(of: session.account)
        let targets = session.directedPresence
        if old != nil { tellOwnResources(presence, session) }
        session.setPresence(nil)
        session[IsAnnounced.self] = nil
        session.directedPresence = []
        let told = PresenceChange(session: session, old: old, new: presence)
        guard wasAnnounced else {
            takeBack(presence, targets, except: [])
            return old == nil ? .done : host.presenceChanged(told)
        }
        if let subscriptions {
            tell(presence, subscriptions.from, session)
            takeBack(presence, targets, except: subscriptions.from)
            return host.presenceChanged(told)
        }
        return .later {
            do throws(StorageError) {
                let from = try await roster?.subscriptions(of: session.account).from ?? []
                tell(presence, from, session)
                takeBack(presence, targets, except: from)
            } catch {
                takeBack(presence, targets, except: [])
                host.logFailure("contacts were not told of the end of a presence", error, level: .warning)
            }
            await host.presenceChanged(told).finish()
        }
    }

    /// Takes back directed presence, but from those whom the broadcast told.
    private func takeBack(_ presence: Presence, _ targets: Set<JID>, except told: [BareJID]) {
        var copy = presence.stanza
        for target in targets where told.isEmpty || !told.contains(target.bare) {
            copy.to = target
            host.router.routeFromServer(copy)
        }
    }

    // MARK: directed

    /// RFC 6121 section 4.6.3.
    private func direct(_ presence: Presence, to: JID, _ session: Session) -> Work {
        // Whoever gets the broadcasts hears of the end anyway.
        let isTold =
            session[IsAnnounced.self] == true
            && (to.bare == session.account
                || subscriptionsInMemory(of: session.account)?.from.contains(to.bare) == true)
        if presence.type == .unavailable {
            session.directedPresence.remove(to)
        } else if !isTold, !session.directedPresence.contains(to) {
            guard session.directedPresence.count < Self.directedPresenceCountMax else {
                return host.router.bounce(presence.stanza, .resourceConstraint)
            }
            session.directedPresence.insert(to)
        }
        return host.router.route(presence.stanza)
    }

    // MARK: probes

    /// RFC 6121 section 4.3.2.
    private func probed(_ probe: Presence, _ account: BareJID) -> Work {
        guard let prober = probe.from else { return .done }
        if prober.bare == account {
            answer(prober, account)
            return .done
        }
        if let subscriptions = roster?.subscriptionsInMemory(of: account) {
            return answer(prober, account, isSubscribed: subscriptions.from.contains(prober.bare))
        }
        return .later {
            do throws(StorageError) {
                let subscription = try await roster?.subscription(of: account, to: prober.bare) ?? .none
                await answer(prober, account, isSubscribed: subscription == .from || subscription == .both).finish()
            } catch {
                await host.router.bounce(probe.stanza, StanzaError(storage: error)).finish()
            }
        }
    }

    private func answer(_ prober: JID, _ account: BareJID, isSubscribed: Bool) -> Work {
        guard isSubscribed else {
            // The same for an account that does not exist: nobody learns which do.
            let refusal = Presence(to: prober.bare.jid, from: account.jid, type: .unsubscribed)
            return host.router.route(refusal.stanza)
        }
        answer(prober, account)
        return .done
    }

    /// Sends the presence of each available resource; that there is none, when there is none.
    private func answer(_ prober: JID, _ account: BareJID) {
        let sessions = host.registry.sessions(of: account).filter { $0.session.allows(.presenceOut, prober) }
        let available = sessions.compactMap(\.presence)
        for presence in available {
            var stanza = presence.stanza
            stanza.to = prober
            host.router.routeFromServer(stanza)
        }
        guard available.isEmpty else { return }
        host.router.routeFromServer(Presence(to: prober, from: account.jid, type: .unavailable).stanza)
    }
}
