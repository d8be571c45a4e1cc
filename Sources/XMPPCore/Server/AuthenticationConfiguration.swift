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

        /// A method with its options.
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

    /// How passwords are stored.
    public enum PasswordFormat: String, CaseIterable, Sendable {
        /// Salted and hashed, so that the store does not hold the password.
        case scram
        /// As they are.
        case plain
    }

    /// What the method `anonymous` can be told.
    public struct AnonymousOptions: ModuleOptions, Hashable {
        /// How a client asks for a temporary account.
        public enum LoginForm: String, CaseIterable, Sendable {
            /// By the SASL mechanism ANONYMOUS (XEP-0175), which lets the server choose the localpart.
            case sasl = "sasl_anon"
            /// By any mechanism, with a localpart of its choice and any password.
            case login = "login_anon"
            /// By either.
            case both
        }

        /// How a client asks for a temporary account.
        public var loginForm = LoginForm.sasl
        /// Whether several sessions may share a temporary account.
        public var allowsSeveralSessions = false

        /// The defaults.
        public init() {}

        /// Reads `protocol` and `allow_multiple_connections`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.read("protocol", into: &loginForm)
            try o.read("allow_multiple_connections", into: &allowsSeveralSessions)
        }
    }

    /// The methods in the order in which they are tried. Empty: nobody can log in.
    public var methods: [Method]
    /// The mechanisms that may be offered, strongest first. One is offered only when a method supports it.
    public var mechanisms: [SASLMechanism]
    /// How new passwords are stored.
    public var passwordFormat: PasswordFormat
    /// The hash functions for which new SCRAM passwords are stored. Never empty.
    public var passwordHashes: [HashFunction]
    /// The iterations of PBKDF2 for new SCRAM passwords. RFC 7677 section 4 wants at least 4096.
    public var scramIterationCount: Int
    /// The accounts that a domain may have; nil for no limit.
    public var accountCountMax: Int?

    /// A host with the accounts of the local store, all mechanisms and no limit, unless told otherwise.
    public init(
        methods: [Method] = [.internal], mechanisms: [SASLMechanism] = SASLMechanism.all,
        passwordFormat: PasswordFormat = .scram, passwordHashes: [HashFunction] = HashFunction.allCases,
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
