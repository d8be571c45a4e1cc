// SPDX-License-Identifier: Apache-2.0
// Stream errors (RFC 6120 section 4.9). They end the stream.

/// Why a stream ends, as the peer is told.
public struct StreamError: Error, Sendable, Equatable {
    /// The defined conditions (RFC 6120 section 4.9.3).
    public enum Condition: String, Sendable, CaseIterable {
        case badFormat = "bad-format"
        case badNamespacePrefix = "bad-namespace-prefix"
        case conflict = "conflict"
        case connectionTimeout = "connection-timeout"
        case hostGone = "host-gone"
        case hostUnknown = "host-unknown"
        case improperAddressing = "improper-addressing"
        case internalServerError = "internal-server-error"
        case invalidFrom = "invalid-from"
        case invalidNamespace = "invalid-namespace"
        case invalidXML = "invalid-xml"
        case notAuthorized = "not-authorized"
        case notWellFormed = "not-well-formed"
        case policyViolation = "policy-violation"
        case remoteConnectionFailed = "remote-connection-failed"
        case reset = "reset"
        case resourceConstraint = "resource-constraint"
        case restrictedXML = "restricted-xml"
        case seeOtherHost = "see-other-host"
        case systemShutdown = "system-shutdown"
        case undefinedCondition = "undefined-condition"
        case unsupportedEncoding = "unsupported-encoding"
        case unsupportedFeature = "unsupported-feature"
        case unsupportedStanzaType = "unsupported-stanza-type"
        case unsupportedVersion = "unsupported-version"
    }

    /// What is wrong.
    public var condition: Condition
    /// For people; nil for none.
    public var text: String?
    /// The application-specific condition (RFC 6120 section 4.9.4); nil for none.
    public var detail: Element?

    /// Makes an error; without text and detail unless told otherwise.
    public init(_ condition: Condition, text: String? = nil, detail: Element? = nil) {
        self.condition = condition
        self.text = text
        self.detail = detail
    }
}
