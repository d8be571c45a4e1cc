// SPDX-License-Identifier: Apache-2.0
// The stores, and all that a copy has to know of each: a new store is a new case and its records here, and in
// StorageDecorator how its calls are passed on.

/// One of the stores of a ``Storage``, in the order in which they are copied. Accounts come last, so that nobody can log in to a target
/// whose data has not arrived yet. The raw value is the name that `mimd store` has for it.
public enum StoreKind: String, Hashable, Sendable, CaseIterable {
    /// ``Storage/rosters``, without the versions: they are each store's own.
    case rosters
    /// ``Storage/offlineMessages``, in their order, the expired ones too; without their names.
    case offlineMessages = "offline-messages"
    /// ``Storage/privateElements``.
    case privateElements = "private-elements"
    /// ``Storage/privacyLists``.
    case privacyLists = "privacy-lists"
    /// ``Storage/lastActivity``.
    case lastActivity = "last-activity"
    /// ``Storage/vCards``; what they are found by is made anew.
    case vCards = "vcards"
    /// ``Storage/messageArchive``; what was taken in while a copy runs may be left to the next.
    case messageArchive = "message-archive"
    /// ``Storage/roomArchive``.
    case roomArchive = "room-archive"
    /// ``Storage/archivePreferences``.
    case archivePreferences = "archive-preferences"
    /// ``Storage/rooms``, and what accounts have blocked there.
    case rooms
    /// ``Storage/accounts``, with their credentials.
    case accounts

    var records: any StoreRecords.Type {
        switch self {
        case .rosters: RosterRecords.self
        case .offlineMessages: OfflineMessageRecords.self
        case .privateElements: PrivateElementRecords.self
        case .privacyLists: PrivacyListRecords.self
        case .lastActivity: LastActivityRecords.self
        case .vCards: VCardRecords.self
        case .messageArchive: MessageArchiveRecords.self
        case .roomArchive: RoomArchiveRecords.self
        case .archivePreferences: ArchivePreferencesRecords.self
        case .rooms: RoomRecords.self
        case .accounts: AccountRecords.self
        }
    }
}

/// A store as accounts, each with a list of entries.
protocol StoreRecords: Sendable {
    associatedtype Entry: Sendable

    init(_ storage: Storage)

    /// Lists the accounts that have entries, of every domain.
    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<Entry>>

    /// Lists an account's entries.
    func entries(of account: BareJID, after cursor: PageCursor?) async throws(StorageError) -> Page<Entry>

    /// Adds entries that the account does not have, in their order.
    ///
    /// - Returns: false when somebody else has stored something in their place meanwhile, which stays; some of the
    ///   entries may have been added then.
    func add(_ entries: [PlacedEntry<Entry>], to account: BareJID) async throws(StorageError) -> Bool

    /// Writes down all that makes an entry differ from any other of its account.
    ///
    /// - Parameter place: how many entries of the account come before it, for stores in which the order tells something.
    static func encode(_ entry: Entry, at place: Int, into encoding: inout EntryEncoding)
}

extension StoreRecords {
    /// Most entries of a page, each of which may be as long as a stanza: so many are in memory for each account that
    /// is under way.
    static var entryCountOfPage: Int { 50 }
    static var accountCountOfPage: Int { Page<BareJID>.itemCountMax }
}

/// An account as a store lists it.
struct AccountListing<Entry: Sendable>: Sendable {
    var account: BareJID
    /// All of its entries, from a listing that has them anyway; nil when they are to be read.
    var entries: [Entry]?
}

/// An entry, and how many of its account come before it.
struct PlacedEntry<Entry: Sendable>: Sendable {
    var place: Int
    var entry: Entry
    var digest: EntryDigest
}

extension Page {
    fileprivate func map<Other>(_ transform: (Element) -> Other) -> Page<Other> {
        Page<Other>(items: items.map(transform), next: next)
    }
}

private struct RosterRecords: StoreRecords {
    let store: any RosterStore

    init(_ storage: Storage) { store = storage.rosters }

    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<RosterItem>> {
        try await store.accounts(after: cursor, limit: Self.accountCountOfPage).map { AccountListing(account: $0) }
    }

    func entries(of account: BareJID, after cursor: PageCursor?) async throws(StorageError) -> Page<RosterItem> {
        let page = try await store.roster(of: account, after: cursor, limit: Self.entryCountOfPage)
        return Page(items: page.items, next: page.next)
    }

    func add(_ entries: [PlacedEntry<RosterItem>], to account: BareJID) async throws(StorageError) -> Bool {
        do throws(StorageError) {
            try await store.add(entries.map(\.entry), to: account)
        } catch .conflict {
            return false
        }
        return true
    }

    static func encode(_ item: RosterItem, at place: Int, into encoding: inout EntryEncoding) {
        encoding.append(item.contact.description)
        encoding.append(item.name)
        encoding.append(item.subscription.rawValue)
        let pending =
            switch item.pending {
            case .none: "none"
            case .out: "out"
            case .in: "in"
            case .both: "both"
            }
        encoding.append(pending)
        encoding.append(item.requestText)
        // By their bytes: what Swift's `<` says of texts depends on the tables of Unicode.
        let groups = item.groups.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        for group in groups { encoding.append(group) }
    }
}

private struct OfflineMessageRecords: StoreRecords {
    let store: any OfflineStore

