// SPDX-License-Identifier: Apache-2.0
// What a copy has to know of message archives, and of what accounts want archived.

/// The messages of archives.
private protocol ArchiveRecords: StoreRecords where Entry == ArchivedMessage {
    var store: any ArchiveStore { get }
}

extension ArchiveRecords {
    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<ArchivedMessage>> {
        let page = try await store.archives(after: cursor, limit: Self.accountCountOfPage)
        return Page(items: page.items.map { AccountListing(account: $0) }, next: page.next)
    }

    /// In the order of their names; the cursor is the name of the last.
    func entries(of account: BareJID, after cursor: PageCursor?) async throws(StorageError) -> Page<ArchivedMessage> {
        var query = ArchiveQuery()
        if let cursor {
            guard let last = Int64(cursor.key[0]), let next = ArchiveID(last &+ 1) else {
                return Page(items: [], next: nil)
            }
            query.ids = next...ArchiveID.range.upperBound
        }
        let messages = try await store.messages(
            in: account, matching: query, order: .ascending, limit: Self.entryCountOfPage)
        let isLast = messages.count < Self.entryCountOfPage
        return Page(items: messages, next: isLast ? nil : messages.last.map { PageCursor(key: ["\($0.id.number)"]) })
    }

    func add(_ entries: [PlacedEntry<ArchivedMessage>], to account: BareJID) async throws(StorageError) -> Bool {
        try await store.append(entries.map { ArchiveEntry(archive: account, message: $0.entry) })
        return true
    }

    static func encode(_ message: ArchivedMessage, at place: Int, into encoding: inout EntryEncoding) {
        encoding.append(message.id.number)
        encoding.append(message.direction == .sent ? "sent" : "received")
        encoding.append(message.sender.description)
        encoding.append(message.peer.description)
        encoding.append(message.stanza)
        encoding.append(message.originID)
        encoding.append(message.searchText)
        encoding.append(message.isGroupchat ? "groupchat" : "")
    }
}

struct MessageArchiveRecords: ArchiveRecords {
    let store: any ArchiveStore

    init(_ storage: Storage) { store = storage.messageArchive }
}

struct RoomArchiveRecords: ArchiveRecords {
    let store: any ArchiveStore

    init(_ storage: Storage) { store = storage.roomArchive }
}

struct ArchivePreferencesRecords: StoreRecords {
    let store: any ArchivePreferencesStore

    init(_ storage: Storage) { store = storage.archivePreferences }

    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<ArchivePreferences>> {
        let page = try await store.accounts(after: cursor, limit: Self.accountCountOfPage)
        return Page(items: page.items.map { AccountListing(account: $0) }, next: page.next)
    }

    func entries(
        of account: BareJID, after cursor: PageCursor?
    ) async throws(StorageError) -> Page<ArchivePreferences> {
        let preferences = try await store.preferences(of: account)
        return Page(items: preferences.map { [$0] } ?? [], next: nil)
    }

    func add(_ entries: [PlacedEntry<ArchivePreferences>], to account: BareJID) async throws(StorageError) -> Bool {
        for entry in entries { try await store.set(entry.entry, of: account) }
        return true
    }

    static func encode(_ preferences: ArchivePreferences, at place: Int, into encoding: inout EntryEncoding) {
        encoding.append(preferences.standard.rawValue)
        // By their bytes, for a dictionary has no order.
        let exceptions = preferences.exceptions.map { (Array($0.description.utf8), $1) }
            .sorted { $0.0.lexicographicallyPrecedes($1.0) }
        for (address, isArchived) in exceptions {
            encoding.append(address)
            encoding.append(isArchived ? "always" : "never")
        }
    }
}
