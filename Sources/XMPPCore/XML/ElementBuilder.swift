// SPDX-License-Identifier: Apache-2.0
// Building elements: call by call, and as a result builder.

import Glibc

/// Builds one element from the outside in: `open`, attributes, then text, children and `close`.
///
/// `@unchecked Sendable`: it alone has its memory, and nobody can copy it.
public struct ElementBuilder: ~Copyable, @unchecked Sendable {
    private var nodes = RawBuffer<ElementNode>()
    private var bytes = RawBuffer<UInt8>()
    /// Indexes of the elements that are open.
    private var open = RawBuffer<Int>()
    /// Whether the last node is text of the innermost open element, which more text joins.
    private var endsWithText = false

    /// Starts with nothing open.
    public init() {}

    /// What the tree would take now.
    var byteCount: Int { bytes.count + nodes.count * MemoryLayout<ElementNode>.stride }

    /// Starts an element inside the one that is open.
    public mutating func open(_ name: String, _ namespace: Namespace) {
        startElement(put(name), put(namespace.uri))
    }

    /// Adds an attribute to the element opened last, before anything else inside it. Nothing is added for nil.
    public mutating func attribute(_ name: String, _ value: String?, _ namespace: Namespace = "") {
        guard let value else { return }
        addAttribute(put(name), put(namespace.uri), put(value))
    }

    /// Adds an attribute in no namespace to the element opened last, with a value read in place. Nothing is added for nil.
    mutating func attribute(_ name: String, _ value: UnsafeBufferPointer<UInt8>?) {
        guard let value else { return }
        addAttribute(put(name), put(""), put(value))
    }

    /// Adds text to the element that is open.
    public mutating func text(_ text: String) {
        guard !text.isEmpty else { return }
        addText(put(text))
    }

    /// Adds a whole element to the one that is open.
    public mutating func append(_ element: Element) {
        endsWithText = false
        element.tree.read { contents in
            let end = contents.end(element.index)
            let shift = nodes.count - element.index
            for index in element.index..<end { copy(contents.nodes[index], shift, of: contents) }
        }
    }

    /// Adds the attributes of an element to the element opened last, but for those in no namespace whose name is
    /// unwanted.
    mutating func appendAttributes(of element: Element, except isUnwanted: (UnsafeBufferPointer<UInt8>) -> Bool) {
        element.tree.read { contents in
            for offset in 0..<Int(contents.nodes[element.index].attributeCount) {
                let node = contents.nodes[element.index + 1 + offset]
                if node.namespaceByteCount == 0, isUnwanted(contents.name(node)) { continue }
                addAttribute(put(contents.name(node)), put(contents.namespace(node)), put(contents.value(node)))
            }
        }
    }

    /// Adds the text inside an element, and those of its children that are wanted, to the element that is open.
    mutating func appendContent(of element: Element, where isWanted: (Element) -> Bool) {
        element.tree.read { contents in
            var next = contents.contentStart(element.index)
            let end = contents.end(element.index)
            while next < end {
                if contents.nodes[next].kind == .text {
                    addText(put(contents.value(contents.nodes[next])))
                } else {
                    let child = Element(tree: element.tree, index: next)
                    if isWanted(child) { append(child) }
                }
                next = contents.end(next)
            }
        }
    }

    /// Adds text or an element to the element that is open.
    public mutating func append(_ content: ElementContent) {
        switch content {
        case .element(let element): append(element)
        case .text(let text): self.text(text)
        }
    }

    /// Adds an element that holds only text.
    public mutating func element(_ name: String, _ namespace: Namespace, text: String) {
        open(name, namespace)
        self.text(text)
        close()
    }

    /// Ends the element that was opened last.
    public mutating func close() {
        guard let index = open.popLast() else { preconditionFailure("close() without open()") }
        nodes[index].position = UInt32(nodes.count)
        endsWithText = false
    }

    /// The element. Every element must have been closed.
    public func finish() -> Element {
        precondition(open.isEmpty && !nodes.isEmpty, "finish() before close()")
        return Element(tree: makeTree(), index: 0)
    }

    // MARK: for the parser

    typealias Range = (offset: UInt32, byteCount: UInt32)

    mutating func put(_ text: String) -> Range {
        let offset = UInt32(bytes.count)
        let done: Void? = text.utf8.withContiguousStorageIfAvailable { bytes.append($0) }
        if done == nil { for byte in text.utf8 { bytes.append(byte) } }
        return (offset, UInt32(bytes.count) - offset)
    }

    @inline(__always)
    mutating func put(_ text: UnsafeBufferPointer<UInt8>) -> Range {
        let offset = UInt32(bytes.count)
        bytes.append(text)
        return (offset, UInt32(text.count))
    }

