// SPDX-License-Identifier: Apache-2.0
// The XML of a stream: however its bytes are cut, the same comes of them, and what is written of it parses to the same.

@testable import XMPPCore

enum XMLProperties {
    /// What a parser made of bytes that came in chunks.
    private struct Outcome: Equatable {
        /// The header, the elements' XML, the end.
        var events: [String] = []
        var elements: [Element] = []
        var failure: StreamError.Condition?
    }

    /// Resolves what libxml2 would wait for.
    private static let end = Array("<z/>'\"><z></y>-->?>]]><z/>".utf8)
    private static let header = Array(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>".utf8)

    /// Limits so low that short inputs meet them.
    private static let lowLimits: XMLLimits = {
        var limits = XMLLimits()
        limits.stanzaByteCountMax = 300
        limits.depthMax = 4
        limits.attributeCountMax = 4
        limits.namespaceCountMax = 6
        limits.nameByteCountMax = 16
        return limits
    }()

    static func check(_ input: [UInt8]) throws(PropertyViolation) {
        let document = input + end
        let limits = input.count % 4 == 3 ? lowLimits : XMLLimits()
        let whole = parse([document[...]], limits)
        for chunks in cuts(of: document) {
            var cut = parse(chunks, limits)
            // Of two faults, or a fault and a limit, which is met first may depend on how much is seen at once; that one
            // is met may not.
            if cut.failure != nil, whole.failure != nil {
                cut.failure = whole.failure
                // Nor whether a header that has a fault was taken for one before.
                if cut.events.count + whole.events.count == 1 { cut.events = whole.events }
            }
            try require(cut == whole, "the whole is \(whole), in \(chunks.count) chunks it is \(cut)")
        }
        for element in whole.elements {
            try checkInsideStream(element)
            // A store's reader takes an element of no namespace for one of `jabber:client`.
            guard element.namespace != "" else { continue }
            let written = Array(element.xml.utf8)
            let read = try require(some: Element(parsing: written), "\(element) was written as something unreadable")
            try require(read == element, "\(element) was written as what is read as \(read)")
        }
        try checkPool(input)
    }

    private static func parse(_ chunks: [ArraySlice<UInt8>], _ limits: XMLLimits) -> Outcome {
        let parser = XMLStreamParser(limits: limits)
        var outcome = Outcome()
        for chunk in chunks {
            let (events, failure) = chunk.withUnsafeBufferPointer { parser.feed($0) }
            for event in events {
                switch event {
                case .opened(let header): outcome.events.append("\(header)")
                case .closed: outcome.events.append("closed")
                case .element(let element):
                    outcome.events.append(element.xml)
                    outcome.elements.append(element)
                }
            }
            outcome.failure = failure?.condition
        }
        return outcome
    }

    /// In two; byte by byte; in chunks of sizes that the bytes decide.
    private static func cuts(of document: [UInt8]) -> [[ArraySlice<UInt8>]] {
        let place = document.fingerprint % document.count
        var odd: [ArraySlice<UInt8>] = []
        var rest = document[...]
        var state = document.fingerprint | 1
        while !rest.isEmpty {
            state = (state &* 48_271) % 2_147_483_647
            odd.append(rest.prefix(1 + abs(state) % 40))
            rest = rest.dropFirst(1 + abs(state) % 40)
        }
        return [[document[..<place], document[place...]], document.indices.map { document[$0...$0] }, odd]
    }

    /// Where others receive it, the default namespace is the stream's.
    private static func checkInsideStream(_ element: Element) throws(PropertyViolation) {
        var limits = XMLLimits()
        // References take the place of characters, and declarations are repeated: what is written may be longer.
        limits.stanzaByteCountMax *= 8
        limits.startTagByteCountMax = 1 << 20
        limits.attributeCountMax = Int(UInt16.max)
        limits.namespaceCountMax = .max
        var buffer = ByteBuffer()
        buffer.append(header)
        buffer.append(element, inside: .client)
        let again = parse([buffer.bytes[...]], limits)
        try require(again.elements == [element], "\(element) was written into a stream as \(again)")
    }

    /// A parser that may serve another stream serves it as a new one would.
    private static func checkPool(_ input: [UInt8]) throws(PropertyViolation) {
        let parser = XMLStreamParser(limits: XMLLimits())
        // What came of it is compared above.
        _ = input.withUnsafeBufferPointer { parser.feed($0) }
        guard parser.isInterchangeable else { return }
        let pool = XMLParserPool()
        pool.put(parser)
        let next = pool.take(XMLLimits())
        let (events, failure) = Array("<a b='1'>c</a> ".utf8).withUnsafeBufferPointer { next.feed($0) }
        guard failure == nil, events.count == 1, case .element(let element) = events[0] else {
            throw PropertyViolation("the next stream gets \(events), \(String(describing: failure))")
        }
        try require(element.xml == "<a xmlns='jabber:client' b='1'>c</a>", "the next stream gets \(element)")
    }
}
