// SPDX-License-Identifier: Apache-2.0
// What becomes of rooms when accounts are removed: of any host, and while the rooms are being used.

import Synchronization
import Testing

@testable import XMPPCore

// One server at a time: each has threads of its own.
@Suite(.serialized) struct MUCLightRemovalTests {
    private static func remove(_ account: String, _ verona: Verona) async throws {
        let account = try BareJID(account)
        try await #require(verona.server.router.host(account.jid)).removeAccount(account)
    }

    private static func register(_ account: String, _ verona: Verona) async throws {
        try await verona.storage.accounts.create(
            BareJID(account), credential: AccountCredential(password: "other"), accountCountMax: nil)
    }

    /// The rooms are example.com's, the account is example.net's.
    @Test func accountsOfOtherHostsLeaveTheirRooms() async throws {
        try await Coven.run { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            _ = try await verona.online("\(Coven.romeo)/orchard")
            try await juliet.send(Coven.create(Coven.romeo))
            await juliet.forget()
            try await Self.remove(Coven.romeo, verona)
            let notice = try #require(try await juliet.stanzas().first)
            #expect(notice.children.first?.child("user")?.text == Coven.romeo)
            #expect(notice.children.first?.child("user")?["affiliation"] == "none")
            try await Self.register(Coven.romeo, verona)
            let other = try await verona.online("\(Coven.romeo)/orchard")
            try await other.send(Coven.iq("get", "i", "<query xmlns='urn:xmpp:muclight:0#info'/>"))
            #expect(try await other.stanzas().first?.description.contains("<item-not-found") == true)
            try await juliet.send(Coven.say("Hello"))
            await other.receivesNothing()
        }
    }

    /// What was read before the account was removed is not kept after.
    @Test func aRoomThatIsBeingReadIsNotKept() async throws {
        let door = Door()
        try await Coven.run(storage: { storage in
            var storage = storage
            storage.rooms = WatchedRoomStore(base: storage.rooms, afterRead: { _ in await door.pass() })
            return storage
        }) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let nurse = try await verona.online("\(Coven.nurse)/chamber")
            // Not through the server, which would have it in memory.
            let room = Room(
                address: try BareJID(Coven.room), version: "1", configuration: [],
                occupants: [try BareJID(Coven.romeo): .member, try BareJID(Coven.juliet): .owner])
            try await verona.storage.rooms.set(room, basedOn: nil)
            door.close()
            let reading = try juliet.task(sending: [Coven.say("a")])
            await door.somebodyWaits()
            // The store forgets, and so do the desks, who cannot take him out while the room is read.
            try await verona.storage.rooms.removeAll(for: BareJID(Coven.romeo))
            let removed = RemovedAccount(
                account: try BareJID(Coven.romeo), host: try #require(verona.server.router.hosts.last))
            for host in verona.server.router.hosts { await host.events.accountRemoved.raise(removed).finish() }
            door.open()
            await reading.value
            await juliet.forget()
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            try await juliet.send(Coven.say("b"))
            await romeo.receivesNothing()
            #expect(try await juliet.stanzas().count == 1)
            await nurse.receivesNothing()
        }
    }

    /// What was stored before the account was removed is not kept after.
    @Test func aRoomThatIsBeingChangedIsNotKept() async throws {
        let door = Door()
        try await Coven.run(storage: { storage in
            var storage = storage
            storage.rooms = WatchedRoomStore(base: storage.rooms, afterSet: { _ in await door.pass() })
            return storage
        }) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            try await juliet.send(Coven.create(Coven.romeo))
            door.close()
            let changing = try juliet.task(sending: [Coven.iq("set", "a", Coven.affiliations([Coven.nurse: "member"]))])
            await door.somebodyWaits()
            try await verona.storage.rooms.removeAll(for: BareJID(Coven.romeo))
            let removed = RemovedAccount(
                account: try BareJID(Coven.romeo), host: try #require(verona.server.router.hosts.last))
            for host in verona.server.router.hosts { await host.events.accountRemoved.raise(removed).finish() }
            door.open()
            await changing.value
            await juliet.forget()
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            try await juliet.send(Coven.say("b"))
            await romeo.receivesNothing()
            #expect(try await juliet.stanzas().count == 1)
        }
    }

    /// A room that cannot be read keeps nobody in the others.
    @Test func aCorruptRoomDoesNotStopTheRest() async throws {
        try await Coven.run(storage: { storage in
            var storage = storage
            storage.rooms = WatchedRoomStore(
                base: storage.rooms,
                beforeRead: { address throws(StorageError) in
                    if address.localpart == "corrupt" { throw .corrupt(detail: "for the test") }
                })
            return storage
        }) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let romeo = try BareJID(Coven.romeo)
            for name in ["a", "corrupt", "z"] {
                let room = Room(
                    address: try BareJID("\(name)@\(Coven.service)"), version: "1", configuration: [],
                    occupants: [romeo: .member, try BareJID(Coven.juliet): .owner])
                try await verona.storage.rooms.set(room, basedOn: nil)
            }
            try await Self.remove(Coven.romeo, verona)
            #expect(try await juliet.stanzas().map { $0.from?.localpart } == ["a", "z"])
            #expect(try await verona.storage.rooms.roomCount(of: romeo, in: nil, before: nil) == 0)
        }
    }

    /// Its sessions end last: until then it can do what others do.
    @Test func aRoomMadeMeanwhileGoesToo() async throws {
        let romeo = try BareJID(Coven.romeo)
        try await Coven.run { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            // As if created between the two notices.
            let room = Room(
                address: try BareJID(Coven.room), version: "1", configuration: [],
                occupants: [romeo: .owner, try BareJID(Coven.juliet): .member])
            try await verona.storage.rooms.set(room, basedOn: nil)
            let host = try #require(verona.server.router.host(romeo.jid))
            let removed = RemovedAccount(account: romeo, host: host)
            for host in verona.server.router.hosts { await host.events.accountRemoved.raise(removed).finish() }
            #expect(try await juliet.stanzas().count == 1)
            let stored = try await verona.storage.rooms.room(room.address)
            #expect(stored?.occupants == [try BareJID(Coven.juliet): .owner])
        }
    }

    /// The store ends a room that could not be left; its archive goes too.
    @Test func theArchiveOfARoomThatTheStoreEndsGoes() async throws {
        let archive = MUCLightArchiveTests.Archive()
        let fails = Atomic(false)
        try await Coven.run(
            archive: archive,
            storage: { storage in
                var storage = storage
                storage.rooms = WatchedRoomStore(
                    base: storage.rooms,
                    beforeSet: { _ throws(StorageError) in
                        if fails.load(ordering: .relaxed) { throw .unavailable(detail: "for the test") }
                    })
                return storage
            }
        ) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            try await juliet.send(Coven.create())
            archive.content.withLock { $0.removed = [] }
            fails.store(true, ordering: .relaxed)
            try await Self.remove(Coven.juliet, verona)
            #expect(try await verona.storage.rooms.room(BareJID(Coven.room)) == nil)
            #expect(archive.content.withLock { $0.removed } == [Coven.room])
        }
    }
}
