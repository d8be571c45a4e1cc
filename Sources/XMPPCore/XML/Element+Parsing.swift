// SPDX-License-Identifier: Apache-2.0
// Elements from XML that a store keeps.

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
        let parser = XMLParserPool().take(limits)
        let (events, failure) = xml.withUnsafeBufferPointer { parser.feed($0) }
        guard failure == nil, parser.isInterchangeable, events.count == 1, case .element(let element) = events[0] else {
            return nil
        }
        self = element
    }
}
