// SPDX-License-Identifier: Apache-2.0
// What is archived, what retracts what, and who wants what, as tables.

import Testing

@testable import XMPPCore
@testable import XMPPModules

@Suite struct ArchiveRulesTests {
    private static let hints = "xmlns='urn:xmpp:hints'"
    private static let body = "<body>Art thou not Romeo?</body>"

    static let messages: [(xml: String, isKept: Bool)] = [
        ("<message type='chat'>\(body)</message>", true),
        ("<message>\(body)</message>", true),
        ("<message type='normal'>\(body)</message>", true),
        ("<message type='headline'>\(body)</message>", false),
        ("<message type='groupchat'>\(body)</message>", false),
        ("<message type='error'>\(body)</message>", false),
        ("<message type='chat'/>", false),
        ("<message type='chat'><body/></message>", true),
        ("<message type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>", false),
        ("<message type='chat'><store \(hints)/></message>", true),
        ("<message type='chat'>\(body)<no-store \(hints)/></message>", false),
        ("<message type='chat'>\(body)<no-permanent-store \(hints)/></message>", false),
        ("<message type='chat'>\(body)<store \(hints)/><no-store \(hints)/></message>", false),
        ("<message type='chat'>\(body)<no-copy \(hints)/></message>", true),
        ("<message type='chat'>\(body)<no-store xmlns='urn:example'/></message>", true),
        ("<message type='chat'>\(body)<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/></message>", true),
        ("<message type='chat'>\(body)<result xmlns='urn:xmpp:mam:2' id='1'/></message>", false),
        ("<message type='chat'><received xmlns='urn:xmpp:receipts' id='1'/></message>", false),
        ("<message type='chat'><received xmlns='urn:xmpp:receipts' id='1'/><store \(hints)/></message>", true),
        ("<message type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>", false),
        ("<message type='chat'><retract xmlns='urn:xmpp:message-retract:1' id='1'/></message>", true),
        (
            "<message type='chat'><apply-to xmlns='urn:xmpp:fasten:0' id='1'>"
                + "<retract xmlns='urn:xmpp:message-retract:0'/></apply-to></message>", true
        ),
        ("<message type='chat'><apply-to xmlns='urn:xmpp:fasten:0' id='1'><x xmlns='y'/></apply-to></message>", false),
    ]

    @Test(arguments: messages) func messagesAreKept(_ xml: String, _ isKept: Bool) throws {
        let message = try #require(Stanza.literal(xml).flatMap(Message.init))
        #expect(ArchiveRules().keeps(message, keepsGroupchat: false) == isKept)
    }

