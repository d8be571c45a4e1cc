// SPDX-License-Identifier: Apache-2.0
// The XML of a stream (RFC 6120 section 4), cut into its header and its first-level elements by libxml2's push parser.

import CLibXML2
import Glibc

/// What a stream's XML consists of.
enum XMLStreamEvent {
    /// The start tag of `<stream:stream>`.
    case opened(StreamHeader)
    /// A whole first-level element.
    case element(Element)
    /// The end tag of `<stream:stream>`.
    case closed
}

/// The start tag of a stream (RFC 6120 section 4.7).
struct StreamHeader: Equatable, Sendable {
    var to: String?
    var from: String?
    var version: String?
    var language: String?
    /// Whether the header declares just the two namespaces that every client declares, under their usual prefixes.
    var isCanonical: Bool
}

/// Parses one stream, or, between stanzas, whichever stream needs a parser (see ``XMLParserPool``).
///
/// Confined to its event loop's thread. What is wrong with the XML is reported as the ``StreamError`` to close with;
/// after that the parser takes no more.
final class XMLStreamParser {
    private let context: xmlParserCtxtPtr
    private var builder = ElementBuilder()
    private var depth = 0
    private var header: StreamHeader?
    private var failure: StreamError?
    private var events: [XMLStreamEvent] = []
    private var limits: XMLLimits
    /// Bytes fed, and how many of them belong to what is complete; both since the parser was made.
    private var fedByteCount = 0
    private var completeByteCount = 0

    init(limits: XMLLimits) {
        self.limits = limits
        guard let context = xmlCreatePushParserCtxt(&SAX.handler, nil, nil, 0, nil) else { fatalError("out of memory") }
        self.context = context
        context.pointee.userData = Unmanaged.passUnretained(self).toOpaque()
        // No network, no entities but XML's own. The declared encoding is checked, never obeyed.
        xmlCtxtUseOptions(context, Int32(XML_PARSE_NONET.rawValue | XML_PARSE_IGNORE_ENC.rawValue))
    }

    deinit { xmlFreeParserCtxt(context) }

    /// Whether the parser stands between first-level elements of a stream with the usual header, so that another parser
    /// in that state can take its place.
    var isInterchangeable: Bool {
        guard depth == 1, failure == nil, header?.isCanonical == true, let input = context.pointee.input else {
            return false
        }
        return input.pointee.cur == input.pointee.end
    }

    /// Whether names that peers chose, or a large stanza, have made the parser hold more than a new one.
    var isOutgrown: Bool {
        xmlDictSize(context.pointee.dict) > Self.nameCountMax || builder.capacityByteCount > Self.builderByteCountMax
    }
    private static let nameCountMax: Int32 = 512
    private static let builderByteCountMax = 65_536

    /// Takes the limits of the stream that it parses from now on.
    func adopt(_ limits: XMLLimits) { self.limits = limits }

    /// Parses bytes of the stream.
    ///
    /// - Returns: what became complete, in order. When the XML is at fault, what came before the fault.
    func feed(_ bytes: UnsafeBufferPointer<UInt8>) -> (events: [XMLStreamEvent], failure: StreamError?) {
        guard failure == nil, let base = bytes.baseAddress, bytes.count > 0 else { return ([], failure) }
        if fedByteCount < Self.encodingProbeByteCount, let wrong = encodingFault(bytes) {
            failure = wrong
            return ([], wrong)
        }
        fedByteCount &+= bytes.count
        base.withMemoryRebound(to: CChar.self, capacity: bytes.count) { text in
            let status = xmlParseChunk(context, text, Int32(clamping: bytes.count), 0)
            if failure == nil, status != 0 || context.pointee.wellFormed == 0 || context.pointee.nsWellFormed == 0 {
                failure = fault(of: status)
            }
        }
        if failure == nil, fedByteCount - completeByteCount > limits.stanzaByteCountMax {
            failure = tooLong
        }
        defer { events.removeAll(keepingCapacity: true) }
        return (events, failure)
    }

    // RFC 6120 section 11.6: UTF-8 only. libxml2 would guess UTF-16 and UTF-32 from the first four bytes.
    private static let encodingProbeByteCount = 4

