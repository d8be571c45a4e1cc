// SPDX-License-Identifier: Apache-2.0
// The stream parser: what it makes of documents, however they are cut, and the error for what XMPP does not allow.

import Testing

@testable import XMPPCore

private let client = "jabber:client"
private let streams = "http://etherx.jabber.org/streams"

/// Stanzas after the usual header, and what they are written as.
private let wellFormed: [(sent: String, written: [String])] = [
    ("<message/>", ["<message xmlns='jabber:client'/>"]),
    ("<message></message>", ["<message xmlns='jabber:client'/>"]),
    ("<message id=\"1\" to = 'a'\n/>", ["<message xmlns='jabber:client' id='1' to='a'/>"]),
    (
        " \n<presence/>\t<iq/>\r\n ",
        ["<presence xmlns='jabber:client'/>", "<iq xmlns='jabber:client'/>"]
    ),
    ("<m><body>a<![CDATA[<b>&amp;]]>c</body></m>", ["<m xmlns='jabber:client'><body>a&lt;b&gt;&amp;amp;c</body></m>"]),
    ("<m><![CDATA[]]></m>", ["<m xmlns='jabber:client'/>"]),
    ("<m><![CDATA[\u{E9}\u{1F600}]]>\u{E9}</m>", ["<m xmlns='jabber:client'>\u{E9}\u{1F600}\u{E9}</m>"]),
    ("<m>&lt;&gt;&amp;&apos;&quot;</m>", ["<m xmlns='jabber:client'>&lt;&gt;&amp;&apos;&quot;</m>"]),
    ("<m>&#60;&#x1F600;&#xE9;</m>", ["<m xmlns='jabber:client'>&lt;\u{1F600}\u{E9}</m>"]),
    ("<m a='&lt;&amp;&#38;&quot;&#x26;'/>", ["<m xmlns='jabber:client' a='&lt;&amp;&amp;&quot;&amp;'/>"]),
    ("<m a='x>y'><b c=\"/>\"/></m>", ["<m xmlns='jabber:client' a='x&gt;y'><b c='/&gt;'/></m>"]),
    ("<m a='1\n2\t3&#10;4&#9;5'>&#13;\r\n\r</m>", ["<m xmlns='jabber:client' a='1 2 3&#10;4&#9;5'>&#13;\n\n</m>"]),
    ("<m><a>x</a>y<b/>z</m>", ["<m xmlns='jabber:client'><a>x</a>y<b/>z</m>"]),
    ("<m>w<a>x<b>y</b></a></m>", ["<m xmlns='jabber:client'>w<a>x<b>y</b></a></m>"]),
    ("<m xml:lang='en'/>", ["<m xmlns='jabber:client' xml:lang='en'/>"]),
    ("<stream:features/>", ["<features xmlns='http://etherx.jabber.org/streams'/>"]),
    (
        "<m><stream:a/><b xmlns='urn:b'><c/></b></m>",
        ["<m xmlns='jabber:client'><a xmlns='http://etherx.jabber.org/streams'/><b xmlns='urn:b'><c/></b></m>"]
    ),
    (
        "<m xmlns:p='urn:p' p:q='1'><p:r p:s='2'/></m>",
        ["<m xmlns='jabber:client' xmlns:n0='urn:p' n0:q='1'><r xmlns='urn:p' xmlns:n0='urn:p' n0:s='2'/></m>"]
    ),
    ("<m xmlns=''><a xmlns='jabber:client'/></m>", ["<m><a xmlns='jabber:client'/></m>"]),
    // The names of namespaces are compared, never resolved: what they look like does not matter.
    ("<m><vCard xmlns='vcard-temp'/></m>", ["<m xmlns='jabber:client'><vCard xmlns='vcard-temp'/></m>"]),
    (
        "<m><a xmlns='no {URI}'/></m><m/>",
        ["<m xmlns='jabber:client'><a xmlns='no {URI}'/></m>", "<m xmlns='jabber:client'/>"]
    ),
]

