// SPDX-License-Identifier: Apache-2.0
// Storage of privacy lists (XEP-0016), and of block lists (XEP-0191) as a part of them.

/// A rule of a privacy list.
public struct PrivacyItem: Hashable, Sendable {
    /// Whom a rule is about.
    public enum Subject: Hashable, Sendable {
        /// Everybody: the "fall-through" case.
        case everybody
        /// An address; how it matches is said in XEP-0016 section 2.1.
        case address(JID)
        /// The members of a group of the roster.
        case group(String)
        /// Those with a subscription state; strangers have `.none`.
        case subscription(RosterSubscription)
    }

    /// What is to be done with a stanza that matches.
    public enum Action: Hashable, Sendable, CaseIterable {
        /// It passes.
        case allow
        /// It does not pass.
        case deny
        /// The same, by the blocking command (XEP-0191): an account that writes to somebody whom it has blocked is told
        /// so.
        case block
    }

    /// Kinds of stanzas.
    public struct Kinds: OptionSet, Hashable, Sendable {
        /// One bit for each kind.
        public let rawValue: UInt8

        /// Makes kinds of their bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Messages that come in.
        public static let message = Kinds(rawValue: 1)
        /// IQs that come in.
        public static let iq = Kinds(rawValue: 2)
        /// Presence notifications that come in.
        public static let presenceIn = Kinds(rawValue: 4)
        /// Presence notifications that go out.
        public static let presenceOut = Kinds(rawValue: 8)
    }

    /// The largest order: that of the databases' 32 bits.
    public static let orderMax = Int32.max

    /// The place in the list, from 0 to ``orderMax``; no other item of the list has it.
    public var order: Int32
    /// Whom it is about.
    public var subject: Subject
    /// What is to be done.
    public var action: Action
    /// Which stanzas it is about; empty for all, those that go out included.
    public var kinds: Kinds

    /// Makes a rule.
    public init(order: Int32, subject: Subject, action: Action, kinds: Kinds = []) {
        self.order = order
        self.subject = subject
        self.action = action
        self.kinds = kinds
    }
}

/// A privacy list.
public struct PrivacyList: Hashable, Sendable {
    /// The name: of at most ``PrivacyLists/nameCharacterCountMax`` characters.
    public var name: String
    /// The rules, in ascending order.
    public var items: [PrivacyItem]

    /// Makes a list.
    public init(name: String, items: [PrivacyItem]) {
        self.name = name
        self.items = items
    }
}

/// The names of an account's lists.
public struct PrivacyListNames: Hashable, Sendable {
    /// The default list, which always exists; nil for none.
    public var defaultName: String?
    /// The lists, by the bytes of their names.
    public var names: [String]

    /// Makes the names; of an account without lists unless told otherwise.
    public init(defaultName: String? = nil, names: [String] = []) {
        self.defaultName = defaultName
        self.names = names
    }
}

/// Bounds of privacy lists.
public enum PrivacyLists {
    /// Most Unicode scalars of a name: the width of MongooseIM's column.
    public static let nameCharacterCountMax = 250
    /// Most lists of one account.
    public static let listCountMax = 20
    /// Most items of one list.
    public static let itemCountMax = 1_000
}

/// What became of the default list.
public enum PrivacyDefaultChange: Hashable, Sendable {
    /// It is the one that was named, or none.
    case done
    /// There is no list of that name, and nothing was changed.
    case listMissing
}

/// The privacy lists of accounts.
public protocol PrivacyStore: AccountDataStore {
    /// The names of an account's lists, and which is the default; at most `limit` names.
    func names(of account: BareJID, limit: Int) async throws(StorageError) -> PrivacyListNames

    /// A list with its items in ascending order; nil when there is none of that name.
    ///
    /// - Throws: ``StorageError/corrupt(detail:)`` when an item cannot be read: a list without it would say something
    ///   else. An item about an address that is none is left out, for it is about nobody.
    func list(named name: String, of account: BareJID) async throws(StorageError) -> PrivacyList?

    /// The default list with its items; nil when there is none.
    ///
    /// - Throws: ``StorageError/corrupt(detail:)`` as ``list(named:of:)``.
    func defaultList(of account: BareJID) async throws(StorageError) -> PrivacyList?

    /// Stores a list in place of what had its name: all of it or nothing.
    ///
    /// - Parameters:
    ///   - list: with items of which no two have the same order.
    ///   - use: whether it becomes the account's default list in the same step.
    ///   - listCountMax: how many lists the account may have when one is added, that one included; nil for no bound.
    /// - Throws: ``StorageError/limitExceeded`` when a list is added and there would be more than that;
    ///   ``StorageError/conflict`` when two items have the same order.
    func set(
        _ list: PrivacyList, of account: BareJID, use: PrivacyListUse, listCountMax: Int?
    ) async throws(StorageError)

    /// Removes a list; when it is the default list, there is none afterwards.
    ///
    /// - Returns: whether there was one of that name.
    func remove(listNamed name: String, of account: BareJID) async throws(StorageError) -> Bool

    /// Makes a list the default list; nil for none.
    func setDefault(_ name: String?, of account: BareJID) async throws(StorageError) -> PrivacyDefaultChange

    /// Lists the accounts that have lists, of every domain.
    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID>
}

/// What a list that is stored is for.
public enum PrivacyListUse: Hashable, Sendable {
    /// The default list stays what it is.
    case unchanged
    /// It becomes the default list.
    case becomesDefault
}
