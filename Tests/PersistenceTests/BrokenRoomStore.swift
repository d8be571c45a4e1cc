// SPDX-License-Identifier: Apache-2.0
// Stores of rooms with faults that backends could have.

import XMPPCore
import XMPPPersistenceSQL

extension BrokenStore {
    static let rooms = [
        BrokenStore(
            "an account's rooms have another's names", replacing("MAX(c.val) FROM", with: "'x' FROM"),
            fails: ["rooms.roomsOfAccountAreInPages"]),
        BrokenStore(
            "an account is in one room at most", replacing("count(DISTINCT r.id)", with: "count(DISTINCT o.luser)"),
            fails: ["rooms.roomsOfAccountAreCounted"]),
        BrokenStore(
            "what was blocked stays blocked",
            deletions { $0.hasSuffix("what = ? AND who = ?") ? $0 + " AND 1 = 0" : $0 },
            fails: ["rooms.blocksChange"]),
        BrokenStore(
            "one block too many",
            replacing("FROM muc_light_blocking WHERE", with: "FROM muc_light_blocking WHERE 1 = 0 AND"),
            fails: ["rooms.blockCountMaxHolds"]),
        BrokenStore(
            "a user and a room of one address are the same",
            replacing("b.what = ? AND", with: "b.what > 0 * ? AND"),
            fails: ["rooms.whoHasBlockedIsFound"]),
        BrokenStore(
            "of many accounts only some are looked at",
            replacing("b.luser = ?) OR", with: "b.luser = ? || ' ') OR"),
            fails: ["rooms.whoHasBlockedIsFound"]),
        BrokenStore(
            "rooms of every domain count",
            replacing("(? = '' OR r.lserver = ?) GROUP BY o", with: "(? = '' OR 'x' <> ?) GROUP BY o"),
            fails: ["rooms.whoIsInManyRoomsIsFound"]),
        BrokenStore(
            "an account is listed for each of its blocks",
            replacing(
                "DISTINCT lserver, luser FROM muc_light_blocking", with: "lserver, luser FROM muc_light_blocking"),
            fails: ["rooms.whoHasBlockedIsListed"]),
        BrokenStore(
            "nobody becomes owner", replacing("SET aff = 1 WHERE", with: "SET aff = 2 WHERE"),
            fails: ["rooms.removedAccountLeavesItsRooms", "rooms.removedDomainLeavesRooms"]),
        BrokenStore(
            "rooms keep their version",
            replacing("SET version = ? WHERE id IN", with: "SET version = ? WHERE 1 = 0 AND id IN"),
            fails: ["rooms.removedAccountLeavesItsRooms"]),
        BrokenStore(
            "whoever comes later overwrites",
            fails: [
                "rooms.versionIsCompared", "rooms.concurrentChangesAllCount", "rooms.oneOfConcurrentCreationsWins",
            ]
        ) {
            var storage = $0
            storage.rooms = BrokenRoomStore(base: $0.rooms, fault: .ignoresVersion)
            return storage
        },
        BrokenStore("a room stays when everybody has left", fails: ["rooms.emptyRoomIsGone"]) {
            var storage = $0
            storage.rooms = BrokenRoomStore(base: $0.rooms, fault: .keepsEmptyRooms)
            return storage
        },
        BrokenStore("rooms that are too large are cut", fails: ["rooms.largerRoomsAreRefused"]) {
            var storage = $0
            storage.rooms = BrokenRoomStore(base: $0.rooms, fault: .cutsRooms)
            return storage
        },
    ]
}

/// Breaks promises that a database has no part in.
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

    func accounts(
        among accounts: Set<BareJID>, thatAreInRooms countMin: Int, in domain: String?
    ) async throws(StorageError) -> Set<BareJID> {
        try await base.accounts(among: accounts, thatAreInRooms: countMin, in: domain)
    }

    func addresses(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await base.addresses(after: cursor, limit: limit)
    }

    func removeAll(for account: BareJID) async throws(StorageError) { try await base.removeAll(for: account) }
    func removeAll(domain: String) async throws(StorageError) { try await base.removeAll(domain: domain) }
}
