// SPDX-License-Identifier: Apache-2.0
// What other modules may ask of the one that keeps rosters.

/// Who sees whose presence, by the roster of an account (RFC 6121 section 3).
public struct PresenceSubscriptions: Sendable {
    /// Contacts that see the account's presence: subscription "from" or "both".
    public var from: [BareJID]
    /// Contacts whose presence the account sees: subscription "to" or "both".
    public var to: [BareJID]
    /// Requests of contacts that the account has not answered, as they came (RFC 6121 section 3.1.3).
    public var requests: [Presence]

    /// Makes the subscriptions; none unless told otherwise.
    public init(from: [BareJID] = [], to: [BareJID] = [], requests: [Presence] = []) {
        self.from = from
        self.to = to
        self.requests = requests
    }
}

/// What a roster says of a contact, for the rules of privacy lists and archives.
public struct RosterContact: Hashable, Sendable {
    /// Whether the contact is in the roster.
    public var isListed: Bool
    /// The subscription state.
    public var subscription: RosterSubscription
    /// The groups.
    public var groups: Set<String>

    /// Makes what is known of a contact; unless told otherwise, of one that is not in the roster.
    public init(isListed: Bool = false, subscription: RosterSubscription = .none, groups: Set<String> = []) {
        self.isListed = isListed
        self.subscription = subscription
        self.groups = groups
    }
}

/// Reads the subscriptions of rosters.
public protocol RosterService: Sendable {
    /// The subscriptions of an account that has sessions, from memory; nil when they have not been read since its first
    /// session was bound. Never waits. Every change of the roster is seen here before anybody is told of it.
    func subscriptionsInMemory(of account: BareJID) -> PresenceSubscriptions?

    /// The subscriptions of an account.
    func subscriptions(of account: BareJID) async throws(StorageError) -> PresenceSubscriptions

    /// The subscription state of one contact in an account's roster; `.none` for a contact that is not in it.
    func subscription(of account: BareJID, to contact: BareJID) async throws(StorageError) -> RosterSubscription

    /// What an account's roster says of a contact, from memory; nil when it must be read. Never waits. Once
    /// ``contact(_:of:)`` was asked for an account that has sessions, it is in memory for as long as it has any.
    func contactInMemory(_ contact: BareJID, of account: BareJID) -> RosterContact?

    /// What an account's roster says of a contact.
    func contact(_ contact: BareJID, of account: BareJID) async throws(StorageError) -> RosterContact

    /// Whether an account's roster has a group. One that is empty does not exist.
    func hasGroup(_ group: String, of account: BareJID) async throws(StorageError) -> Bool
}
