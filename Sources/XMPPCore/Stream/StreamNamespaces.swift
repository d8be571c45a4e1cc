// SPDX-License-Identifier: Apache-2.0
// The namespaces of stream negotiation.

extension Namespace {
    /// STARTTLS (RFC 6120 section 5).
    static let tls: Namespace = "urn:ietf:params:xml:ns:xmpp-tls"
    /// SASL as RFC 6120 section 6 has it.
    static let sasl: Namespace = "urn:ietf:params:xml:ns:xmpp-sasl"
    /// Extensible SASL (XEP-0388).
    static let sasl2: Namespace = "urn:xmpp:sasl:2"
    /// Channel binding types (XEP-0440).
    static let saslChannelBinding: Namespace = "urn:xmpp:sasl-cb:0"
    /// Resource binding (RFC 6120 section 7).
    static let bind: Namespace = "urn:ietf:params:xml:ns:xmpp-bind"
    /// Bind 2 (XEP-0386).
    static let bind2: Namespace = "urn:xmpp:bind:0"
    /// Session establishment of RFC 3921, which old clients ask for and which does nothing.
    static let session: Namespace = "urn:ietf:params:xml:ns:xmpp-session"
    /// Stream management (XEP-0198).
    static let streamManagement: Namespace = "urn:xmpp:sm:3"
    /// Stream limits (XEP-0478).
    static let streamLimits: Namespace = "urn:xmpp:stream-limits:0"
}
