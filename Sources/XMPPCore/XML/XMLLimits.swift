// SPDX-License-Identifier: Apache-2.0
// What a peer's XML may cost.

/// Bounds on the XML of one stream. They act while it is parsed, before memory is spent.
public struct XMLLimits: Sendable, Equatable {
    /// The bytes of one stanza, markup included. RFC 6120 section 13.12 demands at least 10,000.
    public var stanzaByteCountMax = 262_144
    /// The bytes of one start tag, of one end tag, and of any markup that must be whole to be understood.
    ///
    /// At least 1,024, at most 1,048,576. libxml2 compares each attribute of a tag with all others: a tag as large as a
    /// stanza may be would stall its thread for a fifth of a second, one of this size for a millisecond or two.
    public var startTagByteCountMax = 16_384
    /// How many elements may be open inside a stanza, itself included.
    public var depthMax = 64
    /// The attributes of one element, namespace declarations included.
    public var attributeCountMax = 128
    /// The namespace declarations in scope, those of the stream's header included: libxml2 searches all of them for a
    /// prefix.
    public var namespaceCountMax = 256
    /// The bytes of the name of an element or attribute, or of its namespace.
    public var nameByteCountMax = 1024

    /// The defaults.
    public init() {}

    /// What the tree of a stanza may take in memory: a node costs more than the few bytes of markup behind it. Stanzas
    /// of the size that RFC 6120 section 13.12 demands stay below it whatever they hold.
    var treeByteCountMax: Int { max(min(stanzaByteCountMax, 1 << 28) * 4, 131_072) }
    /// `startTagByteCountMax` in bounds that the parser works with.
    var markupByteCountMax: Int { min(max(startTagByteCountMax, 1024), 1 << 20) }
}
