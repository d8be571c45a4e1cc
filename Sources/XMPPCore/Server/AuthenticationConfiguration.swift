// SPDX-License-Identifier: Apache-2.0
// How the accounts of a host authenticate.

/// How the accounts of a host authenticate.
public struct AuthenticationConfiguration: Sendable {
    /// A source of accounts, under its configuration name.
    public enum MethodName: String, CaseIterable, Sendable {
        case anonymous
        case dummy
        case external
        case http
        case `internal`
        case jwt
        case ldap
        case pki
        case rdbms
    }

    /// A source of accounts with its options.
    public struct Method: Sendable {
        /// Which it is.
        public var name: MethodName
        /// Where the accounts lie; nil for a method that keeps none.
        public var backend: BackendSelection?
        /// Its own options, without `backend`.
        public var options: ConfigurationTable
        /// The line of the section.
        public var location: SourceLocation

        public init(
            _ name: MethodName, backend: BackendSelection? = nil, options: ConfigurationTable = [:],
            at location: SourceLocation = .code
        ) {
            self.name = name
            self.backend = backend
            self.options = options
            self.location = location
        }

        /// The accounts of the local store.
        public static let `internal` = Method(.internal, backend: BackendSelection(section: "auth.internal"))
    }

    /// A SASL mechanism, under its configuration name.
    public enum Mechanism: String, CaseIterable, Sendable {
        case scramSHA512Plus = "scram_sha512_plus"
        case scramSHA512 = "scram_sha512"
        case scramSHA384Plus = "scram_sha384_plus"
        case scramSHA384 = "scram_sha384"
        case scramSHA256Plus = "scram_sha256_plus"
        case scramSHA256 = "scram_sha256"
        case scramSHA224Plus = "scram_sha224_plus"
        case scramSHA224 = "scram_sha224"
        case scramSHA1Plus = "scram_sha1_plus"
        case scramSHA1 = "scram_sha1"
        case plain
        case anonymous

        /// The name on the wire, such as `SCRAM-SHA-256-PLUS` (RFC 4422 section 3.1).
        public var wireName: String {
            switch self {
            case .scramSHA512Plus: "SCRAM-SHA-512-PLUS"
            case .scramSHA512: "SCRAM-SHA-512"
            case .scramSHA384Plus: "SCRAM-SHA-384-PLUS"
            case .scramSHA384: "SCRAM-SHA-384"
            case .scramSHA256Plus: "SCRAM-SHA-256-PLUS"
            case .scramSHA256: "SCRAM-SHA-256"
            case .scramSHA224Plus: "SCRAM-SHA-224-PLUS"
            case .scramSHA224: "SCRAM-SHA-224"
            case .scramSHA1Plus: "SCRAM-SHA-1-PLUS"
            case .scramSHA1: "SCRAM-SHA-1"
            case .plain: "PLAIN"
            case .anonymous: "ANONYMOUS"
            }
        }
    }

    /// How passwords are stored.
    public enum PasswordFormat: String, CaseIterable, Sendable {
        /// Salted and hashed, so that the store does not hold the password.
        case scram
        /// As they are.
        case plain
    }

    /// A hash for which a SCRAM password is stored, under its configuration name.
    public enum PasswordHash: String, CaseIterable, Sendable {
        case sha1 = "sha"
        case sha224
        case sha256
        case sha384
        case sha512
    }

    /// The methods in the order in which they are tried. Empty: nobody can log in.
    public var methods: [Method]
    /// The mechanisms that may be offered, strongest first. One is offered only when a method supports it.
    public var mechanisms: [Mechanism]
    /// How new passwords are stored.
    public var passwordFormat: PasswordFormat
    /// The hashes for which new SCRAM passwords are stored.
    public var passwordHashes: [PasswordHash]
    /// The iterations of PBKDF2 for new SCRAM passwords. RFC 7677 section 4 wants at least 4096.
    public var scramIterationCount: Int
    /// The accounts that a domain may have; nil for no limit.
    public var accountCountMax: Int?

    public init(
        methods: [Method] = [.internal], mechanisms: [Mechanism] = Mechanism.allCases,
        passwordFormat: PasswordFormat = .scram, passwordHashes: [PasswordHash] = PasswordHash.allCases,
        scramIterationCount: Int = 10_000, accountCountMax: Int? = nil
    ) {
        self.methods = methods
        self.mechanisms = mechanisms
        self.passwordFormat = passwordFormat
        self.passwordHashes = passwordHashes
        self.scramIterationCount = scramIterationCount
        self.accountCountMax = accountCountMax
    }
}
