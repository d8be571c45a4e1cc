// SPDX-License-Identifier: Apache-2.0
// The XML of a stream (RFC 6120 section 4), cut into its header and its first-level elements by libxml2's push parser.

import CLibXML2
import Glibc

/// What a stream's XML consists of.
enum XMLStreamEvent {
    /// The start tag of `<stream:stream>`.
    indirect case opened(StreamHeader)
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
    /// Behind a pointer: libxml2 calls back into it while the parser's own methods are under way, and checks of
    /// exclusive access to the properties of a class would cost more than what the callbacks do.
    private let state: UnsafeMutablePointer<XMLParserState>
    private var utf8Check = OverlongUTF8Check()

    init(limits: XMLLimits) {
        guard let context = xmlCreatePushParserCtxt(SAX.handler, nil, nil, 0, nil) else { fatalError("out of memory") }
        self.context = context
        state = .allocate(capacity: 1)
        state.initialize(to: XMLParserState(context: context, limits: limits))
        context.pointee.userData = UnsafeMutableRawPointer(state)
        // There are no entities but XML's own: NOENT only makes `&amp;` in an attribute a `&`, not a reference again.
        xmlCtxtUseOptions(context, Int32(XML_PARSE_NONET.rawValue | XML_PARSE_NOENT.rawValue))
    }

    deinit {
        xmlFreeParserCtxt(context)
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// The header of the stream; nil until it is complete.
    var header: StreamHeader? { state.pointee.header }

    /// Whether the parser stands between first-level elements of a stream with the usual header, so that another parser
    /// in that state can take its place.
    var isInterchangeable: Bool {
        // White space that libxml2 holds back means nothing to the next stream either.
        state.pointee.depth == 1 && failure == nil && state.pointee.header?.isCanonical == true
            && unparsed.allSatisfy(\.isXMLSpace)
    }

    /// Whether names that peers chose, or a large stanza, have made the parser hold more than a new one.
    var isOutgrown: Bool {
        xmlDictSize(context.pointee.dict) > Self.nameCountMax
            || xmlDictGetUsage(context.pointee.dict) > Self.idleDictionaryByteCountMax
            || state.pointee.builder.capacityByteCount > Self.idleBuilderByteCountMax
    }
    private static let nameCountMax: Int32 = 512
    private static let idleDictionaryByteCountMax = 65_536
    private static let idleBuilderByteCountMax = 65_536
    /// libxml2 keeps each name that it has seen, and a stream with an unusual header keeps its parser.
    private static let dictionaryByteCountMax = 1_048_576

    /// Takes the limits of the stream that it parses from now on, and the language that stanzas without one get.
    func adopt(_ limits: XMLLimits, language: String?) {
        state.pointee.limits = limits
        // Every stanza would carry it.
        state.pointee.language = language.flatMap { (1...Self.languageByteCountMax).contains($0.utf8.count) ? $0 : nil }
    }
    /// RFC 5646 section 4.4.1 recommends room for so much.
    private static let languageByteCountMax = 35

    /// Parses bytes of the stream.
    ///
    /// - Parameter take: gets what became complete, in order. When the XML is at fault, what came before the fault.
    /// - Returns: what is at fault; nil for nothing.
    func feed(_ bytes: UnsafeBufferPointer<UInt8>, _ take: (XMLStreamEvent) -> Void) -> StreamError? {
        var rest = bytes[...]
        while failure == nil, !rest.isEmpty {
            let slice = rest.prefix(sliceByteCountMax)
            let valid = utf8Check.validPrefix(UnsafeBufferPointer(rebasing: slice))
            if !valid.isEmpty { parse(valid) }
            if valid.count < slice.count, failure == nil { failure = StreamError(.notWellFormed) }
            rest = rest[slice.endIndex...]
        }
        for index in 0..<state.pointee.events.count { take(state.pointee.events[index]) }
        state.pointee.events.removeAll(keepingCapacity: state.pointee.events.capacity <= Self.idleEventCountMax)
        return failure
    }
    private static let idleEventCountMax = 64

    /// Parses bytes of the stream, for callers to whom an array is worth its cost.
    func feed(_ bytes: UnsafeBufferPointer<UInt8>) -> (events: [XMLStreamEvent], failure: StreamError?) {
        var events: [XMLStreamEvent] = []
        let failure = feed(bytes) { events.append($0) }
        return (events, failure)
    }

    private var failure: StreamError? {
        get { state.pointee.failure }
        set { state.pointee.failure = newValue }
    }

    /// How much libxml2 may be given at once.
    private var sliceByteCountMax: Int {
        // Of CDATA it takes this much in a call, and scans all of the rest again in the next.
        if context.pointee.instate == XML_PARSER_CDATA_SECTION { return Self.characterDataByteCount }
        // Never so much that it would see too long a tag whole. What it holds is less than that (see `parse`).
        return min(state.pointee.limits.markupByteCountMax - unparsed.count, Self.sliceByteCountMax)
    }
    private static let sliceByteCountMax = 4096
    /// libxml2's XML_PARSER_BIG_BUFFER_SIZE.
    private static let characterDataByteCount = 300

    private func parse(_ bytes: UnsafeBufferPointer<UInt8>) {
        if state.pointee.fedByteCount < Self.encodingProbeByteCount, let wrong = encodingFault(bytes) {
            failure = wrong
            return
        }
        state.pointee.fedByteCount &+= bytes.count
        bytes.withMemoryRebound(to: CChar.self) { text in
            // The result repeats what the error handler was told.
            _ = xmlParseChunk(context, text.baseAddress, Int32(clamping: text.count), 0)
        }
        while failure == nil, context.pointee.instate == XML_PARSER_CDATA_SECTION,
            unparsed.count > 2 * Self.characterDataByteCount
        {
            let waitingByteCount = unparsed.count
            // As above.
            _ = xmlParseChunk(context, nil, 0, 0)
            // Of what is no UTF-8 at the beginning of a piece, libxml2 takes nothing, and says nothing.
            if failure == nil, unparsed.count == waitingByteCount { failure = StreamError(.notWellFormed) }
        }
        guard failure == nil else { return }
        let limits = state.pointee.limits
        if context.pointee.wellFormed == 0 || context.pointee.disableSAX != 0 {
            failure = StreamError(.notWellFormed)
        } else if state.pointee.header == nil, state.pointee.isDecoding {
            // What the decoder holds back must not keep the stream waiting.
            failure = StreamError(.unsupportedEncoding)
        } else if unparsed.count >= limits.markupByteCountMax {
            failure = StreamError(.policyViolation, text: "a tag is longer than \(limits.markupByteCountMax) bytes")
        } else if state.pointee.fedByteCount - state.pointee.completeByteCount > limits.stanzaByteCountMax {
            failure = state.pointee.tooLong
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
        let probe = bytes.prefix(Self.encodingProbeByteCount - state.pointee.fedByteCount)
        return probe.contains { $0 == 0 || $0 == 0xFE || $0 == 0xFF } ? StreamError(.unsupportedEncoding) : nil
    }
}
