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

    /// What is wrong.
    public var condition: Condition
    /// What the sender may do.
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
    /// `<bad-request/>`: the stanza does not make sense.
    public static var badRequest: StanzaError { StanzaError(.badRequest) }
    /// `<conflict/>`: something of that name or address exists.
    public static var conflict: StanzaError { StanzaError(.conflict) }
    /// `<feature-not-implemented/>`: the recipient does not support what is asked for.
    public static var featureNotImplemented: StanzaError { StanzaError(.featureNotImplemented) }
    /// `<forbidden/>`: the sender lacks the permission.
    public static var forbidden: StanzaError { StanzaError(.forbidden) }
    /// `<internal-server-error/>`: the server failed.
    public static var internalServerError: StanzaError { StanzaError(.internalServerError) }
    /// `<item-not-found/>`: what was asked for does not exist.
    public static var itemNotFound: StanzaError { StanzaError(.itemNotFound) }
    /// `<jid-malformed/>`: an address in the stanza is none.
    public static var jidMalformed: StanzaError { StanzaError(.jidMalformed) }
    /// `<not-acceptable/>`: what was asked for breaks a rule or limit of the recipient.
    public static var notAcceptable: StanzaError { StanzaError(.notAcceptable) }
    /// `<not-allowed/>`: nobody may do this.
    public static var notAllowed: StanzaError { StanzaError(.notAllowed) }
    /// `<not-authorized/>`: the sender must authenticate first.
    public static var notAuthorized: StanzaError { StanzaError(.notAuthorized) }
    /// `<resource-constraint/>`: the server lacks the resources now.
    public static var resourceConstraint: StanzaError { StanzaError(.resourceConstraint) }
    /// `<service-unavailable/>`: the recipient is not there or does not offer this.
    public static var serviceUnavailable: StanzaError { StanzaError(.serviceUnavailable) }
}

extension Stanza {
    /// The error that answers this stanza; nil when RFC 6120 section 8.3.1 forbids one: errors answer neither errors
    /// nor results.
    public func error(_ error: StanzaError) -> Stanza? {
        guard type != .error, type != .result else { return nil }
        let element = Element(kind.name, .client, ["id": id]) { error.element }
        return Stanza(kind: kind, type: .error, to: from, from: to, element: element)
    }
}
