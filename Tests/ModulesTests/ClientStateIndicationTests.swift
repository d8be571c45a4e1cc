// SPDX-License-Identifier: Apache-2.0
// Client State Indication (XEP-0352).

import Testing

@testable import XMPPCore
@testable import XMPPModules

struct ClientStateIndicationTests {
    static let modules = [
        ModuleConfiguration("mod_csi", options: ["buffer_max": 4]), ModuleConfiguration("mod_ping"),
        ModuleConfiguration("mod_stream_management"),
    ]
    static let ping = "<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>"
    static let pong = "<iq to='juliet@example.com/balcony' type='result' id='ping'/>"
    static let chatState = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"

    /// What romeo sends, as juliet gets it.
    private func presence(_ resource: String, _ content: String = "") -> String {
        "<presence to='juliet@example.com/balcony' from='romeo@example.net/\(resource)'"
            + (content.isEmpty ? "/>" : ">\(content)</presence>")
    }
    private func message(_ id: String, _ content: String) -> String {
        "<message to='juliet@example.com/balcony' from='romeo@example.net/orchard' type='chat' id='\(id)'>\(content)"
            + "</message>"
    }

    private func send(_ stanza: String, from client: Client) async throws {
        try await client.send(stanza)
    }

    @Test func theStreamOffersIt() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let features = try await verona.openStream().authenticate(BareJID("juliet@example.com"))
            #expect(features.contains("<csi xmlns='urn:xmpp:csi:0'/>"))
        }
    }

    @Test func anInactiveClientGetsOnlyWhatMattersAndTheRestBefore() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.logIn("juliet@example.com/balcony")
            let romeo = try await verona.connect("romeo@example.net/orchard")
            let other = try await verona.connect("romeo@example.net/street")
            try await juliet.request("<inactive xmlns='urn:xmpp:csi:0'/>" + Self.ping, Self.pong)
            try await send(presence("orchard"), from: romeo)
            try await send(message("1", Self.chatState), from: romeo)
            try await send(presence("street"), from: other)
            // Of one sender only the last presence counts.
            try await send(presence("orchard", "<show>away</show>"), from: romeo)
            // Only the pong came: an answer does not make what waits come.
            try await send(message("2", "<body>!</body>"), from: romeo)
            let expected = [
                message("1", Self.chatState), presence("street"), presence("orchard", "<show>away</show>"),
                message("2", "<body>!</body>"),
            ].joined()
            #expect(try await juliet.read(to: message("2", "<body>!</body>")) == expected)
        }
    }

    @Test func anActiveClientGetsAllBeforeTheNextAnswer() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.logIn("juliet@example.com/balcony")
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await juliet.request("<inactive xmlns='urn:xmpp:csi:0'/>" + Self.ping, Self.pong)
            try await send(presence("orchard"), from: romeo)
            try await juliet.request("<active xmlns='urn:xmpp:csi:0'/>" + Self.ping, presence("orchard"), Self.pong)
            try await send(message("1", Self.chatState), from: romeo)
            try await juliet.request(Self.ping, message("1", Self.chatState), Self.pong)
        }
    }

    @Test func aFullBufferIsSent() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.logIn("juliet@example.com/balcony")
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await juliet.request("<inactive xmlns='urn:xmpp:csi:0'/>" + Self.ping, Self.pong)
            for number in 1...4 { try await send(message("\(number)", Self.chatState), from: romeo) }
            let expected = (1...4).map { message("\($0)", Self.chatState) }.joined()
            #expect(try await juliet.read(to: message("4", Self.chatState)) == expected)
        }
    }

    /// XEP-0352 section 5.1
    @Test func aResumedStreamIsActive() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.logIn("juliet@example.com/balcony")
            juliet.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
            let enabled = try await juliet.read(to: "/>")
            let id = try #require(enabled.split(separator: " id='").last?.split(separator: "'").first)
            let romeo = try await verona.connect("romeo@example.net/orchard")
            juliet.write("<inactive xmlns='urn:xmpp:csi:0'/>" + Self.ping)
            try await juliet.read(to: Self.pong)
            try await send(presence("orchard"), from: romeo)
            await juliet.disconnect()
            let again = verona.openStream()
            try await again.authenticate(BareJID("juliet@example.com"))
            again.write("<resume xmlns='urn:xmpp:sm:3' h='0' previd='\(id)'/>")
            try await again.read(to: "<resumed")
            let missed = try await again.read(to: presence("orchard"))
            #expect(missed.contains(Self.pong))
            try await send(message("1", Self.chatState), from: romeo)
            try await again.read(to: message("1", Self.chatState))
        }
    }

    static let important: [(stanza: String, waits: Bool)] = [
        ("<presence from='a@b/c'/>", true),
        ("<presence from='a@b/c' type='unavailable'/>", true),
        ("<presence from='a@b' type='subscribe'/>", false),
        ("<presence from='a@b/c' type='error'/>", false),
        ("<message from='a@b/c' type='chat'>\(chatState)</message>", true),
        ("<message from='a@b/c' type='chat'>\(chatState)<body>!</body></message>", false),
        ("<message from='a@b/c' type='error'>\(chatState)</message>", false),
        ("<message from='a@b/c' type='groupchat'><subject/></message>", false),
        (
            "<message from='a@b'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
                + "<message xmlns='jabber:client'>\(chatState)</message></forwarded></sent></message>", true
        ),
        (
            "<message from='a@b'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
                + "<message xmlns='jabber:client'><body>!</body></message></forwarded></sent></message>", false
        ),
        ("<iq type='result' id='1'/>", false),
    ]

    @Test(arguments: important)
    func whatMayWait(stanza: String, waits: Bool) throws {
        var held = HeldStanzas()
        #expect(held.add(try #require(Stanza.literal(stanza))) == waits)
        #expect(held.takeAll().count == (waits ? 1 : 0))
        #expect(held.stanzas.isEmpty)
    }
}
