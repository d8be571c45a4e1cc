// SPDX-License-Identifier: Apache-2.0
// Privacy lists (XEP-0016) and the blocking command (XEP-0191): requests that make no sense, and bounds.

import Testing
import XMPPCore

@testable import XMPPModules

/// Servers with privacy lists.
enum PrivacyFixture {
    static let modules = ["mod_roster", "mod_presence", "mod_offline", "mod_privacy", "mod_blocking"]
        .map { ModuleConfiguration($0) }
    static let juliet = "juliet@example.com", romeo = "romeo@example.net"

    static func error(_ condition: String, _ type: String) -> String {
        "<error type='\(type)'><\(condition) xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    }

    static func list(_ name: String, _ items: String) -> String {
        "<iq type='set' id='list'><query xmlns='jabber:iq:privacy'><list name='\(name)'>\(items)</list></query></iq>"
    }
}

struct PrivacyRequestTests {
    /// The child of `<query/>`, and the condition that answers it.
    static let mistakes: [(xml: String, condition: String)] = [
        ("", "bad-request"),
        ("<list/>", "bad-request"),
        ("<list name=''><item action='deny' order='1'/></list>", "bad-request"),
        ("<list name='\(String(repeating: "a", count: 251))'/>", "bad-request"),
        ("<list name='a'/><list name='b'/>", "bad-request"),
        ("<list name='a'><item action='deny' order='1'/></list><active name='a'/>", "bad-request"),
        ("<list name='a' x='1'><item action='deny' order='1'/></list>", "bad-request"),
        ("<list name='a'><other/></list>", "bad-request"),
        ("<other name='a'/>", "bad-request"),
        ("<active name='a'><item action='deny' order='1'/></active>", "bad-request"),
        ("<active name=''/>", "bad-request"),
        ("<active name='a'/>", "item-not-found"),
        ("<default name='a'/>", "item-not-found"),
        ("<list name='a'/>", "item-not-found"),
    ]

    /// An `<item/>`, and the condition that answers a list of it.
    static let itemMistakes: [(xml: String, condition: String)] = [
        ("<item order='1'/>", "bad-request"),
        ("<item action='block' order='1'/>", "bad-request"),
        ("<item action='deny'/>", "bad-request"),
        ("<item action='deny' order=''/>", "bad-request"),
        ("<item action='deny' order='-1'/>", "bad-request"),
        ("<item action='deny' order='+1'/>", "bad-request"),
        ("<item action='deny' order='1.5'/>", "bad-request"),
        ("<item action='deny' order='\u{661}'/>", "bad-request"),
        ("<item action='deny' order='2147483648'/>", "bad-request"),
        ("<item action='deny' order='4294967296'/>", "bad-request"),
        ("<item action='deny' order='99999999999999999999999999'/>", "bad-request"),
        ("<item action='deny' order='1' x='1'/>", "bad-request"),
        ("<item action='deny' order='1'/><item action='allow' order='1'/>", "bad-request"),
        ("<item action='deny' order='1'/><item action='allow' order='01'/>", "bad-request"),
        ("<item action='deny' order='1'><presence/></item>", "bad-request"),
        ("<item action='deny' order='1'><iq/><iq/></item>", "bad-request"),
        ("<item action='deny' order='1' type='nick' value='a'/>", "bad-request"),
        ("<item action='deny' order='1' type='jid'/>", "bad-request"),
        ("<item action='deny' order='1' type='jid' value=''/>", "bad-request"),
        ("<item action='deny' order='1' type='jid' value='@'/>", "jid-malformed"),
        ("<item action='deny' order='1' type='subscription' value='remove'/>", "bad-request"),
        ("<item action='deny' order='1' type='group' value='Nobody'/>", "item-not-found"),
        (
            (0...PrivacyLists.itemCountMax).map { "<item action='deny' order='\($0)'/>" }.joined(), "not-acceptable"
        ),
    ]

    private static func check(_ mistakes: [(xml: String, condition: String)]) async throws {
        try await Verona.run(modules: PrivacyFixture.modules) { verona in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            for mistake in mistakes {
                try await juliet.send(
                    "<iq type='set' id='1'><query xmlns='jabber:iq:privacy'>\(mistake.xml)</query></iq>")
                let got = await juliet.received()
                #expect(got.count == 1)
                #expect(got.first?.contains("<\(mistake.condition) ") == true, "\(mistake.xml.prefix(99)): \(got)")
            }
            let names = try await verona.storage.privacyLists.names(of: BareJID("juliet@example.com"), limit: 10)
            #expect(names == PrivacyListNames())
        }
    }

    @Test func whatMakesNoSenseIsRefusedAndNotStored() async throws { try await Self.check(Self.mistakes) }

    @Test func itemsThatMakeNoSenseAreRefused() async throws {
        try await Self.check(Self.itemMistakes.map { ("<list name='a'>\($0.xml)</list>", $0.condition) })
    }

    @Test(arguments: [
        "<iq type='get' id='1'><query xmlns='jabber:iq:privacy'><active name='a'/></query></iq>",
        "<iq type='get' id='1'><query xmlns='jabber:iq:privacy'><list/></query></iq>",
        "<iq type='get' id='1'><blocklist xmlns='urn:xmpp:blocking'><item jid='a.example'/></blocklist></iq>",
        "<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><other jid='a.example'/></block></iq>",
    ])
    func getsThatMakeNoSenseAreRefused(_ request: String) async throws {
        try await Verona.run(modules: PrivacyFixture.modules) { verona in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send(request)
            let error = PrivacyFixture.error("bad-request", "modify")
            try await juliet.receives("<iq type='error' to='juliet@example.com/balcony' id='1'>\(error)</iq>")
        }
    }

    @Test func ofTheListsOfAnotherNothingIsTold() async throws {
        try await Verona.run(modules: PrivacyFixture.modules) { verona in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            for payload in ["<query xmlns='jabber:iq:privacy'/>", "<blocklist xmlns='urn:xmpp:blocking'/>"] {
                try await romeo.send("<iq type='get' to='juliet@example.com' id='1'>\(payload)</iq>")
                let error = PrivacyFixture.error("forbidden", "auth")
                try await romeo.receives(
                    "<iq type='error' to='romeo@example.net/orchard' from='juliet@example.com' id='1'>\(error)</iq>")
            }
        }
    }

    @Test func listsBeyondTheBoundAreRefused() async throws {
        try await Verona.run(modules: PrivacyFixture.modules) { verona in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            for index in 0..<PrivacyLists.listCountMax {
                try await juliet.send(PrivacyFixture.list("\(index)", "<item action='deny' order='1'><iq/></item>"))
            }
            await juliet.forget()
            try await juliet.send(PrivacyFixture.list("more", "<item action='deny' order='1'><iq/></item>"))
            let error = PrivacyFixture.error("resource-constraint", "wait")
            try await juliet.receives("<iq type='error' to='juliet@example.com/balcony' id='list'>\(error)</iq>")
        }
    }
}
