// SPDX-License-Identifier: Apache-2.0
// Channel binding (RFC 5056): the types that mimd offers, and their data for one connection. The data itself is
// computed by the TLS layer. Not here: tls-unique (RFC 5929), which TLS 1.3 does not have.

/// A channel binding type, strongest first. The raw value is its unique prefix in the IANA registry.
public enum ChannelBindingType: String, CaseIterable, Sendable {
    /// Keying material exported from this very connection (RFC 9266). With TLS 1.2 only with extended master secret.
    case tlsExporter = "tls-exporter"
    /// The hash of the server's certificate (RFC 5929 section 4).
    case tlsServerEndPoint = "tls-server-end-point"
}

/// The channel binding data of one connection. Empty without TLS.
public struct ChannelBindings: Equatable, Sendable {
    private let data: [ChannelBindingType: [UInt8]]

    /// - Parameter data: for each type that this connection can do, the data without the type's prefix.
    public init(_ data: [ChannelBindingType: [UInt8]] = [:]) {
        self.data = data
    }

    /// The types that this connection can do, strongest first, as XEP-0440 advertises them.
    public var types: [ChannelBindingType] {
        ChannelBindingType.allCases.filter { data[$0] != nil }
    }

    /// The data of a type, or nil when this connection cannot do it.
    public subscript(_ type: ChannelBindingType) -> [UInt8]? { data[type] }
}
