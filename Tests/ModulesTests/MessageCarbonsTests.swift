// SPDX-License-Identifier: Apache-2.0
// Message Carbons (XEP-0280), with its examples.

import Testing

@testable import XMPPCore
@testable import XMPPModules

struct MessageCarbonsTests {
    static let modules = [ModuleConfiguration("mod_carboncopy")]
    static let enable = "<iq id='enable1' type='set'><enable xmlns='urn:xmpp:carbons:2'/></iq>"
    static let disable = "<iq id='disable1' type='set'><disable xmlns='urn:xmpp:carbons:2'/></iq>"

    private func resource(_ verona: Verona, _ jid: String, carbons: Bool = true, presence: String = "<presence/>")
        async throws -> Client
    {
        let client = try await verona.connect(jid)
        if carbons { try await client.send(Self.enable) }
        try await client.send(presence)
        return client
    }

    @Test func enablingAndDisablingAreAnsweredAgainAndAgain() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let romeo = try await verona.connect("romeo@example.net/garden")
            for request in [Self.enable, Self.enable, Self.disable, Self.disable] {
                try await romeo.send(request)
                let id = request.contains("disable") ? "disable1" : "enable1"
                try await romeo.receives("<iq id='\(id)' to='romeo@example.net/garden' type='result'/>")
            }
        }
    }

    /// XEP-0280 section 7, example 12.
    @Test func whatOneResourceGetsTheOthersSee() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let garden = try await resource(verona, "romeo@example.net/garden")
            let home = try await resource(verona, "romeo@example.net/home")
            let plain = try await resource(verona, "romeo@example.net/plain", carbons: false)
            let juliet = try await resource(verona, "juliet@example.com/balcony")
            for client in [garden, home, plain, juliet] { await client.forget() }
            let message =
                "<message to='romeo@example.net/garden' from='juliet@example.com/balcony' type='chat'>"
                + "<body>What man art thou</body><thread>0e3141cd</thread></message>"
            try await juliet.send(message)
            try await garden.receives(message)
            let inner = message.replacing("<message", with: "<message xmlns='jabber:client'")
            try await home.receives(
                """
                <message to='romeo@example.net/home' from='romeo@example.net' type='chat'>
                <received xmlns='urn:xmpp:carbons:2'>
                <forwarded xmlns='urn:xmpp:forward:0'>\(inner)</forwarded></received>
                </message>
                """)
            await plain.receivesNothing()
            await juliet.receivesNothing()
        }
    }

    /// XEP-0280 section 8, example 15.
    @Test func whatOneResourceSendsTheOthersSee() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let garden = try await resource(verona, "romeo@example.net/garden")
            // The sender need not have enabled carbons itself.
            let home = try await resource(verona, "romeo@example.net/home", carbons: false)
            let juliet = try await resource(verona, "juliet@example.com/balcony")
            for client in [garden, home, juliet] { await client.forget() }
            let message =
                "<message to='juliet@example.com/balcony' from='romeo@example.net/home' type='chat'>"
                + "<body>Neither, fair saint</body></message>"
            try await home.send(message)
            try await juliet.receives(message)
            let inner = message.replacing("<message", with: "<message xmlns='jabber:client'")
            try await garden.receives(
                """
                <message to='romeo@example.net/garden' from='romeo@example.net' type='chat'>
                <sent xmlns='urn:xmpp:carbons:2'>
                <forwarded xmlns='urn:xmpp:forward:0'>\(inner)</forwarded></sent></message>
                """)
            await home.receivesNothing()
        }
    }

    @Test func nobodyGetsAMessageAndItsCopy() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let garden = try await resource(verona, "romeo@example.net/garden")
            let home = try await resource(verona, "romeo@example.net/home")
            let low = try await resource(
                verona, "romeo@example.net/low", presence: "<presence><priority>-5</priority></presence>")
            let juliet = try await resource(verona, "juliet@example.com/balcony")
            for client in [garden, home, low, juliet] { await client.forget() }
            try await juliet.send("<message to='romeo@example.net' type='chat'><body>!</body></message>")
            #expect(await garden.received().count == 1)
            #expect(await home.received().count == 1)
            #expect(await low.received().map { $0.contains("<received ") } == [true])
        }
    }

    @Test func whatAnAccountSendsToItselfIsCopiedOnce() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let garden = try await resource(verona, "romeo@example.net/garden")
            let home = try await resource(verona, "romeo@example.net/home")
            let phone = try await resource(verona, "romeo@example.net/phone")
            for client in [garden, home, phone] { await client.forget() }
            try await garden.send("<message to='romeo@example.net/home' type='chat'><body>!</body></message>")
            #expect(await home.received().map { $0.contains("urn:xmpp:carbons:2") } == [false])
            #expect(await phone.received().map { $0.contains("<received ") } == [true])
            await garden.receivesNothing()
        }
    }

    @Test func afterDisablingNothingIsCopied() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let garden = try await resource(verona, "romeo@example.net/garden")
            let home = try await resource(verona, "romeo@example.net/home")
            let juliet = try await resource(verona, "juliet@example.com/balcony")
            try await home.send(Self.disable)
            for client in [garden, home] { await client.forget() }
            try await juliet.send("<message to='romeo@example.net/garden' type='chat'><body>!</body></message>")
            #expect(await garden.received().count == 1)
            await home.receivesNothing()
        }
    }

    static let eligible: [(stanza: String, sent: Bool, received: Bool)] = [
        ("type='chat'><body>!</body>", true, true),
        ("type='chat'>", true, true),
        ("type='normal'><body>!</body>", true, true),
        ("><body>!</body>", true, true),
        (">", false, false),
        ("type='normal'><received xmlns='urn:xmpp:receipts' id='1'/>", true, true),
        ("type='normal'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", true, true),
        ("type='normal'><active xmlns='http://jabber.org/protocol/chatstates'/>", true, true),
        ("type='normal'><x xmlns='jabber:x:conference' jid='a@b'/>", true, true),
        ("type='normal'><x xmlns='http://jabber.org/protocol/muc#user'><invite/></x>", true, true),
        ("type='chat'><x xmlns='http://jabber.org/protocol/muc#user'/><body>!</body>", true, false),
        ("type='headline'><body>!</body>", false, false),
        ("type='groupchat'><body>!</body>", false, false),
        ("type='error'><body>!</body>", false, false),
        ("type='chat'><body>!</body><private xmlns='urn:xmpp:carbons:2'/>", false, false),
        ("type='chat'><body>!</body><no-copy xmlns='urn:xmpp:hints'/>", false, false),
        ("type='chat'><received xmlns='urn:xmpp:carbons:2'/>", false, false),
        ("type='chat'><sent xmlns='urn:xmpp:carbons:2'/>", false, false),
    ]

    @Test(arguments: eligible)
    func whichMessagesAreCopied(stanza: String, sent: Bool, received: Bool) throws {
        var message = try #require(
            Stanza.literal("<message from='juliet@example.com/balcony' to='romeo@example.net' \(stanza)</message>"))
        #expect(MessageCarbons.isEligible(message, .sent) == sent)
        #expect(MessageCarbons.isEligible(message, .received) == received)
        message.isCopy = true
        #expect(!MessageCarbons.isEligible(message, .received))
    }
}
