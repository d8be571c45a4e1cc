// SPDX-License-Identifier: Apache-2.0
// Many change a room and speak in it at once: nothing is lost, and all see the same.

import Testing

@testable import XMPPCore

// One server at a time: each has threads of its own.
@Suite(.serialized) struct MUCLightConcurrencyTests {
    /// What a client has received of a room, in its order, without what is only its own.
    private static func story(of client: Client) async throws -> [String] {
        try await client.stanzas().filter { $0.kind == .message && $0.type == .groupchat }.compactMap { stanza in
            if let version = stanza.text(of: "version") {
                guard let previous = stanza.text(of: "prev-version") else { return nil }
                return "\(previous) \(version)"
            }
            return stanza.id
        }
    }

    /// Fifty members change the subject or add somebody, and speak, all at once and on several loops.
    @Test(.timeLimit(.minutes(2)))
    func fiftyConcurrentChangesLoseNone() async throws {
        let options = ConfigurationTable([
            .init(key: "all_can_invite", value: true), .init(key: "all_can_configure", value: true),
        ])
        try await Coven.run(options: options, loopCount: 4) { verona in
            let names = (0..<50).map { "witch\($0)@example.com" }
            for name in names {
                let credential = AccountCredential(password: "secret")
                try await verona.storage.accounts.create(BareJID(name), credential: credential, accountCountMax: nil)
            }
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            var witches: [Client] = []
            for name in names { witches.append(try await verona.online("\(name)/cave")) }
            let users = names.map { "<user affiliation='member'>\($0)</user>" }.joined()
            try await juliet.send(
                Coven.iq(
                    "set", "c", "<query xmlns='urn:xmpp:muclight:0#create'><occupants>\(users)</occupants></query>"))
            let first = try #require(try await juliet.stanzas().first?.text(of: "version"))
            for witch in witches { await witch.forget() }
            let tasks = try witches.enumerated().map { index, witch in
                let change =
                    index % 2 == 0
                    ? Coven.affiliations(["added\(index)@example.com": "member"])
                    : "<query xmlns='urn:xmpp:muclight:0#configuration'><subject>\(index)</subject></query>"
                return try witch.task(sending: [
                    Coven.say("before", id: "\(index)-1"), Coven.iq("set", "change", change),
                    Coven.say("after", id: "\(index)-2"),
                ])
            }
            for task in tasks { await task.value }
            await verona.settle()
            let story = try await Self.story(of: juliet)
            #expect(story.count == 150)
            for witch in witches {
                let other = try await Self.story(of: witch)
                #expect(other == story)
            }
            // Each version follows from the one before.
            let versions = story.filter { $0.contains(" ") }.map { $0.split(separator: " ").map(String.init) }
            #expect(versions.count == 50)
            #expect(versions.map { $0[0] } == [first] + versions.dropLast().map { $0[1] })
            // Of each witch's, in her order.
            for index in 0..<50 {
                let places = ["\(index)-1", "\(index)-2"].map { story.firstIndex(of: $0) ?? -1 }
                #expect(places[0] >= 0 && places[0] < places[1])
            }
            let room = try #require(try await verona.storage.rooms.room(BareJID(Coven.room)))
            #expect(room.version == versions.last?[1])
            #expect(room.occupants.count == 51 + 25)
        }
    }

    /// Two of a room's name are created, one is destroyed and created again, by many at once.
    @Test(.timeLimit(.minutes(2)))
    func roomsAreCreatedOnce() async throws {
        try await Coven.run(loopCount: 3) { verona in
            let clients = try await [Coven.juliet, Coven.nurse, "tybalt@example.com", Coven.romeo].asyncMap {
                try await verona.online("\($0)/home")
            }
            for _ in 0..<10 {
                let tasks = try clients.map { try $0.task(sending: [Coven.create()]) }
                for task in tasks { await task.value }
                var results = 0
                for client in clients {
                    let stanzas = try await client.stanzas()
                    let answer = try #require(stanzas.last)
                    #expect(answer.kind == .iq)
                    if answer.type == .result {
                        results += 1
                        #expect(stanzas.count == 2)
                        try await client.send(
                            Coven.iq("set", "d", "<query xmlns='urn:xmpp:muclight:0#destroy'/>"))
                        #expect(try await client.stanzas().count == 2)
                    } else {
                        #expect(answer.description.contains("<conflict"))
                    }
                }
                #expect(results >= 1)
                #expect(try await verona.storage.rooms.room(BareJID(Coven.room)) == nil)
            }
        }
    }
}

extension Array {
    fileprivate func asyncMap<Other>(_ transform: (Element) async throws -> Other) async rethrows -> [Other] {
        var mapped: [Other] = []
        for element in self { mapped.append(try await transform(element)) }
        return mapped
    }
}
