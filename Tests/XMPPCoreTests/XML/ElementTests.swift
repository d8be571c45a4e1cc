// SPDX-License-Identifier: Apache-2.0
// Elements: building and reading them; and the bytes that they are written to.

import Testing

@testable import XMPPCore

@Suite struct ElementTests {
    @Test func elementsAreBuiltAsTheyAreWritten() {
        let isShown = true
        let built = Element("m", .client, ["a": "1", "b": nil]) {
            "text"
            Element("c", "urn:c") { "d" }
            if isShown { Element("e", .client) } else { "never" }
            for name in ["f", "g"] { Element(name, .client) }
            nil as Element?
            [Element("h", .client)]
            "end"
        }
        #expect(
            built.xml
                == "<m xmlns='jabber:client' a='1'>text<c xmlns='urn:c'>d</c><e/><f/><g/><h/>end</m>")
    }

    @Test func textAfterAnElementIsNotInside() {
        var builder = ElementBuilder()
        builder.open("m", .client)
        builder.element("a", .client, text: "x")
        builder.text("y")
        builder.append(Element("b", .client) { "z" })
        builder.text("w")
        builder.text("v")
        builder.close()
        let built = builder.finish()
        #expect(built.xml == "<m xmlns='jabber:client'><a>x</a>y<b>z</b>wv</m>")
        #expect(built.text == "ywv")
    }

    @Test func elementsAreRead() {
        let read = element(
            "<m id='1' to='a' xml:lang='en'>x<a>1</a>y<a xmlns='urn:a' b='c'><d/></a><e/></m>")
        #expect(read.name == "m" && read.namespace == .client && read.language == "en")
        #expect(read.isNamed("m", .client) && !read.isNamed("m", "urn:a") && !read.isNamed("n", .client))
        #expect(read["id"] == "1" && read["lang"] == nil && read["none"] == nil)
        #expect(read.attributes.map(\.name) == ["id", "to"])
        #expect(read.text == "xy" && read.childText("a") == "1" && read.childText("b") == nil)
        #expect(read.children.map(\.name) == ["a", "a", "e"])
        #expect(read.children.first?.text == "1" && read.children.first?.children.first == nil)
        #expect(read.child("a", "urn:a")?["b"] == "c" && read.child("a", "urn:b") == nil)
        #expect(read.child("a", "urn:a")?.child("d", "urn:a") != nil && read.child("d") == nil)
        #expect(read.child("e")?.text == "" && read.child("e")?.attributes.isEmpty == true)
    }

    @Test func elementsAreEqualByWhatTheySay() {
        #expect(element("<m a='1'>x&#121;</m>") == Element("m", .client, ["a": "1"]) { "xy" })
        for other in ["<m a='2'>xy</m>", "<m a='1'>xz</m>", "<n a='1'>xy</n>", "<m xmlns='u' a='1'>xy</m>"] {
            #expect(element(other) != element("<m a='1'>xy</m>"))
        }
    }

    /// A stream let them in; a store that could not read them again would lose them.
    @Test(arguments: [
        // Apostrophes are written as `&apos;`: the tag outgrows the limit of a stream's.
        "<m a=\"\(String(repeating: "'", count: 15_000))\"/>",
        // Each attribute declares its namespace anew: together they are more than a stream's limit.
        "<m xmlns:p='urn:p' \((0..<100).map { "p:a\($0)='1'" }.joined(separator: " "))/>",
        "<m \((0..<60).map { "xmlns:p\($0)='urn:\($0)'" }.joined(separator: " "))>"
            + String(repeating: "<a \((0..<60).map { "p\($0):a='1'" }.joined(separator: " "))>", count: 6)
            + String(repeating: "</a>", count: 6) + "</m>",
    ])
    func whatAStreamLetInIsReadAgainWhenItIsWrittenLonger(_ xml: String) throws {
        let element = try #require(parsedElement(xml))
        #expect(Element(parsing: Array(element.xml.utf8)) == element)
    }

    @Test func aWrappedStanzaOfTheGreatestDepthIsReadAgain() throws {
        let depth = XMLLimits().depthMax - 1
        let xml = "<m>\(String(repeating: "<a>", count: depth))\(String(repeating: "</a>", count: depth))</m>"
        let element = try #require(parsedElement(xml))
        let copy = Element("m", .client) { Element("forwarded", "urn:xmpp:forward:0") { element } }
        #expect(Element(parsing: Array(copy.xml.utf8)) == copy)
    }
}

@Suite struct ByteBufferTests {
    @Test func bytesAreConsumedInOrder() {
        var buffer = ByteBuffer()
        var expected: [UInt8] = []
        var next: UInt8 = 0
        // Seven in, five out, so that it grows, and moves what waits.
        for _ in 0..<500 {
            for _ in 0..<7 {
                buffer.append(next)
                expected.append(next)
                next &+= 1
            }
            buffer.consume(5)
            expected.removeFirst(5)
            if buffer.bytes != expected {
                Issue.record("\(buffer.bytes) instead of \(expected)")
                return
            }
        }
        #expect(buffer.count == 1000)
        buffer.release()
        #expect(buffer.count == 1000)
        buffer.consume(1000)
        #expect(buffer.isEmpty && buffer.bytes.isEmpty)
        buffer.release()
        buffer.append("again")
        buffer.append([0x21])
        #expect(buffer.bytes == Array("again!".utf8))
    }

    @Test func appendingNothingChangesNothing() {
        var buffer = ByteBuffer()
        buffer.append("")
        buffer.append([])
        buffer.append(UnsafeBufferPointer(start: nil, count: 0))
        buffer.consume(0)
        #expect(buffer.isEmpty && buffer.pending.isEmpty)
    }
}
