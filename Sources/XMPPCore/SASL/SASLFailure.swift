// SPDX-License-Identifier: Apache-2.0
// SASL failures: RFC 6120 section 6.5, which XEP-0388 takes over. Not here: their XML, which the stream writes.

/// Why an authentication failed, as the client is told.
public struct SASLFailure: Error, Equatable, Sendable {
    /// The defined conditions of RFC 6120 section 6.5. The raw value is the element's name.
    public enum Condition: String, CaseIterable, Sendable {
        /// The client sent `<abort/>` (section 6.5.1).
        case aborted
        /// The account exists and may not log in (section 6.5.2).
        case accountDisabled = "account-disabled"
        /// The password must be changed first (section 6.5.3).
        case credentialsExpired = "credentials-expired"
        /// The mechanism needs TLS (section 6.5.4).
        case encryptionRequired = "encryption-required"
        /// The payload is not Base 64 (section 6.5.5).
        case incorrectEncoding = "incorrect-encoding"
        /// The authorization identity is not the account's own, or malformed (section 6.5.6).
        case invalidAuthzid = "invalid-authzid"
        /// The mechanism was not offered (section 6.5.7).
        case invalidMechanism = "invalid-mechanism"
        /// The message does not follow the mechanism's syntax (section 6.5.8).
        case malformedRequest = "malformed-request"
        /// Policy forbids this mechanism for this account (section 6.5.9).
        case mechanismTooWeak = "mechanism-too-weak"
        /// Wrong password, unknown account, or a check that failed (section 6.5.10).
        case notAuthorized = "not-authorized"
        /// The server cannot tell now; the client may try again (section 6.5.11).
        case temporaryAuthFailure = "temporary-auth-failure"
    }

    /// The condition, one element.
    public var condition: Condition
    /// A sentence for people, or nil. Never says whether an account exists.
    public var text: String?

    /// - Parameter text: a sentence for people in `<text/>`, or nil for none.
    public init(_ condition: Condition, text: String? = nil) {
        self.condition = condition
        self.text = text
    }

    /// `<aborted/>`
    public static let aborted = SASLFailure(.aborted)
    /// `<account-disabled/>`
    public static let accountDisabled = SASLFailure(.accountDisabled)
    /// `<credentials-expired/>`
    public static let credentialsExpired = SASLFailure(.credentialsExpired)
    /// `<encryption-required/>`
    public static let encryptionRequired = SASLFailure(.encryptionRequired)
    /// `<incorrect-encoding/>`
    public static let incorrectEncoding = SASLFailure(.incorrectEncoding)
    /// `<invalid-authzid/>`
    public static let invalidAuthzid = SASLFailure(.invalidAuthzid)
    /// `<invalid-mechanism/>`
    public static let invalidMechanism = SASLFailure(.invalidMechanism)
    /// `<malformed-request/>`
    public static let malformedRequest = SASLFailure(.malformedRequest)
    /// `<mechanism-too-weak/>`
    public static let mechanismTooWeak = SASLFailure(.mechanismTooWeak)
    /// `<not-authorized/>`
    public static let notAuthorized = SASLFailure(.notAuthorized)
    /// `<temporary-auth-failure/>`
    public static let temporaryAuthFailure = SASLFailure(.temporaryAuthFailure)
}
