// SPDX-License-Identifier: Apache-2.0
// Offline Messages (XEP-0160).

import Testing

@testable import XMPPCore
@testable import XMPPModules

struct OfflineMessagesTests {
    static let modules = [ModuleConfiguration("mod_offline")]
    static let juliet = "juliet@example.com"

    /// The example of XEP-0160 section 2, with our names.
    @Test func aMessageWaitsForItsAccount() async throws {
        try await Verona.run(with: Self.modules) { verona, time in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await romeo.send(
                "<message to='juliet@example.com' type='chat' id='1'><body>O blessed, blessed night!</body></message>")
            await romeo.receivesNothing()
            time.advance(by: .seconds(60))
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<presence><priority>1</priority></presence>")
            let received = await juliet.received().filter { $0.hasPrefix("<message") }
            let expected = try #require(
                Stanza.literal(
                    """
                    <message from='romeo@example.net/orchard' to='juliet@example.com' type='chat' id='1'>
                    <body>O blessed, blessed night!</body>
                    <delay xmlns='urn:xmpp:delay' from='example.com' stamp='2001-09-09T01:46:40Z'>Offline Storage</delay>
                    </message>
                    """))
            #expect(received == [expected.description])
            #expect(try await verona.storage.offlineMessages.messageCount(for: BareJID(Self.juliet)) == 0)
        }
    }

    @Test func messagesComeOnceInOrderToTheFirstThatGetsMessages() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            let count = OfflineMessages.pageMessageCount * 2 + 1
            for number in 0..<count {
                try await romeo.sendAtOnce("<message to='juliet@example.com' id='\(number)'><body>!</body></message>")
            }
            await verona.settle()
            let shy = try await verona.connect("juliet@example.com/shy")
            try await shy.send("<presence><priority>-1</priority></presence>")
            let balcony = try await verona.connect("juliet@example.com/balcony")
            try await balcony.send("<presence/>")
            let chamber = try await verona.connect("juliet@example.com/chamber")
            try await chamber.send("<presence/>")
            try await balcony.send("<presence><show>away</show></presence>")
            #expect(ids(await shy.received()) == [])
            #expect(ids(await balcony.received()) == (0..<count).map(String.init))
            #expect(ids(await chamber.received()) == [])
        }
    }

    /// XEP-0079 section 3.3.2 and XEP-0023: what has expired is not handed over, and does not stay.
    @Test func messagesExpire() async throws {
        let amp = { (rule: String) in "<amp xmlns='http://jabber.org/protocol/amp'><rule \(rule)/></amp>" }
        let soon = "2001-09-09T01:47:40Z", late = "2001-09-09T01:48:40Z", past = "2001-09-09T01:46:39Z"
        let messages: [(id: String, child: String)] = [
            ("never", ""), ("soon", amp("condition='expire-at' action='drop' value='\(soon)'")),
            ("late", amp("condition='expire-at' action='error' value='\(late)'")),
            ("told", amp("condition='expire-at' action='notify' value='\(soon)'")),
            ("past", amp("condition='expire-at' action='drop' value='\(past)'")),
            ("broken", amp("condition='expire-at' action='drop' value='soon'")),
            ("other", amp("condition='deliver' action='drop' value='stored'")),
            ("seconds", "<x xmlns='jabber:x:expire' seconds='60'/>"),
            ("long", "<x xmlns='jabber:x:expire' seconds='9223372036854775807'/>"),
            ("negative", "<x xmlns='jabber:x:expire' seconds='-5'/>"),
        ]
        try await Verona.run(with: Self.modules) { verona, time in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            for (id, child) in messages {
                try await romeo.send(
                    "<message to='\(Self.juliet)' type='chat' id='\(id)'><body>!</body>\(child)</message>")
            }
            await romeo.receivesNothing()
            let store = verona.storage.offlineMessages
            #expect(try await store.messageCount(for: BareJID(Self.juliet)) == messages.count - 2)
            time.advance(by: .seconds(60))
            let juliet = try await verona.connect("\(Self.juliet)/balcony")
            try await juliet.send("<presence/>")
            #expect(ids(await juliet.received()) == ["never", "late", "told", "broken", "other", "long"])
            #expect(try await store.messageCount(for: BareJID(Self.juliet)) == 2)
            time.advance(by: OfflineMessages.expiryInterval)
            await verona.settle()
            #expect(try await store.messageCount(for: BareJID(Self.juliet)) == 0)
        }
    }

    @Test func aResourceThatStopsHidingGetsMessages() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            let shy = try await verona.connect("juliet@example.com/shy")
            try await shy.send("<presence><priority>-1</priority></presence>")
            try await romeo.send("<message to='juliet@example.com' id='m'><body>!</body></message>")
            #expect(ids(await shy.received()) == [])
            try await shy.send("<presence/>")
            #expect(ids(await shy.received()) == ["m"])
        }
    }

    /// More messages than stream management keeps for a client that is gone.
    @Test func aManagedStreamGetsManyMessagesAtOnce() async throws {
        try await Verona.run(with: Self.modules + [ModuleConfiguration("mod_stream_management")]) { verona, time in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            for number in 1...250 {
                try await romeo.sendAtOnce("<message to='juliet@example.com' id='m\(number)'><body>!</body></message>")
            }
            await verona.settle()
            let juliet = try await verona.logIn("juliet@example.com/balcony")
            juliet.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/><presence/>")
            try await juliet.read(to: "id='m250'")
            try await juliet.read(to: "</message>")
            // The answer to <r/> shows that the acknowledgement before it has been read.
            juliet.write("<a xmlns='urn:xmpp:sm:3' h='250'/><r xmlns='urn:xmpp:sm:3'/>")
            try await juliet.read(to: "<a xmlns='urn:xmpp:sm:3' h='1'/>")
            // Those who acknowledge stay.
            time.advance(by: .seconds(61))
            juliet.write("<r xmlns='urn:xmpp:sm:3'/>")
            try await juliet.read(to: "<a xmlns='urn:xmpp:sm:3' h='1'/>")
        }
    }

    @Test func whoAcknowledgesNothingLosesTheStreamAndNoMessage() async throws {
        try await Verona.run(with: Self.modules + [ModuleConfiguration("mod_stream_management")]) { verona, time in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            for number in 1...150 {
                try await romeo.sendAtOnce("<message to='juliet@example.com' id='m\(number)'><body>!</body></message>")
            }
            await verona.settle()
            let juliet = try await verona.logIn("juliet@example.com/balcony")
            juliet.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/><presence/>")
            try await juliet.read(to: "id='m150'")
            await verona.settle()
            time.advance(by: .seconds(61))
            #expect(await juliet.readToEnd().contains("<resource-constraint"))
            await verona.settle()
            #expect(try await verona.storage.offlineMessages.messageCount(for: BareJID(Self.juliet)) == 150)
        }
    }

    static let handling: [(content: String, isStored: Bool, error: String?)] = [
        ("type='chat'><body>!</body>", true, nil),
        ("><body>!</body>", true, nil),
        ("type='normal'><x xmlns='jabber:x:conference'/>", true, nil),
        ("type='chat'><received xmlns='urn:xmpp:receipts' id='1'/>", true, nil),
        ("type='chat'><body>!</body><active xmlns='http://jabber.org/protocol/chatstates'/>", true, nil),
        ("type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/>", false, nil),
        ("type='chat'><thread>1</thread><gone xmlns='http://jabber.org/protocol/chatstates'/>", false, nil),
        (
            "type='chat'><paused xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/>",
            false, nil
        ),
        (
            "type='chat'><paused xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/>",
            true, nil
        ),
        ("type='chat'><body>!</body><no-store xmlns='urn:xmpp:hints'/>", false, "<service-unavailable"),
        ("type='chat'><body>!</body><no-permanent-store xmlns='urn:xmpp:hints'/>", true, nil),
        ("type='headline'><body>!</body>", false, nil),
        ("type='groupchat'><body>!</body>", false, "<service-unavailable"),
        ("type='error'><body>!</body>", false, nil),
    ]

    @Test(arguments: handling)
    func whatIsStored(content: String, isStored: Bool, error: String?) async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await romeo.send("<message to='juliet@example.com' id='1' \(content)</message>")
            let answers = await romeo.received()
            let count = try await verona.storage.offlineMessages.messageCount(for: BareJID(Self.juliet))
            #expect(count == (isStored ? 1 : 0))
            #expect(answers.count == (error == nil ? 0 : 1))
            if let error { #expect(answers.first?.contains(error) == true) }
        }
    }

    @Test func nothingIsStoredForNobody() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await romeo.send("<message to='nobody@example.com' id='1' type='chat'><body>!</body></message>")
            try await romeo.receives(
                """
                <message to='romeo@example.net/orchard' from='nobody@example.com' type='error' id='1'>
                <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
                </message>
                """)
            #expect(try await verona.storage.offlineMessages.messageCount(for: BareJID("nobody@example.com")) == 0)
        }
    }

    @Test func whatDoesNotFitIsReturned() async throws {
        func configure(_ configuration: inout ServerConfiguration) {
            for index in configuration.hosts.indices {
                configuration.hosts[index].accessRules = AccessRules([
                    "max_user_offline_messages": [AccessClause("all", .limit(2))]
                ])
            }
        }
        try await Verona.run(with: Self.modules, configure: configure) { verona, _ in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            for number in 1...3 {
                try await romeo.send("<message to='juliet@example.com' id='\(number)'><body>!</body></message>")
            }
            let answers = await romeo.received()
            #expect(answers.count == 1)
            #expect(answers.first?.contains("id='3'><error type='cancel'><service-unavailable") == true)
        }
    }

    @Test func whatASessionDidNotTakeWaitsAgainWithItsFirstDate() async throws {
        try await Verona.run(with: Self.modules) { verona, time in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            let note =
                "<delay xmlns='urn:xmpp:delay' from='example.com' stamp='2000-01-01T00:00:00Z'>Offline Storage</delay>"
            try await romeo.send("<message to='juliet@example.com' id='1'><body>!</body>\(note)</message>")
            time.advance(by: .seconds(60))
            let juliet = try await verona.available("juliet@example.com/balcony")
            let message = try #require(await juliet.received().first { $0.hasPrefix("<message") })
            #expect(message.split(separator: "<delay").count == 2)
            #expect(message.contains("2000-01-01T00:00:00Z"))
        }
    }

    /// The message finds nobody, then somebody comes, then it is stored.
    @Test func aMessageThatIsStoredTooLateIsHandedOverAtOnce() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let account = try BareJID(Self.juliet)
            let host = try #require(verona.server.host("example.com"))
            let romeo = try await verona.server.connect(as: FullJID("romeo@example.net/orchard"))
            let juliet = try await verona.server.connect(as: FullJID("juliet@example.com/balcony"))
            let (gate, open) = AsyncStream.makeStream(of: Void.self)
            async let holding: Void = host.accountLocks.withLock(account) { for await _ in gate {} }
            await verona.turns(20)
            let message = Message(to: account.jid, id: "m", body: "!")
            async let sending: Void = romeo.send(message)
            // Now the message waits to be stored.
            await verona.turns(20)
            async let coming: Void = juliet.send(Presence())
            await verona.turns(20)
            open.finish()
            _ = await (holding, sending, coming)
            let received = await juliet.stanzas.first { $0.kind == .message }
            #expect(received?.id == "m")
        }
    }

    private func ids(_ stanzas: [String]) -> [String] {
        stanzas.compactMap { Stanza.literal($0) }.filter { $0.kind == .message }.compactMap(\.id)
    }
}

extension Verona {
    /// Binds a resource that becomes available, and keeps what it gets for that.
    fileprivate func available(_ jid: String) async throws -> Client {
        let client = try await connect(jid)
        try await client.send("<presence/>")
        return client
    }

    /// Lets every loop do some turns.
    fileprivate func turns(_ count: Int) async {
        for _ in 0..<count {
            for loop in server.loops.loops {
                await withCheckedContinuation { continuation in loop.post { continuation.resume() } }
            }
        }
    }
}
