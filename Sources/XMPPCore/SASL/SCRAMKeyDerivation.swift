// SPDX-License-Identifier: Apache-2.0
// The slow step of SCRAM and of checking a password: from a password to StoredKey and ServerKey, RFC 5802 section 3.

/// Work for a `WorkerPool`: derives SCRAM keys from a password. The value holds the password; it prints nothing of it.
public struct SCRAMKeyDerivation: Equatable, Sendable {
    /// The hash function of HMAC and PBKDF2.
    public let hash: HashFunction
    /// The salt, in bytes.
    public let salt: [UInt8]
    /// PBKDF2's iterations.
    public let iterationCount: Int
    /// The password after SASLprep, UTF-8.
    let password: [UInt8]

    init(hash: HashFunction, salt: [UInt8], iterationCount: Int, password: [UInt8]) {
        self.hash = hash
        self.salt = salt
        self.iterationCount = iterationCount
        self.password = password
    }

    /// Does the work: one PBKDF2, three HMACs at most. Milliseconds of CPU; never call it on an event loop.
    ///
    /// - Throws: `CryptoError` when OpenSSL fails; nothing that a client sends causes it.
    public func run() throws(CryptoError) -> SCRAMCredential.Keys {
        // RFC 5802 section 3: SaltedPassword, ClientKey, StoredKey; ServerKey.
        let saltedPassword = try Crypto.pbkdf2(
            password: password, salt: salt, iterationCount: iterationCount, using: hash)
        let clientKey = try Crypto.hmac(key: saltedPassword, message: Array("Client Key".utf8), using: hash)
        let storedKey = try Crypto.digest(clientKey, using: hash)
        let serverKey = try Crypto.hmac(key: saltedPassword, message: Array("Server Key".utf8), using: hash)
        return SCRAMCredential.Keys(salt: salt, storedKey: storedKey, serverKey: serverKey)
    }
}

extension SCRAMKeyDerivation: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Names the hash function and the iterations, never the password.
    public var description: String { "SCRAMKeyDerivation(\(hash.name), \(iterationCount) iterations)" }

    /// As `description`.
    public var debugDescription: String { description }

    /// Empty, so that `dump` shows no password.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
