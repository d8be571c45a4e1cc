// SPDX-License-Identifier: Apache-2.0
// XML elements as values.

/// An XML element: a name in a namespace, attributes, text and child elements. Immutable; copying is one reference.
///
/// Build one with its initializer, or with ``ElementBuilder`` where there are many children. Comments and processing
/// instructions do not exist in XMPP (RFC 6120 section 11.1), and prefixes are resolved and forgotten.
///
/// `@unchecked Sendable`: the tree is never changed once it is made, but `ManagedBuffer` cannot say so.
public struct Element: @unchecked Sendable {
    let tree: ElementTree
    let index: Int

    init(tree: ElementTree, index: Int) {
        self.tree = tree
        self.index = index
    }

    /// Makes an element.
    ///
    /// - Parameters:
    ///   - attributes: in no namespace, in this order. Those whose value is nil are left out.
    ///   - content: child elements and text, as ``ElementContentBuilder`` reads them.
    public init(
        _ name: String,
        _ namespace: Namespace,
        _ attributes: KeyValuePairs<String, String?> = [:],
        @ElementContentBuilder content: () -> [ElementContent] = { [] }
    ) {
        var builder = ElementBuilder()
        builder.open(name, namespace)
        for (name, value) in attributes { builder.attribute(name, value) }
        for part in content() { builder.append(part) }
        builder.close()
        self = builder.finish()
    }

    /// What the element takes in memory, in bytes; the whole of which it is a part.
    public var memoryByteCount: Int { tree.memoryByteCount }

    /// The local name.
    public var name: String { tree.read { String(decoding: $0.name($0.nodes[index]), as: UTF8.self) } }

    /// The namespace of the name.
    public var namespace: Namespace {
        Namespace(tree.read { String(decoding: $0.namespace($0.nodes[index]), as: UTF8.self) })
    }

    /// Whether the element has this name in this namespace. Makes no copy of either.
    public func isNamed(_ name: String, _ namespace: Namespace) -> Bool {
        tree.read { contents in
            let node = contents.nodes[index]
            return name.hasSameBytes(as: contents.name(node))
                && namespace.uri.hasSameBytes(as: contents.namespace(node))
        }
    }

    /// The value of an attribute in no namespace; nil when there is none.
    public subscript(attribute: String) -> String? {
        withAttribute(attribute) { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// The language of the element's text, from `xml:lang`; nil when the element itself does not say.
    public var language: String? {
        tree.read { contents in
            for offset in 0..<Int(contents.nodes[index].attributeCount) {
                let node = contents.nodes[index + 1 + offset]
                guard node.namespaceByteCount != 0, "lang".hasSameBytes(as: contents.name(node)),
                    Namespace.xml.uri.hasSameBytes(as: contents.namespace(node))
                else { continue }
                return String(decoding: contents.value(node), as: UTF8.self)
            }
            return nil
        }
    }

    /// The attributes in no namespace, in document order.
    public var attributes: [(name: String, value: String)] {
        tree.read { contents in
            (0..<Int(contents.nodes[index].attributeCount)).compactMap { offset in
                let node = contents.nodes[index + 1 + offset]
                guard node.namespaceByteCount == 0 else { return nil }
                return (
                    String(decoding: contents.name(node), as: UTF8.self),
                    String(decoding: contents.value(node), as: UTF8.self)
                )
            }
        }
    }

    /// The text directly inside the element, without that of its children; empty when there is none.
    public var text: String {
        tree.read { contents in
            var text = ""
            var next = contents.contentStart(index)
            while next < contents.end(index) {
                let node = contents.nodes[next]
                if node.kind == .text { text += String(decoding: contents.value(node), as: UTF8.self) }
                next = contents.end(next)
            }
            return text
        }
    }

    /// The child elements, in document order.
    public var children: ElementChildren { ElementChildren(parent: self) }

    /// The first child with this name; nil when there is none.
    ///
    /// - Parameter namespace: nil for that of the element itself.
    public func child(_ name: String, _ namespace: Namespace? = nil) -> Element? {
        tree.read { contents in
            let own = contents.nodes[index]
            var next = contents.contentStart(index)
            let end = contents.end(index)
            while next < end {
                let node = contents.nodes[next]
                if node.kind == .element, name.hasSameBytes(as: contents.name(node)) {
                    if let namespace {
                        if namespace.uri.hasSameBytes(as: contents.namespace(node)) {
                            return Element(tree: tree, index: next)
                        }
                    } else if contents.namespace(own).hasSameBytes(as: contents.namespace(node)) {
                        return Element(tree: tree, index: next)
                    }
                }
                next = contents.end(next)
            }
            return nil
        }
    }

    /// The text of the first child with this name in the element's own namespace; nil when there is no such child.
    public func childText(_ name: String) -> String? { child(name)?.text }

    /// Reads an attribute's bytes in place; nil when there is none.
    func withAttribute<Result>(_ name: String, _ body: (UnsafeBufferPointer<UInt8>?) -> Result) -> Result {
        tree.read { contents in
            for offset in 0..<Int(contents.nodes[index].attributeCount) {
                let node = contents.nodes[index + 1 + offset]
                guard node.namespaceByteCount == 0, name.hasSameBytes(as: contents.name(node)) else { continue }
                return body(contents.value(node))
            }
            return body(nil)
        }
    }
}

extension Element: Equatable {
    /// Whether both have the same names, attributes in the same order, text and children.
    public static func == (left: Element, right: Element) -> Bool { left.xml == right.xml }
}

extension Element: CustomStringConvertible {
    /// The element as XML that stands on its own.
    public var xml: String {
        var buffer = ByteBuffer()
        buffer.append(self, inside: "")
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    /// The same as `xml`.
    public var description: String { xml }
}

/// The child elements of an element, in document order.
public struct ElementChildren: Sequence, Sendable {
    let parent: Element

    /// Starts at the first child element.
    public func makeIterator() -> Iterator {
        let (start, end) = parent.tree.read { ($0.contentStart(parent.index), $0.end(parent.index)) }
        return Iterator(tree: parent.tree, position: start, end: end)
    }

    /// The first child; nil when there is none.
    public var first: Element? {
        var iterator = makeIterator()
        return iterator.next()
    }

    /// Walks over the child elements and passes over text.
    public struct Iterator: IteratorProtocol {
        let tree: ElementTree
        var position: Int
        let end: Int

        /// The next child element; nil after the last.
        public mutating func next() -> Element? {
            while position < end {
                let current = position
                let isElement = tree.read { contents in
                    position = contents.end(current)
                    return contents.nodes[current].kind == .element
                }
                if isElement { return Element(tree: tree, index: current) }
            }
            return nil
        }
    }
}
