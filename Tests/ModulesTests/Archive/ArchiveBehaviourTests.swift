// SPDX-License-Identifier: Apache-2.0
// Archives beside what else goes on: sessions that are lost, lists that forbid, accounts that are removed, stores that are
// slow, clients that ask too often, messages that grow old.

import Synchronization
import Testing

@testable import XMPPCore
@testable import XMPPModules

@Suite(.timeLimit(.minutes(1)))
struct ArchiveBehaviourTests {
    private static let juliet = "juliet@example.com", romeo = "romeo@example.net"

    private static func archive(_ options: ConfigurationTable = ["pm": [:]]) -> ModuleConfiguration {
        ModuleConfiguration("mod_mam", options: options)
    }

    private static func message(_ id: String, to: String) -> String {
        "<message to='\(to)' type='chat' id='\(id)'><body>\(id)</body></message>"
    }

    private static func bodies(_ storage: Storage, _ account: String) async throws -> [String] {
        let found = try await storage.messageArchive.messages(
            in: BareJID(account), matching: ArchiveQuery(), order: .ascending, limit: 1_000)
        return found.compactMap { Element(parsing: $0.stanza)?.childText("body") }
    }

    /// A server whose archives of accounts are what a test tells them to be.
    private static func run(
        _ modules: [ModuleConfiguration], _ body: (Verona, HeldArchive) async throws -> Void
    ) async throws {
        let held = HeldArchive()
        let wrap = { (storage: Storage) in
            var storage = storage
            storage.messageArchive = held
            return storage
        }
        try await Verona.run(modules: Verona.presence + modules, storage: wrap) { try await body($0, held) }
    }

    @Test func resultsThatNobodyGotGoToNobodyElse() async throws {
        let modules = [
            ModuleConfiguration("mod_offline"), ModuleConfiguration("mod_stream_management"), Self.archive(),
        ]
        try await Verona.run(with: modules) { verona, time in
            let romeo = try await verona.connect("\(Self.romeo)/orchard")
            let balcony = try await verona.logIn("\(Self.juliet)/balcony")
            balcony.write("<presence/><enable xmlns='urn:xmpp:sm:3' resume='true'/>")
            try await balcony.read(to: "<enabled")
            try await romeo.send(Self.message("said", to: "\(Self.juliet)/balcony"))
            balcony.write("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>")
            try await balcony.read(to: "<fin")
            await balcony.disconnect()
            time.advance(by: .seconds(700))
            await verona.settle()
            let waiting = try await verona.storage.offlineMessages.messages(
                for: BareJID(Self.juliet), at: 0, after: nil, limit: 10)
            // The message itself was not acknowledged either, and waits.
            #expect(waiting.items.map { Element(parsing: $0.message.stanza)?["id"] } == ["said"])
        }
    }

    /// XEP-0016 section 2.2: the first rule of delivery, also for the first message, which waits for the preferences.
    @Test func listsHoldForMessagesThatWait() async throws {
        let modules = ["mod_privacy", "mod_offline"].map { ModuleConfiguration($0) }
        try await Verona.run(
            modules: Verona.presence + modules + [Self.archive(["pm": ["user_prefs_store": "sqlite"]])]
        ) { verona in
            let romeo = try await verona.connect("\(Self.romeo)/orchard")
            let balcony = try await verona.online("\(Self.juliet)/balcony")
            let chamber = try await verona.online("\(Self.juliet)/chamber")
            try await chamber.send(
                "<iq type='set' id='l'><query xmlns='jabber:iq:privacy'><list name='x'><item type='jid' value='\(Self.romeo)'"
                    + " action='deny' order='1'/></list></query></iq>")
            try await chamber.send(
                "<iq type='set' id='a'><query xmlns='jabber:iq:privacy'><active name='x'/></query></iq>")
            for client in [balcony, chamber] { await client.forget() }
            try await romeo.send(Self.message("first", to: Self.juliet))
            #expect(await balcony.received().count == 1)
            await chamber.receivesNothing()
        }
    }

