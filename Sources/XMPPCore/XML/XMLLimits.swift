// SPDX-License-Identifier: Apache-2.0
// What a peer's XML may cost.

/// Bounds on the XML of one stream. They act while it is parsed, before memory is spent.
public struct XMLLimits: Sendable, Equatable {
    /// The bytes of one stanza, markup included. RFC 6120 section 13.12 demands at least 10,000.
    public var stanzaByteCountMax = 262_144
    /// How many elements may be open inside a stanza, itself included.
    public var depthMax = 64
    /// The attributes of one element, namespace declarations included.
    public var attributeCountMax = 128
    /// The bytes of the name of an element or attribute, or of its namespace.
    public var nameByteCountMax = 1024

    public init() {}
}
