// SPDX-License-Identifier: Apache-2.0
// What one stream advertises: mechanisms (RFC 6120 section 6.4.1, XEP-0388) and channel binding types (XEP-0440). Not
// here: the XML of the features.

/// The mechanisms and channel binding types that a stream advertises. The stream must advertise exactly this: SCRAM's
/// downgrade checks compare with it.
public struct SASLOffer: Hashable, Sendable {
    /// Whether the stream is encrypted, or counts as if it were.
    public enum Transport: Hashable, Sendable {
        /// Bytes that anyone on the way can read.
        case plaintext
        /// TLS, or a path that needs none (an in-process stream, a proxy on the same machine).
        case secure
    }

    /// The mechanisms, strongest first.
    public let mechanisms: [SASLMechanism]
    /// The channel binding types, strongest first. Empty when no mechanism uses them.
    public let channelBindingTypes: [ChannelBindingType]
    /// Configured mechanisms that wait for TLS.
    private let withheldForTLS: Set<SASLMechanism>

    /// - Parameters:
    ///   - configured: the mechanisms that the administrator allows, in any order.
    ///   - channelBindingTypes: those of this connection, strongest first; without any, no `-PLUS` mechanism is offered.
    public init(
        configured: Set<SASLMechanism>, transport: Transport, channelBindingTypes: [ChannelBindingType] = []
    ) {
        var mechanisms: [SASLMechanism] = []
        var withheld: Set<SASLMechanism> = []
        for mechanism in SASLMechanism.all where configured.contains(mechanism) {
            if mechanism.needsTLS, transport == .plaintext {
                withheld.insert(mechanism)
            } else if !mechanism.usesChannelBinding || !channelBindingTypes.isEmpty {
                mechanisms.append(mechanism)
            }
        }
        self.mechanisms = mechanisms
        self.withheldForTLS = withheld
        self.channelBindingTypes =
            mechanisms.contains(where: \.usesChannelBinding) ? channelBindingTypes : []
    }

    /// The offered mechanism that a client named.
    ///
    /// - Throws: `.encryptionRequired` for one that is configured and waits for TLS (RFC 6120 section 6.5.4), else
    ///   `.invalidMechanism` (section 6.5.7). The client causes both.
    public func mechanism(named name: String) throws(SASLFailure) -> SASLMechanism {
        guard let mechanism = SASLMechanism(name: name) else { throw .invalidMechanism }
        if withheldForTLS.contains(mechanism) { throw .encryptionRequired }
        guard mechanisms.contains(mechanism) else { throw .invalidMechanism }
        return mechanism
    }

    /// The input of the hash of XEP-0474 (SASL SCRAM Downgrade Protection), section "Server Sends Downgrade Protection
    /// Hash": sorted names, record separators between them, a unit separator between the two lists.
    var downgradeProtectionInput: [UInt8] {
        func join(_ names: [String]) -> [UInt8] {
            // The collation is i;octet; the names are ASCII.
            Array(names.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }.joined(separator: [0x1E]))
        }
        let names = join(mechanisms.map(\.name))
        return channelBindingTypes.isEmpty ? names : names + [0x1F] + join(channelBindingTypes.map(\.rawValue))
    }
}
