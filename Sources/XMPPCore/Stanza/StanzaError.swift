// SPDX-License-Identifier: Apache-2.0
// Stanza errors (RFC 6120 section 8.3).

/// Why a stanza was not carried out, as its sender is told.
public struct StanzaError: Error, Sendable, Equatable {
    /// What the sender may do (RFC 6120 section 8.3.2).
    public enum ErrorType: String, Sendable {
        /// Authenticate, then try again.
        case auth
        /// Do not try again.
        case cancel
        /// A warning; the stanza was carried out.
        case `continue`
        /// Change the stanza, then try again.
        case modify
        /// Wait, then try again.
        case wait
    }

    /// The defined conditions (RFC 6120 section 8.3.3).
    public enum Condition: String, Sendable, CaseIterable {
        case badRequest = "bad-request"
        case conflict = "conflict"
        case featureNotImplemented = "feature-not-implemented"
        case forbidden = "forbidden"
        case gone = "gone"
        case internalServerError = "internal-server-error"
        case itemNotFound = "item-not-found"
        case jidMalformed = "jid-malformed"
        case notAcceptable = "not-acceptable"
        case notAllowed = "not-allowed"
        case notAuthorized = "not-authorized"
        case policyViolation = "policy-violation"
        case recipientUnavailable = "recipient-unavailable"
        case redirect = "redirect"
        case registrationRequired = "registration-required"
        case remoteServerNotFound = "remote-server-not-found"
        case remoteServerTimeout = "remote-server-timeout"
        case resourceConstraint = "resource-constraint"
        case serviceUnavailable = "service-unavailable"
        case subscriptionRequired = "subscription-required"
        case undefinedCondition = "undefined-condition"
        case unexpectedRequest = "unexpected-request"

        /// The type that RFC 6120 section 8.3.3 gives the condition.
        public var usualType: ErrorType {
            switch self {
            case .badRequest, .jidMalformed, .notAcceptable, .policyViolation, .redirect: .modify
            case .forbidden, .notAuthorized, .registrationRequired, .subscriptionRequired: .auth
            case .recipientUnavailable, .remoteServerTimeout, .resourceConstraint, .unexpectedRequest: .wait
            case .conflict, .featureNotImplemented, .gone, .internalServerError, .itemNotFound, .notAllowed,
                .remoteServerNotFound, .serviceUnavailable, .undefinedCondition:
                .cancel
            }
        }
    }

    public var condition: Condition
    public var type: ErrorType
    /// For people; nil for none.
    public var text: String?
    /// The application-specific condition (RFC 6120 section 8.3.4); nil for none.
    public var detail: Element?

    /// - Parameter type: nil for the type that RFC 6120 gives the condition.
    public init(_ condition: Condition, type: ErrorType? = nil, text: String? = nil, detail: Element? = nil) {
        self.condition = condition
        self.type = type ?? condition.usualType
        self.text = text
        self.detail = detail
    }

    /// The `<error/>` element.
    public var element: Element {
        Element("error", .client, ["type": type.rawValue]) {
            Element(condition.rawValue, .stanzaErrors)
            if let text { Element("text", .stanzaErrors) { text } }
            if let detail { detail }
        }
    }
}

extension StanzaError {
    // The conditions as they are thrown most, so that a handler reads `throw .itemNotFound`.
    public static var badRequest: StanzaError { StanzaError(.badRequest) }
    public static var conflict: StanzaError { StanzaError(.conflict) }
    public static var featureNotImplemented: StanzaError { StanzaError(.featureNotImplemented) }
    public static var forbidden: StanzaError { StanzaError(.forbidden) }
    public static var internalServerError: StanzaError { StanzaError(.internalServerError) }
    public static var itemNotFound: StanzaError { StanzaError(.itemNotFound) }
    public static var jidMalformed: StanzaError { StanzaError(.jidMalformed) }
    public static var notAcceptable: StanzaError { StanzaError(.notAcceptable) }
    public static var notAllowed: StanzaError { StanzaError(.notAllowed) }
    public static var notAuthorized: StanzaError { StanzaError(.notAuthorized) }
    public static var resourceConstraint: StanzaError { StanzaError(.resourceConstraint) }
    public static var serviceUnavailable: StanzaError { StanzaError(.serviceUnavailable) }
}

extension Stanza {
    /// The error that answers this stanza; nil when RFC 6120 section 8.3.1 forbids one: errors answer neither errors nor
    /// results.
    public func error(_ error: StanzaError) -> Stanza? {
        guard type != .error, type != .result else { return nil }
        let element = Element(kind.name, .client, ["id": id]) { error.element }
        return Stanza(kind: kind, type: .error, to: from, from: to, element: element)
    }
}
