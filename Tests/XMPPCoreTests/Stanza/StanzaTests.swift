// SPDX-License-Identifier: Apache-2.0
// Stanzas: which elements are one, and that changing a part of one keeps the others.

import Testing

@testable import XMPPCore

private func parse(_ xml: String) throws(Stanza.ParsingError) -> Stanza {
    var cache = JIDCache()
    return try Stanza.parse(element(xml), &cache)
}

private func failure(_ xml: String) -> Stanza.ParsingError? {
    do throws(Stanza.ParsingError) {
        let stanza = try parse(xml)
        Issue.record("\(xml) became \(stanza)")
        return nil
    } catch {
        return error
    }
}

private func written(_ stanza: Stanza) -> String {
    var buffer = ByteBuffer()
    buffer.append(stanza)
    return String(decoding: buffer.bytes, as: UTF8.self)
}

private let rich =
    "<message id='i' to='a@b' custom='&amp;' type='chat' from='c@d/e' xml:lang='en' xmlns:p='urn:p' p:q='r'>"
    + "x<body>text</body>y<a xmlns='urn:a'/>z</message>"

@Suite struct StanzaTests {
    @Test(arguments: [
        ("<message/>", Stanza.Kind.message, StanzaType.none), ("<message type='chat'/>", .message, .chat),
        ("<message type='normal'/>", .message, .normal), ("<message type='groupchat'/>", .message, .groupchat),
        ("<message type='headline'/>", .message, .headline), ("<message type='error'/>", .message, .error),
        ("<message type='unknown'/>", .message, .normal), ("<message type=''/>", .message, .normal),
        ("<message type='CHAT'/>", .message, .normal), ("<message type='get'/>", .message, .normal),
        ("<presence/>", .presence, .none), ("<presence type='unavailable'/>", .presence, .unavailable),
        ("<presence type='subscribe'/>", .presence, .subscribe),
        ("<presence type='subscribed'/>", .presence, .subscribed),
        ("<presence type='unsubscribe'/>", .presence, .unsubscribe),
        ("<presence type='unsubscribed'/>", .presence, .unsubscribed), ("<presence type='probe'/>", .presence, .probe),
        ("<presence type='error'/>", .presence, .error), ("<iq type='get' id='1'><a/></iq>", .iq, .get),
        ("<iq type='set' id=''>text<a/></iq>", .iq, .set), ("<iq type='result' id='1'/>", .iq, .result),
        ("<iq type='result' id='1'><a/></iq>", .iq, .result), ("<iq type='error' id='1'><a/><b/></iq>", .iq, .error),
    ])
    func stanzasAreParsed(_ xml: String, _ kind: Stanza.Kind, _ type: StanzaType) throws {
        let stanza = try parse(xml)
        #expect(stanza.kind == kind && stanza.type == type && stanza.to == nil && stanza.from == nil)
        #expect(Stanza(element(xml))?.type == type)
    }

    @Test(arguments: [
        ("<other/>", Stanza.ParsingError.notAStanza), ("<message xmlns='jabber:server'/>", .notAStanza),
        ("<stream:message/>", .notAStanza), ("<Message/>", .notAStanza),
        ("<presence type='available'/>", .malformed(.presence)), ("<presence type=''/>", .malformed(.presence)),
        ("<presence type='chat'/>", .malformed(.presence)), ("<iq id='1'><a/></iq>", .malformed(.iq)),
        ("<iq type='unknown' id='1'><a/></iq>", .malformed(.iq)), ("<iq type='get'><a/></iq>", .malformed(.iq)),
        ("<iq type='get' id='1'/>", .malformed(.iq)), ("<iq type='set' id='1'><a/><b/></iq>", .malformed(.iq)),
        ("<iq type='get' id='1'>text</iq>", .malformed(.iq)), ("<iq type='result'/>", .malformed(.iq)),
        ("<message to='@'/>", .malformedAddress(.message)), ("<message to=''/>", .malformedAddress(.message)),
        ("<presence from='a@'/>", .malformedAddress(.presence)),
        ("<iq type='get' id='1' to='a b@c'><a/></iq>", .malformedAddress(.iq)),
    ])
    func theseAreNoStanzas(_ xml: String, _ expected: Stanza.ParsingError) {
        #expect(failure(xml) == expected)
    }

    @Test func everythingOfAStanzaIsRead() throws {
        let stanza = try parse(rich)
        #expect(stanza.id == "i" && stanza.language == "en" && stanza.to?.description == "a@b")
        #expect(stanza.from?.description == "c@d/e" && stanza.children.map(\.name) == ["body", "a"])
        #expect(stanza.has("a", "urn:a") && !stanza.has("a", .client) && stanza.child("body", .client)?.text == "text")
    }

