// SPDX-License-Identifier: Apache-2.0
// What libxml2's callbacks build of a stream: the header, the elements, and the fault that ends it.

import CLibXML2
import Glibc

/// The state of one parser. Its callbacks run inside libxml2, many for each stanza.
struct XMLParserState: ~Copyable {
    let context: xmlParserCtxtPtr
    var builder = ElementBuilder()
    var depth = 0
    var header: StreamHeader?
    var failure: StreamError?
    var events: [XMLStreamEvent] = []
    var limits: XMLLimits
    /// The language of the stream, which its messages and presence get; nil when they get none.
    var language: String?
    /// Bytes fed, and how many of them belong to what is complete; both since the parser was made.
    var fedByteCount = 0
    var completeByteCount = 0

    init(context: xmlParserCtxtPtr, limits: XMLLimits) {
        self.context = context
        self.limits = limits
    }

    /// Whether libxml2 has begun to read the bytes in another encoding, which was declared.
    var isDecoding: Bool { context.pointee.input?.pointee.buf?.pointee.encoder != nil }

    /// Why a stanza is too long.
    var tooLong: StreamError {
        StreamError(.policyViolation, text: "stanza larger than \(limits.stanzaByteCountMax) bytes")
    }

    /// libxml2 found the XML at fault. The first fault counts; after one that is not fatal (all of namespaces) libxml2
    /// goes on, and the callbacks do not.
    mutating func fault(_ error: xmlError) {
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

    private mutating func fail(_ error: StreamError) {
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

    mutating func startElement(_ start: SAX.Start) {
        guard failure == nil else { return }
        defer { depth &+= 1 }
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
    private mutating func addLanguage(_ language: String, _ start: SAX.Start) {
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

    mutating func endElement() {
        guard failure == nil else { return }
        depth &-= 1
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

    mutating func characters(_ text: UnsafeBufferPointer<UInt8>) {
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
    mutating func restricted() { fail(StreamError(.restrictedXML)) }

    private mutating func openStream(_ start: SAX.Start) {
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
            !isDecoding
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

    private mutating func put(_ name: UnsafeBufferPointer<UInt8>) -> ElementBuilder.Range? {
        // A node counts a name's bytes in 16 bits.
        name.count <= min(limits.nameByteCountMax, Int(UInt16.max)) ? builder.put(name) : nil
    }

    /// Children mostly share their parent's namespace, and then its bytes.
    private mutating func putNamespace(_ namespace: UnsafeBufferPointer<UInt8>) -> ElementBuilder.Range? {
        builder.enclosingNamespace(namespace) ?? put(namespace)
    }

    private mutating func failName() {
        fail(StreamError(.policyViolation, text: "a name is longer than \(limits.nameByteCountMax) bytes"))
    }

    private mutating func checkSize() {
        if builder.byteCount > limits.treeByteCountMax { fail(tooLong) }
    }
}
