// SPDX-License-Identifier: Apache-2.0
// What it takes to reach a database server.

/// How a pool of connections reaches its server, and what it takes on.
public struct DatabaseSettings: Hashable, Sendable {
    /// How TLS is used.
    public struct TLS: Hashable, Sendable {
        /// What is known of the server before it is trusted.
        public enum Verification: Hashable, Sendable {
            /// Nothing: TLS keeps out those who only listen.
            case none
            /// Its certificate comes from an authority that is trusted, whatever name is in it. MySQL's driver wants
            /// ``DatabaseSettings/TLS/authorityPath`` for that, and verifies the name otherwise.
            case authority
            /// Its certificate comes from such an authority, and names the host.
            case hostName
        }

        /// Whether a server without TLS is refused. One that is to be verified is refused in any case.
        public var isRequired = false
        /// What is verified.
        public var verification = Verification.hostName
        /// The authorities' certificates, a file in PEM; nil for those that the driver takes by itself.
        public var authorityPath: String?
        /// The client's certificate, a file in PEM; nil for none.
        public var certificatePath: String?
        /// The key of the client's certificate; nil for none.
        public var keyPath: String?
        /// The password of the key; nil for none.
        public var keyPassword: String?

        /// TLS where the server has it, verified.
        public init() {}
    }

    /// The host's name or address; a path that starts with `/` is the directory of a local socket.
    public var host: String
    /// The TCP port, 1 to 65,535.
    public var port: Int
    /// The database.
    public var database: String
    /// Whom to log in as: a role, a user.
    public var username: String
    /// His password; nil where the server asks for none.
    public var password: String?
    /// Nil for none.
    public var tls: TLS?

    /// How many connections are held open, 1 or more.
    public var connectionCount = 10
    /// How long an answer may take: after that the connection is given up, and whoever waits gets
    /// `StorageError.unavailable`. Not known then is whether a write was done.
    public var answerTimeout = Duration.seconds(5)
    /// How long a request may wait for a connection.
    public var waitMax = Duration.seconds(60)
    /// Most requests that wait; the next one throws `StorageError.unavailable`.
    public var requestCountMax = 10_000
    /// After how long without work a connection is tried with a statement; nil for never.
    public var keepaliveInterval: Duration?
    /// The longest pause between two attempts to connect. The first is a tenth of a second, and each later one twice
    /// as long, less up to a half by chance.
    public var reconnectDelayMax = Duration.seconds(30)

    /// Settings with the defaults of the rest.
    public init(host: String, port: Int, database: String, username: String) {
        self.host = host
        self.port = port
        self.database = database
        self.username = username
    }
}
