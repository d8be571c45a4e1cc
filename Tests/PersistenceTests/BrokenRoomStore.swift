// SPDX-License-Identifier: Apache-2.0
// A store of rooms that breaks promises which a database has no part in.

import XMPPCore

struct BrokenRoomStore: RoomStore {
    enum Fault {
        case ignoresVersion, keepsEmptyRooms, cutsRooms
    }

    let base: any RoomStore
    let fault: Fault

    func set(_ room: Room, basedOn version: String?) async throws(StorageError) {
        switch fault {
        case .ignoresVersion:
            let old = try await base.room(room.address)
            var room = room
            if room.version == old?.version { room.version += "+" }
            do throws(StorageError) { try await base.set(room, basedOn: old?.version) } catch .conflict {}
        case .keepsEmptyRooms:
            if !room.occupants.isEmpty { try await base.set(room, basedOn: version) }
        case .cutsRooms:
            var room = room
            room.configuration = Array(room.configuration.prefix(Room.fieldCountMax))
            let accounts = room.occupants.keys.prefix(Room.occupantCountMax)
            if accounts.count < room.occupants.count { room.occupants = [:] }
            for account in accounts { room.occupants[account] = .member }
            try await base.set(room, basedOn: version)
        }
    }

    func room(_ address: BareJID) async throws(StorageError) -> Room? { try await base.room(address) }

    func rooms(
        of account: BareJID, in domain: String?, _ span: RoomSpan, limit: Int
    ) async throws(StorageError) -> [RoomSummary] {
        try await base.rooms(of: account, in: domain, span, limit: limit)
    }

    func roomCount(
        of account: BareJID, in domain: String?, before address: BareJID?
    ) async throws(StorageError) -> Int {
        try await base.roomCount(of: account, in: domain, before: address)
    }

    func blocks(of account: BareJID) async throws(StorageError) -> Set<RoomBlock> {
        try await base.blocks(of: account)
    }

    func changeBlocks(
        of account: BareJID, adding added: Set<RoomBlock>, removing removed: Set<RoomBlock>
    ) async throws(StorageError) {
        try await base.changeBlocks(of: account, adding: added, removing: removed)
    }

    func accounts(
        among accounts: Set<BareJID>, thatHaveBlocked blocks: Set<RoomBlock>
    ) async throws(StorageError) -> Set<BareJID> {
        try await base.accounts(among: accounts, thatHaveBlocked: blocks)
    }

    func addresses(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await base.addresses(after: cursor, limit: limit)
    }

    func removeAll(for account: BareJID) async throws(StorageError) { try await base.removeAll(for: account) }
    func removeAll(domain: String) async throws(StorageError) { try await base.removeAll(domain: domain) }
}
