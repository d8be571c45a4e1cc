// SPDX-License-Identifier: Apache-2.0
// What is known of the rosters of accounts that are online, so that neither a change of presence nor a roster get costs
// a look into a store.

import Synchronization
internal import XMPPCore

/// Holds the subscriptions of accounts that have sessions, and their rosters as they were last sent: at most one entry
/// for each account that has a session. May be used from any thread.
///
/// What is held is always what the store holds: it is read, and changed, while the account's lock is held.
final class RosterMemory: Sendable {
    /// Rosters that are larger than this are read each time. In bytes.
    static let rosterByteCountMax = 65_536
    /// What all rosters together may take; those that no longer fit are read each time. In bytes.
    static let byteCountMax = 67_108_864

    private struct Entry {
        var subscriptions: PresenceSubscriptions
        /// The child of the result of a roster get; nil when it is not known, or too large.
        var roster: Element?
        /// What the rules of privacy lists ask for; nil until they do, for most accounts have none.
        var contacts: [BareJID: RosterContact]?
    }

    private struct State {
        var accounts: [BareJID: Entry] = [:]
        /// What the rosters take.
        var byteCount = 0

        mutating func set(_ entry: Entry?, of account: BareJID) {
            byteCount -= accounts[account]?.roster?.memoryByteCount ?? 0
            byteCount += entry?.roster?.memoryByteCount ?? 0
            accounts[account] = entry
        }
    }

    private let registry: SessionRegistry
    private let state = Mutex(State())

    init(_ registry: SessionRegistry) { self.registry = registry }

    func subscriptions(of account: BareJID) -> PresenceSubscriptions? {
        state.withLock { $0.accounts[account]?.subscriptions }
    }

    /// The contacts of an account; nil when they must be read.
    func contacts(of account: BareJID) -> [BareJID: RosterContact]? {
        state.withLock { $0.accounts[account]?.contacts }
    }

    /// Takes the contacts that were read, if the account is held.
    func keep(_ contacts: [BareJID: RosterContact], of account: BareJID) {
        state.withLock { $0.accounts[account]?.contacts = contacts }
    }

    /// The roster of an account, as a roster get is answered; nil when it must be read.
    func roster(of account: BareJID) -> Element? {
        state.withLock { $0.accounts[account]?.roster }
    }

    /// How many accounts are held.
    var accountCount: Int { state.withLock { $0.accounts.count } }

    /// Takes what was read from the store, if the account has a session now.
    func keep(_ subscriptions: PresenceSubscriptions, _ roster: Element, of account: BareJID) {
        state.withLock { state in
            guard !registry.sessions(of: account).isEmpty else { return }
            let byteCount = roster.memoryByteCount
            let fits = byteCount <= Self.rosterByteCountMax && state.byteCount + byteCount <= Self.byteCountMax
            let contacts = state.accounts[account]?.contacts
            let entry = Entry(subscriptions: subscriptions, roster: fits ? roster : nil, contacts: contacts)
            state.set(entry, of: account)
        }
    }

    /// Drops what belongs to an account without sessions. A session that is bound meanwhile reads it again: it is
    /// registered before it looks here.
    func forgetUnlessOnline(_ account: BareJID) {
        state.withLock { state in
            if registry.sessions(of: account).isEmpty { state.set(nil, of: account) }
        }
    }

    /// Drops what belongs to an account whose roster was removed.
    ///
    /// - Returns: its subscriptions; nil when they were not held.
    func remove(_ account: BareJID) -> PresenceSubscriptions? {
        state.withLock { state in
            defer { state.set(nil, of: account) }
            return state.accounts[account]?.subscriptions
        }
    }

    /// Follows a change of the store, before anybody is told of it.
    func apply(_ change: RosterChange, of account: BareJID) {
        guard change.old != change.new else { return }
        state.withLock { state in
            guard var entry = state.accounts[account] else { return }
            entry.roster = nil
            entry.subscriptions.apply(change, of: account)
            if let contact = (change.new ?? change.old)?.contact, contact.isBare {
                entry.contacts?[contact.bare] = change.new.map(RosterContact.init)
            }
            state.set(entry, of: account)
        }
    }
}

extension RosterContact {
    /// What an item says.
    init(_ item: RosterItem) { self.init(isListed: true, subscription: item.subscription, groups: item.groups) }
}

extension PresenceSubscriptions {
    fileprivate mutating func apply(_ change: RosterChange, of account: BareJID) {
        guard let contact = (change.new ?? change.old)?.contact, contact.isBare else { return }
        let old = SubscriptionState(change.old), new = SubscriptionState(change.new)
        guard old != new else { return }
        from.set(contact.bare, isMember: new.hasFrom)
        to.set(contact.bare, isMember: new.hasTo)
        guard old.isPendingIn != new.isPendingIn else { return }
        requests.removeAll { $0.from == contact }
        if let request = change.new?.request(to: account) { requests.append(request) }
    }

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
