// SPDX-License-Identifier: Apache-2.0
// Elements as text. Namespaces are declared as defaults where they change; only attributes get prefixes.

extension ByteBuffer {
    /// Appends an element as XML.
    ///
    /// - Parameter namespace: the default namespace where it will stand; it is declared only if it differs.
    mutating func append(_ element: Element, inside namespace: Namespace) {
        element.tree.read { contents in
            appendElement(contents, element.index, parent: nil, outer: namespace)
        }
    }

    /// Appends the text and elements inside an element.
    mutating func appendContent(of element: Element) {
        element.tree.read { contents in
            appendContent(contents, element.index)
        }
    }

    /// Appends a stanza inside a stream whose default namespace is `jabber:client`.
    ///
    /// - Parameter isAlone: whether it stands elsewhere, and declares that namespace itself.
    mutating func append(_ stanza: Stanza, isAlone: Bool = false) {
        append(0x3C)
        append(stanza.kind.tag)
        if isAlone { appendAttribute("xmlns", Namespace.client.uri) }
        if let to = stanza.to { appendAttribute("to", to) }
        if let from = stanza.from { appendAttribute("from", from) }
        if let type = stanza.type.name {
            append(" type='")
            append(type)
            append(0x27)
        }
        stanza.element.tree.read { contents in
            let index = stanza.element.index
            for offset in 0..<Int(contents.nodes[index].attributeCount) {
                let node = contents.nodes[index + 1 + offset]
                if node.namespaceByteCount == 0, Stanza.isKeptBeside(contents.name(node)) { continue }
                appendAttribute(contents, node, offset)
            }
            guard contents.contentStart(index) < contents.end(index) else { return append("/>") }
            append(0x3E)
            appendContent(contents, index)
            append("</")
            append(stanza.kind.tag)
            append(0x3E)
        }
    }

    private mutating func appendAttribute(_ name: StaticString, _ jid: JID) {
        append(0x20)
        append(name)
        append("='")
        jid.storage.bytes.withUnsafeBufferPointer { appendEscaped($0) }
        append(0x27)
    }

