// SPDX-License-Identifier: Apache-2.0
// MUC Light 6.2: what of a room is archived, and who may ask for it.

import Synchronization
import Testing

@testable import XMPPCore

@Suite(.serialized) struct MUCLightArchiveTests {
    /// Remembers what it is given, and names it.
    final class Archive: RoomArchive {
        struct Content: Sendable {
            var messages: [String] = []
            var senders: [String] = []
            var removed: [String] = []
            var finishedCount = 0
        }
        let content = Mutex(Content())
        let features: [Namespace] = [.archive, "urn:xmpp:mam:2#extended"]

        func archive(_ message: Message, from sender: BareJID, in room: BareJID) -> (message: Message, work: Work) {
            let number = content.withLock { content in
                content.messages.append(message.stanza.description)
                content.senders.append("\(sender)")
                return content.senders.count
            }
            var named = message
            named.stanza = message.stanza.adding(
                Element("stanza-id", "urn:xmpp:sid:0", ["by": "\(room)", "id": "\(number)"]))
            return (named, .later { [self] in content.withLock { $0.finishedCount += 1 } })
        }

        func answer(_ request: IQRequest, for room: BareJID) async throws -> Element? {
            Element("fin", .archive, ["of": "\(room)"])
        }

        func remove(_ room: BareJID) async throws(StorageError) {
            content.withLock { $0.removed.append("\(room)") }
        }

        func take() -> [String] {
            content.withLock { content in
                defer { content.messages = [] }
                return content.messages
            }
        }
    }

    private static let affiliations = "urn:xmpp:muclight:0#affiliations"

    @Test func messagesAndChangesAreArchived() async throws {
        let archive = Archive()
        try await Coven.run(archive: archive) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            try await juliet.send(Coven.create(Coven.romeo))
            let created = try await juliet.stanzas()
            let version = try #require(created.first?.text(of: "version"))
            // The creation is one change with all initial occupants; each is told of itself.
            #expect(
                archive.take() == [
                    "<message xmlns='jabber:client' from='\(Coven.room)' type='groupchat' id='create'>"
                        + "<x xmlns='\(Self.affiliations)'><version>\(version)</version>"
                        + Coven.users([Coven.juliet: "owner", Coven.romeo: "member"]) + "</x><body/></message>"
                ])
            #expect(created.first?.children.first?.child("user")?.text == Coven.juliet)
            #expect(created.first?.child("stanza-id", "urn:xmpp:sid:0")?["id"] == "1")
            await romeo.forget()
            // A message is archived as it is sent: without an address, and from the occupant.
            try await romeo.send(Coven.say("Hello"))
            #expect(
                archive.take() == [
                    "<message xmlns='jabber:client' from='\(Coven.room)/\(Coven.romeo)' type='groupchat' id='m'>"
                        + "<body>Hello</body></message>"
                ])
            for (client, account) in [(juliet, Coven.juliet), (romeo, Coven.romeo)] {
                try await client.receives(
                    "<message xmlns='jabber:client' to='\(account)' from='\(Coven.room)/\(Coven.romeo)' type='groupchat' id='m'>"
                        + "<body>Hello</body><stanza-id xmlns='urn:xmpp:sid:0' by='\(Coven.room)' id='2'/></message>")
            }
            // Changes have the version, and not the one before.
            try await juliet.send(
                Coven.iq("set", "c", "<query xmlns='urn:xmpp:muclight:0#configuration'><subject>S</subject></query>"))
            let changed = try #require(try await juliet.stanzas().first)
            #expect(changed.text(of: "prev-version") == version)
            #expect(changed.child("stanza-id", "urn:xmpp:sid:0")?["id"] == "3")
            let next = try #require(changed.text(of: "version"))
            #expect(
                archive.take() == [
                    "<message xmlns='jabber:client' from='\(Coven.room)' type='groupchat' id='c'>"
                        + "<x xmlns='urn:xmpp:muclight:0#configuration'><version>\(next)</version><subject>S</subject></x>"
                        + "<body/></message>"
                ])
            await romeo.forget()
            try await juliet.send(
                Coven.iq("set", "a", Coven.affiliations([Coven.romeo: "none", Coven.nurse: "member"])))
            let last = try #require(try await juliet.stanzas().first?.text(of: "version"))
            #expect(
                archive.take() == [
                    "<message xmlns='jabber:client' from='\(Coven.room)' type='groupchat' id='a'>"
                        + "<x xmlns='\(Self.affiliations)'><version>\(last)</version>"
                        + Coven.users([Coven.romeo: "none", Coven.nurse: "member"]) + "</x><body/></message>"
                ])
            // Whoever has left is told nothing of the archive.
            #expect(try await romeo.stanzas().first?.has("stanza-id", "urn:xmpp:sid:0") == false)
            let content = archive.content.withLock { $0 }
            #expect(content.senders == [Coven.juliet, Coven.romeo, Coven.juliet, Coven.juliet])
            #expect(content.finishedCount == 4)
        }
    }

    @Test func occupantsAskForTheArchive() async throws {
        let archive = Archive()
        try await Coven.run(archive: archive) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            try await juliet.send(Coven.create())
            await juliet.forget()
            for payload in ["<query xmlns='urn:xmpp:mam:2'/>", "<metadata xmlns='urn:xmpp:mam:2'/>"] {
                try await juliet.send(Coven.iq("set", "1", payload))
                try await juliet.receives(
                    "<iq type='result' id='1' from='\(Coven.room)' to='\(Coven.juliet)/balcony'>"
                        + "<fin xmlns='urn:xmpp:mam:2' of='\(Coven.room)'/></iq>")
                try await romeo.send(Coven.iq("set", "1", payload))
                let answer = try #require(try await romeo.stanzas().first)
                #expect(answer.description.contains("<item-not-found"))
                // Not at the service itself.
                try await juliet.send(Coven.iq("set", "1", to: Coven.service, payload))
                #expect(try await juliet.stanzas().first?.description.contains("<service-unavailable") == true)
            }
            try await juliet.send(Coven.iq("get", "1", "<query xmlns='http://jabber.org/protocol/disco#info'/>"))
            let info = try #require(try await juliet.stanzas().first?.description)
            #expect(info.contains("<feature var='urn:xmpp:mam:2'/><feature var='urn:xmpp:mam:2#extended'/>"))
        }
    }

    @Test func theArchiveGoesWithTheRoom() async throws {
        let archive = Archive()
        try await Coven.run(archive: archive) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            // Before there is a room, nothing that another of its name has left may stay.
            try await juliet.send(Coven.create(Coven.romeo))
            #expect(archive.content.withLock { $0.removed } == [Coven.room])
            #expect(archive.take().count == 1)
            try await juliet.send(Coven.iq("set", "d", "<query xmlns='urn:xmpp:muclight:0#destroy'/>"))
            #expect(archive.content.withLock { $0.removed.count } == 2)
            try await juliet.send(Coven.create())
            try await juliet.send(Coven.iq("set", "l", Coven.affiliations([Coven.juliet: "none"])))
            #expect(archive.content.withLock { $0.removed.count } == 4)
            // What ends a room is in no archive.
            #expect(archive.take().count == 1)
        }
    }
}
