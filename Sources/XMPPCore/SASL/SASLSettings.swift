// SPDX-License-Identifier: Apache-2.0
// What a SASL exchange needs to know of its server: domain, limits, how localparts are prepared, and the decoys that
// hide which accounts exist.

/// Limits on what a client may send while it authenticates.
public struct SASLLimits: Equatable, Sendable {
    /// Longest message, in bytes after Base 64 decoding.
    public var messageByteCountMax = 4_096
    /// Longest authentication identity, in UTF-8 bytes: a localpart's bound (RFC 7622 section 3.3).
    public var usernameByteCountMax = 1_023
    /// Longest SCRAM client nonce, in bytes.
    public var nonceByteCountMax = 256

    /// The defaults.
    public init() {}
}

/// Stands in for the credential of an account that does not exist, so that a client cannot tell (RFC 5802 section 9,
/// RFC 6120 section 13.11).
///
/// The salt is a function of secret, domain, localpart and hash function, so that it stays the same from one attempt to
/// the next. Accounts whose stored iterations or form differ from the ones given here can still be told from unknown
/// ones.
public struct SASLDecoy: Sendable {
    /// How the server stores passwords, which decides how much work comes before SCRAM's first answer.
    public enum StoredForm: Sendable {
        /// SCRAM keys: no work.
        case scram
        /// The password itself: one PBKDF2.
        case plainPassword
    }

    /// Shortest secret taken, in bytes.
    public static let secretByteCountMin = 16

    /// Iterations that new passwords are stored with.
    public let iterationCount: Int
    /// Hash functions that new passwords are stored for.
    public let hashes: Set<HashFunction>
    /// How new passwords are stored.
    public let storedForm: StoredForm
    private let secret: [UInt8]

    /// - Parameters:
    ///   - secret: random bytes, at least `secretByteCountMin` (a shorter secret or an empty `hashes` is a bug of the
    ///     caller and traps). Keep it across restarts and share it between nodes: salts that change at a restart tell
    ///     which accounts do not exist.
    ///   - iterationCount: iterations that new passwords are stored with.
    ///   - hashes: hash functions that new passwords are stored for, at least one.
    ///   - storedForm: how new passwords are stored.
    public init(
        secret: [UInt8],
        iterationCount: Int = SCRAMCredential.iterationCountDefault,
        hashes: Set<HashFunction> = Set(HashFunction.allCases),
        storedForm: StoredForm = .scram
    ) {
        precondition(secret.count >= SASLDecoy.secretByteCountMin, "the decoy secret is too short")
        precondition(!hashes.isEmpty, "passwords are stored for at least one hash function")
        precondition((1...SCRAMCredential.iterationCountMax).contains(iterationCount), "iterations out of range")
        self.secret = secret
        self.iterationCount = iterationCount
        self.hashes = hashes
        self.storedForm = storedForm
    }

    /// The hash function that a password would be checked with.
    var cheapestHash: HashFunction { hashes.min() ?? .sha1 }

    /// The salt of an account for which none is stored.
    func salt(localpart: String, domain: String, hash: HashFunction) throws(CryptoError) -> [UInt8] {
        // NUL occurs in none of the three, so that no two inputs collide.
        let message = Array("\(hash.name)\0\(domain)\0\(localpart)".utf8)
        let code = try Crypto.hmac(key: secret, message: message, using: .sha256)
        return Array(code.prefix(SCRAMCredential.saltByteCount))
    }

    /// Keys that no password fits.
    func keys(localpart: String, domain: String, hash: HashFunction) throws(CryptoError) -> SCRAMCredential.Keys {
        let zeros = [UInt8](repeating: 0, count: hash.digestByteCount)
        return SCRAMCredential.Keys(
            salt: try salt(localpart: localpart, domain: domain, hash: hash), storedKey: zeros, serverKey: zeros)
    }
}

extension SASLDecoy: CustomReflectable, CustomStringConvertible {
    /// Names the hash functions and the iterations, never the secret.
    public var description: String {
        "SASLDecoy(\(hashes.sorted().map(\.name).joined(separator: ", ")), \(iterationCount) iterations)"
    }

    /// Empty, so that `dump` does not show the secret.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What every SASL exchange of one domain shares.
public struct SASLSettings: Sendable {
    /// Whether SCRAM's first answer carries the hash of what was advertised (XEP-0474).
    public enum DowngradeProtection: Sendable {
        /// No `h` attribute.
        case none
        /// The `h` attribute. The stream must then advertise exactly its `SASLOffer`.
        case hash
    }

    /// The domain that accounts belong to, prepared.
    public var domain: String
    /// Stands in for accounts that do not exist.
    public var decoy: SASLDecoy
    /// Limits on what clients send.
    public var limits = SASLLimits()
    /// Whether SCRAM protects the list of mechanisms, XEP-0474. Off until a server says so.
    public var downgradeProtection = DowngradeProtection.none
    /// Prepares a localpart (RFC 7622 section 3.3), or returns nil when it cannot be one. Called with the user name
    /// after SASLprep, not empty and within `limits.usernameByteCountMax` before preparation.
    public var prepareLocalpart: @Sendable (String) -> String?

    /// Settings that prepare localparts as `BareJID` does.
    ///
    /// - Parameter domain: the domain that accounts belong to, prepared.
    public init(domain: String, decoy: SASLDecoy) {
        self.domain = domain
        self.decoy = decoy
        self.prepareLocalpart = { name in
            // Why a name cannot be a localpart is nothing to tell a client that has not logged in.
            (try? BareJID(localpart: name, domainpart: domain))?.localpart
        }
    }
}
