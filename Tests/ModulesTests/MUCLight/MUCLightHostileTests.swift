// SPDX-License-Identifier: Apache-2.0
// What nobody should send: answered with an error, and nothing is stored.

import Testing

@testable import XMPPCore
@testable import XMPPModules

// One server at a time: each has threads of its own.
@Suite(.serialized) struct MUCLightHostileTests {
    private static let create = "urn:xmpp:muclight:0#create"

    /// Checks that a request is answered with this condition, and stores nothing.
    private static func expect(
        _ condition: String, _ request: String, at location: Testing.SourceLocation = #_sourceLocation
    ) async throws {
        try await Coven.run { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            try await juliet.send(request)
            let stanzas = try await juliet.stanzas()
            #expect(stanzas.count == 1, sourceLocation: location)
            let answer = stanzas.first?.description ?? ""
            #expect(answer.contains("<\(condition) "), "\(answer.prefix(300))", sourceLocation: location)
            let addresses = try await verona.storage.rooms.addresses(after: nil, limit: 10).items
            #expect(addresses == [], sourceLocation: location)
        }
    }

    @Test func hostileNamesAreNames() async throws {
        let names = [
            "%", "_", "\\", "'; DROP TABLE muc_light_rooms; --", "\u{5E9}\u{5DC}\u{5D5}\u{5DD}", "\u{10330}", "..", "?",
            String(repeating: "a", count: 1_023),
        ].map { $0.replacing("'", with: "\\27").replacing(" ", with: "\\20") }
        try await Coven.run { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            for name in names {
                let room = "\(name)@\(Coven.service)"
                try await juliet.send(Coven.iq("set", "1", to: room, "<query xmlns='\(Self.create)'/>"))
                #expect(try await juliet.stanzas().map(\.type) == [.groupchat, .result])
                try await juliet.send(Coven.say("Hello", to: room))
                #expect(try await juliet.stanzas().map(\.type) == [.groupchat])
            }
            let account = try BareJID(Coven.juliet)
            #expect(
                try await verona.storage.rooms.roomCount(of: account, in: Coven.service, before: nil) == names.count)
        }
    }

    @Test func absurdSizesAreRefused() async throws {
        let long = String(repeating: "x", count: RoomSchema.valueByteCountMax + 1)
        let configuration = "<configuration><roomname>\(long)</roomname></configuration>"
        try await Self.expect(
            "not-acceptable", Coven.iq("set", "1", "<query xmlns='\(Self.create)'>\(configuration)</query>"))
        let users = (0...Room.occupantCountMax).map { "<user affiliation='member'>a\($0)@example.com</user>" }.joined()
        let occupants = "<occupants>\(users)</occupants>"
        try await Self.expect("not-allowed", Coven.iq("set", "1", "<query xmlns='\(Self.create)'>\(occupants)</query>"))
        let blocks = (0...RoomBlock.countMax).map { "<user action='deny'>a\($0)@example.com</user>" }.joined()
        let query = "<query xmlns='urn:xmpp:muclight:0#blocking'>\(blocks)</query>"
        try await Self.expect("not-acceptable", Coven.iq("set", "1", to: Coven.service, query))
    }

    @Test func anAddressThatIsNoResourceCannotSpeak() async throws {
        let localpart = String(repeating: "a", count: 1_023)
        let account = try BareJID(localpart: localpart, domainpart: "example.com")
        try await Coven.run { verona in
            let credential = AccountCredential(password: "secret")
            try await verona.storage.accounts.create(account, credential: credential, accountCountMax: nil)
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let other = try await verona.online("\(account)/x")
            try await juliet.send(Coven.create("\(account)"))
            await juliet.forget()
            #expect(try await other.stanzas().map(\.type) == [.groupchat])
            try await other.send(Coven.say("Hello"))
            #expect(try await other.stanzas().first?.description.contains("<not-acceptable ") == true)
            await juliet.receivesNothing()
            try await juliet.send(Coven.say("Hello"))
            #expect(try await other.stanzas().map(\.type) == [.groupchat])
        }
    }

    static let requests: [(type: String, to: String, payload: String, condition: String)] = [
        (
            "set", Coven.room,
            "<query xmlns='\(create)'><occupants><user affiliation='member'>example.com</user></occupants></query>",
            "bad-request"
        ),
        (
            "set", Coven.room,
            "<query xmlns='\(create)'><occupants><user affiliation='member'>vjud@muclight.example.net</user></occupants></query>",
            "bad-request"
        ),
        (
            "set", Coven.room, "<query xmlns='\(create)'><occupants><user affiliation='member'/></occupants></query>",
            "bad-request"
        ),
        ("set", Coven.room, "<query xmlns='\(create)'><occupants xmlns='urn:other'/></query>", "bad-request"),
        (
            "set", Coven.room,
            "<query xmlns='\(create)'><configuration><roomname><b/></roomname></configuration></query>", "bad-request"
        ),
        ("set", Coven.service, "<query xmlns='\(create)'><rooms/></query>", "bad-request"),
        ("get", Coven.room, "<query xmlns='\(create)'/>", "item-not-found"),
        ("get", Coven.service, "<query xmlns='\(create)'/>", "service-unavailable"),
        ("set", "\(Coven.service)/x", "<query xmlns='\(create)'/>", "bad-request"),
        ("set", "\(Coven.room)/x", "<query xmlns='\(create)'/>", "bad-request"),
        ("set", Coven.service, "<query xmlns='urn:xmpp:muclight:0#destroy'/>", "service-unavailable"),
        ("set", Coven.service, "<query xmlns='urn:xmpp:muclight:0#affiliations'/>", "service-unavailable"),
        (
            "set", Coven.service, "<query xmlns='urn:xmpp:muclight:0#blocking'><room>\(Coven.room)</room></query>",
            "bad-request"
        ),
        (
            "set", Coven.service,
            "<query xmlns='urn:xmpp:muclight:0#blocking'><room action='deny'>example.com</room></query>", "bad-request"
        ),
        (
            "set", Coven.service,
            "<query xmlns='urn:xmpp:muclight:0#blocking'><group action='deny'>\(Coven.room)</group></query>",
            "bad-request"
        ),
        ("get", Coven.service, "<query xmlns='http://jabber.org/protocol/disco#items' node='x'/>", "item-not-found"),
        ("get", Coven.service, "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>", "item-not-found"),
    ]

    @Test(arguments: requests)
    func whatMakesNoSenseIsAnError(type: String, to: String, payload: String, condition: String) async throws {
        try await Self.expect(condition, Coven.iq(type, "1", to: to, payload))
    }

    /// Rooms that are occupants of each other would send each other's messages for ever.
    @Test func roomsAreNoOccupants() async throws {
        try await Coven.run { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            try await juliet.send(Coven.create())
            await juliet.forget()
            for room in ["heath@\(Coven.service)", Coven.room, "heath@muclight.example.net", Coven.service] {
                try await juliet.send(Coven.iq("set", "1", Coven.affiliations([room: "member"])))
                let answer = try #require(try await juliet.stanzas().first?.description)
                #expect(answer.contains("<bad-request "))
            }
        }
    }

    /// Nobody else sends messages of type groupchat to accounts.
    @Test func onlyRoomsSendToBareJIDs() async throws {
        try await Coven.run { verona in
            let juliet = try await verona.online("\(Coven.juliet)/balcony")
            let romeo = try await verona.online("\(Coven.romeo)/orchard")
            try await juliet.send(
                "<message id='1' type='groupchat' from='\(Coven.room)/x' to='\(Coven.romeo)'><body>Hi</body></message>")
            #expect(try await juliet.stanzas().first?.description.contains("<service-unavailable ") == true)
            await romeo.receivesNothing()
        }
    }
}
