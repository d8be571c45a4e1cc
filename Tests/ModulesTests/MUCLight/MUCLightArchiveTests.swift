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
            var isFull = false
            var failsToRemove = false
        }
        let content = Mutex(Content())

        func features(of room: BareJID) -> [Namespace] {
            room.localpart == "heath" ? [] : [.archive, "urn:xmpp:mam:2#extended"]
        }

        func archive(
            _ message: Message, from sender: BareJID, in room: BareJID
        ) throws(StanzaError) -> (message: Message, mark: Element?, work: Work) {
            if content.withLock({ $0.isFull }) { throw StanzaError(.resourceConstraint, type: .wait) }
            let number = content.withLock { content in
                content.messages.append(message.stanza.description)
                content.senders.append("\(sender)")
                return content.senders.count
            }
            var named = message
            let mark = Element("stanza-id", "urn:xmpp:sid:0", ["by": "\(room)", "id": "\(number)"])
            named.stanza = message.stanza.adding(mark)
            return (named, mark, .later { [self] in content.withLock { $0.finishedCount += 1 } })
        }

        func answer(_ request: IQRequest, for room: BareJID) async throws -> Element? {
            Element("fin", .archive, ["of": "\(room)"])
        }

        func remove(_ room: BareJID) async throws(StorageError) {
            if content.withLock({ $0.failsToRemove }) { throw .unavailable(detail: "for the test") }
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

    /// A room of which there is no archive says so.
    @Test func aRoomWithoutArchiveOffersNone() async throws {
        try await Coven.run(archive: Archive()) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let room = "heath@\(Coven.service)"
            try await juliet.send(Coven.iq("set", "x", to: room, "<query xmlns='urn:xmpp:muclight:0#create'/>"))
            await juliet.forget()
            let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
            try await juliet.send(Coven.iq("get", "1", to: room, info))
            let answer = try #require(try await juliet.stanzas().first?.description)
            #expect(answer.contains("<feature var='urn:xmpp:muclight:0'/>") && !answer.contains("urn:xmpp:mam:2"))
        }
    }

    /// Nobody gets a message that the archive does not take, and its sender is told; a change is told nevertheless.
    @Test func whatTheArchiveHasNoRoomForIsBounced() async throws {
        let archive = Archive()
        try await Coven.run(archive: archive) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            try await juliet.send(Coven.create(Coven.romeo))
            await juliet.forget()
            await romeo.forget()
            archive.content.withLock { $0.isFull = true }
            try await juliet.send(Coven.say("Hello"))
            let bounced = try await juliet.stanzas()
            #expect(bounced.map(\.type) == [.error])
            #expect(bounced.first?.description.contains("<resource-constraint ") == true)
            await romeo.receivesNothing()
            try await juliet.send(
                Coven.iq("set", "c", "<query xmlns='urn:xmpp:muclight:0#configuration'><subject>S</subject></query>"))
            #expect(try await juliet.stanzas().map(\.type) == [.groupchat, .result])
            let told = try await romeo.stanzas()
            #expect(told.map(\.id) == ["c"])
            #expect(told.first?.has("stanza-id", "urn:xmpp:sid:0") == false)
        }
    }

    /// What could not be removed with the room is removed later, but not when another room has its name by then.
    @Test func anArchiveThatStaysIsRemovedLater() async throws {
        let archive = Archive(), time = ManualTime()
        try await Coven.run(archive: archive, time: time) { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let destroy = Coven.iq("set", "d", "<query xmlns='urn:xmpp:muclight:0#destroy'/>")
            try await juliet.send(Coven.create())
            for isBack in [false, true] {
                archive.content.withLock { ($0.failsToRemove, $0.removed) = (true, []) }
                try await juliet.send(destroy)
                await juliet.forget()
                time.advance(by: .seconds(61))
                await verona.settle()
                #expect(archive.content.withLock { $0.removed } == [])
                archive.content.withLock { $0.failsToRemove = false }
                if isBack {
                    try await juliet.send(Coven.create())
                    #expect(archive.content.withLock { $0.removed } == [Coven.room])
                }
                for _ in 0..<2 {
                    time.advance(by: .seconds(61))
                    await verona.settle()
                    #expect(archive.content.withLock { $0.removed } == [Coven.room])
                }
                if !isBack { try await juliet.send(Coven.create()) }
            }
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