/// Documents that end a stream: what came before the fault, and the error.
private let faulty: [(document: String, events: [String], failure: StreamError.Condition)] = [
    // RFC 6120 section 11.1: features of XML that XMPP does not have.
    (usualHeader + "<!-- comment --><m/>", ["opened"], .restrictedXML),
    (usualHeader + "<m><!-- comment --></m>", ["opened"], .restrictedXML),
    (usualHeader + "<?target data?><m/>", ["opened"], .restrictedXML),
    (usualHeader + "<m>&entity;</n></m>", ["opened"], .restrictedXML),
    (usualHeader + "<m a='&entity;'></n></m>", ["opened"], .restrictedXML),
    ("<!-- comment -->" + usualHeader, [], .restrictedXML),
    ("<!DOCTYPE a><a/>", [], .restrictedXML),
    ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + usualHeader, [], .restrictedXML),
    ("<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///etc/passwd'>" + usualHeader, [], .restrictedXML),
    // Not well-formed, after something that is delivered.
    (usualHeader + "<m/><m></n>", ["opened", "<m xmlns='jabber:client'/>"], .notWellFormed),
    (usualHeader + "<m/><m a='1' a='2'/><m/>", ["opened", "<m xmlns='jabber:client'/>"], .notWellFormed),
    (usualHeader + "<m a=1/>", ["opened"], .notWellFormed),
    (usualHeader + "<m a='<'/><m/>", ["opened"], .notWellFormed),
    (usualHeader + "<m>&#0;</m>", ["opened"], .notWellFormed),
    (usualHeader + "<m>&#xD800;</m>", ["opened"], .notWellFormed),
    (usualHeader + "<m>&#xFFFE;</m>", ["opened"], .notWellFormed),
    (usualHeader + "<m>]]></m>", ["opened"], .notWellFormed),
    (usualHeader + "<m>\u{1}</m>", ["opened"], .notWellFormed),
    (usualHeader + "<m>\u{0}</m>", ["opened"], .notWellFormed),
    (usualHeader + "<m>\u{FFFE}</m>", ["opened"], .notWellFormed),
    (usualHeader + "<m>\u{FFFF}</m>", ["opened"], .notWellFormed),
    ("text" + usualHeader, [], .notWellFormed),
    (usualHeader + "</stream:stream><m/>", ["opened", "closed"], .notWellFormed),
    // Namespaces: an undeclared prefix is no namespace-well-formed XML, nor are two attributes of one name.
    (usualHeader + "<m/><p:m/><m/>", ["opened", "<m xmlns='jabber:client'/>"], .notWellFormed),
    (usualHeader + "<m p:a='1'/><m/>", ["opened"], .notWellFormed),
    (usualHeader + "<m><p:a/></m><m/>", ["opened"], .notWellFormed),
    (usualHeader + "<m xmlns:p='urn:x' xmlns:q='urn:x' p:a='1' q:a='1'/><m/>", ["opened"], .notWellFormed),
    (usualHeader + "<m xmlns:p=''/>", ["opened"], .notWellFormed),
    (usualHeader + "<m xmlns:xml='urn:x'/>", ["opened"], .notWellFormed),
    // RFC 6120 sections 4.9.3.10 and 4.9.3.1: the root.
    ("<stream xmlns='jabber:client'/>", [], .invalidNamespace),
    ("<stream:stream xmlns='\(client)' xmlns:stream='urn:other'>", [], .invalidNamespace),
    ("<stream:stream xmlns='urn:other' xmlns:stream='\(streams)'>", [], .invalidNamespace),
    ("<stream:stream xmlns:stream='\(streams)'>", [], .invalidNamespace),
    ("<stream:other xmlns='\(client)' xmlns:stream='\(streams)'>", [], .badFormat),
    // RFC 6120 section 11.6: the encoding.
    ("<?xml version='1.0' encoding='ISO-8859-1'?>" + usualHeader, [], .unsupportedEncoding),
    ("<?xml version='1.0' encoding='UTF-16'?>" + usualHeader, [], .unsupportedEncoding),
    ("<?xml version='1.0' encoding='x-unknown'?>" + usualHeader, [], .unsupportedEncoding),
    // Text between stanzas.
    (usualHeader + "<m/>text<m/>", ["opened", "<m xmlns='jabber:client'/>"], .badFormat),
    (usualHeader + " &#x41; <m/>", ["opened"], .badFormat),
    (usualHeader + "<![CDATA[text]]><m/>", ["opened"], .badFormat),
]

