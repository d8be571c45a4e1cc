// SPDX-License-Identifier: Apache-2.0
// Elements from XML that a store keeps.

import Synchronization

/// Parsers for what stores keep, for all threads: to make one costs three times as much as to parse a message.
///
/// `@unchecked Sendable`: the pool is touched under the lock only, and a parser that was taken is its taker's alone.
private final class StoredXMLParsers: @unchecked Sendable {
    static let shared = StoredXMLParsers()

    private let lock = Mutex(())
    private let pool = XMLParserPool()

    func take(_ limits: XMLLimits) -> XMLStreamParser {
        lock.withLock { _ in pool.take(limits) }
    }

    func put(_ parser: XMLStreamParser) { lock.withLock { _ in pool.put(parser) } }
}

extension Element {
    /// Parses one element that mimd, or a server before it, has written. An element without a namespace of its own is
    /// in `jabber:client`, as it was in the stream that it came from.
    ///
    /// - Parameter xml: UTF-8, of any length.
    /// - Returns: nil when the bytes are not exactly one well-formed element, nested at most twice as deeply as
    ///   ``XMLLimits`` allows, with names no longer than it allows.
    public init?(parsing xml: [UInt8]) {
        var limits = XMLLimits()
        // It was within the limits of the stream that it came from, whatever those were. Written, it may be longer than
        // it was (`&apos;` for an apostrophe) or shorter, declares a namespace wherever it is used, and may have been
        // wrapped (XEP-0297).
        limits.stanzaByteCountMax = max(limits.stanzaByteCountMax, 2 * xml.count)
        limits.startTagByteCountMax = 1 << 20
        limits.depthMax *= 2
        limits.attributeCountMax = Int(UInt16.max)
        limits.namespaceCountMax = Int(UInt16.max)
        let parser = StoredXMLParsers.shared.take(limits)
        let (events, failure) = xml.withUnsafeBufferPointer { parser.feed($0) }
        guard failure == nil, parser.isInterchangeable else { return nil }
        StoredXMLParsers.shared.put(parser)
        guard events.count == 1, case .element(let element) = events[0] else { return nil }
        self = element
    }
}
