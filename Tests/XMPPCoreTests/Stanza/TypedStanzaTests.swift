// SPDX-License-Identifier: Apache-2.0
// Message, presence and IQ: the typed faces of a stanza.

import Testing

@testable import XMPPCore

private func stanza(_ xml: String) throws -> Stanza { try #require(Stanza(element(xml))) }

@Suite struct TypedStanzaTests {
    @Test(arguments: [
        ("", 0), ("<priority>0</priority>", 0), ("<priority>127</priority>", 127), ("<priority>-128</priority>", -128),
        ("<priority> 5\n</priority>", 5), ("<priority>+5</priority>", 5), ("<priority>-0</priority>", 0),
        ("<priority>007</priority>", 7), ("<priority>1</priority><priority>2</priority>", 1),
        ("<priority xmlns='urn:other'>9</priority>", 0),
    ])
    func thePriorityIsAByte(_ content: String, _ expected: Int8) throws {
        #expect(Presence(try stanza("<presence>\(content)</presence>"))?.priority == expected)
    }

    @Test(arguments: [
        "", " ", "128", "-129", "1.0", "a", "1 2", "--1", "+", "-", "0x1", "\u{661}", "99999999999999999999",
    ])
    func aPriorityThatIsNoneIsNil(_ text: String) throws {
        let presence = try #require(Presence(try stanza("<presence><priority>\(text)</priority></presence>")))
        #expect(presence.priority == nil)
    }

    @Test(arguments: [
        (MessageType.normal, "normal"), (.chat, "chat"), (.groupchat, "groupchat"), (.headline, "headline"),
        (.error, "error"),
    ])
    func messagesHaveAType(_ type: MessageType, _ name: String) throws {
        let message = Message(to: try JID("a@b"), type: type, id: "1", body: "<hello>") { Element("x", "urn:x") }
        #expect(
            message.stanza.description
                == "<message xmlns='jabber:client' to='a@b' type='\(name)' id='1'><body>&lt;hello&gt;</body>"
                + "<x xmlns='urn:x'/></message>")
        let again = try #require(Message(try stanza(message.stanza.description)))
        #expect(again.type == type && again.body == "<hello>" && again.id == "1" && again.to == message.to)
        #expect(again.subject == nil && again.thread == nil)
    }

    @Test func aMessageWithoutTypeIsNormal() throws {
        let message = try #require(Message(try stanza("<message><subject>s</subject><thread>t</thread></message>")))
        #expect(message.type == .normal && message.body == nil && message.subject == "s" && message.thread == "t")
    }

    @Test(
        arguments: [
            (PresenceType.available, nil), (.unavailable, "unavailable"), (.subscribe, "subscribe"),
            (.subscribed, "subscribed"), (.unsubscribe, "unsubscribe"), (.unsubscribed, "unsubscribed"),
            (.probe, "probe"),
            (.error, "error"),
        ] as [(PresenceType, String?)])
    func presenceHasAType(_ type: PresenceType, _ name: String?) throws {
        let presence = Presence(type: type) { Element("status", .client) { "away" } }
        #expect(presence.stanza.asElement["type"] == name && presence.status == "away" && presence.id == nil)
        #expect(Presence(try stanza(presence.stanza.description))?.type == type)
    }

    @Test func aResultAnswersAnIQ() throws {
        let get = try #require(IQ(try stanza("<iq type='get' id='1' to='a@b' from='c@d/e'><q xmlns='urn:q'/></iq>")))
        #expect(get.type == .get && get.id == "1" && get.payload?.namespace == "urn:q")
        #expect(
            get.result().stanza.description
                == "<iq xmlns='jabber:client' to='c@d/e' from='a@b' type='result' id='1'/>")
        #expect(get.result(Element("q", "urn:q")).payload?.name == "q")
        #expect(IQ(type: .set, id: "2", payload: Element("q", "urn:q")).type == .set)
    }

    @Test func aStanzaHasOneFace() throws {
        let message = try stanza("<message/>")
        #expect(Message(message) != nil && Presence(message) == nil && IQ(message) == nil)
        let presence = try stanza("<presence/>")
        #expect(Presence(presence) != nil && Message(presence) == nil)
    }
}
