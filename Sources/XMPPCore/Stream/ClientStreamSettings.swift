// SPDX-License-Identifier: Apache-2.0
// What all streams of a listener share.

/// The rules that a client's stream is served by.
struct ClientStreamSettings: Sendable {
    /// What TLS means to the stream.
    var tlsMode: ListenerTLS.Mode = .none
    var limits = XMLLimits()
    /// The bytes of one stanza before the client has authenticated, where `limits` allow no less. A stranger has little
    /// to say, and there may be as many strangers as descriptors. RFC 6120 section 13.12 demands at least 10,000.
    var strangerStanzaByteCountMax = 16_384
    /// How long each step of the negotiation may take; nil for as long as the client likes.
    var stateTimeout: Duration? = .seconds(5)
    /// After so long without a byte from the client the server says something, so that a dead connection is noticed.
    var keepaliveInterval: Duration = .seconds(300)
    /// How long the client may take to answer when it is asked for an acknowledgement.
    var acknowledgementTimeout: Duration = .seconds(60)
    /// Failed authentications on one stream, aborted ones included (RFC 6120 section 6.4.5).
    var authenticationAttemptCountMax = 5
    /// Requests on one stream before the client has authenticated: each gives it the time of another step.
    var strangerRequestCountMax = 10
    /// The access rule that a client must pass to bind a resource.
    var accessRule = "all"
    /// The language of a stream whose client names none (BCP 47).
    var language = "en"
    var unservedStreams: ServerConfiguration.UnservedStreams = .answered
    /// Authentication methods that this listener allows; nil for all of the host's.
    var allowedMethods: [AuthenticationConfiguration.MethodName]?

    /// The limits before the client has authenticated.
    var strangerLimits: XMLLimits {
        var limits = limits
        limits.stanzaByteCountMax = min(limits.stanzaByteCountMax, strangerStanzaByteCountMax)
        return limits
    }
}

/// What streams need of their server.
struct ClientStreamServices: Sendable {
    let router: Router
    let resumptions: ResumptionRegistry
    /// The authentication of each host, by its domain.
    let authenticators: [String: Authenticator]
    /// Takes note of streams, so that a shutdown reaches those that have no session yet.
    let streams: StreamRegistry
    let features = StreamFeatureCache()
}
