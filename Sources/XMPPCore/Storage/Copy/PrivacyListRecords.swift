// SPDX-License-Identifier: Apache-2.0
// What a copy has to know of privacy lists.

/// Privacy lists as entries: each with its items, and whether it is its account's default list.
struct PrivacyListRecords: StoreRecords {
    struct Entry: Sendable {
        var list: PrivacyList
        var isDefault: Bool
    }

    let store: any PrivacyStore

    init(_ storage: Storage) { store = storage.privacyLists }

    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<Entry>> {
        let page = try await store.accounts(after: cursor, limit: Self.accountCountOfPage)
        return Page(items: page.items.map { AccountListing(account: $0) }, next: page.next)
    }

    /// One page: an account has few lists.
    func entries(of account: BareJID, after cursor: PageCursor?) async throws(StorageError) -> Page<Entry> {
        let names = try await store.names(of: account, limit: Page<PrivacyList>.itemCountMax)
        var entries: [Entry] = []
        for name in names.names {
            // One that is removed meanwhile is none.
            guard let list = try await store.list(named: name, of: account) else { continue }
            entries.append(Entry(list: list, isDefault: name == names.defaultName))
        }
        return Page(items: entries, next: nil)
    }

    func add(_ entries: [PlacedEntry<Entry>], to account: BareJID) async throws(StorageError) -> Bool {
        for entry in entries.map(\.entry) {
            let use: PrivacyListUse = entry.isDefault ? .becomesDefault : .unchanged
            try await store.set(entry.list, of: account, use: use, listCountMax: nil)
        }
        return true
    }

    static func encode(_ entry: Entry, at place: Int, into encoding: inout EntryEncoding) {
        encoding.append(entry.list.name)
        encoding.append(entry.isDefault ? "default" : "")
        for item in entry.list.items {
            encoding.append(Int64(item.order))
            switch item.subject {
            case .everybody: encoding.append("everybody")
            case .address(let address): encoding.append("address \(address)")
            case .group(let group): encoding.append("group \(group)")
            case .subscription(let subscription): encoding.append("subscription \(subscription.rawValue)")
            }
            encoding.append("\(item.action)")
            encoding.append(Int64(item.kinds.rawValue))
        }
    }
}
