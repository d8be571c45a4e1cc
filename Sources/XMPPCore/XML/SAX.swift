// SPDX-License-Identifier: Apache-2.0
// The side of libxml2's SAX2 interface that the stream parser is called through.

import CLibXML2
import Glibc

/// libxml2's callbacks, and what they hand over.
enum SAX {
    /// `nonisolated(unsafe)`: never written after it is made; libxml2 copies it into each context.
    nonisolated(unsafe) static let handler: UnsafeMutablePointer<xmlSAXHandler> = {
        xmlInitParser()
        var sax = xmlSAXHandler()
        sax.initialized = UInt32(XML_SAX2_MAGIC)
        sax.startElementNs = {
            parser, name, _, namespace, declarationCount, declarations, attributeCount, _, attributes in
            guard let parser, let name else { return }
            let start = Start(
                name: string(name),
                namespace: string(namespace),
                attributeCount: Int(attributeCount),
                declarationCount: Int(declarationCount),
                attributes: attributes,
                declarations: declarations
            )
            state(parser).pointee.startElement(start)
        }
        sax.endElementNs = { parser, _, _, _ in
            guard let parser else { return }
            state(parser).pointee.endElement()
        }
        let characters: charactersSAXFunc = { parser, text, count in
            guard let parser, let text else { return }
            state(parser).pointee.characters(UnsafeBufferPointer(start: text, count: Int(count)))
        }
        sax.characters = characters
        sax.ignorableWhitespace = characters
        sax.cdataBlock = characters
        sax.comment = { parser, _ in parser.map { state($0).pointee.restricted() } }
        sax.processingInstruction = { parser, _, _ in parser.map { state($0).pointee.restricted() } }
        sax.internalSubset = { parser, _, _, _ in parser.map { state($0).pointee.restricted() } }
        sax.reference = { parser, _ in parser.map { state($0).pointee.restricted() } }
        sax.serror = { parser, error in
            guard let parser, let error = error?.pointee else { return }
            state(parser).pointee.fault(error)
        }
        let handler = UnsafeMutablePointer<xmlSAXHandler>.allocate(capacity: 1)
        handler.initialize(to: sax)
        return handler
    }()

    /// The state of the parser that libxml2 calls back, which is inside `feed`, the only caller of libxml2.
    @inline(__always)
    static func state(_ pointer: UnsafeMutableRawPointer) -> UnsafeMutablePointer<XMLParserState> {
        pointer.assumingMemoryBound(to: XMLParserState.self)
    }

    /// A NUL-terminated string of libxml2's; empty for NULL.
    @inline(__always)
    static func string(_ pointer: UnsafePointer<xmlChar>?) -> UnsafeBufferPointer<UInt8> {
        guard let pointer else { return UnsafeBufferPointer(start: nil, count: 0) }
        return UnsafeBufferPointer(start: pointer, count: strlen(text(pointer)))
    }

    @inline(__always)
    static func text(_ pointer: UnsafePointer<xmlChar>) -> UnsafePointer<CChar> {
        UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self)
    }

    /// A start tag, valid during the callback.
    struct Start {
        let name: UnsafeBufferPointer<UInt8>
        let namespace: UnsafeBufferPointer<UInt8>
        let attributeCount: Int
        let declarationCount: Int
        let attributes: UnsafeMutablePointer<UnsafePointer<xmlChar>?>?
        let declarations: UnsafeMutablePointer<UnsafePointer<xmlChar>?>?

        typealias Attribute = (
            name: UnsafeBufferPointer<UInt8>, namespace: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
        )

        /// libxml2 hands over five pointers each: local name, prefix, namespace, start and end of the value.
        @inline(__always)
        func attribute(_ index: Int) -> Attribute {
            guard let attributes, let start = attributes[index * 5 + 3], let end = attributes[index * 5 + 4] else {
                let none = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
                return (none, none, none)
            }
            return (
                SAX.string(attributes[index * 5]),
                SAX.string(attributes[index * 5 + 2]),
                UnsafeBufferPointer(start: start, count: end - start)
            )
        }

        /// Prefix (empty for the default namespace) and name.
        func declaration(_ index: Int) -> (prefix: UnsafeBufferPointer<UInt8>, uri: UnsafeBufferPointer<UInt8>) {
            (SAX.string(declarations?[index * 2]), SAX.string(declarations?[index * 2 + 1]))
        }
    }
}

extension UInt8 {
    /// Whether it is white space of XML.
    package var isXMLSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}
