// SPDX-License-Identifier: Apache-2.0
// What a server keeps of a password for SCRAM: RFC 5802 section 2.2 and section 3. Not here: its text form in a
// database (StoredCredentialText.swift).

/// Salt, StoredKey and ServerKey of one password, for one or more hash functions. It holds no password, but whoever has
/// it can pretend to be the server and can guess at the password: keep it secret.
public struct SCRAMCredential: Equatable, Sendable {
    /// What RFC 5802 section 3 keeps for one hash function.
    public struct Keys: Equatable, Sendable {
        /// The salt, in bytes as the client gets them.
        public let salt: [UInt8]
        /// H(ClientKey): verifies the client, cannot be used to log in.
        public let storedKey: [UInt8]
        /// HMAC(SaltedPassword, "Server Key"): proves the server to the client.
        public let serverKey: [UInt8]

        /// All three in bytes, not Base 64.
        public init(salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
            self.salt = salt
            self.storedKey = storedKey
            self.serverKey = serverKey
        }
    }

    /// Iterations when nobody says otherwise, as in MongooseIM. RFC 5802 section 5.1 asks for 4,096 or more.
    public static let iterationCountDefault = 10_000
    /// Most iterations that a stored credential may ask for: seconds of work already.
    public static let iterationCountMax = 10_000_000
    /// Length of the salts made here, as in MongooseIM.
    public static let saltByteCount = 16
    /// Longest salt read.
    public static let saltByteCountMax = 1_024

    /// PBKDF2's iterations, from 1 to `iterationCountMax`; the same for every hash function.
    public let iterationCount: Int
    private let keysByHash: [HashFunction: Keys]

    /// - Throws: `.iterationCountOutOfRange`, `.noKeys` when `keys` is empty, `.keyLengthWrong` when a key is not as
    ///   long as its digest or a salt is empty or too long. Whoever supplied the values causes it.
    public init(iterationCount: Int, keys: [HashFunction: Keys]) throws(StoredCredentialError) {
        guard (1...SCRAMCredential.iterationCountMax).contains(iterationCount) else { throw .iterationCountOutOfRange }
        guard !keys.isEmpty else { throw .noKeys }
        for (hash, keys) in keys {
            guard keys.storedKey.count == hash.digestByteCount, keys.serverKey.count == hash.digestByteCount,
                (1...SCRAMCredential.saltByteCountMax).contains(keys.salt.count)
            else { throw .keyLengthWrong(hash) }
        }
        self.iterationCount = iterationCount
        self.keysByHash = keys
    }

    /// The hash functions present, cheapest first; never empty.
    public var hashes: [HashFunction] { keysByHash.keys.sorted() }

    /// The keys for a hash function, or nil when the password was never stored for it.
    public subscript(_ hash: HashFunction) -> Keys? { keysByHash[hash] }

    /// The present hash function that costs the least to check a password with.
    var cheapest: (hash: HashFunction, keys: Keys) {
        guard let pair = keysByHash.min(by: { $0.key < $1.key }) else {
            preconditionFailure("init refuses a credential without keys")
        }
        return (pair.key, pair.value)
    }
}

extension SCRAMCredential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Names the hash functions and the iterations, never a key.
    public var description: String {
        "SCRAMCredential(\(hashes.map(\.name).joined(separator: ", ")), \(iterationCount) iterations)"
    }

    /// As `description`.
    public var debugDescription: String { description }

    /// Empty, so that `dump` shows no key.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension SCRAMCredential.Keys: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Shows nothing.
    public var description: String { "Keys(hidden)" }

    /// As `description`.
    public var debugDescription: String { description }

    /// Empty, so that `dump` shows no key.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