    private func encodingFault(_ bytes: UnsafeBufferPointer<UInt8>) -> StreamError? {
        let probe = bytes.prefix(Self.encodingProbeByteCount)
        return probe.contains { $0 == 0 || $0 == 0xFE || $0 == 0xFF } ? StreamError(.unsupportedEncoding) : nil
    }

    private var tooLong: StreamError {
        StreamError(.policyViolation, text: "stanza larger than \(limits.stanzaByteCountMax) bytes")
    }

    private func fault(of status: Int32) -> StreamError {
        let code = context.pointee.errNo
        switch UInt32(bitPattern: code) {
        case XML_ERR_UNDECLARED_ENTITY.rawValue, XML_WAR_UNDECLARED_ENTITY.rawValue:
            // RFC 6120 section 11.1: no references to entities that XML does not predefine.
            return StreamError(.restrictedXML)
        case XML_ERR_UNKNOWN_ENCODING.rawValue, XML_ERR_UNSUPPORTED_ENCODING.rawValue:
            return StreamError(.unsupportedEncoding)
        default:
            return StreamError(.notWellFormed)
        }
    }

    private func fail(_ error: StreamError) {
        if failure == nil { failure = error }
        xmlStopParser(context)
    }

    /// How many of the fed bytes libxml2 has dealt with.
    private var parsedByteCount: Int {
        guard let input = context.pointee.input?.pointee, let cur = input.cur, let base = input.base else {
            return fedByteCount
        }
        return Int(clamping: input.consumed) + (cur - base)
    }

    // MARK: callbacks

    fileprivate func startElement(_ start: SAX.Start) {
        guard failure == nil else { return }
        defer { depth += 1 }
        guard depth > 0 else { return openStream(start) }
        if depth == 1 { builder.reset() }
        guard depth <= limits.depthMax else {
            return fail(StreamError(.policyViolation, text: "elements nested deeper than \(limits.depthMax)"))
        }
        guard start.attributeCount + start.declarationCount <= limits.attributeCountMax else {
            return fail(StreamError(.policyViolation, text: "more than \(limits.attributeCountMax) attributes"))
        }
        guard let name = put(start.name), let namespace = putNamespace(start.namespace) else { return failName() }
        builder.startElement(name, namespace)
        for index in 0..<start.attributeCount {
            let attribute = start.attribute(index)
            guard let name = put(attribute.name), let namespace = put(attribute.namespace) else { return failName() }
            builder.addAttribute(name, namespace, builder.put(attribute.value))
        }
        checkSize()
    }

    fileprivate func endElement() {
        guard failure == nil else { return }
        depth -= 1
        guard depth > 0 else {
            events.append(.closed)
            return
        }
        builder.close()
        if depth == 1 {
            events.append(.element(builder.finish()))
            completeByteCount = parsedByteCount
        }
    }