    @Test func whoIsAwayNeedsNoArchiveForItsMessages() async throws {
        try await Self.run([ModuleConfiguration("mod_offline"), Self.archive()]) { verona, held in
            held.hold()
            let romeo = try await verona.connect("\(Self.romeo)/orchard")
            let sending = try romeo.task(sending: [Self.message("wait for me", to: Self.juliet)])
            let store = verona.storage.offlineMessages
            // It waits for the archive only to be acknowledged.
            while try await store.messageCount(for: BareJID(Self.juliet)) == 0 { await verona.settleLoops() }
            held.release()
            await sending.value
            #expect(held.origins(try BareJID(Self.juliet)) == ["wait for me"])
        }
    }

    @Test func nothingIsLeftOfAnAccountThatWasRemoved() async throws {
        try await Self.run([Self.archive()]) { verona, held in
            let romeo = try await verona.connect("\(Self.romeo)/orchard")
            let juliet = try await verona.online("\(Self.juliet)/balcony")
            await juliet.forget()
            held.hold()
            let sending = try romeo.task(sending: [Self.message("before", to: "\(Self.juliet)/balcony")])
            await verona.settleLoops()
            let host = try #require(verona.server.host("example.com"))
            let removal = Task { try await host.removeAccount(BareJID(Self.juliet)) }
            await verona.settleLoops()
            held.release()
            try await removal.value
            await sending.value
            try await romeo.send(Self.message("after", to: Self.juliet))
            #expect(held.origins(try BareJID(Self.juliet)) == [])
        }
    }

    @Test func queriesAreHeldUpByShapersAndRefusedWhenThatTakesTooLong() async throws {
        try await Verona.run(with: [Self.archive()]) { configuration in
            configuration.shapers = ["slow": ShaperConfiguration(ratePerSecond: 1)]
            let rule = AccessRules(["mam_lookup_messages_global_shaper": [AccessClause("all", .name("slow"))]])
            for index in configuration.hosts.indices { configuration.hosts[index].accessRules = rule }
        } _: { verona, time in
            var clients: [Client] = []
            for number in 0..<15 { clients.append(try await verona.connect("\(Self.juliet)/\(number)")) }
            let query = "<iq type='get' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>"
            let sending = try clients.map { try $0.task(sending: [query]) }
            for _ in 0..<200 {
                await verona.settleLoops()
                time.advance(by: .milliseconds(100))
            }
            for task in sending { await task.value }
            var refusedCount = 0
            for client in clients where await client.received().contains(where: { $0.contains("<resource-constraint") })
            {
                refusedCount += 1
            }
            // The first passes at once, ten wait for up to ten seconds.
            #expect(refusedCount == 15 - 11)
        }
    }

    @Test func rulesForbidToLook() async throws {
        try await Verona.run(with: [Self.archive(["pm": ["user_prefs_store": "sqlite"]])]) { configuration in
            for index in configuration.hosts.indices {
                configuration.hosts[index].accessRules = AccessRules([
                    "mam_lookup_messages": [AccessClause("none", .allow)],
                    "mam_set_prefs": [AccessClause("none", .allow)],
                ])
            }
        } _: { verona, _ in
            let juliet = try await verona.connect("\(Self.juliet)/balcony")
            for payload in ["<query xmlns='urn:xmpp:mam:2'/>", "<prefs xmlns='urn:xmpp:mam:2' default='never'/>"] {
                try await juliet.send("<iq type='set' id='q'>\(payload)</iq>")
                #expect(await juliet.received().first?.contains("<forbidden") == true)
            }
            try await juliet.send("<iq type='get' id='q'><prefs xmlns='urn:xmpp:mam:2'/></iq>")
            #expect(await juliet.received().first?.contains("default='always'") == true)
        }
    }

    @Test func oldMessagesAreRemoved() async throws {
        try await Verona.run(with: [Self.archive(["retention_days": 2, "pm": [:]])]) { verona, time in
            let romeo = try await verona.connect("\(Self.romeo)/orchard")
            for day in 0..<4 {
                try await romeo.send(Self.message("day \(day)", to: "\(Self.juliet)"))
                time.advance(by: .seconds(86_400))
                // It rests after each archive.
                for _ in 0..<20 {
                    await verona.settleLoops()
                    time.advance(by: .milliseconds(100))
                }
            }
            #expect(try await Self.bodies(verona.storage, Self.juliet) == ["day 3"])
            #expect(try await Self.bodies(verona.storage, Self.romeo) == ["day 3"])
        }
    }

