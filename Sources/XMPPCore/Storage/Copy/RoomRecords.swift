// SPDX-License-Identifier: Apache-2.0
// What a copy has to know of rooms, and of what accounts have blocked.

/// Rooms and blocks as entries: those of an address are the room that it names, and the blocks of the account that it
/// names. It is one or the other, unless somebody gave a room an account's address.
struct RoomRecords: StoreRecords {
    enum Entry: Sendable {
        case room(Room)
        case block(RoomBlock)
    }

    let store: any RoomStore

    init(_ storage: Storage) { store = storage.rooms }

    func accounts(after cursor: PageCursor?) async throws(StorageError) -> Page<AccountListing<Entry>> {
        let page = try await store.addresses(after: cursor, limit: Self.accountCountOfPage)
        return Page(items: page.items.map { AccountListing(account: $0) }, next: page.next)
    }

    /// One page: neither rooms nor blocks are more than fit into memory.
    func entries(of address: BareJID, after cursor: PageCursor?) async throws(StorageError) -> Page<Entry> {
        var entries: [Entry] = []
        if let room = try await store.room(address) { entries.append(.room(room)) }
        for block in try await store.blocks(of: address) { entries.append(.block(block)) }
        return Page(items: entries, next: nil)
    }

    func add(_ entries: [PlacedEntry<Entry>], to address: BareJID) async throws(StorageError) -> Bool {
        var blocks: Set<RoomBlock> = []
        for entry in entries {
            switch entry.entry {
            case .block(let block): blocks.insert(block)
            case .room(let room):
                do throws(StorageError) { try await store.set(room, basedOn: nil) } catch .conflict { return false }
            }
        }
        if !blocks.isEmpty { try await store.changeBlocks(of: address, adding: blocks, removing: []) }
        return true
    }

    static func encode(_ entry: Entry, at place: Int, into encoding: inout EntryEncoding) {
        switch entry {
        case .block(.room(let room)):
            encoding.append("block room")
            encoding.append(room.description)
        case .block(.user(let user)):
            encoding.append("block user")
            encoding.append(user.description)
        case .room(let room):
            encoding.append("room")
            encoding.append(room.version)
            encoding.append(Int64(room.configuration.count))
            for field in room.configuration {
                encoding.append(field.key)
                encoding.append(field.value)
            }
            let occupants = room.occupants.map { (Array($0.key.description.utf8), $0.value) }
                .sorted { $0.0.lexicographicallyPrecedes($1.0) }
            for (address, affiliation) in occupants {
                encoding.append(address)
                encoding.append(affiliation.rawValue)
            }
        }
    }
}
