// SPDX-License-Identifier: Apache-2.0
// The server's side of one SASL authentication (RFC 4422, RFC 6120 section 6) as a state machine: no input or output,
// no tasks. Serves RFC 6120's profile and XEP-0388's alike. Not here: the XML, how often a client may try, and what
// follows.

/// Who a client proved to be.
public enum SASLIdentity: Equatable, Sendable {
    /// A registered account of the domain, by its prepared localpart.
    case account(localpart: String)
    /// Nobody in particular: the caller makes up a temporary account (XEP-0175).
    case anonymous
}

/// One authentication: feed it what the client and the server's own parts say, and do what it answers.
///
/// ```
/// receive ──► challenge ──► receive …
///         ├─► lookUp ──► credentialLoaded ──► …
///         ├─► derive ──► derived ──► …
///         └─► succeed | fail
/// ```
///
/// An unknown account, an account without keys for the mechanism, and a wrong password lead through the same actions
/// and end in the same failure.
public struct SASLExchange: Sendable {
    /// What the caller does next.
    public enum Action: Equatable, Sendable {
        /// Send these bytes as a challenge, then `receive` the response. May be empty.
        case challenge([UInt8])
        /// Fetch the credential of this account, then call `credentialLoaded`.
        case lookUp(localpart: String)
        /// Run this on a `WorkerPool`, then call `derived`.
        case derive(SCRAMKeyDerivation)
        /// The client is who it says. Additional data belongs into `<success/>`; nil is none.
        case succeed(SASLIdentity, additionalData: [UInt8]?)
        /// Tell the client why not; the exchange is over.
        case fail(SASLFailure)
    }

    /// Whose turn it is.
    private enum Phase {
        case fresh
        case awaitingClient
        case awaitingCredential
        case awaitingKeys
        case ended(SASLFailure)
    }

    /// The mechanism that the client chose.
    public let mechanism: SASLMechanism
    private let messageByteCountMax: Int
    private var phase = Phase.fresh
    private var machine: any SASLMechanismExchange

    /// Begins an exchange.
    ///
    /// - Parameters:
    ///   - mechanism: one of `offer.mechanisms`; take it from `SASLOffer.mechanism(named:)`. Another one traps.
    ///   - offer: what the stream advertised.
    ///   - channelBindings: the data of this connection.
    public init(
        mechanism: SASLMechanism, offer: SASLOffer, channelBindings: ChannelBindings = ChannelBindings(),
        settings: SASLSettings
    ) {
        self.init(
            mechanism: mechanism, offer: offer, channelBindings: channelBindings, settings: settings,
            nonceSource: SCRAMExchange.randomNonce)
    }

    /// As above; tests say what the server's nonce is.
    init(
        mechanism: SASLMechanism, offer: SASLOffer, channelBindings: ChannelBindings, settings: SASLSettings,
        nonceSource: @escaping @Sendable () throws(CryptoError) -> [UInt8]
    ) {
        precondition(offer.mechanisms.contains(mechanism), "only offered mechanisms can be begun")
        self.mechanism = mechanism
        self.messageByteCountMax = settings.limits.messageByteCountMax
        switch mechanism {
        case .plain:
            machine = PlainExchange(settings: settings)
        case .anonymous:
            machine = AnonymousExchange()
        case .scram(let hash), .scramPlus(let hash):
            machine = SCRAMExchange(
                hash: hash, usesChannelBinding: mechanism.usesChannelBinding, offer: offer,
                channelBindings: channelBindings, settings: settings, nonceSource: nonceSource)
        }
    }

    /// The client's message, after Base 64 decoding.
    ///
    /// - Parameter message: nil when the client sent no initial response; later that is a malformed request.
    public mutating func receive(_ message: [UInt8]?) -> Action {
        switch phase {
        case .ended(let failure):
            return .fail(failure)
        case .awaitingCredential, .awaitingKeys:
            // The client spoke before it was answered: SASL messages alternate (RFC 4422 section 3).
            return proceed(.fail(.malformedRequest))
        case .fresh:
            guard let message else { return proceed(machine.receiveNoInitialResponse()) }
            return receive(bytes: message)
        case .awaitingClient:
            guard let message else { return proceed(.fail(.malformedRequest)) }
            return receive(bytes: message)
        }
    }

