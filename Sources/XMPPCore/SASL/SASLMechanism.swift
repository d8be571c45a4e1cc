// SPDX-License-Identifier: Apache-2.0
// The SASL mechanisms that mimd serves, by their IANA names: PLAIN (RFC 4616), SCRAM (RFC 5802, RFC 7677) with and
// without channel binding, ANONYMOUS (RFC 4505). Not here: DIGEST-MD5 (RFC 6331 made it historic), EXTERNAL,
// OAUTHBEARER.

/// A SASL mechanism.
public enum SASLMechanism: Hashable, Sendable {
    /// The password as it is (RFC 4616).
    case plain
    /// SCRAM without channel binding (RFC 5802).
    case scram(HashFunction)
    /// SCRAM with channel binding: the name ends in `-PLUS` (RFC 5802 section 6).
    case scramPlus(HashFunction)
    /// A temporary account for whoever asks (RFC 4505, XEP-0175).
    case anonymous

    /// Every mechanism, strongest first.
    public static let all: [SASLMechanism] =
        HashFunction.allCases.sorted(by: >).flatMap { [.scramPlus($0), .scram($0)] } + [.plain, .anonymous]

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// The mechanism of that IANA name (capitals, as on the wire), or nil for one that mimd does not know.
    public init?(name: String) {
        guard let mechanism = SASLMechanism.byName[name] else { return nil }
        self = mechanism
    }

    /// The name on the wire.
    public var name: String {
        switch self {
        case .plain: "PLAIN"
        case .scram(let hash): "SCRAM-\(hash.name)"
        case .scramPlus(let hash): "SCRAM-\(hash.name)-PLUS"
        case .anonymous: "ANONYMOUS"
        }
    }

    /// SCRAM's hash function; nil for the others.
    public var hash: HashFunction? {
        switch self {
        case .scram(let hash), .scramPlus(let hash): hash
        case .plain, .anonymous: nil
        }
    }

    /// Whether the client proves that it speaks through the same TLS connection.
    public var usesChannelBinding: Bool {
        if case .scramPlus = self { true } else { false }
    }

    /// Whether the mechanism is only offered under TLS: PLAIN shows the password (RFC 6120 section 13.8.3), channel
    /// binding has nothing to bind to otherwise.
    public var needsTLS: Bool {
        switch self {
        case .plain, .scramPlus: true
        case .scram, .anonymous: false
        }
    }
}
