// SPDX-License-Identifier: Apache-2.0
// Parsers for streams that have something to parse.

/// Keeps parsers that stand between stanzas, so that a stream which says nothing needs none: a parser costs about ten
/// kilobytes.
///
/// One for each event loop; confined to its thread.
final class XMLParserPool {
    /// How many idle parsers are kept.
    static let parserCountMax = 64

    private var parsers: [XMLStreamParser] = []

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
}