    /// Appends text with the characters escaped that mean something in XML.
    mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var copied = 0
        var index = 0
        while index < text.count {
            if index &+ 8 <= text.count, Self.isPlain(text, index) {
                index &+= 8
                continue
            }
            let end = min(index &+ 8, text.count)
            while index < end {
                guard let (escape, byteCount) = Self.escape(text, index) else {
                    index &+= 1
                    continue
                }
                append(UnsafeBufferPointer(rebasing: text[copied..<index]))
                append(escape)
                index &+= byteCount
                copied = index
            }
        }
        append(UnsafeBufferPointer(rebasing: text[copied...]))
    }

    /// Whether none of the eight bytes from `index` on has to be looked at more closely. Of bytes that follow one which
    /// has to be, it may say so wrongly.
    @inline(__always)
    private static func isPlain(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        let bytes = UnsafeRawBufferPointer(text).loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let ones: UInt64 = 0x0101_0101_0101_0101, tops: UInt64 = 0x8080_8080_8080_8080
        func zeros(_ bytes: UInt64) -> UInt64 { (bytes &- ones) & ~bytes }
        func equal(_ bytes: UInt64, _ byte: UInt64) -> UInt64 { zeros(bytes ^ (ones &* byte)) }
        // The top bit of each byte that is less than a number up to 0x80: the subtraction borrows there.
        let controls = (bytes &- (ones &* 0x20)) & ~bytes
        let quotes = equal(bytes, 0x22) | equal(bytes & (ones &* 0xFE), 0x26)  // " & '
        let brackets = equal(bytes & (ones &* 0xFD), 0x3C)  // < >
        return (controls | quotes | brackets | equal(bytes, 0xEF)) & tops == 0
    }

    /// What stands for the character at `index`, and how many bytes it replaces; nil when it stands for itself.
    @inline(__always)
    private static func escape(
        _ text: UnsafeBufferPointer<UInt8>, _ index: Int
    ) -> (escape: StaticString, byteCount: Int)? {
        let byte = text[index]
        // Letters, by far the most, are above all that is escaped.
        if byte > 0x3E, byte != 0xEF { return nil }
        switch byte {
        case 0x26: return ("&amp;", 1)
        case 0x3C: return ("&lt;", 1)
        case 0x3E: return ("&gt;", 1)
        case 0x27: return ("&apos;", 1)
        case 0x22: return ("&quot;", 1)
        // A parser would turn these into line feeds or, in attributes, spaces.
        case 0x0D: return ("&#13;", 1)
        case 0x09, 0x0A: return nil
        // XML cannot say these, not even by reference: they would end the receiver's stream (XML 1.0 section 2.2).
        case 0x00..<0x20: return ("\u{FFFD}", 1)
        case 0xEF:
            // U+FFFE and U+FFFF
            guard index + 2 < text.count, text[index + 1] == 0xBF, text[index + 2] >= 0xBE else { return nil }
            return ("\u{FFFD}", 3)
        default: return nil
        }
    }

    /// Appends text with the characters escaped that mean something in XML.
    mutating func appendEscaped(_ text: String) {
        let done: Void? = text.utf8.withContiguousStorageIfAvailable { appendEscaped($0) }
        if done == nil { Array(text.utf8).withUnsafeBufferPointer { appendEscaped($0) } }
    }

    /// Appends ` name='value'`.
    mutating func appendAttribute(_ name: StaticString, _ value: String) {
        append(0x20)
        append(name)
        append("='")
        var value = value
        value.withUTF8 { appendAttributeValue($0) }
        append(0x27)
    }

    // Recursive: the depth of a tree is bounded by XMLLimits.depthMax, or by whoever built it here.
    private mutating func appendElement(
        _ contents: ElementTree.Contents,
        _ index: Int,
        parent: ElementNode?,
        outer: Namespace
    ) {
        let node = contents.nodes[index]
        append(0x3C)
        append(contents.name(node))
        let inherited =
            if let parent { contents.namespace(parent).hasSameBytes(as: contents.namespace(node)) } else {
                outer.uri.hasSameBytes(as: contents.namespace(node))
            }
        if !inherited {
            append(" xmlns='")
            appendAttributeValue(contents.namespace(node))
            append(0x27)
        }
        for offset in 0..<Int(node.attributeCount) {
            appendAttribute(contents, contents.nodes[index + 1 + offset], offset)
        }
        guard contents.contentStart(index) < contents.end(index) else {
            append("/>")
            return
        }
        append(0x3E)
        appendContent(contents, index)
        append("</")
        append(contents.name(node))
        append(0x3E)
    }

    private mutating func appendContent(_ contents: ElementTree.Contents, _ index: Int) {
        var next = contents.contentStart(index)
        let end = contents.end(index)
        while next < end {
            if contents.nodes[next].kind == .element {
                appendElement(contents, next, parent: contents.nodes[index], outer: "")
            } else {
                appendEscaped(contents.value(contents.nodes[next]))
            }
            next = contents.end(next)
        }
    }

    private mutating func appendAttribute(_ contents: ElementTree.Contents, _ node: ElementNode, _ number: Int) {
        append(0x20)
        if node.namespaceByteCount > 0 {
            if Namespace.xml.uri.hasSameBytes(as: contents.namespace(node)) {
                append("xml:")
            } else {
                let prefix = "n\(number):"
                append("xmlns:")
                append(String(prefix.dropLast()))
                append("='")
                appendAttributeValue(contents.namespace(node))
                append("' ")
                append(prefix)
            }
        }
        append(contents.name(node))
        append("='")
        appendAttributeValue(contents.value(node))
        append(0x27)
    }

    /// Whether any byte is a control character, as white space is.
    @inline(__always)
    private static func hasControl(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var hasControl = false
        // Without a way out, for the compiler to look at many bytes at once.
        for byte in text { hasControl = hasControl || byte < 0x20 }
        return hasControl
    }

    /// Attribute values: white space is written as references, for a parser normalises it to spaces.
    private mutating func appendAttributeValue(_ value: UnsafeBufferPointer<UInt8>) {
        guard Self.hasControl(value) else { return appendEscaped(value) }
        var copied = 0
        for index in value.indices where value[index] == 0x0A || value[index] == 0x09 {
            appendEscaped(UnsafeBufferPointer(rebasing: value[copied..<index]))
            append(value[index] == 0x0A ? "&#10;" : "&#9;")
            copied = index + 1
        }
        appendEscaped(UnsafeBufferPointer(rebasing: value[copied...]))
    }
}