/// Bytes inside a stanza that are no UTF-8.
private let notUTF8: [[UInt8]] = [
    [0x80], [0xC3, 0x28], [0xC0, 0xAF], [0xC1, 0xBC], [0xE0, 0x80, 0xAF], [0xE0, 0x9F, 0xBF], [0xF0, 0x80, 0x80, 0xAF],
    [0xF0, 0x8F, 0xBF, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xB0, 0x80],
    [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFF], [0xFE],
]

@Suite struct XMLStreamParserTests {
    @Test(arguments: wellFormed)
    func stanzasAreTheSameHoweverTheyAreCut(_ sent: String, _ written: [String]) {
        let document = Array((usualHeader + sent + "</stream:stream>").utf8)
        let expected = Parsed(events: ["opened"] + written + ["closed"])
        #expect(Parsed.parse(document) == expected)
        expectSameHoweverCut(document, expected)
    }

    @Test(arguments: faulty)
    func faultsAreTheSameHoweverTheyAreCut(_ document: String, _ events: [String], _ failure: StreamError.Condition) {
        let expected = Parsed(events: events, failure: failure)
        #expect(Parsed.parse(document) == expected)
        expectSameHoweverCut(Array(document.utf8), expected)
    }

    private func expectSameHoweverCut(_ document: [UInt8], _ expected: Parsed) {
        #expect(Parsed.parseByteByByte(document) == expected, "byte by byte")
        for place in document.indices {
            let parsed = Parsed.parse(document, splitAt: place)
            if parsed != expected { Issue.record("cut at \(place): \(parsed), not \(expected)") }
        }
    }

    @Test(arguments: notUTF8)
    func whatIsNoUTF8IsNotWellFormed(_ bytes: [UInt8]) {
        for (before, after) in [("<m>", "</m>"), ("<m a='", "'/>"), ("<m><![CDATA[", "]]></m>"), ("<m", "/>")] {
            let document = Array((usualHeader + before).utf8) + bytes + Array((after + "<m/>").utf8)
            let expected = Parsed(events: ["opened"], failure: .notWellFormed)
            #expect(Parsed.parse(document) == expected, "after \(before)")
            #expect(Parsed.parseByteByByte(document) == expected, "after \(before)")
        }
    }

    /// libxml2 takes nothing of such a piece and reports nothing: the parser once asked it for ever.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [[0x80], [0xC3, 0x28], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFF]] as [[UInt8]])
    func cdataWithoutEndThatBeginsWithNoUTF8IsNotWellFormed(_ bytes: [UInt8]) {
        for before in [0, 300] {
            let text = [UInt8](repeating: 0x62, count: before) + bytes + [UInt8](repeating: 0x62, count: 1000)
            let document = Array((usualHeader + "<m><![CDATA[").utf8) + text
            let expected = Parsed(events: ["opened"], failure: .notWellFormed)
            #expect(Parsed.parse(document) == expected, "after \(before) bytes")
            #expect(Parsed.parseByteByByte(document) == expected, "after \(before) bytes")
        }
    }

    /// The decoder of such an encoding may hold back what would show that it is one.
    @Test func anotherEncodingIsRefusedBeforeTheHeaderIsWhole() {
        let document = Array("<?xml version='1.0' encoding='UTF-7'?><stream:stream xm+AGwAbgBz".utf8)
        let expected = Parsed(events: [], failure: .unsupportedEncoding)
        #expect(Parsed.parse(document) == expected)
        #expect(Parsed.parseByteByByte(document) == expected)
    }

    @Test(
        arguments: [
            [0xFE, 0xFF, 0x00, 0x3C], [0xFF, 0xFE, 0x3C, 0x00], [0x00, 0x3C, 0x00, 0x3F], [0x3C, 0x00, 0x3F, 0x00],
            [0x00, 0x00, 0x00, 0x3C], [0x3C, 0x00, 0x00, 0x00],
        ] as [[UInt8]])
    func otherUnicodeEncodingsAreRefused(_ start: [UInt8]) {
        #expect(Parsed.parse(start).failure == .unsupportedEncoding)
        #expect(Parsed.parseByteByByte(start).failure == .unsupportedEncoding)
    }