    init(_ storage: Storage) { store = storage.offlineMessages }

    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<OfflineMessage>> {
        try await store.accounts(after: cursor, limit: Self.accountCountOfPage).map { AccountListing(account: $0) }
    }

    func entries(of account: BareJID, after cursor: PageCursor?) async throws(StorageError) -> Page<OfflineMessage> {
        // Before any time that a message could expire at: what has expired, and whether a run sees that, is not for a
        // copy to decide.
        try await store.messages(for: account, at: .min, after: cursor, limit: Self.entryCountOfPage).map(\.message)
    }

    /// The bound lets no message in but behind those that were found: not a second copy's that runs at the same time,
    /// and none behind a message that somebody else has left meanwhile.
    func add(_ entries: [PlacedEntry<OfflineMessage>], to account: BareJID) async throws(StorageError) -> Bool {
        for entry in entries {
            let result = try await store.append(entry.entry, for: account, messageCountMax: entry.place + 1)
            guard result == .stored else { return false }
        }
        return true
    }

    /// The place is part of it: so what one list has of another is always its beginning.
    static func encode(_ message: OfflineMessage, at place: Int, into encoding: inout EntryEncoding) {
        encoding.append(Int64(place))
        encoding.append(message.from.description)
        encoding.append(message.stanza)
        encoding.append(message.receivedMicroseconds)
        encoding.append(message.expiryMicroseconds)
    }
}

private struct PrivateElementRecords: StoreRecords {
    let store: any PrivateStore

    init(_ storage: Storage) { store = storage.privateElements }

    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<PrivateElement>> {
        try await store.accounts(after: cursor, limit: Self.accountCountOfPage).map { AccountListing(account: $0) }
    }

    func entries(of account: BareJID, after cursor: PageCursor?) async throws(StorageError) -> Page<PrivateElement> {
        try await store.elements(of: account, after: cursor, limit: Self.entryCountOfPage)
    }

    func add(_ entries: [PlacedEntry<PrivateElement>], to account: BareJID) async throws(StorageError) -> Bool {
        try await store.set(entries.map(\.entry), of: account, elementCountMax: nil)
        return true
    }

    static func encode(_ element: PrivateElement, at place: Int, into encoding: inout EntryEncoding) {
        encoding.append(element.namespace)
        encoding.append(element.xml)
    }
}

private struct LastActivityRecords: StoreRecords {
    let store: any LastActivityStore

    init(_ storage: Storage) { store = storage.lastActivity }

    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<LastActivityRecord>> {
        try await store.entries(after: cursor, limit: Self.accountCountOfPage).map {
            AccountListing(account: $0.account, entries: [$0.record])
        }
    }

    func entries(
        of account: BareJID, after cursor: PageCursor?
    ) async throws(StorageError) -> Page<LastActivityRecord> {
        let record = try await store.lastActivity(of: account)
        return Page(items: record.map { [$0] } ?? [], next: nil)
    }

    func add(_ entries: [PlacedEntry<LastActivityRecord>], to account: BareJID) async throws(StorageError) -> Bool {
        for entry in entries { try await store.setLastActivity(entry.entry, of: account) }
        return true
    }

    static func encode(_ record: LastActivityRecord, at place: Int, into encoding: inout EntryEncoding) {
        encoding.append(record.seconds)
        encoding.append(record.status)
    }
}

private struct VCardRecords: StoreRecords {
    let store: any VCardStore

    init(_ storage: Storage) { store = storage.vCards }

    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<VCard>> {
        try await store.accounts(after: cursor, limit: Self.accountCountOfPage).map { AccountListing(account: $0) }
    }

    func entries(of account: BareJID, after cursor: PageCursor?) async throws(StorageError) -> Page<VCard> {
        let xml = try await store.vCard(of: account)
        return Page(items: xml.map { [VCard(xml: $0)] } ?? [], next: nil)
    }

    func add(_ entries: [PlacedEntry<VCard>], to account: BareJID) async throws(StorageError) -> Bool {
        for entry in entries { try await store.set(entry.entry, of: account) }
        return true
    }

    static func encode(_ vCard: VCard, at place: Int, into encoding: inout EntryEncoding) {
        encoding.append(vCard.xml)
    }
}

private struct AccountRecords: StoreRecords {
    let store: any AccountStore

    init(_ storage: Storage) { store = storage.accounts }

    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<AccountCredential>> {
        let page = try await store.accounts(in: nil, after: cursor, limit: Self.accountCountOfPage)
        // Without its credential an account would be of no use to anybody.
        guard page.items.allSatisfy({ $0.credential != nil }) else {
            throw .backend(code: "credentials", detail: "the store does not show the credentials of its accounts")
        }
        return page.map { AccountListing(account: $0.address, entries: $0.credential.map { [$0] }) }
    }

    func entries(
        of account: BareJID, after cursor: PageCursor?
    ) async throws(StorageError) -> Page<AccountCredential> {
        let credential = try await store.credential(of: account)
        return Page(items: credential.map { [$0] } ?? [], next: nil)
    }

    func add(_ entries: [PlacedEntry<AccountCredential>], to account: BareJID) async throws(StorageError) -> Bool {
        for entry in entries {
            do throws(StorageError) {
                try await store.create(account, credential: entry.entry, accountCountMax: nil)
            } catch .conflict {
                return false
            }
        }
        return true
    }

    static func encode(_ credential: AccountCredential, at place: Int, into encoding: inout EntryEncoding) {
        encoding.append(credential.passwordDetails)
        encoding.append(credential.password)
    }
}
