// SPDX-License-Identifier: Apache-2.0
// Rooms whose store fails, and what is told of it.

import Synchronization
import Testing
import XMPPPersistenceConformance

@testable import XMPPCore
@testable import XMPPModules

// One server at a time: each has threads of its own.
@Suite(.serialized) struct MUCLightFaultTests {
    private static let destroy = Coven.iq("set", "d", "<query xmlns='urn:xmpp:muclight:0#destroy'/>")
    private static let subject = Coven.iq(
        "set", "c", "<query xmlns='urn:xmpp:muclight:0#configuration'><subject>S</subject></query>")

    /// Every change is stored, and no answer comes.
    @Test func whatIsStoredIsToldThoughTheAnswerIsLost() async throws {
        let faults = FaultyStorage(seed: 1, rates: .init(refused: 0, unacknowledged: 1, delayed: 0))
        let archive = MUCLightArchiveTests.Archive()
        try await Coven.run(
            archive: archive,
            storage: { storage in
                var storage = storage
                storage.rooms = storage.decorated(by: faults).rooms
                return storage
            }
        ) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            for request in [
                Coven.create(Coven.romeo), Self.subject,
                Coven.iq("set", "a", Coven.affiliations([Coven.nurse: "member"])),
                Self.destroy,
            ] {
                try await juliet.send(request)
                let stanzas = try await juliet.stanzas()
                #expect(stanzas.map(\.type) == [.groupchat, .result], "\(request)")
                #expect(try await romeo.stanzas().map(\.type) == [.groupchat], "\(request)")
                let stored = try await verona.storage.rooms.room(BareJID(Coven.room))
                #expect(stored?.version == stanzas.first?.text(of: "version"))
            }
            #expect(archive.take().count == 3)
            #expect(archive.content.withLock { $0.removed.count } == 2)
        }
    }

    /// Nothing is stored, and nothing is told.
    @Test func whatIsNotStoredIsNotTold() async throws {
        let fails = Atomic(false)
        try await Coven.run(storage: { storage in
            var storage = storage
            storage.rooms = WatchedRoomStore(
                base: storage.rooms,
                beforeSet: { _ throws(StorageError) in
                    if fails.load(ordering: .relaxed) { throw .unavailable(detail: "for the test") }
                })
            return storage
        }) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            try await juliet.send(Coven.create(Coven.romeo))
            await juliet.forget()
            await romeo.forget()
            let before = try await verona.storage.rooms.room(BareJID(Coven.room))
            fails.store(true, ordering: .relaxed)
            let leave = Coven.iq("set", "l", Coven.affiliations([Coven.juliet: "none"]))
            for request in [Self.subject, leave, Self.destroy] {
                try await juliet.send(request)
                let stanzas = try await juliet.stanzas()
                #expect(stanzas.map(\.type) == [.error])
                #expect(stanzas.first?.description.contains("<error type='wait'>") == true)
                await romeo.receivesNothing()
            }
            #expect(try await verona.storage.rooms.room(BareJID(Coven.room)) == before)
            fails.store(false, ordering: .relaxed)
            try await juliet.send(Self.subject)
            #expect(try await juliet.stanzas().map(\.type) == [.groupchat, .result])
        }
    }

    @Test func aMessageForARoomThatCannotBeReadIsBounced() async throws {
        let fails = Atomic(true)
        try await Coven.run(storage: { storage in
            var storage = storage
            storage.rooms = WatchedRoomStore(
                base: storage.rooms,
                beforeRead: { _ throws(StorageError) in
                    if fails.load(ordering: .relaxed) { throw .unavailable(detail: "for the test") }
                })
            return storage
        }) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let room = Room(
                address: try BareJID(Coven.room), version: "1", configuration: [],
                occupants: [try BareJID(Coven.juliet): .owner])
            try await verona.storage.rooms.set(room, basedOn: nil)
            try await juliet.send(Coven.say("a"))
            let bounced = try #require(try await juliet.stanzas().first)
            #expect(bounced.type == .error && bounced.description.contains("<error type='wait'>"))
            fails.store(false, ordering: .relaxed)
            try await juliet.send(Coven.say("a"))
            #expect(try await juliet.stanzas().map(\.type) == [.groupchat])
        }
    }

    /// Others are always faster.
    @Test(arguments: [RoomDesk.attemptCountMax - 1, RoomDesk.attemptCountMax])
    func aChangeIsMadeAnewSoOften(conflictCount: Int) async throws {
        let calls = Mutex(0)
        try await Coven.run(storage: { storage in
            var storage = storage
            let base = storage.rooms
            storage.rooms = WatchedRoomStore(
                base: base,
                beforeSet: { address throws(StorageError) in
                    let count = calls.withLock { calls in
                        calls += 1
                        return calls
                    }
                    // The first creates the room.
                    guard (2...conflictCount + 1).contains(count), var room = try await base.room(address) else {
                        return
                    }
                    let old = room.version
                    room.version = "other\(count)"
                    try await base.set(room, basedOn: old)
                })
            return storage
        }) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            try await juliet.send(Coven.create())
            await juliet.forget()
            try await juliet.send(Self.subject)
            let stanzas = try await juliet.stanzas()
            if conflictCount < RoomDesk.attemptCountMax {
                #expect(stanzas.map(\.type) == [.groupchat, .result])
                #expect(stanzas.first?.text(of: "prev-version") == "other\(conflictCount + 1)")
            } else {
                #expect(stanzas.map(\.type) == [.error])
                #expect(stanzas.first?.description.contains("<resource-constraint ") == true)
            }
            #expect(calls.withLock { $0 } == 1 + RoomDesk.attemptCountMax)
        }
    }

    /// A column of MongooseIM's holds less than a field may.
    @Test func whatTheStoreHasNoRoomForIsNotAcceptable() async throws {
        let fails = Atomic(false)
        try await Coven.run(storage: { storage in
            var storage = storage
            storage.rooms = WatchedRoomStore(
                base: storage.rooms,
                beforeSet: { _ throws(StorageError) in
                    if fails.load(ordering: .relaxed) { throw .limitExceeded }
                })
            return storage
        }) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            try await juliet.send(Coven.create())
            await juliet.forget()
            fails.store(true, ordering: .relaxed)
            try await juliet.send(Self.subject)
            #expect(try await juliet.stanzas().first?.description.contains("<not-acceptable ") == true)
        }
    }
}
