// SPDX-License-Identifier: Apache-2.0
// The subscriptions of accounts that are online, so that a change of presence costs no look into a store.

import Synchronization
internal import XMPPCore

/// Holds the subscriptions of accounts that have sessions: at most one entry for each account that has one, each as
/// large as its roster may be. May be used from any thread.
///
/// What is held is always what the store holds: it is read, and changed, while the account's lock is held.
final class SubscriptionMemory: Sendable {
    private let registry: SessionRegistry
    private let accounts = Mutex<[BareJID: PresenceSubscriptions]>([:])

    init(_ registry: SessionRegistry) { self.registry = registry }

    func subscriptions(of account: BareJID) -> PresenceSubscriptions? {
        accounts.withLock { $0[account] }
    }

    /// How many accounts' subscriptions are held.
    var accountCount: Int { accounts.withLock { $0.count } }

    /// Takes what was read from the store, if the account has a session now.
    func keep(_ subscriptions: PresenceSubscriptions, of account: BareJID) {
        accounts.withLock { accounts in
            guard !registry.sessions(of: account).isEmpty else { return }
            accounts[account] = subscriptions
        }
    }

    /// Drops what belongs to an account without sessions. A session that is bound meanwhile reads it again: it is
    /// registered before it looks here.
    func forgetUnlessOnline(_ account: BareJID) {
        accounts.withLock { accounts in
            if registry.sessions(of: account).isEmpty { accounts[account] = nil }
        }
    }

    /// Drops what belongs to an account whose roster was removed.
    ///
    /// - Returns: what was held; nil for nothing.
    func remove(_ account: BareJID) -> PresenceSubscriptions? {
        accounts.withLock { $0.removeValue(forKey: account) }
    }

    /// Follows a change of the store.
    func apply(_ change: RosterChange, of account: BareJID) {
        guard let contact = (change.new ?? change.old)?.contact, contact.isBare else { return }
        let old = SubscriptionState(change.old), new = SubscriptionState(change.new)
        guard old != new else { return }
        accounts.withLock { accounts in
            guard accounts[account] != nil else { return }
            accounts[account]?.from.set(contact.bare, isMember: new.hasFrom)
            accounts[account]?.to.set(contact.bare, isMember: new.hasTo)
            guard old.isPendingIn != new.isPendingIn else { return }
            accounts[account]?.requests.removeAll { $0.from == contact }
            if let request = change.new?.request(to: account) { accounts[account]?.requests.append(request) }
        }
    }
}

extension PresenceSubscriptions {
    /// What items of a roster say.
    mutating func add(_ items: [RosterItem], of account: BareJID) {
        // RFC 6121 section 3: subscriptions are between bare JIDs.
        for item in items where item.contact.isBare {
            let state = SubscriptionState(item)
            if state.hasFrom { from.append(item.contact.bare) }
            if state.hasTo { to.append(item.contact.bare) }
            if let request = item.request(to: account) { requests.append(request) }
        }
    }
}

extension [BareJID] {
    /// Makes an address a member, or none.
    fileprivate mutating func set(_ address: BareJID, isMember: Bool) {
        let index = firstIndex(of: address)
        if isMember {
            if index == nil { append(address) }
        } else if let index {
            remove(at: index)
        }
    }
}
