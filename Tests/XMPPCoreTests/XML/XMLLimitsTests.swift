// SPDX-License-Identifier: Apache-2.0
// The bounds on a peer's XML: what is at a limit passes, what is past it does not, however it is cut.

import Testing

@testable import XMPPCore

private func limits(_ change: (inout XMLLimits) -> Void) -> XMLLimits {
    var limits = XMLLimits()
    change(&limits)
    return limits
}

/// The byte count of every way to cut that is tried.
private let chunkByteCounts = [1, 7, 1000, 4096, 1_000_000]

private func parse(_ text: String, _ limits: XMLLimits, chunkByteCount: Int) -> Parsed {
    let bytes = Array((usualHeader + text).utf8)
    let chunks = stride(from: 0, to: bytes.count, by: chunkByteCount).map {
        bytes[$0..<min($0 + chunkByteCount, bytes.count)]
    }
    return Parsed.feed(XMLStreamParser(limits: limits), chunks)
}

private func element(_ byteCount: Int) -> String { "<m>" + String(repeating: "x", count: byteCount - 7) + "</m>" }

@Suite struct XMLLimitsTests {
    @Test(arguments: chunkByteCounts)
    func stanzasMayBeAsLargeAsTheLimit(_ chunkByteCount: Int) {
        let limits = limits { $0.stanzaByteCountMax = 10_000 }
        let atLimit = parse(
            element(10_000) + " \n" + element(10_000) + "<m/>", limits, chunkByteCount: chunkByteCount)
        #expect(atLimit.failure == nil)
        #expect(atLimit.events.count == 4)
        let past = parse("<m/>" + element(10_001) + "<m/>", limits, chunkByteCount: chunkByteCount)
        #expect(past == Parsed(events: ["opened", "<m xmlns='jabber:client'/>"], failure: .policyViolation))
    }

    @Test func anEndlessStanzaIsCutShort() {
        for endless in ["<m>", "<m a='", "<m ", "<!--", "<?p ", "<m><![CDATA[", "</", "<"] {
            let parser = XMLStreamParser(limits: limits { $0.stanzaByteCountMax = 20_000 })
            #expect(Parsed.feed(parser, usualHeader + endless).failure == nil)
            let chunk = String(repeating: "x", count: 1000)
            let refusedAfter = (1...25).first { _ in Parsed.feed(parser, chunk).failure != nil }
            #expect(refusedAfter != nil, "after \(endless)")
        }
    }

    @Test func whiteSpaceBetweenStanzasIsNoStanza() {
        let parser = XMLStreamParser(limits: limits { $0.stanzaByteCountMax = 10_000 })
        #expect(Parsed.feed(parser, usualHeader).failure == nil)
        for _ in 0..<30 { #expect(Parsed.feed(parser, String(repeating: " ", count: 1000)).failure == nil) }
        #expect(Parsed.feed(parser, element(10_000)).events.count == 1)
    }

    @Test func manyTinyElementsAreBounded() {
        let few = "<m>" + String(repeating: "<a/>", count: 2_000) + "</m>"
        let many = "<m>" + String(repeating: "<a/>", count: 65_000) + "</m>"
        for chunkByteCount in chunkByteCounts {
            #expect(parse(few, XMLLimits(), chunkByteCount: chunkByteCount).failure == nil)
            #expect(parse(many, XMLLimits(), chunkByteCount: chunkByteCount).failure == .policyViolation)
        }
    }

    @Test(arguments: ["<m>" + String(repeating: "<a/>x", count: 1_998) + "</m>", element(10_000)])
    func aStanzaOfTheSizeThatEverybodyMustAcceptPasses(_ stanza: String) {
        let limits = limits { $0.stanzaByteCountMax = 10_000 }
        #expect(parse(stanza, limits, chunkByteCount: 1000).failure == nil)
    }

    @Test func noLimitIsTooLarge() {
        let limits = limits {
            $0.stanzaByteCountMax = .max
            $0.startTagByteCountMax = .max
            $0.depthMax = .max
            $0.attributeCountMax = .max
            $0.namespaceCountMax = .max
            $0.nameByteCountMax = .max
        }
        #expect(parse("<m a='1'><b/>c</m>", limits, chunkByteCount: 10).events.count == 2)
        let long = String(repeating: "a", count: 40_000)
        #expect(parse("<\(long)/>", limits, chunkByteCount: 1000).events.count == 2)
    }

    @Test(arguments: chunkByteCounts)
    func elementsMayNestAsDeepAsTheLimit(_ chunkByteCount: Int) {
        let limits = limits { $0.depthMax = 10 }
        func nested(_ depth: Int) -> String {
            String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
        }
        #expect(parse(nested(10) + nested(10), limits, chunkByteCount: chunkByteCount).events.count == 3)
        let past = parse(nested(1) + nested(11), limits, chunkByteCount: chunkByteCount)
        #expect(past == Parsed(events: ["opened", "<a xmlns='jabber:client'/>"], failure: .policyViolation))
    }

    @Test(arguments: chunkByteCounts)
    func elementsMayHaveAsManyAttributesAsTheLimit(_ chunkByteCount: Int) {
        let limits = limits { $0.attributeCountMax = 10 }
        func attributes(_ count: Int, _ prefix: String) -> String {
            (0..<count).map { " \(prefix)a\($0)='urn:x'" }.joined()
        }
        for prefix in ["", "xmlns:"] {
            #expect(parse("<m\(attributes(10, prefix))/>", limits, chunkByteCount: chunkByteCount).events.count == 2)
            #expect(
                parse("<m\(attributes(11, prefix))/>", limits, chunkByteCount: chunkByteCount).failure
                    == .policyViolation)
        }
        let both = attributes(5, "") + attributes(6, "xmlns:")
        #expect(parse("<m\(both)/>", limits, chunkByteCount: chunkByteCount).failure == .policyViolation)
    }