    fileprivate func characters(_ text: UnsafeBufferPointer<UInt8>) {
        guard failure == nil else { return }
        if depth > 1 {
            builder.addText(builder.put(text))
            checkSize()
        } else if text.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }) {
            // RFC 6120 section 4.9.3.1: text where only stanzas may be
            fail(StreamError(.badFormat))
        } else {
            completeByteCount = parsedByteCount
        }
    }

    /// Comments, processing instructions, DTDs and entity references (RFC 6120 section 11.1).
    fileprivate func restricted() { fail(StreamError(.restrictedXML)) }

    private func openStream(_ start: SAX.Start) {
        var header = StreamHeader(isCanonical: true)
        guard Namespace.stream.uri.hasSameBytes(as: start.namespace) else { return fail(StreamError(.invalidNamespace)) }
        // RFC 6120 section 4.7: the root is <stream/>
        guard "stream".hasSameBytes(as: start.name) else { return fail(StreamError(.badFormat)) }
        guard start.attributeCount + start.declarationCount <= limits.attributeCountMax else {
            return fail(StreamError(.policyViolation))
        }
        if let encoding = context.pointee.encoding, strcasecmp(SAX.text(encoding), "UTF-8") != 0 {
            return fail(StreamError(.unsupportedEncoding))
        }
        var isClient = false
        for index in 0..<start.declarationCount {
            let (prefix, uri) = start.declaration(index)
            if prefix.isEmpty {
                isClient = Namespace.client.uri.hasSameBytes(as: uri)
            } else if !("stream".hasSameBytes(as: prefix) && Namespace.stream.uri.hasSameBytes(as: uri)) {
                header.isCanonical = false
            }
        }
        // RFC 6120 section 4.8.2: the content namespace is the default namespace.
        guard isClient else { return fail(StreamError(.invalidNamespace)) }
        for index in 0..<start.attributeCount {
            let attribute = start.attribute(index)
            let value = String(decoding: attribute.value, as: UTF8.self)
            switch String(decoding: attribute.name, as: UTF8.self) {
            case "to" where attribute.namespace.isEmpty: header.to = value
            case "from" where attribute.namespace.isEmpty: header.from = value
            case "version" where attribute.namespace.isEmpty: header.version = value
            case "lang" where Namespace.xml.uri.hasSameBytes(as: attribute.namespace): header.language = value
            default: break
            }
        }
        self.header = header
        completeByteCount = parsedByteCount
        events.append(.opened(header))
    }

    private func put(_ name: UnsafeBufferPointer<UInt8>) -> ElementBuilder.Range? {
        name.count <= limits.nameByteCountMax ? builder.put(name) : nil
    }

    /// Children mostly share their parent's namespace, and then its bytes.
    private func putNamespace(_ namespace: UnsafeBufferPointer<UInt8>) -> ElementBuilder.Range? {
        builder.enclosingNamespace(namespace) ?? put(namespace)
    }

    private func failName() {
        fail(StreamError(.policyViolation, text: "a name is longer than \(limits.nameByteCountMax) bytes"))
    }

    private func checkSize() {
        // A node costs more than the few bytes of markup behind it, so the tree has a bound of its own.
        if builder.byteCount > limits.stanzaByteCountMax * 4 { fail(tooLong) }
    }
}

/// libxml2's callbacks, and what they hand over.
private enum SAX {
    /// `nonisolated(unsafe)`: written here once; libxml2 copies it into each context.
    nonisolated(unsafe) static var handler: xmlSAXHandler = {
        var sax = xmlSAXHandler()
        sax.initialized = UInt32(XML_SAX2_MAGIC)
        sax.startElementNs = { parser, name, _, namespace, declarationCount, declarations, attributeCount, _, attributes in
            guard let parser, let name else { return }
            let start = Start(
                name: string(name),
                namespace: string(namespace),
                attributeCount: Int(attributeCount),
                declarationCount: Int(declarationCount),
                attributes: attributes,
                declarations: declarations
            )
            SAX.parser(parser) { $0.startElement(start) }
        }
        sax.endElementNs = { parser, _, _, _ in
            guard let parser else { return }
            SAX.parser(parser) { $0.endElement() }
        }
        let characters: charactersSAXFunc = { parser, text, count in
            guard let parser, let text else { return }
            SAX.parser(parser) { $0.characters(UnsafeBufferPointer(start: text, count: Int(count))) }
        }
        sax.characters = characters
        sax.ignorableWhitespace = characters
        sax.cdataBlock = characters
        sax.comment = { parser, _ in parser.map { SAX.parser($0) { $0.restricted() } } }
        sax.processingInstruction = { parser, _, _ in parser.map { SAX.parser($0) { $0.restricted() } } }
        sax.internalSubset = { parser, _, _, _ in parser.map { SAX.parser($0) { $0.restricted() } } }
        sax.reference = { parser, _ in parser.map { SAX.parser($0) { $0.restricted() } } }
        // Errors are read from the context. Without a handler libxml2 would print them.
        sax.serror = { _, _ in }
        return sax
    }()

    @inline(__always)
    static func parser(_ pointer: UnsafeMutableRawPointer, _ body: (XMLStreamParser) -> Void) {
        // The parser is alive: it is inside feed(), the only caller of libxml2.
        Unmanaged<XMLStreamParser>.fromOpaque(pointer)._withUnsafeGuaranteedRef(body)
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
