// SPDX-License-Identifier: Apache-2.0
// Parsers for streams that have something to parse.

/// Keeps parsers that stand between stanzas, so that a stream which says nothing needs none: a parser costs about ten
/// kilobytes. And keeps the headers that streams begin with: most are the same bytes as those before, and need no parser
/// at all, which to make costs more than the rest of a header does.
///
/// One for each event loop; confined to its thread.
final class XMLParserPool {
    /// How many idle parsers are kept.
    static let parserCountMax = 64

    /// How many headers are kept; one more takes the place of the oldest.
    static let headerCountMax = 8
    /// The longest header that is kept.
    static let headerByteCountMax = 512

    private struct KnownHeader {
        let bytes: [UInt8]
        let header: StreamHeader
    }

    private var parsers: [XMLStreamParser] = []
    private var headers: [KnownHeader] = []
    private var oldestHeaderIndex = 0

    /// A parser that stands where a stream with the usual header has been opened.
    ///
    /// - Parameter language: the language of the stream; nil when its header names none.
    func take(_ limits: XMLLimits, language: String? = nil) -> XMLStreamParser {
        if let parser = parsers.popLast() {
            parser.adopt(limits, language: language)
            return parser
        }
        let parser = XMLStreamParser(limits: limits)
        let header = "<stream:stream xmlns='\(Namespace.client)' xmlns:stream='\(Namespace.stream)'>"
        let primed = Array(header.utf8).withUnsafeBufferPointer { parser.feed($0) }
        precondition(primed.failure == nil && parser.isInterchangeable, "the usual stream header does not parse")
        parser.adopt(limits, language: language)
        return parser
    }

    /// Takes a parser back. It must be interchangeable.
    func put(_ parser: XMLStreamParser) {
        precondition(parser.isInterchangeable, "a parser in the middle of a stanza")
        guard parsers.count < Self.parserCountMax, !parser.isOutgrown else { return }
        parsers.append(parser)
    }

    /// The header that the bytes begin with, and how many bytes it has, if it is known. A parser of this pool takes what
    /// comes after it.
    func header(at bytes: UnsafeBufferPointer<UInt8>) -> (header: StreamHeader, byteCount: Int)? {
        for known in headers where bytes.count >= known.bytes.count && bytes.starts(with: known.bytes) {
            return (known.header, known.bytes.count)
        }
        return nil
    }

    /// Takes the bytes from a stream's first to its header's last, and what they were parsed to.
    func learn(_ header: StreamHeader, _ bytes: UnsafeBufferPointer<UInt8>) {
        // One that names its user is not met again soon.
        guard header.isCanonical, header.from == nil, bytes.count <= Self.headerByteCountMax else { return }
        let known = KnownHeader(bytes: Array(bytes), header: header)
        if headers.count < Self.headerCountMax { return headers.append(known) }
        headers[oldestHeaderIndex] = known
        oldestHeaderIndex = (oldestHeaderIndex + 1) % Self.headerCountMax
    }
}
