// SPDX-License-Identifier: Apache-2.0
// Changes of rosters: stored, remembered and pushed to interested resources (RFC 6121 section 2.1.6).

import Synchronization
internal import XMPPCore

extension Roster {
    /// Which changes are pushed to interested resources.
    enum Push {
        /// Also when nothing changed: a client asked for it.
        case always
        /// Those that clients can see.
        case whenSeen
    }

    /// What became of a change.
    struct Update {
        let change: RosterChange
        /// The account's sessions before anybody could know of the change: those that a contact may have seen who lost
        /// the account's presence by it.
        let sessions: [SessionRecord]
    }

    /// Changes one item, and tells the account's interested resources.
    ///
    /// - Parameters:
    ///   - deliver: told of the change before it is pushed, while nobody else changes the account's roster. Must not
    ///     wait.
    ///   - change: as ``RosterStore`` says.
    @discardableResult
    func update(
        _ contact: JID, of account: BareJID, itemCountMax: Int = Roster.itemCountMax, push: Push,
        deliver: (RosterChange) -> Void = { _ in }, _ change: @escaping @Sendable (RosterItem?) -> RosterItem?
    ) async throws(StorageError) -> Update {
        try await host.accountLocks.withLock(account) { () async throws(StorageError) -> Update in
            let done = try await store.update(contact, of: account, itemCountMax: itemCountMax, change)
            // Before memory changes: a resource that becomes available after this sees the new subscriptions, and
            // one that was available before is in the list.
            let sessions = host.registry.sessions(of: account)
            state.memory.apply(done, of: account)
            deliver(done)
            if push == .always || !RosterItem.looksAlike(done.old?.seen, done.new?.seen) {
                self.push(done, of: account)
            }
            return Update(change: done, sessions: sessions)
        }
    }

    /// Tells interested resources of a change. The account's lock is held, so that pushes leave in the order of
    /// changes.
    private func push(_ change: RosterChange, of account: BareJID) {
        guard change.new?.seen != nil || change.old?.seen != nil else { return }
        let interested = host.registry.sessions(of: account).filter(\.isInterested)
        guard !interested.isEmpty else { return }
        var builder = ElementBuilder()
        builder.open("query", .roster)
        builder.attribute("ver", options.versioning ? change.version?.text : nil)
        if let item = change.new?.seen {
            item.write(to: &builder)
        } else {
            builder.open("item", .roster)
            builder.attribute("jid", change.old?.contact.description)
            builder.attribute("subscription", "remove")
            builder.close()
        }
        builder.close()
        let number = state.pushCount.wrappingAdd(1, ordering: .relaxed).newValue
        // RFC 6121 section 2.1.6: from the account itself.
        var push = IQ(from: account.jid, type: .set, id: "push-\(number)", payload: builder.finish())
        for record in interested {
            push.to = record.session.jid.jid
            record.session.deliverInOrder(push.stanza)
        }
    }

    /// Removes an item and cancels the subscriptions of both (RFC 6121 section 2.5.2).
    ///
    /// - Throws: `<item-not-found/>` when there is no item that the account knows of; ``StorageError``.
    func remove(_ contact: JID, of account: BareJID) async throws {
        try await state.outbound.withLock(account) {
            let update = try await update(contact, of: account, push: .whenSeen) { item in
                item?.seen == nil ? item : nil
            }
            // Section 2.5.3
            guard let removed = update.change.old?.seen else { throw StanzaError.itemNotFound }
            let old = SubscriptionState(removed)
            if old.hasFrom { sendUnavailable(of: update.sessions, to: contact) }
            // Section 2.5.2, for requests as well: whoever asked is not left waiting, and nobody is asked any more.
            if old.hasTo || old.isPendingOut { await send(.unsubscribe, from: account, to: contact) }
            if old.hasFrom || old.isPendingIn { await send(.unsubscribed, from: account, to: contact) }
        }
    }

    /// Routes a subscription stanza of the server's own making.
    func send(_ event: SubscriptionEvent, from account: BareJID, to contact: JID) async {
        let presence = Presence(to: contact, from: account.jid, type: event.type)
        await host.router.route(presence.stanza).finish()
    }
}

extension RosterItem {
    /// The item as far as clients know of it; nil when it is the server's secret.
    var seen: RosterItem? { isHidden ? nil : self }
}