    mutating func startElement(_ name: Range, _ namespace: Range) {
        open.append(nodes.count)
        endsWithText = false
        var node = ElementNode(kind: .element)
        node.nameOffset = name.offset
        node.nameByteCount = UInt16(clamping: name.byteCount)
        node.namespaceOffset = namespace.offset
        node.namespaceByteCount = UInt16(clamping: namespace.byteCount)
        nodes.append(node)
    }

    mutating func addAttribute(_ name: Range, _ namespace: Range, _ value: Range) {
        precondition(!open.isEmpty, "attribute() without open()")
        let owner = open[open.count - 1]
        precondition(owner + 1 + Int(nodes[owner].attributeCount) == nodes.count, "attribute() after content")
        var node = ElementNode(kind: .attribute)
        node.nameOffset = name.offset
        node.nameByteCount = UInt16(clamping: name.byteCount)
        node.namespaceOffset = namespace.offset
        node.namespaceByteCount = UInt16(clamping: namespace.byteCount)
        node.position = value.offset
        node.valueByteCount = value.byteCount
        nodes[owner].attributeCount += 1
        nodes.append(node)
    }

    /// Text that follows text joins it: parsers deliver it in pieces.
    mutating func addText(_ value: Range) {
        guard value.byteCount > 0 else { return }
        // Nothing else was put since, so the bytes follow each other.
        if endsWithText {
            nodes[nodes.count - 1].valueByteCount += value.byteCount
            return
        }
        endsWithText = true
        var node = ElementNode(kind: .text)
        node.position = value.offset
        node.valueByteCount = value.byteCount
        nodes.append(node)
    }

    /// Where the namespace of the innermost open element lies, if it is this one.
    func enclosingNamespace(_ namespace: UnsafeBufferPointer<UInt8>) -> Range? {
        guard !open.isEmpty else { return nil }
        let node = nodes[open[open.count - 1]]
        let offset = Int(node.namespaceOffset)
        let own = UnsafeBufferPointer(rebasing: bytes.values[offset..<offset + Int(node.namespaceByteCount)])
        return own.hasSameBytes(as: namespace) ? (node.namespaceOffset, UInt32(namespace.count)) : nil
    }

    /// The memory that is held for later use.
    var capacityByteCount: Int { bytes.capacity + nodes.capacity * MemoryLayout<ElementNode>.stride }

    private func makeTree() -> ElementTree { ElementTree.make(nodes: nodes.values, bytes: bytes.values) }

    mutating func reset() {
        nodes.removeAll()
        bytes.removeAll()
        open.removeAll()
        endsWithText = false
    }

    /// - Parameter shift: how much farther along than in `contents` a node is here.
    private mutating func copy(_ node: ElementNode, _ shift: Int, of contents: ElementTree.Contents) {
        var copy = node
        if node.kind != .text {
            copy.nameOffset = put(contents.name(node)).offset
            copy.namespaceOffset = put(contents.namespace(node)).offset
        }
        if node.kind == .element {
            copy.position = UInt32(Int(node.position) + shift)
        } else {
            copy.position = put(contents.value(node)).offset
        }
        nodes.append(copy)
    }
}

/// What an element holds besides attributes.
public enum ElementContent: Sendable {
    case element(Element)
    case text(String)
}

/// Lets an ``Element`` be written with its content in braces: elements, strings, optionals, conditions and loops.
@resultBuilder
public enum ElementContentBuilder {
    /// An element.
    public static func buildExpression(_ element: Element) -> [ElementContent] { [.element(element)] }
    /// An element, or nothing for nil.
    public static func buildExpression(_ element: Element?) -> [ElementContent] { element.map { [.element($0)] } ?? [] }
    /// Elements, in order.
    public static func buildExpression(_ elements: [Element]) -> [ElementContent] { elements.map { .element($0) } }
    /// Content that is made already.
    public static func buildExpression(_ part: ElementContent) -> [ElementContent] { [part] }
    /// Text, which is escaped where it is written.
    public static func buildExpression(_ text: String) -> [ElementContent] { [.text(text)] }
    /// Statements, in order.
    public static func buildBlock(_ parts: [ElementContent]...) -> [ElementContent] { parts.flatMap { $0 } }
    /// An `if` without `else`; nothing when it does not hold.
    public static func buildOptional(_ part: [ElementContent]?) -> [ElementContent] { part ?? [] }
    /// The first branch of a condition.
    public static func buildEither(first part: [ElementContent]) -> [ElementContent] { part }
    /// The second branch of a condition.
    public static func buildEither(second part: [ElementContent]) -> [ElementContent] { part }
    /// The rounds of a loop, in order.
    public static func buildArray(_ parts: [[ElementContent]]) -> [ElementContent] { parts.flatMap { $0 } }
}