    @Test func ebcdicIsRefused() {
        // "<?xml version='1.0'?>" and what follows, in code page 037.
        let start: [UInt8] = [0x4C, 0x6F, 0xA7, 0x94, 0x93, 0x40, 0xA5, 0x85, 0x99, 0xA2, 0x89, 0x96, 0x95, 0x7E, 0x7D]
        let rest: [UInt8] = [0xF1, 0x4B, 0xF0, 0x7D, 0x6F, 0x6E, 0x4C, 0x81, 0x61, 0x6E]
        #expect(Parsed.parse(start + rest).failure != nil)
        #expect(Parsed.parseByteByByte(start + rest).failure != nil)
    }

    @Test(arguments: ["utf-8", "UTF-8", "Utf-8"])
    func theDeclaredEncodingMayBeUTF8(_ name: String) {
        let document = "<?xml version='1.0' encoding='\(name)' standalone='yes'?>\n\(usualHeader)<m>\u{E9}</m>"
        let expected = Parsed(events: ["opened", "<m xmlns='jabber:client'>\u{E9}</m>"])
        #expect(Parsed.parse(document) == expected)
        #expect(Parsed.parseByteByByte(Array(document.utf8)) == expected)
        #expect(Parsed.parse([0xEF, 0xBB, 0xBF] + Array(document.utf8)) == expected)
    }

    @Test(arguments: [
        (usualHeader, StreamHeader(isCanonical: true)),
        (
            "<?xml version='1.0'?><stream:stream to='a&amp;b' from='c' version='1.0' xml:lang='en' id='x' xmlns='\(client)' "
                + "xmlns:stream='\(streams)'>",
            StreamHeader(to: "a&b", from: "c", version: "1.0", language: "en", isCanonical: true)
        ),
        (
            "<stream:stream xmlns='\(client)' xmlns:stream='\(streams)' xmlns:p='urn:p' p:to='a'>",
            StreamHeader(isCanonical: false)
        ),
        ("<s:stream xmlns='\(client)' xmlns:s='\(streams)'>", StreamHeader(isCanonical: false)),
        (
            "<s:stream xmlns='\(client)' xmlns:s='\(streams)' xmlns:stream='\(streams)'>",
            StreamHeader(isCanonical: false)
        ),
        ("<s:stream xmlns='\(client)' xmlns:s='\(streams)' xmlns:stream='urn:p'>", StreamHeader(isCanonical: false)),
    ])
    func theHeaderIsRead(_ text: String, _ expected: StreamHeader) {
        let parser = XMLStreamParser(limits: XMLLimits())
        let (events, failure) = Array(text.utf8).withUnsafeBufferPointer { parser.feed($0) }
        #expect(failure == nil)
        guard case .opened(let header) = events.first else {
            Issue.record("no header")
            return
        }
        #expect(header == expected)
        #expect(parser.isInterchangeable == expected.isCanonical)
    }

    @Test func prefixesOfTheHeaderMeanWhatItDeclared() {
        let header = "<s:stream xmlns='\(client)' xmlns:s='\(streams)' xmlns:p='urn:p'>"
        let expected = Parsed(events: ["opened", "<m xmlns='jabber:client'><a xmlns='urn:p'/></m>"])
        #expect(Parsed.parse(header + "<m><p:a/></m>") == expected)
    }

    @Test func aFaultLasts() {
        let parser = XMLStreamParser(limits: XMLLimits())
        #expect(Parsed.feed(parser, usualHeader + "<m></n>").failure == .notWellFormed)
        #expect(Parsed.feed(parser, "<m/>") == Parsed(failure: .notWellFormed))
        #expect(Parsed.feed(parser, usualHeader) == Parsed(failure: .notWellFormed))
        #expect(Parsed.feed(parser, "") == Parsed(failure: .notWellFormed))
        #expect(!parser.isInterchangeable)
    }

    @Test func nothingIsNothing() {
        #expect(Parsed.parse([]) == Parsed())
        #expect(Parsed.parse("   ") == Parsed())
    }
}