    @Test(arguments: chunkByteCounts)
    func asManyNamespacesMayBeInScopeAsTheLimit(_ chunkByteCount: Int) {
        // Two are those of the stream's header.
        let limits = limits { $0.namespaceCountMax = 10 }
        func nested(_ depth: Int) -> String {
            (0..<depth).map { "<a xmlns='urn:\($0)'>" }.joined() + String(repeating: "</a>", count: depth)
        }
        #expect(parse(nested(8) + nested(8), limits, chunkByteCount: chunkByteCount).events.count == 3)
        #expect(parse(nested(9), limits, chunkByteCount: chunkByteCount).failure == .policyViolation)
    }

    @Test(arguments: chunkByteCounts)
    func namesMayBeAsLongAsTheLimit(_ chunkByteCount: Int) {
        let limits = limits { $0.nameByteCountMax = 100 }
        for (before, after) in [("<", "/>"), ("<m ", "=''/>"), ("<m xmlns='", "'/>"), ("<m xmlns:p='", "' p:a=''/>")] {
            for (count, failure) in [(100, nil), (101, StreamError.Condition.policyViolation)] {
                let stanza = before + String(repeating: "a", count: count) + after
                #expect(parse(stanza, limits, chunkByteCount: chunkByteCount).failure == failure, "\(stanza)")
            }
        }
    }

    @Test(arguments: chunkByteCounts)
    func startTagsMayBeAsLongAsTheLimit(_ chunkByteCount: Int) {
        let limits = limits { $0.startTagByteCountMax = 2000 }
        func tag(_ byteCount: Int) -> String { "<m a='" + String(repeating: "x", count: byteCount - 8) + "'>" }
        for text in ["", "text", " <b>text</b> "] {
            let stanza = "<m>\(text)" + tag(2000) + "</m></m>"
            #expect(parse(stanza + stanza, limits, chunkByteCount: chunkByteCount).events.count == 3)
            let past = "<m/><m>\(text)" + tag(2001) + "</m></m>"
            #expect(
                parse(past, limits, chunkByteCount: chunkByteCount)
                    == Parsed(events: ["opened", "<m xmlns='jabber:client'/>"], failure: .policyViolation))
        }
        // Neither text nor the rest of a stanza is bounded by it.
        let long = String(repeating: "x", count: 9_000)
        #expect(parse("<m>\(long)<![CDATA[\(long)]]></m>", limits, chunkByteCount: chunkByteCount).failure == nil)
    }

    /// libxml2 compares each attribute of a tag with all others, so a long tag costs its square: 220 ms for 256 KiB.
    @Test(arguments: ["a%=''", "xmlns:a%='u'"])
    func aTagFullOfAttributesDoesNotStallTheThread(_ pattern: String) {
        let parts = pattern.split(separator: "%").map(String.init)
        var tag = "<m"
        var number = 0
        while tag.utf8.count < 262_000 {
            tag += " \(parts[0])\(number)\(parts[1])"
            number += 1
        }
        let bytes = Array((usualHeader + tag + "/>").utf8)
        let parser = XMLStreamParser(limits: XMLLimits())
        var failure: StreamError?
        let time = ContinuousClock().measure { failure = bytes.withUnsafeBufferPointer { parser.feed($0).failure } }
        #expect(failure?.condition == .policyViolation)
        // A few milliseconds; the bound leaves room for a machine that does other things, and fails the 220 ms.
        #expect(time < .milliseconds(50), "\(time)")
    }

    @Test func namesThatNeverRepeatDoNotFillTheMemory() {
        // A header that is not the usual one, so that the stream keeps its parser.
        let header = usualHeader.dropLast() + " xmlns:p='urn:p'>"
        let parser = XMLStreamParser(limits: XMLLimits())
        #expect(Parsed.feed(parser, String(header)).failure == nil)
        let filler = String(repeating: "x", count: 900)
        let refusedAfter = (0..<3000).first { number in
            Parsed.feed(parser, "<a\(number)\(filler)/>").failure == .policyViolation
        }
        #expect(refusedAfter.map { $0 > 100 } == true)
    }
}
