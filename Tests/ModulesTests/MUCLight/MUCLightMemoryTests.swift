// SPDX-License-Identifier: Apache-2.0
// Rooms in memory: what costs a look into the store, and what becomes of changes at the hands of others.

import Synchronization
import Testing
import XMPPPersistenceConformance

@testable import XMPPCore
@testable import XMPPModules

// One server at a time: each has threads of its own.
@Suite(.serialized) struct MUCLightMemoryTests {
    /// Counts the calls of the store of rooms.
    private final class Counter: StorageDecorator {
        let count = Mutex(0)

        func around<Value: Sendable>(
            _ method: StorageMethod, _ body: () async throws(StorageError) -> Value
        ) async throws(StorageError) -> Value {
            if method.store == .rooms { count.withLock { $0 += 1 } }
            return try await body()
        }

        func take() -> Int {
            count.withLock { count in
                defer { count = 0 }
                return count
            }
        }
    }

    @Test(arguments: [1, 3])
    func messagesCostNoLookIntoTheStore(loopCount: Int) async throws {
        let counter = Counter()
        try await Coven.run(loopCount: loopCount, storage: { $0.decorated(by: counter) }) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            let nurse = try await verona.online("\(Coven.nurse)/chamber")
            try await juliet.send(Coven.create(Coven.romeo, "tybalt@example.com", "far@far.example"))
            await juliet.forget()
            await romeo.forget()
            #expect(counter.take() > 0)
            for index in 0..<20 { try await juliet.send(Coven.say("\(index)")) }
            #expect(try await romeo.stanzas().count == 20)
            #expect(try await juliet.stanzas().count == 20)
            // Nor do requests, and what strangers send.
            try await romeo.send(Coven.iq("get", "i", "<query xmlns='urn:xmpp:muclight:0#info'/>"))
            try await nurse.send(Coven.say("Let me in"))
            #expect(try await nurse.stanzas().first?.type == .error)
            #expect(counter.take() == 0)
        }
    }

    @Test func whatAnotherNodeHasChangedIsNotLost() async throws {
        try await Coven.run { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            try await juliet.send(Coven.create(Coven.romeo))
            await juliet.forget()
            // Somebody else adds an occupant, and the room in memory is old.
            var room = try #require(try await verona.storage.rooms.room(BareJID(Coven.room)))
            let old = room.version
            room.version = "other"
            room.occupants[try BareJID("tybalt@example.com")] = .member
            try await verona.storage.rooms.set(room, basedOn: old)
            try await juliet.send(Coven.iq("set", "a", Coven.affiliations([Coven.nurse: "member"])))
            let notice = try #require(try await juliet.stanzas().first)
            #expect(notice.text(of: "prev-version") == "other")
            let stored = try #require(try await verona.storage.rooms.room(BareJID(Coven.room)))
            #expect(stored.occupants.count == 4)
            #expect(stored.version == notice.text(of: "version"))
            // The room is gone, which shows at the next change.
            let gone = Room(address: stored.address, version: "gone", configuration: [], occupants: [:])
            try await verona.storage.rooms.set(gone, basedOn: stored.version)
            try await juliet.send(Coven.iq("set", "b", Coven.affiliations([Coven.nurse: "none"])))
            let answer = try #require(try await juliet.stanzas().first)
            #expect(answer.description.contains("<item-not-found"))
        }
    }

    @Test func roomsAreReadAgainAfterTheirLifetime() async throws {
        let time = ManualTime(), counter = Counter()
        let options = ConfigurationTable([.init(key: "cache_affs", value: ["time_to_live": 1])])
        try await Coven.run(options: options, time: time, storage: { $0.decorated(by: counter) }) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            try await juliet.send(Coven.create())
            _ = counter.take()
            time.advance(by: .seconds(59))
            try await juliet.send(Coven.say("a"))
            #expect(counter.take() == 0)
            time.advance(by: .seconds(2))
            try await juliet.send(Coven.say("b"))
            #expect(counter.take() == 1)
            try await juliet.send(Coven.say("c"))
            #expect(counter.take() == 0)
            #expect(try await juliet.stanzas().count == 5)
        }
    }

    @Test func removedAccountsLeaveTheirRooms() async throws {
        try await Coven.run { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            try await juliet.send(Coven.create(Coven.romeo, Coven.nurse))
            try await juliet.send(
                Coven.iq("set", "x", to: "heath@\(Coven.service)", "<query xmlns='urn:xmpp:muclight:0#create'/>"))
            let version = try #require(try await romeo.stanzas().first?.text(of: "version"))
            let account = try BareJID(Coven.juliet)
            let host = try #require(verona.server.router.host(account.jid))
            try await host.removeAccount(account)
            let notice = try #require(try await romeo.stanzas().first)
            #expect(notice.text(of: "prev-version") == version)
            let users = notice.children.first?.children.filter { $0.name == "user" }.map {
                "\($0.text) \($0["affiliation"] ?? "")"
            }
            #expect(users == ["\(Coven.juliet) none", "\(Coven.nurse) owner"])
            #expect(try await verona.storage.rooms.roomCount(of: account, in: nil, before: nil) == 0)
            #expect(try await verona.storage.rooms.room(BareJID("heath@\(Coven.service)")) == nil)
            let room = try #require(try await verona.storage.rooms.room(BareJID(Coven.room)))
            #expect(room.version == notice.text(of: "version"))
            // Whoever registers the name next is in no room, and the others go on.
            try await verona.storage.accounts.create(
                account, credential: AccountCredential(password: "other"), accountCountMax: nil)
            let other = try await verona.online("\(Coven.juliet)/balcony")
            try await other.send(Coven.say("Hello"))
            #expect(try await other.stanzas().first?.type == .error)
            try await romeo.send(Coven.say("Hello"))
            #expect(try await romeo.stanzas().count == 1)
            await other.receivesNothing()
        }
    }

    @Test func aStoreThatFailsIsAnErrorAndNothingElse() async throws {
        let faults = FaultyStorage(seed: 7, rates: .init(refused: 0.3, unacknowledged: 0.2, delayed: 0.2))
        try await Coven.run(storage: { storage in
            var storage = storage
            storage.rooms = storage.decorated(by: faults).rooms
            return storage
        }) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            var isThere = false
            var answers: [String: Int] = [:]
            for index in 0..<120 {
                let accounts = ["n\(index)@example.com": "member"] as KeyValuePairs
                try await juliet.send(isThere ? Coven.iq("set", "a", Coven.affiliations(accounts)) : Coven.create())
                let stanzas = try await juliet.stanzas()
                let answer = try #require(stanzas.last)
                #expect(answer.kind == .iq)
                answers["\(answer.type)", default: 0] += 1
                let stored = try await verona.storage.rooms.room(BareJID(Coven.room))
                if answer.type == .result {
                    // What was acknowledged is there, and was told with the version that is stored.
                    #expect(stanzas.first?.text(of: "version") == stored?.version)
                    if isThere { #expect(stored?.occupants[try BareJID("n\(index)@example.com")] == .member) }
                } else {
                    #expect(stanzas.count == 1)
                }
                isThere = stored != nil
            }
            #expect(answers["result", default: 0] > 20 && answers["error", default: 0] > 20, "\(answers)")
        }
    }
}