    @Test func theAddressesAreWrittenAnew() throws {
        var stanza = try parse(rich)
        stanza.to = try JID("new@b/'")
        stanza.from = nil
        let start = "<message to='new@b/&apos;' type='chat' id='i' custom='&amp;' "
        #expect(written(stanza).hasPrefix(start))
        #expect(!written(stanza).contains("from="))
        #expect(stanza.asElement["to"] == "new@b/'" && stanza.asElement["from"] == nil)
    }

    /// A stanza keeps its attributes, its text and what nobody here knows, whatever is done to its children.
    @Test func changingTheChildrenKeepsTheRest() throws {
        let stanza = try parse(rich)
        let added = stanza.adding(Element("n", "urn:n"))
        let removed = added.removing { $0.isNamed("body", .client) }
        let rest = "to='a@b' from='c@d/e' type='chat' id='i' custom='&amp;' xml:lang='en' xmlns:n6='urn:p' n6:q='r'"
        let before = element("<message \(rest)>x<body>text</body>y<a xmlns='urn:a'/>z</message>")
        #expect(element(written(stanza)) == before)
        for (changed, content) in [
            (stanza, "x<body>text</body>y<a xmlns='urn:a'/>z"),
            (added, "x<body>text</body>y<a xmlns='urn:a'/>z<n xmlns='urn:n'/>"),
            (removed, "xy<a xmlns='urn:a'/>z<n xmlns='urn:n'/>"),
        ] {
            #expect(changed.id == "i" && changed.language == "en" && changed.to == stanza.to)
            #expect(changed.type == .chat && changed.from == stanza.from)
            let expected = element("<message \(rest)>\(content)</message>")
            #expect(element(written(changed)) == expected)
            #expect(changed.asElement == expected)
            #expect(changed.description == expected.xml)
        }
        #expect(written(stanza.removing { _ in false }) == written(stanza))
    }

    @Test func anErrorGoesBackToTheSender() throws {
        let iq = try parse("<iq type='get' id='&lt;1' to='a@b' from='c@d/e'><a xmlns='urn:a'/></iq>")
        let error = try #require(iq.error(StanzaError(.itemNotFound, text: "no")))
        #expect(
            written(error)
                == "<iq to='c@d/e' from='a@b' type='error' id='&lt;1'><error type='cancel'>"
                + "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                + "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no</text></error></iq>")
        #expect(error.error(.badRequest) == nil)
        #expect(try parse("<iq type='result' id='1'/>").error(.badRequest) == nil)
        let plain = try parse("<message/>")
        #expect(plain.error(.badRequest)?.type == .error && plain.error(.badRequest)?.id == nil)
        #expect(try parse("<message type='error'/>").error(.badRequest) == nil)
        #expect(try parse("<presence type='subscribe' to='a@b'/>").error(.badRequest)?.type == .error)
    }
}

@Suite struct StanzaErrorTests {
    /// RFC 6120 section 8.3.3 on each condition.
    @Test(arguments: [
        ("bad-request", "modify"), ("conflict", "cancel"), ("feature-not-implemented", "cancel"), ("forbidden", "auth"),
        ("gone", "cancel"), ("internal-server-error", "cancel"), ("item-not-found", "cancel"),
        ("jid-malformed", "modify"), ("not-acceptable", "modify"), ("not-allowed", "cancel"),
        ("not-authorized", "auth"),
        ("policy-violation", "modify"), ("recipient-unavailable", "wait"), ("redirect", "modify"),
        ("registration-required", "auth"), ("remote-server-not-found", "cancel"), ("remote-server-timeout", "wait"),
        ("resource-constraint", "wait"), ("service-unavailable", "cancel"), ("subscription-required", "auth"),
        ("undefined-condition", "cancel"), ("unexpected-request", "wait"),
    ])
    func conditionsHaveTheirType(_ name: String, _ type: String) throws {
        let condition = try #require(StanzaError.Condition(rawValue: name))
        #expect(condition.usualType.rawValue == type)
        #expect(
            StanzaError(condition).element
                == element("<error type='\(type)'><\(name) xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"))
        #expect(StanzaError.Condition.allCases.count == 22)
    }

    @Test func theTypeAndTheDetailCanBeGiven() {
        let error = StanzaError(.undefinedCondition, type: .continue, detail: Element("d", "urn:d"))
        #expect(
            error.element
                == element(
                    "<error type='continue'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                        + "<d xmlns='urn:d'/></error>"))
    }

    @Test func thereAreThe25StreamErrors() {
        #expect(StreamError.Condition.allCases.count == 25)
        #expect(StreamError(.notWellFormed, text: "a") != StreamError(.notWellFormed))
    }
}
