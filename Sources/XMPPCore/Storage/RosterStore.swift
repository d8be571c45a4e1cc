// SPDX-License-Identifier: Apache-2.0
// Storage of rosters (RFC 6121 section 2). Not here: what a subscription state becomes (section 3 and appendix A), and
// subscription pre-approval (section 3.4), for which the tables have no column.

/// The subscription states of a roster item (RFC 6121 section 2.1.2.5).
public enum RosterSubscription: String, Hashable, Sendable, CaseIterable {
    /// Neither sees the other's presence.
    case none
    /// The account sees the contact's presence.
    case to
    /// The contact sees the account's presence.
    case from
    /// Both see each other's.
    case both
}

/// Which subscription requests await an answer (RFC 6121 appendix A.1).
public enum RosterPending: Hashable, Sendable, CaseIterable {
    /// None.
    case none
    /// The account asked, and the contact has not answered: `ask='subscribe'`.
    case out
    /// The contact asked, and the account has not answered.
    case `in`
    /// Both of these.
    case both
}

/// What an account's roster says of one contact.
public struct RosterItem: Hashable, Sendable {
    /// Most groups of one item.
    public static let groupCountMax = 100

    /// The contact.
    public var contact: JID
    /// The account's name for the contact (RFC 6121 section 2.1.2.4, "handle"); empty for none.
    public var name: String
    /// The groups, in no order.
    public var groups: Set<String>
    /// The subscription state.
    public var subscription: RosterSubscription
    /// The requests that await an answer. An item with `.none` and `.in` is known to the server only (RFC 6121
    /// section 2.1.2.3 and appendix A.2.1).
    public var pending: RosterPending
    /// What the contact's pending request said: the stanza as XML, or its status; empty for none.
    public var requestText: String

    /// Makes an item; one with only a contact is in state "none".
    public init(
        contact: JID, name: String = "", groups: Set<String> = [], subscription: RosterSubscription = .none,
        pending: RosterPending = .none, requestText: String = ""
    ) {
        self.contact = contact
        self.name = name
        self.groups = groups
        self.subscription = subscription
        self.pending = pending
        self.requestText = requestText
    }
}

/// The version of an account's roster: a text without meaning to anybody but the store (RFC 6121 section 2.6.1).
public struct RosterVersion: Hashable, Sendable, CustomStringConvertible {
    /// The value of the attribute 'ver'.
    public var text: String

    /// Wraps the value of an attribute 'ver'.
    public init(_ text: String) { self.text = text }

    /// The value of the attribute 'ver'.
    public var description: String { text }
}

/// One part of a roster, and the version of the whole.
public struct RosterPage: Hashable, Sendable {
    /// The items.
    public var items: [RosterItem]
    /// Where the next page starts; nil at the end of the roster.
    public var next: PageCursor?
    /// The version of the roster when this page was read; nil when it was never changed. When it differs between two
    /// pages, the roster changed meanwhile, and reading starts anew.
    public var version: RosterVersion?

    /// Makes a page.
    public init(items: [RosterItem], next: PageCursor?, version: RosterVersion?) {
        self.items = items
        self.next = next
        self.version = version
    }
}

/// What ``RosterStore/update(_:of:itemCountMax:_:)`` did.
public struct RosterChange: Hashable, Sendable {
    /// The item before; nil when there was none.
    public var old: RosterItem?
    /// The item now; nil when there is none.
    public var new: RosterItem?
    /// The version of the roster with this change in it; nil when it was never changed.
    public var version: RosterVersion?

    /// Makes a change.
    public init(old: RosterItem?, new: RosterItem?, version: RosterVersion?) {
        self.old = old
        self.new = new
        self.version = version
    }
}

/// The rosters of accounts.
public protocol RosterStore: AccountDataStore {
    /// Reads an account's roster, page by page; a page and its version belong together. A roster that was never
    /// changed is empty and has no version.
    ///
    /// - Parameters:
    ///   - cursor: where the last page ended; nil for the first page.
    ///   - limit: most items of the page; see ``Page/itemCountMax``.
    func roster(
        of account: BareJID, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> RosterPage

    /// The item of one contact; nil when there is none.
    ///
    /// - Throws: ``StorageError/corrupt(detail:)`` when the item cannot be read.
    func item(_ contact: JID, of account: BareJID) async throws(StorageError) -> RosterItem?

    /// The version of an account's roster; nil when it was never changed. It differs from every version that any
    /// roster of this account had before, also before the account was removed and registered again.
    func version(of account: BareJID) async throws(StorageError) -> RosterVersion?

    /// Changes one item: `change` gets the stored item and returns what is to be stored, or nil to remove it.
    ///
    /// Reading, changing, writing and the new version are one step: concurrent updates of an account happen one after
    /// the other. When `change` returns what it got, nothing is written and the version stays.
    ///
    /// - Parameters:
    ///   - itemCountMax: how many items the roster may have when an item is added, that one included; nil for no
    ///     bound.
    ///   - change: may be called more than once, of which the last counts; on any thread; must not wait. The contact
    ///     of what it returns is `contact`.
    /// - Throws: ``StorageError/limitExceeded`` when an item is added to a full roster, or has more than
    ///   ``RosterItem/groupCountMax`` groups; ``StorageError/corrupt(detail:)`` when the stored item cannot be read.
    @discardableResult
    func update(
        _ contact: JID, of account: BareJID, itemCountMax: Int?,
        _ change: @escaping @Sendable (RosterItem?) -> RosterItem?
    ) async throws(StorageError) -> RosterChange

    /// Adds items, all or none of them, with one new version: many at once cost less than one after the other.
    ///
    /// - Parameter items: of contacts that the account has no item of.
    /// - Throws: ``StorageError/conflict`` when the account has an item of one of the contacts, readable or not, or two
    ///   of `items` have one contact; ``StorageError/limitExceeded`` when an item has more than
    ///   ``RosterItem/groupCountMax`` groups.
    func add(_ items: [RosterItem], to account: BareJID) async throws(StorageError)

    /// Lists the accounts that have at least one roster item, of every domain.
    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID>
}
