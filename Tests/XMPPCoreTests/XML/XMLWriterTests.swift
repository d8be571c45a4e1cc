// SPDX-License-Identifier: Apache-2.0
// Elements as text: escaping, namespaces, and that what is written parses to the same.

import Testing

@testable import XMPPCore

/// What a client can send as one stanza.
private let documents = [
    "<m/>", "<m a='1' b='2'>text</m>", "<m><a>x</a>y<b>z</b>w</m>",
    "<m a='&lt;&gt;&amp;&quot;&apos;'>&lt;&gt;&amp;&quot;&apos;</m>",
    "<m a='&#9;&#10;&#13; '>&#9;&#10;&#13; </m>",
    "<m><a xmlns='urn:a'><b xmlns='urn:b'><c xmlns='urn:a'><d xmlns='jabber:client'/></c></b><b/></a><a/></m>",
    "<m><a xmlns=''><b/><c xmlns='urn:c'><d xmlns=''/></c></a></m>", "<m xmlns='urn:a'><b/></m>",
    "<m xmlns:p='urn:p' xmlns:q='urn:q' p:a='1' q:a='2' a='3' xml:lang='de'><p:b q:c='4' xml:lang='en'/></m>",
    "<m xmlns:p='urn:&amp;&lt;&apos;' p:a='1'><p:b/></m>", "<m xmlns='urn:a&#9;&#10;b'/>",
    "<m>a<![CDATA[b]]>c&#100;e<a/><![CDATA[]]></m>", "<m \u{E9}='\u{1F600}'><\u{E9}>\u{1F600}</\u{E9}></m>",
    "<stream:features><a xmlns='urn:a'/><stream:b/></stream:features>",
]

@Suite struct XMLWriterTests {
    @Test(arguments: documents)
    func whatIsWrittenParsesToTheSame(_ document: String) throws {
        let parsed = try #require(parsedElement(document))
        let again = try #require(parsedElement(parsed.xml))
        #expect(again.xml == parsed.xml)
        expectEqual(again, parsed)
        var inside = ByteBuffer()
        inside.append(parsed, inside: .client)
        expectEqual(try #require(parsedElement(String(decoding: inside.bytes, as: UTF8.self))), parsed)
    }

    /// Compares what can be read, not what is written.
    private func expectEqual(_ left: Element, _ right: Element) {
        #expect(left.name == right.name && left.namespace == right.namespace && left.text == right.text)
        #expect(left.attributes.map(\.name) == right.attributes.map(\.name))
        #expect(left.attributes.map(\.value) == right.attributes.map(\.value))
        #expect(left.language == right.language)
        #expect(Array(left.children).count == Array(right.children).count)
        for (leftChild, rightChild) in zip(left.children, right.children) { expectEqual(leftChild, rightChild) }
    }

    @Test(arguments: documents)
    func whatIsCopiedIsTheSame(_ document: String) throws {
        let parsed = try #require(parsedElement(document))
        let wrapped = Element("w", "urn:w") { parsed }
        #expect(wrapped.children.first?.xml == parsed.xml)
        // Inside out: the copy of a child that lies in the middle of a tree.
        for child in parsed.children { #expect(Element("w", "urn:w") { child }.children.first?.xml == child.xml) }
    }

    @Test(arguments: [
        ("<>&'\"", "&lt;&gt;&amp;&apos;&quot;", "&lt;&gt;&amp;&apos;&quot;"),
        ("\r\n\t", "&#13;\n\t", "&#13;&#10;&#9;"),
        ("", "", ""),
        ("\u{E9}\u{65E5}\u{1F600}", "\u{E9}\u{65E5}\u{1F600}", "\u{E9}\u{65E5}\u{1F600}"),
        ("a&b", "a&amp;b", "a&amp;b"),
        // What XML cannot say, not even by reference, would end the receiver's stream.
        ("a\u{0}b\u{1}c\u{1F}", "a\u{FFFD}b\u{FFFD}c\u{FFFD}", "a\u{FFFD}b\u{FFFD}c\u{FFFD}"),
        ("\u{FFFE}\u{FFFF}\u{FFFD}\u{FF01}", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FF01}", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FF01}"),
    ])
    func textIsEscaped(_ text: String, _ inside: String, _ attribute: String) {
        let element = Element("m", "urn:m", ["a": text]) { text }
        let content = inside.isEmpty ? "/>" : ">\(inside)</m>"
        #expect(element.xml == "<m xmlns='urn:m' a='\(attribute)'\(content)")
        #expect(element.text == text && element["a"] == text)
    }

    @Test(arguments: [
        (Element("m", .client), "<m/>"),
        (Element("m", "urn:m") { Element("a", "urn:m") }, "<m xmlns='urn:m'><a/></m>"),
        (
            Element("m", .client) { Element("a", "urn:a") { Element("b", .client) } },
            "<m><a xmlns='urn:a'><b xmlns='jabber:client'/></a></m>"
        ),
        (Element("m", ""), "<m xmlns=''/>"),
        (Element("m", .client) { Element("a", "") }, "<m><a xmlns=''/></m>"),
    ])
    func namespacesAreDeclaredWhereTheyChange(_ element: Element, _ expected: String) {
        var buffer = ByteBuffer()
        buffer.append(element, inside: .client)
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == expected)
    }

    @Test func contentIsWrittenWithoutItsElement() {
        var buffer = ByteBuffer()
        buffer.appendContent(of: element("<m>a<b/>&lt;</m>"))
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == "a<b/>&lt;")
    }

    @Test func attributesAreWritten() {
        var buffer = ByteBuffer()
        buffer.appendAttribute("a", "'\n")
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == " a='&apos;&#10;'")
    }
}
