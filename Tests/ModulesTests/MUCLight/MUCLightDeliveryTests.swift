// SPDX-License-Identifier: Apache-2.0
// Messages of rooms whose delivery takes time: who waits for what, and in which order they come.

import Synchronization
import Testing

@testable import XMPPCore
@testable import XMPPModules

// One server at a time: each has threads of its own.
@Suite(.serialized) struct MUCLightDeliveryTests {
    /// Takes messages, and says later that they are durable.
    private final class SlowArchive: RoomArchive {
        let completions = Mutex<[Completion]>([])
        let removedCount = Atomic(0)

        func features(of room: BareJID) -> [Namespace] { [] }

        func archive(
            _ message: Message, from sender: BareJID, in room: BareJID
        ) throws(StanzaError) -> (message: Message, mark: Element?, work: Work) {
            let completion = Completion()
            completions.withLock { $0.append(completion) }
            return (message, nil, .underWay(completion))
        }

        func answer(_ request: IQRequest, for room: BareJID) async throws -> Element? { nil }
        func remove(_ room: BareJID) async throws(StorageError) { removedCount.add(1, ordering: .relaxed) }

        func complete() {
            for completion in completions.withLock({ $0 }) { completion.complete() }
        }
    }

    /// Stores messages once a door is open.
    private struct SlowOffline: StorageDecorator {
        let door: Door

        func around<Value: Sendable>(
            _ method: StorageMethod, _ body: () async throws(StorageError) -> Value
        ) async throws(StorageError) -> Value {
            if method.store == .offlineMessages, method.changesData { await door.pass() }
            return try await body()
        }
    }

    private static let offline = [
        ModuleConfiguration("mod_offline", options: ["store_groupchat_messages": true])
    ]

    /// Routes a stanza as a stream does, on the session's loop.
    private static func route(_ stanza: Stanza, from session: Session) async -> Work? {
        await session.loop.run { session.host.router.route(stanza, from: session) }
    }

