// SPDX-License-Identifier: Apache-2.0
// Where the server accepts connections of clients, and on which conditions.

/// A socket on which the server accepts connections of clients.
public struct ListenerConfiguration: Sendable {
    /// The version of the Internet Protocol.
    public enum IPVersion: Int, Sendable {
        case v4 = 4
        case v6 = 6
    }

    /// The address to bind to, in digits; nil for every address of the machine.
    public var address: String?
    /// The version of `address`, or which addresses "every" means. A socket for every IPv6 address takes IPv4 as well.
    public var ipVersion: IPVersion
    /// The TCP port; 0 lets the system choose one.
    public var port: UInt16
    /// Connections that the kernel keeps until the server accepts them.
    public var backlog: Int
    /// Connections at one time; nil for as many as the process may have descriptors.
    public var connectionCountMax: Int?
    /// Bytes in one stanza; nil for the limit that the XML parser has anyway.
    public var stanzaByteCountMax: Int?
    /// How long a client may take for each step until it has bound a resource; nil for as long as it likes.
    public var stateTimeout: Duration?
    /// The shaper that slows what clients send; nil for none.
    public var shaper: String?
    /// The access rule that decides who may have a session here.
    public var accessRule: String
    /// The authentication methods that work here; nil for all of the host.
    public var allowedMethods: [AuthenticationConfiguration.MethodName]?
    /// Encryption.
    public var tls: ListenerTLS
    /// The line of the section.
    public var location: SourceLocation

    /// A listener without encryption on every IPv4 address, unless told otherwise.
    public init(
        address: String? = nil, ipVersion: IPVersion = .v4, port: UInt16 = 5222, backlog: Int = 1_024,
        connectionCountMax: Int? = nil, stanzaByteCountMax: Int? = nil, stateTimeout: Duration? = .seconds(5),
        shaper: String? = nil, accessRule: String = "all",
        allowedMethods: [AuthenticationConfiguration.MethodName]? = nil, tls: ListenerTLS = ListenerTLS(),
        location: SourceLocation = .code
    ) {
        self.address = address
        self.ipVersion = ipVersion
        self.port = port
        self.backlog = backlog
        self.connectionCountMax = connectionCountMax
        self.stanzaByteCountMax = stanzaByteCountMax
        self.stateTimeout = stateTimeout
        self.shaper = shaper
        self.accessRule = accessRule
        self.allowedMethods = allowedMethods
        self.tls = tls
        self.location = location
    }

    /// Whether only programs on this machine can connect.
    public var isLoopbackOnly: Bool {
        guard let address else { return false }
        // 127.0.0.0/8 is loopback as a whole (RFC 1122 section 3.2.1.3); IPv6 has one such address (RFC 4291
        // section 2.5.3).
        return ipVersion == .v4 ? address.hasPrefix("127.") : address == "::1" || address == "0:0:0:0:0:0:0:1"
    }
}

/// The encryption of a listener.
public struct ListenerTLS: Hashable, Sendable {
    /// When a connection is encrypted.
    public enum Mode: String, Sendable {
        /// Never.
        case none
        /// When the client asks for it (RFC 6120 section 5).
        case starttls
        /// The client must ask for it before anything else.
        case starttlsRequired = "starttls_required"
        /// From the first byte (XEP-0368).
        case tls
    }

    /// What the server makes of the client's certificate.
    public enum VerifyMode: String, CaseIterable, Sendable {
        /// One that is presented must be signed by an authority of `authorityPath`.
        case peer
        /// One that is presented may be signed by itself.
        case selfSignedPeer = "selfsigned_peer"
        /// None is asked for.
        case none
    }

    /// How a client resumes a TLS session.
    public enum SessionTickets: String, CaseIterable, Sendable {
        /// Not at all.
        case disabled
        /// From what the server remembers.
        case stateful
        /// From what the client keeps, encrypted by the server.
        case stateless
    }

    /// A version of TLS, under its configuration name.
    public enum Version: String, CaseIterable, Sendable {
        case v12 = "tlsv1.2"
        case v13 = "tlsv1.3"
    }

    /// When a connection is encrypted.
    public var mode: Mode
    /// What the server makes of the client's certificate.
    public var verifyMode: VerifyMode
    /// The file with the certificate and its chain (PEM); nil for none, which is only possible where `mode` is `.none`
    /// or the listener can make do with a certificate of its own making.
    public var certificatePath: String?
    /// The file with the private key (PEM); nil when it is in the certificate's file.
    public var keyPath: String?
    /// The password of the private key; nil when it has none.
    public var keyPassword: String?
    /// The file with the authorities that clients' certificates are checked against (PEM); nil for the system's.
    public var authorityPath: String?
    /// The cipher suites in OpenSSL's notation; nil for OpenSSL's default.
    public var ciphers: String?
    /// The versions that are accepted. Never empty.
    public var versions: [Version]
    /// The file with Diffie-Hellman parameters (PEM); nil for the built-in ones.
    public var diffieHellmanPath: String?
    /// How a client resumes a TLS session.
    public var sessionTickets: SessionTickets

    /// No encryption, unless told otherwise.
    public init(
        mode: Mode = .none, verifyMode: VerifyMode = .peer, certificatePath: String? = nil, keyPath: String? = nil,
        keyPassword: String? = nil, authorityPath: String? = nil, ciphers: String? = nil,
        versions: [Version] = Version.allCases, diffieHellmanPath: String? = nil,
        sessionTickets: SessionTickets = .stateless
    ) {
        self.mode = mode
        self.verifyMode = verifyMode
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        self.keyPassword = keyPassword
        self.authorityPath = authorityPath
        self.ciphers = ciphers
        self.versions = versions
        self.diffieHellmanPath = diffieHellmanPath
        self.sessionTickets = sessionTickets
    }
}
