// SPDX-License-Identifier: Apache-2.0
// The contract of RoomStore.

public import XMPPCore

/// The checks of a store of rooms.
public enum RoomStoreChecks {
    private static func address(_ name: String) throws -> BareJID { try BareJID("\(name)@rooms.capulet.example") }

    private static func room(
        _ name: String, _ occupants: [BareJID: RoomAffiliation], version: String = "1", _ fields: RoomField...
    ) throws -> Room {
        Room(address: try address(name), version: version, configuration: fields, occupants: occupants)
    }

    /// Stores a room again and again until nobody else was faster.
    private static func change(
        _ address: BareJID, _ store: any RoomStore, _ body: (Room?) -> Room
    ) async throws {
        for _ in 0..<1_000 {
            let old = try await store.room(address)
            do throws(StorageError) { return try await store.set(body(old), basedOn: old?.version) } catch .conflict {
                continue
            }
        }
        throw ConformanceFailure(message: "a room is always in conflict", line: #line)
    }

    /// Every check.
    public static let all: [ConformanceCheck<any RoomStore>] = rooms + lists + blocks + removals + data.checks

    /// The room that stands for an account: none of the account's domain, with which it would be removed.
    private static func room(of account: BareJID) throws -> BareJID {
        let domain = account.domainpart == literalDomain ? literalRooms : roomsPrefix + account.domainpart
        return try BareJID(localpart: account.localpart ?? "", domainpart: domain)
    }

    private static func account(of room: BareJID) throws -> BareJID {
        let domain =
            room.domainpart == literalRooms ? literalDomain : String(room.domainpart.dropFirst(roomsPrefix.count))
        return try BareJID(localpart: room.localpart ?? "", domainpart: domain)
    }

    private static let roomsPrefix = "rooms."
    private static let (literalDomain, literalRooms) = ("[::1]", "literal.example")

    /// A room for each account, and nobody but the account in it.
    private static let data = AccountData<any RoomStore>(
        put: { store, account, text in
            let fields = [RoomField("a", text), RoomField("b", text)]
            let address = try room(of: account)
            try await change(address, store) { _ in
                Room(
                    address: address, version: Room.makeVersion(), configuration: fields,
                    occupants: [account: .owner])
            }
        },
        get: { store, account in
            guard let room = try await store.room(try room(of: account)) else { return nil }
            guard room.configuration.map(\.key) == ["a", "b"], room.occupants == [account: .owner],
                room.configuration[0].value == room.configuration[1].value
            else { throw ConformanceFailure(message: "half of a room was found", line: #line) }
            return room.configuration[0].value
        },
        list: { store, cursor, limit in
            let page = try await store.addresses(after: cursor, limit: limit)
            return Page(items: try page.items.map(account), next: page.next)
        },
        base: { $0 }
    )

    // MARK: Rooms

    private static let rooms: [ConformanceCheck<any RoomStore>] = [
        ConformanceCheck("absentRoomIsNil", "What is absent is nil or empty, never an error.") { store in
            let juliet = try Fixtures.juliet(), coven = try address("coven")
            try expectEqual(try await store.room(coven), nil)
            try expectEqual(try await store.rooms(of: juliet, in: nil, .first, limit: 10), [])
            try expectEqual(try await store.rooms(of: juliet, in: nil, .last, limit: 10), [])
            try expectEqual(try await store.roomCount(of: juliet, in: nil, before: nil), 0)
            try expectEqual(try await store.blocks(of: juliet), [])
            try await store.changeBlocks(of: juliet, adding: [], removing: [.room(coven)])
            try expectEqual(try await store.accounts(among: [juliet], thatHaveBlocked: [.room(coven)]), [])
            try await store.set(try room("coven", [:]), basedOn: nil)
            try expectEqual(try await store.room(coven), nil)
        },
        ConformanceCheck("roomsComeBack", "A room comes back with all fields and occupants.") { store, limits in
            var occupants: [BareJID: RoomAffiliation] = [:]
            for (index, account) in try Fixtures.hostileAccounts(limits).enumerated() {
                occupants[account] = index % 3 == 0 ? .owner : .member
            }
            let texts = Fixtures.hostileTexts(limits)
            var coven = try room("coven", occupants, version: String(repeating: "v", count: Room.versionByteCountMax))
            let keys = Fixtures.hostileKeys(limits).map { (Array($0.utf8), $0) }
                .sorted { $0.0.lexicographicallyPrecedes($1.0) }
            coven.configuration = keys.enumerated().map { RoomField($1.1, texts[$0 % texts.count]) }
            try await store.set(coven, basedOn: nil)
            try await expectStored(coven, store)
            // All of it becomes something else.
            var changed = coven
            changed.version = "2"
            changed.configuration = keys.enumerated().map { RoomField($1.1, texts[($0 + 1) % texts.count]) }
            changed.occupants = occupants.mapValues { $0 == .owner ? .member : .owner }
            try await store.set(changed, basedOn: coven.version)
            try await expectStored(changed, store)
        },
        ConformanceCheck("versionIsCompared", "A room is stored only in place of the state that it is based on.") {
            store in
            let juliet = try Fixtures.juliet(), romeo = try Fixtures.romeo()
            let first = try room("coven", [juliet: .owner], version: "1", RoomField("a", "1"))
            func refuses(_ room: Room, basedOn version: String?) async throws {
                let before = try await store.room(room.address)
                try await expectError(.conflict) { () throws(StorageError) in
                    try await store.set(room, basedOn: version)
                }
                try expectEqual(try await store.room(room.address), before)
            }
            try await refuses(first, basedOn: "0")
            try await store.set(first, basedOn: nil)
            let second = try room("coven", [romeo: .owner], version: "2", RoomField("a", "2"))
            for version in [nil, "0", "2", "", "11"] { try await refuses(second, basedOn: version) }
            try await refuses(try room("coven", [:], version: "2"), basedOn: "0")
            try await refuses(try room("coven", [:], version: "2"), basedOn: nil)
            try await refuses(try room("coven", [romeo: .owner], version: "1"), basedOn: "1")
            let twice = try room("coven", [romeo: .owner], version: "2", RoomField("a", "1"), RoomField("a", "2"))
            try await refuses(twice, basedOn: "1")
            try await store.set(second, basedOn: "1")
            try expectEqual(try await store.room(first.address), second)
        },
        ConformanceCheck("concurrentChangesAllCount", "Of two changes of the same state, one fails.") { store in
            let coven = try address("coven"), juliet = try Fixtures.juliet()
            try await store.set(try room("coven", [juliet: .owner]), basedOn: nil)
            try await Fixtures.concurrently(30) { index in
                let account = try BareJID("account\(index)@capulet.example")
                try await change(coven, store) { old in
                    var room = old ?? Room(address: coven, version: "", configuration: [], occupants: [:])
                    room.occupants[account] = .member
                    room.version = "account\(index)"
                    return room
                }
            }
            try expectEqual(try await store.room(coven)?.occupants.count, 31)
        },
        ConformanceCheck("oneOfConcurrentCreationsWins", "A room is created once.") { store in
            let results = try await Fixtures.concurrently(20) { index in
                let account = try BareJID("account\(index)@capulet.example")
                let coven = try room("coven", [account: .owner])
                do throws(StorageError) {
                    try await store.set(coven, basedOn: nil)
                } catch {
                    try expectEqual(error, .conflict)
                    return nil as BareJID?
                }
                return account
            }
            let winners = results.compactMap(\.self)
            try expectEqual(winners.count, 1)
            try expectEqual(try await store.room(try address("coven"))?.occupants.keys.map(\.self), winners)
        },
        ConformanceCheck("readingSeesOneState", "A room is stored and read whole.") { store in
            let coven = try address("coven")
            @Sendable func state(_ number: Int) throws -> Room {
                var occupants: [BareJID: RoomAffiliation] = [:]
                for index in 0..<5 { occupants[try BareJID("\(number)-\(index)@capulet.example")] = .member }
                return try room("coven", occupants, version: "\(number)", RoomField("a", "\(number)"))
            }
            try await store.set(state(0), basedOn: nil)
            try await Fixtures.concurrently(8) { reader in
                if reader == 0 {
                    for number in 1..<30 { try await store.set(state(number), basedOn: "\(number - 1)") }
                    return
                }
                for _ in 0..<30 {
                    let found = try await store.room(coven)
                    try expectEqual(found, try state(Int(found?.version ?? "") ?? -1))
                }
            }
        },
        ConformanceCheck("emptyRoomIsGone", "A room without occupants is removed, and nothing of it stays.") { store in
            let juliet = try Fixtures.juliet(), romeo = try Fixtures.romeo(), coven = try address("coven")
            try await store.set(try room("coven", [juliet: .owner], RoomField("a", "1")), basedOn: nil)
            try await store.set(try room("coven", [:], version: "2", RoomField("a", "1")), basedOn: "1")
            try expectEqual(try await store.room(coven), nil)
            try expectEqual(try await store.rooms(of: juliet, in: nil, .first, limit: 10), [])
            try expectEqual(try await store.addresses(after: nil, limit: 10).items, [])
            let again = try room("coven", [romeo: .member], version: "1", RoomField("b", "1"))
            try await store.set(again, basedOn: nil)
            try expectEqual(try await store.room(coven), again)
        },
        ConformanceCheck("largerRoomsAreRefused", "A room has a largest size.") { store in
            let accounts = try (0...Room.occupantCountMax).map { try BareJID("a\($0)@capulet.example") }
            var many = try room("coven", [accounts[0]: .owner])
            many.configuration = (0...Room.fieldCountMax).map { RoomField("\($0)", "") }
            let members = Dictionary(uniqueKeysWithValues: accounts.map { ($0, RoomAffiliation.member) })
            let version = String(repeating: "v", count: Room.versionByteCountMax)
            let longest = try room("longest", [accounts[0]: .owner], version: version)
            try await store.set(longest, basedOn: nil)
            try expectEqual(try await store.room(longest.address), longest)
            let longer = try room("coven", [accounts[0]: .owner], version: version + "v")
            for room in [try room("coven", members), many, longer] {
                try await expectError(.limitExceeded) { () throws(StorageError) in
                    try await store.set(room, basedOn: nil)
                }
                try expectEqual(try await store.room(room.address), nil)
            }
        },
    ]

    /// Compares texts by their bytes: Swift takes two for equal that differ in how an accent is written.
    private static func expectStored(_ room: Room, _ store: any RoomStore) async throws {
        let found = try await store.room(room.address)
        try expectEqual(found?.version, room.version)
        try expectEqual(found?.occupants, room.occupants)
        func bytes(_ fields: [RoomField]) -> [[[UInt8]]] { fields.map { [Array($0.key.utf8), Array($0.value.utf8)] } }
        try expectEqual(bytes(found?.configuration ?? []), bytes(room.configuration))
    }

    // MARK: The rooms of an account

    private static let lists: [ConformanceCheck<any RoomStore>] = [
        ConformanceCheck("roomsOfAccountAreInPages", "An account's rooms are listed in one order, in parts.") { store in
            let juliet = try Fixtures.juliet(), romeo = try Fixtures.romeo()
            var all: [RoomSummary] = []
            for index in 0..<9 {
                var coven = try room("room\(index)", [juliet: index == 4 ? .owner : .member], version: "\(index)")
                if index != 3 { coven.configuration = [RoomField("a", "x"), RoomField(Room.nameKey, "n\(index)")] }
                if index > 6 { coven.occupants = [romeo: .owner] }
                try await store.set(coven, basedOn: nil)
                let name = index == 3 ? nil : "n\(index)"
                if index < 7 { all.append(RoomSummary(address: coven.address, version: "\(index)", name: name)) }
            }
            try expectEqual(try await store.rooms(of: juliet, in: nil, .first, limit: 20), all)
            try expectEqual(try await store.rooms(of: juliet, in: nil, .last, limit: 20), all)
            try expectEqual(try await store.rooms(of: juliet, in: nil, .first, limit: 3), Array(all[..<3]))
            try expectEqual(try await store.rooms(of: juliet, in: nil, .first, limit: 0), Array(all[..<1]))
            try expectEqual(try await store.rooms(of: juliet, in: nil, .last, limit: 3), Array(all[4...]))
            try expectEqual(
                try await store.rooms(of: juliet, in: nil, .after(all[1].address), limit: 3), Array(all[2..<5]))
            try expectEqual(
                try await store.rooms(of: juliet, in: nil, .before(all[5].address), limit: 3), Array(all[2..<5]))
            // No room of these addresses is there.
            let gone = try address("room2a")
            try expectEqual(try await store.rooms(of: juliet, in: nil, .after(gone), limit: 2), Array(all[3..<5]))
            try expectEqual(try await store.rooms(of: juliet, in: nil, .before(gone), limit: 2), Array(all[1..<3]))
            try expectEqual(try await store.rooms(of: juliet, in: nil, .after(all[6].address), limit: 2), [])
            try expectEqual(try await store.rooms(of: juliet, in: nil, .before(all[0].address), limit: 2), [])
            try expectEqual(try await store.rooms(of: romeo, in: nil, .first, limit: 20).count, 2)
            let domain = gone.domainpart
            try expectEqual(try await store.rooms(of: juliet, in: domain, .first, limit: 20), all)
            let others = "a.\(domain)"
            try expectEqual(try await store.rooms(of: juliet, in: others, .first, limit: 20), [])
            let far = Room(
                address: try BareJID("far@\(others)"), version: "1", configuration: [], occupants: [juliet: .member])
            try await store.set(far, basedOn: nil)
            let listed = try await store.rooms(of: juliet, in: others, .last, limit: 20)
            try expectEqual(listed.map(\.address), [far.address])
            try expectEqual(try await store.rooms(of: juliet, in: domain, .last, limit: 20), all)
        },
        ConformanceCheck("roomsOfAccountAreCounted", "An account's rooms are counted, all or up to one.") { store in
            let juliet = try Fixtures.juliet(), romeo = try Fixtures.romeo()
            for index in 0..<5 {
                try await store.set(try room("room\(index)", [juliet: .owner, romeo: .member]), basedOn: nil)
            }
            try await store.set(try room("room4", [juliet: .owner], version: "2"), basedOn: "1")
            for (account, count) in [(juliet, 5), (romeo, 4)] {
                try expectEqual(try await store.roomCount(of: account, in: nil, before: nil), count)
                let domain = try address("a").domainpart
                try expectEqual(try await store.roomCount(of: account, in: domain, before: nil), count)
                try expectEqual(try await store.roomCount(of: account, in: "capulet.example", before: nil), 0)
                try expectEqual(try await store.roomCount(of: account, in: nil, before: try address("room3")), 3)
                try expectEqual(try await store.roomCount(of: account, in: nil, before: try address("room0")), 0)
                try expectEqual(try await store.roomCount(of: account, in: nil, before: try address("rooms")), count)
            }
        },
    ]

    // MARK: Blocks

    private static let blocks: [ConformanceCheck<any RoomStore>] = [
        ConformanceCheck("blocksChange", "What an account has blocked is what was added and not removed.") {
            store, limits in
            let juliet = try Fixtures.juliet()
            let blocks = try Fixtures.hostileContacts(limits).filter(\.isBare).map(\.bare)
            let all = Set(blocks.flatMap { [RoomBlock.room($0), .user($0)] })
            let rooms = all.filter { if case .room = $0 { true } else { false } }
            try await store.changeBlocks(of: juliet, adding: all, removing: [])
            try expectEqual(try await store.blocks(of: juliet), all)
            try await store.changeBlocks(of: juliet, adding: rooms, removing: [])
            try expectEqual(try await store.blocks(of: juliet), all)
            try expectEqual(try await store.blocks(of: try Fixtures.romeo()), [])
            try await store.changeBlocks(of: juliet, adding: [], removing: rooms)
            try expectEqual(try await store.blocks(of: juliet), all.subtracting(rooms))
            try await store.changeBlocks(of: juliet, adding: rooms, removing: all.subtracting(rooms))
            try expectEqual(try await store.blocks(of: juliet), rooms)
        },
        ConformanceCheck("blockCountMaxHolds", "A block beyond the bound is refused, with all that came with it.") {
            store in
            let juliet = try Fixtures.juliet()
            let blocks = try (0...RoomBlock.countMax).map { RoomBlock.user(try BareJID("a\($0)@capulet.example")) }
            let most = Set(blocks.dropLast())
            try await store.changeBlocks(of: juliet, adding: most, removing: [])
            try await expectError(.limitExceeded) { () throws(StorageError) in
                try await store.changeBlocks(of: juliet, adding: Set(blocks), removing: [])
            }
            try expectEqual(try await store.blocks(of: juliet), most)
            try await store.changeBlocks(of: juliet, adding: [blocks[RoomBlock.countMax]], removing: [blocks[0]])
            try expectEqual(try await store.blocks(of: juliet), Set(blocks.dropFirst()))
        },
        ConformanceCheck("whoHasBlockedIsFound", "Of some accounts, those that have blocked any of some are found.") {
            store in
            let juliet = try Fixtures.juliet(), romeo = try Fixtures.romeo(), coven = try address("coven")
            let nurse = try BareJID("nurse@capulet.example")
            try await store.changeBlocks(of: juliet, adding: [.room(coven), .user(nurse)], removing: [])
            try await store.changeBlocks(of: romeo, adding: [.user(coven)], removing: [])
            for (blocks, expected) in [
                ([.room(coven)], [juliet]), ([.user(coven)], [romeo]), ([.room(nurse)], []),
                ([.user(nurse), .room(coven)], [juliet]), ([.user(nurse), .user(coven)], [juliet, romeo]), ([], []),
            ] as [(Set<RoomBlock>, Set<BareJID>)] {
                let found = try await store.accounts(among: [juliet, romeo, nurse], thatHaveBlocked: blocks)
                try expectEqual(found, expected)
            }
            try expectEqual(try await store.accounts(among: [romeo], thatHaveBlocked: [.room(coven)]), [])
            let many = Set(try (0..<250).map { try BareJID("a\($0)@capulet.example") })
            let found = try await store.accounts(among: many.union([juliet, romeo]), thatHaveBlocked: [.user(coven)])
            try expectEqual(found, [romeo])
        },
        ConformanceCheck("whoIsInManyRoomsIsFound", "Of some accounts, those in at least so many rooms are found.") {
            store in
            let juliet = try Fixtures.juliet(), romeo = try Fixtures.romeo(), domain = try address("a").domainpart
            for index in 0..<3 {
                let occupants: [BareJID: RoomAffiliation] =
                    index < 2 ? [juliet: .owner, romeo: .member] : [juliet: .owner]
                try await store.set(try room("room\(index)", occupants), basedOn: nil)
            }
            let far = Room(
                address: try BareJID("far@a.\(domain)"), version: "1", configuration: [], occupants: [romeo: .member])
            try await store.set(far, basedOn: nil)
            let many = Set(try (0..<250).map { try BareJID("a\($0)@capulet.example") }).union([juliet, romeo])
            for (count, ours, all) in [
                (1, [juliet, romeo], [juliet, romeo]), (3, [juliet], [juliet, romeo]), (4, [], []),
            ] as [(Int, Set<BareJID>, Set<BareJID>)] {
                try expectEqual(try await store.accounts(among: many, thatAreInRooms: count, in: domain), ours)
                try expectEqual(try await store.accounts(among: many, thatAreInRooms: count, in: nil), all)
            }
            try expectEqual(try await store.accounts(among: [romeo], thatAreInRooms: 2, in: domain), [romeo])
            try expectEqual(try await store.accounts(among: [], thatAreInRooms: 0, in: domain), [])
        },
        ConformanceCheck("whoHasBlockedIsListed", "Rooms, and accounts that have blocked something, are listed once.") {
            store in
            let juliet = try Fixtures.juliet(), romeo = try Fixtures.romeo()
            try await store.set(try room("coven", [juliet: .owner]), basedOn: nil)
            try await store.changeBlocks(
                of: romeo, adding: [.user(juliet), .room(try address("coven"))], removing: [])
            try await store.changeBlocks(of: try address("coven"), adding: [.user(juliet)], removing: [])
            for limit in [1, 10] {
                let listed = try await Fixtures.all { try await store.addresses(after: $0, limit: limit) }
                try expectEqual(listed.sorted { "\($0)" < "\($1)" }, [try address("coven"), romeo])
            }
        },
    ]

    // MARK: Removal

    private static let removals: [ConformanceCheck<any RoomStore>] = [
        ConformanceCheck("removedAccountLeavesItsRooms", "A removed account is in no room, and blocks nobody.") {
            store in
            let (juliet, romeo) = (try Fixtures.juliet(), try Fixtures.romeo())
            let nurse = try BareJID("nurse@capulet.example")
            try await store.set(try room("alone", [juliet: .owner]), basedOn: nil)
            try await store.set(try room("heirs", [juliet: .owner, romeo: .member, nurse: .member]), basedOn: nil)
            try await store.set(try room("guest", [juliet: .member, romeo: .owner]), basedOn: nil)
            try await store.set(try room("owners", [juliet: .owner, nurse: .member, romeo: .owner]), basedOn: nil)
            try await store.set(try room("equals", [juliet: .member, nurse: .member]), basedOn: nil)
            try await store.set(try room("others", [romeo: .member, nurse: .owner]), basedOn: nil)
            try await store.changeBlocks(of: juliet, adding: [.user(romeo)], removing: [])
            try await store.changeBlocks(of: romeo, adding: [.user(juliet)], removing: [])
            try await store.removeAll(for: juliet)
            for (name, occupants) in [
                ("alone", nil), ("heirs", [nurse: .owner, romeo: .member]), ("guest", [romeo: .owner]),
                ("owners", [nurse: .member, romeo: .owner]), ("equals", [nurse: .member]),
                ("others", [romeo: .member, nurse: .owner]),
            ] as [(String, [BareJID: RoomAffiliation]?)] {
                let found = try await store.room(try address(name))
                try expectEqual(found?.occupants, occupants)
                try expect(found == nil || (found?.version == "1") == (name == "others"), "the version of \(name)")
            }
            try expectEqual(try await store.blocks(of: juliet), [])
            try expectEqual(try await store.blocks(of: romeo), [.user(juliet)])
        },
        ConformanceCheck("removedDomainLeavesRooms", "Accounts of a domain leave all rooms; its own rooms are gone.") {
            store in
            let (juliet, romeo) = (try Fixtures.juliet(), try Fixtures.romeo())
            let nurse = try BareJID("nurse@capulet.example")
            try await store.set(try room("heirs", [juliet: .owner, nurse: .member, romeo: .member]), basedOn: nil)
            try await store.set(try room("alone", [juliet: .owner, nurse: .member]), basedOn: nil)
            let own = try BareJID("own@capulet.example")
            try await store.set(
                Room(address: own, version: "1", configuration: [], occupants: [romeo: .owner]), basedOn: nil)
            try await store.changeBlocks(of: nurse, adding: [.user(romeo)], removing: [])
            try await store.removeAll(domain: "capulet.example")
            try expectEqual(try await store.room(try address("heirs"))?.occupants, [romeo: .owner])
            try expectEqual(try await store.room(try address("alone")), nil)
            try expectEqual(try await store.room(own), nil)
            try expectEqual(
                try await store.rooms(of: romeo, in: nil, .first, limit: 10).map(\.address), [try address("heirs")])
            try expectEqual(try await store.blocks(of: nurse), [])
            try await store.removeAll(domain: "rooms.capulet.example")
            try expectEqual(try await store.room(try address("heirs")), nil)
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any RoomStore>] = data.reopening
}