    /// What a room says is in each occupant's archive, and no occupant takes another's words out of it.
    @Test func roomsAreArchivedForTheirOccupants() async throws {
        let modules = [ModuleConfiguration("mod_muc_light"), Self.archive(["pm": ["archive_groupchats": true]])]
        try await Verona.run(modules: Verona.presence + modules) { verona in
            let juliet = try await verona.online("\(Self.juliet)/balcony")
            let romeo = try await verona.online("\(Self.romeo)/orchard")
            let room = "coven@muclight.example.com"
            try await juliet.send(
                "<iq type='set' id='c' to='\(room)'><query xmlns='urn:xmpp:muclight:0#create'><occupants>"
                    + "<user affiliation='member'>\(Self.romeo)</user></occupants></query></iq>")
            try await juliet.send("<message to='\(room)' type='groupchat' id='m'><body>Hear me</body></message>")
            let all = ArchiveQuery()
            let store = verona.storage.messageArchive
            let archived = try await store.messages(
                in: BareJID(Self.romeo), matching: all, order: .ascending, limit: 10)
            #expect(archived.map(\.isGroupchat) == [true, true] || archived.map(\.isGroupchat) == [true])
            let id = try #require(archived.last?.id.text)
            try await romeo.send(
                "<message to='\(room)' type='groupchat' id='r'><body>!</body>"
                    + "<retract xmlns='urn:xmpp:message-retract:1' id='\(id)'/></message>")
            #expect(try await Self.bodies(verona.storage, Self.romeo).contains("Hear me"))
            try await romeo.send(
                "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'>"
                    + "<field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>"
                    + "<field var='include-groupchat'><value>false</value></field></x></query></iq>")
            #expect(await romeo.received().contains { $0.contains("<result xmlns='urn:xmpp:mam:2'") } == false)
        }
    }

    /// Who waits for an archive that never comes back goes with the server.
    @Test func nothingRemainsOfAServerWhoseArchiveIsAway() async throws {
        weak var host: Host?
        try await Self.run([Self.archive()]) { verona, held in
            held.state.withLock { $0.errors = Array(repeating: .unavailable(detail: "away"), count: 100_000) }
            let romeo = try await verona.connect("\(Self.romeo)/orchard")
            let sending = try romeo.task(sending: [Self.message("lost", to: Self.juliet)])
            await verona.settleLoops()
            host = verona.server.host("example.com")
            #expect(host != nil)
            sending.cancel()
        }
        let deadline = ContinuousClock.now + .seconds(10)
        while host != nil, ContinuousClock.now < deadline { await Task.yield() }
        #expect(host == nil)
    }

    @Test func aPageOfTheGreatestLengthKnowsWhetherItIsTheLast() async throws {
        let most = ArchiveOptions.resultCountRange.upperBound
        let store = HeldArchive()
        let archive = try BareJID(Self.juliet)
        let entries = try (0...Int64(most)).map { number in
            var entry = try ArchiveWriterTests.entry("\(number)")
            entry.message.id = try #require(ArchiveID(number))
            return entry
        }
        try await store.append(entries)
        let limits = ArchiveRequest.Limits(defaultCount: most, countMax: most)
        for backwards in [false, true] {
            let set = backwards ? "<max>\(most)</max><before/>" : "<max>\(most)</max>"
            let page = try await ArchivePage(
                ArchiveRequestTests.request(set: set, limits: limits), of: archive, in: store)
            #expect(page.messages.count == most && !page.isComplete)
            #expect(
                page.messages.map(\.id.number) == Array(Int64(backwards ? 1 : 0)..<Int64(most + (backwards ? 1 : 0))))
        }
    }

    @Test func aPageHasSoManyBytesAndOneMessageAtLeast() async throws {
        let store = HeldArchive()
        let archive = try BareJID(Self.juliet)
        for (number, byteCount) in [2_000_000, 500_000, 500_000, 500_000].enumerated() {
            var entry = try ArchiveWriterTests.entry("\(number)", stanza: [UInt8](repeating: 0x20, count: byteCount))
            entry.message.id = try #require(ArchiveID(Int64(number)))
            try await store.append([entry])
        }
        var counts: [Int] = []
        var after = ""
        repeat {
            let page = try await ArchivePage(ArchiveRequestTests.request(set: after), of: archive, in: store)
            counts.append(page.messages.count)
            after = page.isComplete ? "" : "<after>\(try #require(page.messages.last).id.text)</after>"
        } while !after.isEmpty
        #expect(counts == [1, 2, 1])
    }
}