    @Test func chatMarkersAndGroupchatAreKeptWhenThatIsWanted() throws {
        let marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"
        let message = try #require(Stanza.literal("<message type='chat'>\(marker)</message>").flatMap(Message.init))
        #expect(ArchiveRules(keepsChatMarkers: true).keeps(message, keepsGroupchat: false))
        let asking = "<message type='chat'><markable xmlns='urn:xmpp:chat-markers:0'/></message>"
        let markable = try #require(Stanza.literal(asking).flatMap(Message.init))
        #expect(!ArchiveRules(keepsChatMarkers: true).keeps(markable, keepsGroupchat: false))
        let groupchat = try #require(
            Stanza.literal("<message type='groupchat'>\(Self.body)</message>").flatMap(Message.init))
        #expect(ArchiveRules().keeps(groupchat, keepsGroupchat: true))
    }

    @Test(arguments: [
        ("<message id='r' type='chat'><retract xmlns='urn:xmpp:message-retract:1' id='x'/></message>", "x", true),
        ("<message id='r' type='groupchat'><retract xmlns='urn:xmpp:message-retract:1' id='x'/></message>", "x", false),
        (
            "<message id='r' type='chat'><apply-to xmlns='urn:xmpp:fasten:0' id='x'>"
                + "<retract xmlns='urn:xmpp:message-retract:0'/></apply-to></message>", "x", true
        ),
        ("<message type='chat'><retract xmlns='urn:xmpp:message-retract:1'/></message>", nil, true),
        ("<message type='chat'><retract xmlns='urn:xmpp:message-retract:1' id=''/></message>", nil, true),
        ("<message type='chat'><retract xmlns='urn:example' id='x'/></message>", nil, true),
    ])
    func retractionsNameWhatTheyRetract(_ xml: String, _ id: String?, isOrigin: Bool) throws {
        let retraction = Retraction(try #require(Stanza.literal(xml).flatMap(Message.init)))
        #expect(retraction?.target == id.map { isOrigin ? .origin($0) : .archived($0) })
    }

    /// XEP-0424 section 4.
    @Test func tombstonesHaveNothingOfWhatWasSaid() throws {
        let stanza = Array(
            """
            <message xmlns='jabber:client' type='chat' from='romeo@montague.example/a' to='lord@capulet.example' \
            id='wrong-recipient-1' xml:lang='en'><body>Have not saints lips?</body><x xmlns='urn:example'/></message>
            """.utf8)
        let xml =
            "<message id='retract-message-1'><retract id='wrong-recipient-1' xmlns='urn:xmpp:message-retract:1'/></message>"
        let retraction = try #require(Stanza.literal(xml).flatMap(Message.init).flatMap(Retraction.init))
        let time = try #require(Timestamp(dateTime: "2019-09-20T23:09:32Z"))
        let tombstone = try #require(retraction.tombstone(of: stanza, at: time))
        #expect(
            Element(parsing: tombstone)
                == Element(
                    parsing: Array(
                        """
                        <message xmlns='jabber:client' to='lord@capulet.example' from='romeo@montague.example/a' type='chat' \
                        id='wrong-recipient-1'><retracted xmlns='urn:xmpp:message-retract:1' id='retract-message-1' \
                        stamp='2019-09-20T23:09:32Z'/></message>
                        """.utf8)))
        #expect(retraction.tombstone(of: Array("<iq xmlns='jabber:client'/>".utf8), at: time) == nil)
        #expect(retraction.tombstone(of: [131, 80, 0], at: time) == nil)
    }

    @Test func theMoreSpecificGoesFirst() throws {
        let orchard = try JID("romeo@example.net/orchard"), garden = try JID("romeo@example.net/garden")
        let preferences = ArchivePreferences(
            standard: .roster, exceptions: [orchard: true, orchard.bare.jid: false, try JID("example.org"): true])
        #expect(preferences.behaviour(towards: orchard) == .always)
        #expect(preferences.behaviour(towards: garden) == .never)
        #expect(preferences.behaviour(towards: orchard.bare.jid) == .never)
        #expect(preferences.behaviour(towards: try JID("nurse@example.org")) == .roster)
    }

    @Test(arguments: [
        "<prefs xmlns='urn:xmpp:mam:2'/>", "<prefs xmlns='urn:xmpp:mam:2' default='sometimes'/>",
        "<prefs xmlns='urn:xmpp:mam:2' default='always'><always><jid>@</jid></always></prefs>",
        "<prefs xmlns='urn:xmpp:mam:2' default='always'><never><jid/></never></prefs>",
        "<prefs xmlns='urn:xmpp:mam:2' default='always'><always><jid>a@b</jid></always><never><jid>a@b</jid></never></prefs>",
    ])
    func preferencesThatMeanNothingAreRefused(_ xml: String) throws {
        let payload = try #require(Element(parsing: Array(xml.utf8)))
        #expect(throws: StanzaError.self) { () throws in try ArchivePreferences(payload) }
    }

    @Test func namesGoUpThoughTheClockGoesBack() throws {
        var names = ArchiveNames()
        let time = Timestamp(seconds: 1_700_000_000)
        var last = names.next(at: time)
        #expect(last.time == time)
        for seconds in [0, 0, -100, 1, -5] as [Int64] {
            let next = names.next(at: Timestamp(seconds: time.seconds + seconds))
            #expect(next > last)
            last = next
        }
    }

    @Test func onlyNamesOfTheArchiveAreForged() throws {
        let archive = try BareJID("juliet@example.com")
        let xml =
            "<message><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.com' id='1'/>"
            + "<stanza-id xmlns='urn:xmpp:sid:0' by='JULIET@EXAMPLE.COM' id='2'/>"
            + "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.com/balcony' id='3'/>"
            + "<stanza-id xmlns='urn:xmpp:sid:0' by='@' id='4'/><stanza-id xmlns='urn:xmpp:sid:0' id='5'/>"
            + "<origin-id xmlns='urn:xmpp:sid:0' id='6'/></message>"
        let stanza = try #require(Stanza.literal(xml)).removingNames(by: archive)
        #expect(stanza.children.map { $0["id"] } == ["3", "4", "5", "6"])
    }
}
