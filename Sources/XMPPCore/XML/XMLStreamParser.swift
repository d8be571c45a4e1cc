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
    /// The language of the stream, which its messages and presence get; nil when they get none.
    private var language: String?
    /// Bytes fed, and how many of them belong to what is complete; both since the parser was made.
    private var fedByteCount = 0
    private var utf8Check = OverlongUTF8Check()
    private var completeByteCount = 0

    init(limits: XMLLimits) {
        self.limits = limits
        guard let context = xmlCreatePushParserCtxt(SAX.handler, nil, nil, 0, nil) else { fatalError("out of memory") }
        self.context = context
        context.pointee.userData = Unmanaged.passUnretained(self).toOpaque()
        // There are no entities but XML's own: NOENT only makes `&amp;` in an attribute a `&`, not a reference again.
        xmlCtxtUseOptions(context, Int32(XML_PARSE_NONET.rawValue | XML_PARSE_NOENT.rawValue))
    }

    deinit { xmlFreeParserCtxt(context) }

    /// Whether the parser stands between first-level elements of a stream with the usual header, so that another parser
    /// in that state can take its place.
    var isInterchangeable: Bool {
        // White space that libxml2 holds back means nothing to the next stream either.
        depth == 1 && failure == nil && header?.isCanonical == true && unparsed.allSatisfy(\.isXMLSpace)
    }

    /// Whether names that peers chose, or a large stanza, have made the parser hold more than a new one.
    var isOutgrown: Bool {
        xmlDictSize(context.pointee.dict) > Self.nameCountMax
            || xmlDictGetUsage(context.pointee.dict) > Self.idleDictionaryByteCountMax
            || builder.capacityByteCount > Self.idleBuilderByteCountMax
    }
    private static let nameCountMax: Int32 = 512
    private static let idleDictionaryByteCountMax = 65_536
    private static let idleBuilderByteCountMax = 65_536
    /// libxml2 keeps each name that it has seen, and a stream with an unusual header keeps its parser.
    private static let dictionaryByteCountMax = 1_048_576

    /// Takes the limits of the stream that it parses from now on, and the language that stanzas without one get.
    func adopt(_ limits: XMLLimits, language: String?) {
        self.limits = limits
        // Every stanza would carry it.
        self.language = language.flatMap { (1...Self.languageByteCountMax).contains($0.utf8.count) ? $0 : nil }
    }
    /// RFC 5646 section 4.4.1 recommends room for so much.
    private static let languageByteCountMax = 35

    /// Parses bytes of the stream.
    ///
    /// - Returns: what became complete, in order. When the XML is at fault, what came before the fault.
    func feed(_ bytes: UnsafeBufferPointer<UInt8>) -> (events: [XMLStreamEvent], failure: StreamError?) {
        var rest = bytes[...]
        while failure == nil, !rest.isEmpty {
            let slice = rest.prefix(sliceByteCountMax)
            let valid = utf8Check.validPrefix(UnsafeBufferPointer(rebasing: slice))
            if !valid.isEmpty { parse(valid) }
            if valid.count < slice.count, failure == nil { failure = StreamError(.notWellFormed) }
            rest = rest[slice.endIndex...]
        }
        defer { events = [] }
        return (events, failure)
    }

    /// How much libxml2 may be given at once.
    private var sliceByteCountMax: Int {
        // Of CDATA it takes this much in a call, and scans all of the rest again in the next.
        if context.pointee.instate == XML_PARSER_CDATA_SECTION { return Self.characterDataByteCount }
        // Never so much that it would see too long a tag whole. What it holds is less than that (see `parse`).
        return min(limits.markupByteCountMax - unparsed.count, Self.sliceByteCountMax)
    }
    private static let sliceByteCountMax = 4096
    /// libxml2's XML_PARSER_BIG_BUFFER_SIZE.
    private static let characterDataByteCount = 300

    private func parse(_ bytes: UnsafeBufferPointer<UInt8>) {
        if fedByteCount < Self.encodingProbeByteCount, let wrong = encodingFault(bytes) {
            failure = wrong
            return
        }
        fedByteCount &+= bytes.count
        bytes.withMemoryRebound(to: CChar.self) { text in
            // The result repeats what the error handler was told.
            _ = xmlParseChunk(context, text.baseAddress, Int32(clamping: text.count), 0)
        }
        while failure == nil, context.pointee.instate == XML_PARSER_CDATA_SECTION,
            unparsed.count > 2 * Self.characterDataByteCount
        {
            // As above.
            _ = xmlParseChunk(context, nil, 0, 0)
        }
        guard failure == nil else { return }
        if context.pointee.wellFormed == 0 || context.pointee.disableSAX != 0 {
            failure = StreamError(.notWellFormed)
        } else if unparsed.count >= limits.markupByteCountMax {
            failure = StreamError(.policyViolation, text: "a tag is longer than \(limits.markupByteCountMax) bytes")
        } else if fedByteCount - completeByteCount > limits.stanzaByteCountMax {
            failure = tooLong
        } else if xmlDictGetUsage(context.pointee.dict) > Self.dictionaryByteCountMax {
            failure = StreamError(.policyViolation, text: "too many different names")
        }
    }

    /// What libxml2 was given and waits with: the beginning of a tag, or a little text.
    private var unparsed: UnsafeBufferPointer<UInt8> {
        guard let input = context.pointee.input?.pointee, let cur = input.cur, let end = input.end else {
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        return UnsafeBufferPointer(start: cur, count: end - cur)
    }

    // RFC 6120 section 11.6: UTF-8 only. libxml2 would guess UTF-16 and UTF-32 from the first four bytes.
    private static let encodingProbeByteCount = 4

    private func encodingFault(_ bytes: UnsafeBufferPointer<UInt8>) -> StreamError? {
        let probe = bytes.prefix(Self.encodingProbeByteCount - fedByteCount)
        return probe.contains { $0 == 0 || $0 == 0xFE || $0 == 0xFF } ? StreamError(.unsupportedEncoding) : nil
    }

    private var tooLong: StreamError {
        StreamError(.policyViolation, text: "stanza larger than \(limits.stanzaByteCountMax) bytes")
    }

    /// libxml2 found the XML at fault. The first fault counts; after one that is not fatal (all of namespaces) libxml2
    /// goes on, and the callbacks do not.
    func fault(_ error: xmlError) {
        guard failure == nil, error.level != XML_ERR_WARNING else { return }
        let condition: StreamError.Condition
        switch UInt32(bitPattern: error.code) {
        case XML_WAR_NS_URI.rawValue:
            // A namespace that is no URI: its name is compared, never resolved.
            return
        case XML_ERR_UNDECLARED_ENTITY.rawValue, XML_WAR_UNDECLARED_ENTITY.rawValue:
            // RFC 6120 section 11.1: no references to entities that XML does not predefine.
            condition = .restrictedXML
        case XML_ERR_UNKNOWN_ENCODING.rawValue, XML_ERR_UNSUPPORTED_ENCODING.rawValue:
            condition = .unsupportedEncoding
        case XML_ERR_INVALID_ENCODING.rawValue where header == nil:
            // The declaration names an encoding that the bytes are not in.
            condition = .unsupportedEncoding
        default:
            condition = .notWellFormed
        }
        failure = StreamError(condition)
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

    func startElement(_ start: SAX.Start) {
        guard failure == nil else { return }
        defer { depth += 1 }
        guard depth > 0 else { return openStream(start) }
        if depth == 1 { builder.reset() }
        guard depth <= limits.depthMax else {
            return fail(StreamError(.policyViolation, text: "elements nested deeper than \(limits.depthMax)"))
        }
        // A node counts its attributes in 16 bits.
        guard start.attributeCount + start.declarationCount <= min(limits.attributeCountMax, Int(UInt16.max)) else {
            return fail(StreamError(.policyViolation, text: "more than \(limits.attributeCountMax) attributes"))
        }
        // libxml2 keeps prefix and name of each in one array.
        guard Int(context.pointee.nsNr) / 2 <= limits.namespaceCountMax else {
            return fail(StreamError(.policyViolation, text: "more than \(limits.namespaceCountMax) namespaces"))
        }
        guard let name = put(start.name), let namespace = putNamespace(start.namespace) else { return failName() }
        builder.startElement(name, namespace)
        for index in 0..<start.attributeCount {
            let attribute = start.attribute(index)
            guard let name = put(attribute.name), let namespace = put(attribute.namespace) else { return failName() }
            builder.addAttribute(name, namespace, builder.put(attribute.value))
        }
        if depth == 1, let language { addLanguage(language, start) }
        checkSize()
    }

    /// RFC 6120 section 8.1.5: a stanza that does not say its language is in the stream's, and is to say so where it
    /// goes. IQs hold no text for people.
    private func addLanguage(_ language: String, _ start: SAX.Start) {
        guard "message".hasSameBytes(as: start.name) || "presence".hasSameBytes(as: start.name),
            start.attributeCount < Int(UInt16.max)
        else { return }
        for index in 0..<start.attributeCount {
            let attribute = start.attribute(index)
            if "lang".hasSameBytes(as: attribute.name), Namespace.xml.uri.hasSameBytes(as: attribute.namespace) {
                return
            }
        }
        builder.attribute("lang", language, .xml)
    }

    func endElement() {
        guard failure == nil else { return }
        depth -= 1
        guard depth > 0 else {
            events.append(.closed)
            return
        }
        builder.close()
        if depth == 1 {
            guard parsedByteCount - completeByteCount <= limits.stanzaByteCountMax else { return fail(tooLong) }
            events.append(.element(builder.finish()))
            completeByteCount = parsedByteCount
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        guard failure == nil else { return }
        if depth > 1 {
            builder.addText(builder.put(text))
            checkSize()
        } else if !text.allSatisfy(\.isXMLSpace) {
            // RFC 6120 section 4.9.3.1: text where only stanzas may be
            fail(StreamError(.badFormat))
        } else if let base = context.pointee.input?.pointee.base, let end = context.pointee.input?.pointee.end,
            let start = text.baseAddress, start >= base, start <= end
        {
            // libxml2 steps over some text only after this call.
            completeByteCount = Int(clamping: context.pointee.input.pointee.consumed) + (start - base) + text.count
        } else {
            completeByteCount = parsedByteCount
        }
    }

    /// Comments, processing instructions, DTDs and entity references (RFC 6120 section 11.1).
    func restricted() { fail(StreamError(.restrictedXML)) }

    private func openStream(_ start: SAX.Start) {
        var header = StreamHeader(isCanonical: true)
        guard Namespace.stream.uri.hasSameBytes(as: start.namespace) else {
            return fail(StreamError(.invalidNamespace))
        }
        // RFC 6120 section 4.7: the root is <stream/>
        guard "stream".hasSameBytes(as: start.name) else { return fail(StreamError(.badFormat)) }
        guard start.attributeCount + start.declarationCount <= limits.attributeCountMax else {
            return fail(StreamError(.policyViolation))
        }
        // RFC 6120 section 11.6: what is declared, and what libxml2 guessed from the first bytes.
        guard context.pointee.encoding.map({ strcasecmp(SAX.text($0), "UTF-8") == 0 }) ?? true,
            context.pointee.input?.pointee.buf?.pointee.encoder == nil
        else { return fail(StreamError(.unsupportedEncoding)) }
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
        // libxml2 has yet to step over the `>`.
        completeByteCount = parsedByteCount + 1
        events.append(.opened(header))
    }

    private func put(_ name: UnsafeBufferPointer<UInt8>) -> ElementBuilder.Range? {
        // A node counts a name's bytes in 16 bits.
        name.count <= min(limits.nameByteCountMax, Int(UInt16.max)) ? builder.put(name) : nil
    }

    /// Children mostly share their parent's namespace, and then its bytes.
    private func putNamespace(_ namespace: UnsafeBufferPointer<UInt8>) -> ElementBuilder.Range? {
        builder.enclosingNamespace(namespace) ?? put(namespace)
    }

    private func failName() {
        fail(StreamError(.policyViolation, text: "a name is longer than \(limits.nameByteCountMax) bytes"))
    }

    private func checkSize() {
        if builder.byteCount > limits.treeByteCountMax { fail(tooLong) }
    }
}
