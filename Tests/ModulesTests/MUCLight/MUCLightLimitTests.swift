// SPDX-License-Identifier: Apache-2.0
// How many rooms a user is in, and who takes the place of whom that cannot be added.

import Synchronization
import Testing

@testable import XMPPCore
@testable import XMPPModules

// One server at a time: each has threads of its own.
@Suite(.serialized) struct MUCLightLimitTests {
    /// All of a user's clients ask for a room at once, and one is stored.
    @Test(arguments: [1, 3]) func roomsPerUserHolds(loopCount: Int) async throws {
        let door = Door()
        let options = ConfigurationTable([.init(key: "rooms_per_user", value: 1)])
        try await Coven.run(
            options: options, loopCount: loopCount,
            storage: { storage in
                var storage = storage
                storage.rooms = WatchedRoomStore(base: storage.rooms, beforeSet: { _ in await door.pass() })
                return storage
            }
        ) { verona in
            var clients: [Client] = []
            for index in 0..<8 { clients.append(try await verona.online("\(Coven.juliet)/\(index)")) }
            for client in clients { await client.forget() }
            door.close()
            let tasks = try clients.enumerated().map { index, client in
                let create = "<query xmlns='urn:xmpp:muclight:0#create'/>"
                return try client.task(sending: [Coven.iq("set", "c", to: "r\(index)@\(Coven.service)", create)])
            }
            await door.somebodyWaits()
            for _ in 0..<20 {
                for loop in verona.server.loops.loops { await loop.settle() }
            }
            door.open()
            for task in tasks { await task.value }
            var answers: [StanzaType] = []
            for client in clients { answers += try await client.stanzas().filter { $0.kind == .iq }.map(\.type) }
            #expect(answers.count { $0 == .result } == 1)
            #expect(answers.count == 8)
            let account = try BareJID(Coven.juliet)
            #expect(try await verona.storage.rooms.roomCount(of: account, in: nil, before: nil) == 1)
        }
    }

    /// Those who are in as many rooms as may be are passed over.
    @Test func whoIsInManyRoomsIsPassedOver() async throws {
        let options = ConfigurationTable([.init(key: "rooms_per_user", value: 1)])
        try await Coven.run(options: options) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let nurse = try await verona.online("\(Coven.nurse)/chamber")
            let create = "<query xmlns='urn:xmpp:muclight:0#create'/>"
            try await nurse.send(Coven.iq("set", "c", to: "heath@\(Coven.service)", create))
            try await juliet.send(Coven.create(Coven.nurse, Coven.romeo))
            let room = try await verona.storage.rooms.room(BareJID(Coven.room))
            #expect(room?.occupants == [try BareJID(Coven.juliet): .owner, try BareJID(Coven.romeo): .member])
        }
    }

    /// Who cannot become owner is not replaced by somebody else, and the room does not end.
    @Test(arguments: [false, true]) func aHandoverToSomebodyWhoBlocksChangesNothing(hasMember: Bool) async throws {
        try await Coven.run { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let nurse = try await verona.online("\(Coven.nurse)/chamber")
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            let block = "<user action='deny'>\(Coven.juliet)</user>"
            try await nurse.send(
                Coven.iq("set", "b", to: Coven.service, "<query xmlns='urn:xmpp:muclight:0#blocking'>\(block)</query>"))
            try await juliet.send(hasMember ? Coven.create(Coven.romeo) : Coven.create())
            for client in [juliet, nurse, romeo] { await client.forget() }
            let before = try await verona.storage.rooms.room(BareJID(Coven.room))
            try await juliet.send(
                Coven.iq("set", "a", Coven.affiliations([Coven.juliet: "none", Coven.nurse: "owner"])))
            #expect(try await juliet.stanzas().map(\.type) == [.result])
            for client in [nurse, romeo] { await client.receivesNothing() }
            #expect(try await verona.storage.rooms.room(BareJID(Coven.room)) == before)
        }
    }

    @Test func rostersHaveMoreRoomsThanAPage() async throws {
        try await Coven.run { verona in
            let juliet = try BareJID(Coven.juliet)
            let count = Page<RoomSummary>.itemCountMax + 1
            for index in 0..<count {
                let room = Room(
                    address: try BareJID("r\(index)@\(Coven.service)"), version: "1", configuration: [],
                    occupants: [juliet: .owner])
                try await verona.storage.rooms.set(room, basedOn: nil)
            }
            let rooms = try MUCLight(options: .init(), host: #require(verona.server.router.host(juliet.jid)))
            let items = try await rooms.items(for: juliet)
            #expect(Set(items.compactMap { $0["jid"] }).count == count && items.count == count)
        }
    }
}
