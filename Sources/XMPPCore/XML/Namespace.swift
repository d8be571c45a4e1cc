// SPDX-License-Identifier: Apache-2.0
// XML namespaces. Each feature adds its own in an extension, in the file that owns the feature.

/// The name of an XML namespace.
public struct Namespace: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The name itself, compared byte by byte; empty for no namespace.
    public let uri: String

    /// Makes a namespace of a name.
    public init(_ uri: String) { self.uri = uri }
    /// Makes a namespace of a literal.
    public init(stringLiteral uri: String) { self.uri = uri }

    /// The name itself.
    public var description: String { uri }
}

extension Namespace {
    /// Stanzas between a client and its server (RFC 6120 section 4.8.2).
    public static let client: Namespace = "jabber:client"
    /// The stream element, its features and errors (RFC 6120 section 4.8.1).
    public static let stream: Namespace = "http://etherx.jabber.org/streams"
    /// The conditions of stanza errors (RFC 6120 section 8.3).
    public static let stanzaErrors: Namespace = "urn:ietf:params:xml:ns:xmpp-stanzas"
    /// The conditions of stream errors (RFC 6120 section 4.9).
    public static let streamErrors: Namespace = "urn:ietf:params:xml:ns:xmpp-streams"
    /// The namespace of `xml:lang`.
    static let xml: Namespace = "http://www.w3.org/XML/1998/namespace"
}
