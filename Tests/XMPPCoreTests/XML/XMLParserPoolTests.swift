// SPDX-License-Identifier: Apache-2.0
// Parsers that serve one stream after another.

import Testing

@testable import XMPPCore

@Suite struct XMLParserPoolTests {
    @Test func parsersServeManyStreams() {
        let pool = XMLParserPool()
        var limits = XMLLimits()
        limits.stanzaByteCountMax = 10_000
        let full = "<m>" + String(repeating: "x", count: 9_993) + "</m>"
        for number in 0..<1000 {
            let parser = pool.take(limits)
            let spaced = Parsed.feed(parser, "\n  <m id='\(number)'><a xmlns='urn:\(number % 7)'/></m>\n\n<m/>")
            #expect(
                spaced.events == [
                    "<m xmlns='jabber:client' id='\(number)'><a xmlns='urn:\(number % 7)'/></m>",
                    "<m xmlns='jabber:client'/>",
                ])
            // The size of a stanza is counted anew for each stream.
            #expect(Parsed.feed(parser, full).failure == nil)
            #expect(parser.isInterchangeable)
            #expect(!parser.isOutgrown)
            pool.put(parser)
        }
    }

    @Test func severalStreamsAtATime() {
        let pool = XMLParserPool()
        let first = pool.take(XMLLimits())
        let second = pool.take(XMLLimits())
        #expect(Parsed.feed(first, "<m>a") == Parsed())
        #expect(Parsed.feed(second, "<m>b</m>").events == ["<m xmlns='jabber:client'>b</m>"])
        pool.put(second)
        #expect(Parsed.feed(first, "c</m>").events == ["<m xmlns='jabber:client'>ac</m>"])
        pool.put(first)
    }

    @Test func theLimitsAreThoseOfTheStream() {
        let pool = XMLParserPool()
        var narrow = XMLLimits()
        narrow.depthMax = 1
        pool.put(pool.take(narrow))
        let wide = pool.take(XMLLimits())
        #expect(Parsed.feed(wide, "<m><a/></m>").failure == nil)
        pool.put(wide)
        #expect(Parsed.feed(pool.take(narrow), "<m><a/></m>").failure == .policyViolation)
    }

    @Test func theLanguageIsThatOfTheStream() {
        let pool = XMLParserPool()
        let czech = pool.take(XMLLimits(), language: "cs")
        #expect(Parsed.feed(czech, "<presence/>").events == ["<presence xmlns='jabber:client' xml:lang='cs'/>"])
        pool.put(czech)
        let other = pool.take(XMLLimits())
        #expect(other === czech)
        #expect(Parsed.feed(other, "<presence/>").events == ["<presence xmlns='jabber:client'/>"])
    }

    @Test(arguments: [
        ("", true), ("<m/>", true), ("<m/>\n\n", true), ("<m", false), ("<m>", false), ("<m>text", false),
        ("<m/><", false), ("<m><a/>", false), ("</stream:stream", false), ("</stream:stream>", false),
        ("<m></n>", false), ("<m/>text<m/>", false),
    ])
    func onlyBetweenStanzasIsAParserLikeAnother(_ sent: String, _ expected: Bool) {
        let parser = XMLParserPool().take(XMLLimits())
        _ = Parsed.feed(parser, sent)  // what comes of it is the subject of other tests
        #expect(parser.isInterchangeable == expected)
    }

    @Test func aParserThatPeersMadeLargeIsNotKept() {
        let names = XMLParserPool().take(XMLLimits())
        let count = (0..<1000).first { number in
            #expect(Parsed.feed(names, "<name\(number)/>").failure == nil)
            return names.isOutgrown
        }
        #expect(count.map { $0 > 50 } == true)

        let longNames = XMLParserPool().take(XMLLimits())
        for number in 0..<200 {
            #expect(Parsed.feed(longNames, "<a\(number)\(String(repeating: "x", count: 1000))/>").failure == nil)
        }
        #expect(longNames.isOutgrown)

        let stanzas = XMLParserPool().take(XMLLimits())
        #expect(Parsed.feed(stanzas, "<m>\(String(repeating: "x", count: 200_000))</m>").failure == nil)
        #expect(stanzas.isOutgrown)
        let pool = XMLParserPool()
        pool.put(stanzas)
        #expect(pool.take(XMLLimits()) !== stanzas)
    }

    private static func known(_ pool: XMLParserPool, _ text: String) -> (header: StreamHeader, byteCount: Int)? {
        Array(text.utf8).withUnsafeBufferPointer { pool.header(at: $0) }
    }

    private static func learn(_ pool: XMLParserPool, _ text: String, _ change: (inout StreamHeader) -> Void = { _ in })
    {
        var header = StreamHeader(to: text, isCanonical: true)
        change(&header)
        Array(text.utf8).withUnsafeBufferPointer { pool.learn(header, $0) }
    }

    @Test func headersAreKnownByTheirBytes() {
        let pool = XMLParserPool()
        #expect(Self.known(pool, "<a>") == nil)
        Self.learn(pool, "<a>")
        #expect(Self.known(pool, "<a>")?.header.to == "<a>")
        #expect(Self.known(pool, "<a><b/>")?.byteCount == 3)
        for other in ["", "<a", "<A>", " <a>", "<b>"] { #expect(Self.known(pool, other) == nil) }
    }

    @Test func headersThatFewWillSendAreNotKept() {
        let pool = XMLParserPool()
        Self.learn(pool, "<a>") { $0.from = "romeo@example.org" }
        Self.learn(pool, "<b>") { $0.isCanonical = false }
        let long = String(repeating: "c", count: XMLParserPool.headerByteCountMax + 1)
        Self.learn(pool, long)
        for text in ["<a>", "<b>", long] { #expect(Self.known(pool, text) == nil) }
    }

    @Test func theOldestHeaderMakesRoom() {
        let pool = XMLParserPool()
        let count = XMLParserPool.headerCountMax + 3
        for number in 0..<count { Self.learn(pool, "<a\(number)>") }
        for number in 0..<count { #expect((Self.known(pool, "<a\(number)>") != nil) == (number >= 3)) }
    }
}
