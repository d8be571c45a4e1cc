// SPDX-License-Identifier: Apache-2.0
// What the modules mod_stream_management, mod_sasl2 and mod_bind2 switch on in the streams of a host.

/// Stream management (XEP-0198) as configured. A host without it does not offer stream management.
public struct StreamManagementOptions: Sendable, Equatable {
    /// Stanzas that are kept until the client acknowledges them; nil for none, and then no resumption.
    public var bufferedStanzaCountMax: Int?
    /// After how many stanzas the client is asked for an acknowledgement; nil for never.
    public var acknowledgementFrequency: Int?
    /// How long a session waits for its client to come back.
    public var resumptionTimeout: Duration

    /// Makes the options; see the properties for what nil means.
    public init(
        bufferedStanzaCountMax: Int? = 100,
        acknowledgementFrequency: Int? = 1,
        resumptionTimeout: Duration = .seconds(600)
    ) {
        self.bufferedStanzaCountMax = bufferedStanzaCountMax
        self.acknowledgementFrequency = acknowledgementFrequency
        self.resumptionTimeout = resumptionTimeout
    }
}

/// Extensible SASL (XEP-0388). A host without it offers only the profile of RFC 6120.
public struct SASL2Options: Sendable {
    /// There is nothing to set: where it is, SASL2 is offered.
    public init() {}
}

/// Bind 2 (XEP-0386), inside SASL2.
public struct Bind2Options: Sendable {
    /// There is nothing to set: where it is, Bind 2 is offered.
    public init() {}
}
