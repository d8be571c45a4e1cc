// SPDX-License-Identifier: Apache-2.0
// XML streams and pieces of them as the client's end sees them.

@testable import XMPPCore

/// What a client sees of its stream.
enum StreamEvent: CustomStringConvertible {
    /// The header, as an element without content.
    case opened(Node)
    case element(Node)
    case closed
    case disconnected

    var description: String {
        switch self {
        case .opened(let node): "the stream header \(node)"
        case .element(let node): "\(node)"
        case .closed: "</stream:stream>"
        case .disconnected: "the end of the connection"
        }
    }
}

/// Takes a stream apart.
struct StreamReader {
    private var parser = XMLStreamParser(limits: XMLLimits())
    private var headerText: [UInt8]? = []

    /// The events of more bytes.
    mutating func feed(_ bytes: [UInt8]) throws -> [StreamEvent] {
        headerText? += bytes
        let (events, failure) = bytes.withUnsafeBufferPointer { parser.feed($0) }
        var seen: [StreamEvent] = []
        for event in events {
            switch event {
            case .opened:
                seen.append(.opened(try Self.header(of: headerText ?? [])))
                headerText = nil
            case .element(let element): seen.append(.element(Node(element)))
            case .closed: seen.append(.closed)
            }
        }
        if let failure { throw NotXML(condition: failure.condition.rawValue) }
        return seen
    }

    struct NotXML: Error { let condition: String }

    /// The header as an element, from the text that begins with it.
    private static func header(of bytes: [UInt8]) throws -> Node {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let start = text.firstRange(of: "<stream:stream"),
            let end = text[start.upperBound...].firstIndex(of: ">")
        else { throw NotXML(condition: "no header") }
        return try node(text[start.lowerBound..<end] + "/>")
    }

    private static func node(_ xml: some StringProtocol) throws -> Node {
        guard case .element(let node)? = try fragment(String(xml)).first else { throw NotXML(condition: "no element") }
        return node
    }

    /// The events that a block of a script describes: those of a whole stream if it begins with a header, else those
    /// within one.
    static func events(_ block: String) throws -> [StreamEvent] {
        guard block.hasPrefix("<?xml") || block.hasPrefix("<stream:stream") else { return try fragment(block) }
        var reader = StreamReader()
        return try reader.feed(Array(block.utf8))
    }

    private static func fragment(_ xml: String) throws -> [StreamEvent] {
        var reader = StreamReader()
        reader.headerText = nil
        let namespaces = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        let (_, failure) = Array("<stream:stream \(namespaces) version='1.0'>".utf8).withUnsafeBufferPointer {
            reader.parser.feed($0)
        }
        if let failure { throw NotXML(condition: failure.condition.rawValue) }
        return try reader.feed(Array(xml.utf8))
    }
}
