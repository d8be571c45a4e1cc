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
    mutating func append(_ stanza: Stanza) {
        append(0x3C)
        append(stanza.kind.tag)
        if let to = stanza.to { appendAttribute("to", to) }
        if let from = stanza.from { appendAttribute("from", from) }
        if let type = stanza.type.attribute { appendAttribute("type", type) }
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
        for index in text.indices {
            let byte = text[index]
            // Letters, by far the most, are above all that is escaped.
            if byte > 0x3E, byte != 0xEF { continue }
            let escape: StaticString
            var byteCount = 1
            switch byte {
            case 0x26: escape = "&amp;"
            case 0x3C: escape = "&lt;"
            case 0x3E: escape = "&gt;"
            case 0x27: escape = "&apos;"
            case 0x22: escape = "&quot;"
            // A parser would turn these into line feeds or, in attributes, spaces.
            case 0x0D: escape = "&#13;"
            case 0x09, 0x0A: continue
            // XML cannot say these, not even by reference: they would end the receiver's stream (XML 1.0 section 2.2).
            case 0x00..<0x20: escape = "\u{FFFD}"
            case 0xEF:
                // U+FFFE and U+FFFF
                guard index + 2 < text.endIndex, text[index + 1] == 0xBF, text[index + 2] >= 0xBE else { continue }
                escape = "\u{FFFD}"
                byteCount = 3
            default: continue
            }
            append(UnsafeBufferPointer(rebasing: text[copied..<index]))
            append(escape)
            copied = index + byteCount
        }
        append(UnsafeBufferPointer(rebasing: text[copied...]))
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
            if let parent { same(contents.namespace(parent), contents.namespace(node)) } else {
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

    /// Attribute values: white space is written as references, for a parser normalises it to spaces.
    private mutating func appendAttributeValue(_ value: UnsafeBufferPointer<UInt8>) {
        guard value.contains(where: { $0 == 0x0A || $0 == 0x09 }) else { return appendEscaped(value) }
        var copied = 0
        for index in value.indices where value[index] == 0x0A || value[index] == 0x09 {
            appendEscaped(UnsafeBufferPointer(rebasing: value[copied..<index]))
            append(value[index] == 0x0A ? "&#10;" : "&#9;")
            copied = index + 1
        }
        appendEscaped(UnsafeBufferPointer(rebasing: value[copied...]))
    }

    private func same(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        left.baseAddress == right.baseAddress && left.count == right.count || left.elementsEqual(right)
    }
}
