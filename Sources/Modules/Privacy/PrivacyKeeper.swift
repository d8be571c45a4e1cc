// SPDX-License-Identifier: Apache-2.0
// The lists of accounts: read once for a session, applied, changed and pushed. Both the privacy lists (XEP-0016) and the
// blocking command (XEP-0191) work on them.

import Synchronization
internal import XMPPCore

/// Keeps the privacy lists of a host's accounts. May be used from any isolation.
final class PrivacyKeeper: Sendable {
    let host: Host
    let store: any PrivacyStore
    /// One change of an account's lists at a time, and no reading meanwhile. Whoever holds one may wait for the account's
    /// lock of the host; nobody who holds that waits for this.
    private let locks = AccountLocks()
    /// The default lists of accounts that stanzas came for while they had no session; nil in it for accounts without one:
    /// most have none, and that costs no second look.
    private let recent = Mutex(RecentValues<BareJID, PrivacyRules?>(weightMax: recentWeightMax))
    /// How many accounts, and items of their lists, are remembered at most: twice this.
    static let recentWeightMax = 50_000
    private let pushCount = Atomic<Int>(0)

    init(_ host: Host) {
        self.host = host
        store = host.storage.privacyLists
    }

    var roster: (any RosterService)? { host.service((any RosterService).self) }

    func rules(_ list: PrivacyList, of account: BareJID) -> PrivacyRules {
        PrivacyRules(list, of: account, roster: roster)
    }

    // MARK: changes

    /// Runs a change of an account's lists while nobody else changes or reads them.
    func change<Result>(_ account: BareJID, _ body: () async throws -> Result) async throws -> Result {
        try await locks.withLock(account, body)
    }

    /// Puts a list that was stored into the place of the one of its name, wherever that is applied.
    ///
    /// - Parameters:
    ///   - list: nil when there is none of that name any more.
    ///   - becomesDefault: whether it is the default list from now on, whatever that was before.
    func replace(
        listNamed name: String, by list: PrivacyList?, of account: BareJID, becomesDefault: Bool = false
    ) async throws(StorageError) {
        let rules = list.map { self.rules($0, of: account) }
        try await rules?.prepare()
        apply(to: account) { _, session in
            if session.active?.name == name { session.active = rules }
            if becomesDefault || session.standard?.name == name { session.standard = rules }
        }
        // Read again when somebody asks.
        recent.withLock { $0.forget(account) }
    }

    /// Makes a list the default list; nil for none.
    func replaceDefault(by list: PrivacyList?, of account: BareJID) async throws(StorageError) {
        let rules = list.map { self.rules($0, of: account) }
        try await rules?.prepare()
        apply(to: account) { _, session in session.standard = rules }
        recent.withLock { $0.forget(account) }
    }

    /// Makes a list the active list of a session; nil for none.
    func activate(_ list: PrivacyList?, for chosen: Session) async throws(StorageError) {
        let rules = list.map { self.rules($0, of: chosen.account) }
        try await rules?.prepare()
        apply(to: chosen.account) { session, changed in
            if session === chosen { changed.active = rules }
        }
    }

    /// Changes the rules of an account's sessions, at once for every stanza that is routed from now on.
    private func apply(to account: BareJID, _ change: (Session, inout SessionRules) -> Void) {
        for record in host.registry.sessions(of: account) {
            let session = record.session
            // One that has none yet reads what is stored, after this.
            guard !session.areRulesUnread else { continue }
            let old = session.rules ?? SessionRules()
            var changed = old
            change(session, &changed)
            let new = changed
            session.rules = new
            // From its own loop, where it sends its next presence too: so nobody ends with an old one.
            session.loop.post { [self] in follow(session, from: old, to: new) }
        }
    }

    // MARK: pushes

    /// Sends a request to each of an account's sessions that wants it, in the order of changes. Its lock is held.
    func push(_ payload: Element, of account: BareJID, to isWanted: (SessionRecord) -> Bool) {
        let number = pushCount.wrappingAdd(1, ordering: .relaxed).newValue
        var push = IQ(from: account.jid, type: .set, id: "privacy-push-\(number)", payload: payload)
        for record in host.registry.sessions(of: account) where isWanted(record) {
            push.to = record.session.jid.jid
            record.session.deliverInOrder(push.stanza)
        }
    }

    /// Tells those who asked for the block list how the default list has changed it (XEP-0191 section 5).
    func pushBlocklist(from old: PrivacyList?, to new: PrivacyList?, of account: BareJID) {
        let before = old?.blockedAddresses ?? [], after = new?.blockedAddresses ?? []
        let blocked = Set(after).subtracting(before), unblocked = Set(before).subtracting(after)
        if !blocked.isEmpty {
            let payload = BlockingPayload.element("block", after.filter(blocked.contains))
            push(payload, of: account) { $0.marks.contains(.wantsBlocklist) }
        }
        if !unblocked.isEmpty {
            let payload = BlockingPayload.element("unblock", before.filter(unblocked.contains))
            push(payload, of: account) { $0.marks.contains(.wantsBlocklist) }
        }
    }

    /// Forgets what is known of an account that was removed.
    func forget(_ account: BareJID) { recent.withLock { $0.forget(account) } }

    /// How many accounts are remembered that have no session.
    var recentCount: Int { recent.withLock(\.count) }
}

extension PrivacyKeeper: StanzaGate {
    func prepare(_ session: Session) async throws(StorageError) {
        let account = session.account
        try await locks.withLock(account) { () async throws(StorageError) in
            guard session.areRulesUnread else { return }
            let list = try await store.defaultList(of: account)
            let standard = list.map { rules($0, of: account) }
            try await standard?.prepare()
            session.rules = SessionRules(standard: standard)
            recent.withLock { $0.forget(account) }
        }
    }

    func verdict(on passage: StanzaPassage, _ peer: JID, of account: BareJID) -> StanzaVerdict? {
        guard let known = recent.withLock({ $0.value(of: account) }) else { return nil }
        guard let rules = known else { return .allowed }
        return rules.needsRoster ? nil : rules.verdict(on: passage, peer)
    }

    func verdictLater(
        on passage: StanzaPassage, _ peer: JID, of account: BareJID
    ) async throws(StorageError) -> StanzaVerdict {
        let rules = try await locks.withLock(account) { () async throws(StorageError) -> PrivacyRules? in
            if let known = recent.withLock({ $0.value(of: account) }) { return known }
            let rules = try await store.defaultList(of: account).map { self.rules($0, of: account) }
            recent.withLock { $0.keep(rules, of: account, weight: 1 + (rules?.list.items.count ?? 0)) }
            return rules
        }
        return try await rules?.verdictLater(on: passage, peer) ?? .allowed
    }
}

extension StanzaRules {
    /// The name of the list; nil for rules that are no privacy list's.
    var name: String? { (self as? PrivacyRules)?.list.name }
}

extension SessionMark {
    /// The client asked for the block list, and is told of changes (XEP-0191 section 3.2).
    static let wantsBlocklist = SessionMark("wants-blocklist")
}
