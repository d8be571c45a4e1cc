// SPDX-License-Identifier: Apache-2.0
// The flat storage of an XML element and all that it holds.

import Glibc

/// One element start, attribute or run of text. Names and values are ranges of the bytes that follow the nodes.
struct ElementNode {
    enum Kind: UInt8 { case element, attribute, text }

    var kind: Kind
    /// Elements and attributes: the local name. Names are at most `XMLLimits.nameByteCountMax` bytes long.
    var nameByteCount: UInt16 = 0
    var namespaceByteCount: UInt16 = 0
    /// Elements: how many attributes follow directly.
    var attributeCount: UInt16 = 0
    var nameOffset: UInt32 = 0
    var namespaceOffset: UInt32 = 0
    /// Elements: the index after the last node inside. Attributes and text: where the value starts.
    var position: UInt32 = 0
    /// Attributes and text: the bytes of the value.
    var valueByteCount: UInt32 = 0
}

/// An element with its attributes, text and child elements in document order, in one allocation.
///
/// Written once, inside `make`, before anybody else sees it; never changed after.
final class ElementTree: ManagedBuffer<ElementTree.Header, ElementNode> {
    struct Header {
        var nodeCount: Int
        var byteCount: Int
    }

    /// Copies nodes and the bytes that they point into.
    static func make(nodes: UnsafeBufferPointer<ElementNode>, bytes: UnsafeBufferPointer<UInt8>) -> ElementTree {
        let stride = MemoryLayout<ElementNode>.stride
        let capacity = nodes.count + (bytes.count + stride - 1) / stride
        let buffer = create(minimumCapacity: capacity) { _ in
            Header(nodeCount: nodes.count, byteCount: bytes.count)
        }
        // `create` of a subclass returns that subclass.
        let tree = unsafeDowncast(buffer, to: ElementTree.self)
        tree.withUnsafeMutablePointers { header, elements in
            if let base = nodes.baseAddress { elements.update(from: base, count: nodes.count) }
            if let base = bytes.baseAddress { memcpy(elements + nodes.count, base, bytes.count) }
        }
        return tree
    }

    /// The memory that the nodes and the bytes behind them take.
    var memoryByteCount: Int { header.nodeCount * MemoryLayout<ElementNode>.stride + header.byteCount }

    /// The nodes and bytes, valid during the call.
    @inline(__always)
    func read<Result>(_ body: (Contents) -> Result) -> Result {
        withUnsafeMutablePointers { header, elements in
            let count = header.pointee.nodeCount
            return body(
                Contents(
                    nodes: UnsafePointer(elements),
                    nodeCount: count,
                    bytes: UnsafeRawPointer(elements + count).assumingMemoryBound(to: UInt8.self)
                )
            )
        }
    }

    /// A view of a tree for the length of one `read`.
    struct Contents {
        let nodes: UnsafePointer<ElementNode>
        let nodeCount: Int
        let bytes: UnsafePointer<UInt8>

        @inline(__always)
        func name(_ node: ElementNode) -> UnsafeBufferPointer<UInt8> {
            UnsafeBufferPointer(start: bytes + Int(node.nameOffset), count: Int(node.nameByteCount))
        }
        @inline(__always)
        func namespace(_ node: ElementNode) -> UnsafeBufferPointer<UInt8> {
            UnsafeBufferPointer(start: bytes + Int(node.namespaceOffset), count: Int(node.namespaceByteCount))
        }
        /// Of an attribute or a run of text.
        @inline(__always)
        func value(_ node: ElementNode) -> UnsafeBufferPointer<UInt8> {
            UnsafeBufferPointer(start: bytes + Int(node.position), count: Int(node.valueByteCount))
        }
        /// The index after the element, or after the text, at `index`.
        @inline(__always)
        func end(_ index: Int) -> Int {
            nodes[index].kind == .element ? Int(nodes[index].position) : index + 1
        }
        /// The index of the first node inside the element at `index`, past its attributes.
        @inline(__always)
        func contentStart(_ index: Int) -> Int { index + 1 + Int(nodes[index].attributeCount) }
    }
}

extension String {
    /// Whether the UTF-8 of this text is `bytes`.
    @inline(__always)
    func hasSameBytes(as bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        utf8.withContiguousStorageIfAvailable { $0.hasSameBytes(as: bytes) } ?? utf8.elementsEqual(bytes)
    }
}

extension StaticString {
    /// Whether the UTF-8 of this text is `bytes`.
    @inline(__always)
    func hasSameBytes(as bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount).hasSameBytes(as: bytes)
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether both are the same bytes, wherever they lie.
    @inline(__always)
    func hasSameBytes(as other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard count == other.count else { return false }
        guard let left = baseAddress, let right = other.baseAddress else { return true }
        return left == right || memcmp(left, right, count) == 0
    }
}
