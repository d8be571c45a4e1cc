// SPDX-License-Identifier: Apache-2.0
// What the tests of the XML parser share: feeding bytes, and what came of it as values that compare.

@testable import XMPPCore

/// The start tag that nearly every client sends.
let usualHeader = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"

/// What a parser made of some bytes.
struct Parsed: Equatable {
    /// `opened`, `closed`, or an element's XML.
    var events: [String] = []
    var failure: StreamError.Condition?

    /// Feeds one chunk after the other.
    static func feed(_ parser: XMLStreamParser, _ chunks: [ArraySlice<UInt8>]) -> Parsed {
        var parsed = Parsed()
        for chunk in chunks {
            let (events, failure) = chunk.withUnsafeBufferPointer { parser.feed($0) }
            for event in events {
                switch event {
                case .opened: parsed.events.append("opened")
                case .element(let element): parsed.events.append(element.xml)
                case .closed: parsed.events.append("closed")
                }
            }
            parsed.failure = failure?.condition
        }
        return parsed
    }

    static func feed(_ parser: XMLStreamParser, _ text: String) -> Parsed { feed(parser, [Array(text.utf8)[...]]) }

    /// What a new parser makes of a document.
    static func parse(_ document: [UInt8], _ limits: XMLLimits = XMLLimits()) -> Parsed {
        feed(XMLStreamParser(limits: limits), [document[...]])
    }

    static func parse(_ document: String, _ limits: XMLLimits = XMLLimits()) -> Parsed {
        parse(Array(document.utf8), limits)
    }

    /// What a new parser makes of a document that comes byte by byte.
    static func parseByteByByte(_ document: [UInt8], _ limits: XMLLimits = XMLLimits()) -> Parsed {
        feed(XMLStreamParser(limits: limits), document.indices.map { document[$0...$0] })
    }

    /// What a new parser makes of a document that comes in two chunks.
    static func parse(_ document: [UInt8], splitAt place: Int, _ limits: XMLLimits = XMLLimits()) -> Parsed {
        feed(XMLStreamParser(limits: limits), [document[..<place], document[place...]])
    }
}

/// The first stanza of a stream with the usual header.
func parsedElement(_ xml: String) -> Element? {
    let parser = XMLStreamParser(limits: XMLLimits())
    let (events, failure) = Array((usualHeader + xml).utf8).withUnsafeBufferPointer { parser.feed($0) }
    guard failure == nil, events.count == 2, case .element(let element) = events[1] else { return nil }
    return element
}

/// Makes an element of text as a peer would have sent it; "<none/>" when it does not parse.
func element(_ xml: String) -> Element { parsedElement(xml) ?? Element("none", "") }