    private mutating func receive(bytes message: [UInt8]) -> Action {
        guard message.count <= messageByteCountMax else { return proceed(.fail(.malformedRequest)) }
        return proceed(machine.receive(message))
    }

    /// The answer to `.lookUp`.
    ///
    /// - Parameter credential: nil when there is no such account, or none that may log in by password. When the store
    ///   could not tell, call `end(with: .temporaryAuthFailure)` instead.
    public mutating func credentialLoaded(_ credential: StoredCredential?) -> Action {
        switch phase {
        case .ended(let failure): return .fail(failure)
        case .awaitingCredential: return proceed(machine.credentialLoaded(credential))
        case .fresh, .awaitingClient, .awaitingKeys: preconditionFailure("nobody asked for a credential")
        }
    }

    /// The answer to `.derive`. When the work could not be done, call `end(with: .temporaryAuthFailure)` instead.
    public mutating func derived(_ keys: SCRAMCredential.Keys) -> Action {
        switch phase {
        case .ended(let failure): return .fail(failure)
        case .awaitingKeys: return proceed(machine.derived(keys))
        case .fresh, .awaitingClient, .awaitingCredential: preconditionFailure("nobody asked for keys")
        }
    }

    /// Ends the exchange from outside: `.aborted` when the client sent `<abort/>`, `.temporaryAuthFailure` when a store
    /// or the worker pool failed. Results that come later change nothing.
    public mutating func end(with failure: SASLFailure) -> Action {
        if case .ended(let earlier) = phase { return .fail(earlier) }
        return proceed(.fail(failure))
    }

    /// Notes whose turn it is after `action`.
    private mutating func proceed(_ action: Action) -> Action {
        switch action {
        case .challenge: phase = .awaitingClient
        case .lookUp: phase = .awaitingCredential
        case .derive: phase = .awaitingKeys
        case .succeed: end(remembering: .malformedRequest)
        case .fail(let failure): end(remembering: failure)
        }
        return action
    }

    /// Also forgets the password and the keys.
    private mutating func end(remembering failure: SASLFailure) {
        phase = .ended(failure)
        machine = AnonymousExchange()
    }
}

extension SASLExchange: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Names the mechanism, never what the client sent.
    public var description: String { "SASLExchange(\(mechanism.name))" }

    /// As `description`.
    public var debugDescription: String { description }

    /// Empty, so that `dump` shows no password.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// One mechanism's part of an exchange. `SASLExchange` calls these in an order that fits the actions returned, and
/// never after `.succeed` or `.fail`.
protocol SASLMechanismExchange: Sendable {
    mutating func receiveNoInitialResponse() -> SASLExchange.Action
    mutating func receive(_ message: [UInt8]) -> SASLExchange.Action
    mutating func credentialLoaded(_ credential: StoredCredential?) -> SASLExchange.Action
    mutating func derived(_ keys: SCRAMCredential.Keys) -> SASLExchange.Action
}

extension SASLMechanismExchange {
    /// RFC 6120 section 6.4.2: where the client speaks first and did not, it is sent an empty challenge.
    mutating func receiveNoInitialResponse() -> SASLExchange.Action { .challenge([]) }
}

/// ANONYMOUS, RFC 4505: one message with trace information, which is not used.
struct AnonymousExchange: SASLMechanismExchange {
    /// Longest trace information, in characters (RFC 4505 section 2).
    static let traceCharacterCountMax = 255

    /// XEP-0175 section 4: an empty `<auth/>` is answered with success.
    mutating func receiveNoInitialResponse() -> SASLExchange.Action {
        .succeed(.anonymous, additionalData: nil)
    }

    mutating func receive(_ message: [UInt8]) -> SASLExchange.Action {
        guard let trace = String(validating: message, as: UTF8.self), !message.contains(0),
            trace.unicodeScalars.count <= AnonymousExchange.traceCharacterCountMax
        else { return .fail(.malformedRequest) }
        return .succeed(.anonymous, additionalData: nil)
    }

    mutating func credentialLoaded(_ credential: StoredCredential?) -> SASLExchange.Action {
        preconditionFailure("ANONYMOUS looks nobody up")
    }

    mutating func derived(_ keys: SCRAMCredential.Keys) -> SASLExchange.Action {
        preconditionFailure("ANONYMOUS derives nothing")
    }
}