    /// The stream goes on; the acknowledgement waits. On the room's loop and on others.
    @Test(.timeLimit(.minutes(1)), arguments: [1, 3]) func theArchiveHoldsNoStreamUp(loopCount: Int) async throws {
        let archive = SlowArchive()
        try await Coven.run(loopCount: loopCount, archive: archive) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            let creating = try juliet.task(sending: [Coven.create(Coven.romeo)])
            // The result does not wait either.
            var answers: [Stanza] = []
            while try await romeo.stanzas().isEmpty { try Task.checkCancellation() }
            while !answers.contains(where: { $0.kind == .iq }) {
                answers += try await juliet.stanzas()
                try Task.checkCancellation()
            }
            archive.complete()
            await creating.value
            let session = try #require(verona.server.router.registry.sessions(of: BareJID(Coven.juliet)).first?.session)
            var message = try #require(Stanza.literal(Coven.say("Hello", id: "m1")))
            message.from = session.jid.jid
            let work = try #require(await Self.route(message, from: session))
            // As a stream does it: this is what holds it up, and what is left is what its client is not told of yet.
            let completion = await withTaskExecutorPreference(session.loop) { await work.proceed() }
            #expect(try await romeo.stanzas().map(\.id) == ["m1"])
            #expect(completion?.isComplete == false)
            archive.complete()
            #expect(completion?.isComplete == true)
        }
    }

    /// A change is acknowledged when what it leads to is durable.
    @Test func aChangeIsUnderWayUntilItsCopiesAreStored() async throws {
        let door = Door()
        try await Coven.run(
            modules: Self.offline, storage: { $0.decorated(by: SlowOffline(door: door)) }
        ) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            door.close()
            let session = try #require(verona.server.router.registry.sessions(of: BareJID(Coven.juliet)).first?.session)
            var request = try #require(Stanza.literal(Coven.create(Coven.romeo)))
            request.from = session.jid.jid
            let work = try #require(await Self.route(request, from: session))
            let completion = await withTaskExecutorPreference(session.loop) { await work.proceed() }
            await door.somebodyWaits()
            #expect(completion?.isComplete == false)
            door.open()
            await completion?.wait()
            #expect(try await juliet.stanzas().map(\.type) == [.groupchat, .result])
            #expect(try await verona.storage.offlineMessages.messageCount(for: BareJID(Coven.romeo)) == 1)
        }
    }

    /// He comes online while the first message is being stored; the second comes after it.
    @Test(arguments: [1, 3]) func whoComesOnlineGetsMessagesInOrder(loopCount: Int) async throws {
        let door = Door()
        try await Coven.run(
            loopCount: loopCount, modules: Self.offline, storage: { $0.decorated(by: SlowOffline(door: door)) }
        ) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let first = try await verona.online("\(Coven.romeo)/orchard")
            try await juliet.send(Coven.create(Coven.romeo, Coven.nurse))
            await first.close()
            door.close()
            let romeo = try await verona.connect("\(Coven.romeo)/orchard")
            let sending = try juliet.task(sending: [Coven.say("1", id: "m1")])
            await door.somebodyWaits()
            // What is to be handed over waits at the door too.
            let coming = try romeo.task(sending: ["<presence/>"])
            let registry = verona.server.router.registry
            let account = try BareJID(Coven.romeo)
            while !registry.sessions(of: account).contains(where: \.isAvailable) { await Task.yield() }
            let session = try #require(registry.sessions(of: BareJID(Coven.juliet)).first?.session)
            var others: [Completion?] = []
            for number in 2...5 {
                var message = try #require(Stanza.literal(Coven.say("\(number)", id: "m\(number)")))
                message.from = session.jid.jid
                let work = try #require(await Self.route(message, from: session))
                others.append(await withTaskExecutorPreference(session.loop) { await work.proceed() })
            }
            door.open()
            for task in [sending, coming] { await task.value }
            for completion in others { await completion?.wait() }
            let ids = try await romeo.stanzas().filter { $0.kind == .message }.compactMap(\.id)
            #expect(ids.first == "m1")
            #expect(ids.sorted() == ["m1", "m2", "m3", "m4", "m5"])
            // As others got them.
            let told = try await juliet.stanzas().filter { $0.kind == .message && $0.id?.hasPrefix("m") == true }
            #expect(told.compactMap(\.id) == ids)
        }
    }

    /// A room ends while its messages wait, for a store and for the archive: they come all the same, in their order.
    @Test(.timeLimit(.minutes(1))) func aRoomThatEndsLosesNoMessage() async throws {
        let door = Door(), archive = SlowArchive()
        try await Coven.run(
            archive: archive, modules: Self.offline, storage: { $0.decorated(by: SlowOffline(door: door)) }
        ) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            door.close()
            let destroy = Coven.iq("set", "d", "<query xmlns='urn:xmpp:muclight:0#destroy'/>")
            // In this order: each is on its way before the next is sent.
            var tasks: [Task<Void, Never>] = []
            for (request, count) in [(Coven.create(Coven.romeo), 1), (Coven.say("1", id: "m1"), 2), (destroy, 2)] {
                tasks.append(try juliet.task(sending: [request]))
                while archive.completions.withLock({ $0.count }) < count {
                    for loop in verona.server.loops.loops { await loop.settle() }
                    try Task.checkCancellation()
                }
            }
            // In process whoever sends waits for all of it; the messages themselves wait for nobody.
            let coven = try BareJID(Coven.room)
            while archive.removedCount.load(ordering: .relaxed) < 2 {
                for loop in verona.server.loops.loops { await loop.settle() }
                try Task.checkCancellation()
            }
            let ended = try await verona.storage.rooms.room(coven)
            #expect(ended == nil)
            door.open()
            archive.complete()
            for task in tasks { await task.value }
            let kept = try await verona.storage.offlineMessages.messages(
                for: BareJID(Coven.romeo), at: 0, after: nil, limit: 10)
            let ids = kept.items.compactMap { Element(parsing: $0.message.stanza)?["id"] }
            #expect(ids == ["create", "m1", "d"])
        }
    }

    /// After so many copies whoever speaks waits a turn; copies that are few hold nobody up.
    @Test func whoSpeaksToManyWaitsATurn() async throws {
        try await Coven.run { verona in
            let names = (0..<RoomDesk.copyCountOfTurn / 2).map { "far\($0)@far.example" }
            _ = try await verona.online("\(Coven.juliet)/balcony")
            var room = Room(
                address: try BareJID(Coven.room), version: "1", configuration: [],
                occupants: [try BareJID(Coven.juliet): .owner])
            for name in names { room.occupants[try BareJID(name)] = .member }
            try await verona.storage.rooms.set(room, basedOn: nil)
            let session = try #require(verona.server.router.registry.sessions(of: BareJID(Coven.juliet)).first?.session)
            var holds: [Bool] = []
            for index in 0..<5 {
                var message = try #require(Stanza.literal(Coven.say("Hello", id: "m\(index)")))
                message.from = session.jid.jid
                let work = try #require(await Self.route(message, from: session))
                holds.append(work.holdsUp)
                await withTaskExecutorPreference(session.loop) { await work.finish() }
            }
            // The first reads the room; of the others each second goes beyond the number.
            #expect(holds == [true, true, false, true, false])
        }
    }
}
