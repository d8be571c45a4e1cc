// SPDX-License-Identifier: Apache-2.0
// What an account store keeps of a password: SCRAM keys, or the password itself in old rows. MongooseIM
// interoperability.

/// Why a password or a stored credential was refused. Carries no part of either.
public enum StoredCredentialError: Error, Equatable, Sendable {
    /// The password is empty, or SASLprep (RFC 4013) prohibits it. Whoever chose the password causes it.
    case passwordNotAllowed
    /// The iteration count is not a number from 1 to `SCRAMCredential.iterationCountMax`.
    case iterationCountOutOfRange
    /// There are no keys for any hash function known here.
    case noKeys
    /// A key does not have its digest's length, or the salt is empty or too long.
    case keyLengthWrong(HashFunction)
    /// A stored text is not in a known form. The database causes it.
    case malformedText
    /// OpenSSL failed.
    case crypto(CryptoError)
}

/// What an account store keeps of a password.
public enum StoredCredential: Equatable, Sendable {
    /// SCRAM keys: the usual form.
    case scram(SCRAMCredential)
    /// The password itself: rows that MongooseIM wrote with `password.format = "plain"`. No login matches one that is
    /// empty or that SASLprep prohibits.
    case plainPassword(String)

    /// Longest password taken, in UTF-8 bytes, before and after SASLprep.
    public static let passwordByteCountMax = 1_023

    /// Derives the SCRAM credential of a new password, with a fresh salt for each hash function.
    ///
    /// This costs one PBKDF2 per hash function, tens of milliseconds: run it on a `WorkerPool`.
    ///
    /// - Parameters:
    ///   - hashes: one or more hash functions.
    ///   - iterationCount: from 1 to `SCRAMCredential.iterationCountMax`.
    ///   - saltFrom: makes a salt of that many bytes; random by default, and only tests want another.
    /// - Throws: `.passwordNotAllowed`, `.noKeys`, `.iterationCountOutOfRange` for bad arguments; `.crypto`.
    public static func derive(
        password: String,
        hashes: Set<HashFunction> = Set(HashFunction.allCases),
        iterationCount: Int = SCRAMCredential.iterationCountDefault,
        saltFrom: (Int) throws(CryptoError) -> [UInt8] = Crypto.randomBytes(count:)
    ) throws(StoredCredentialError) -> StoredCredential {
        guard let prepared = prepare(password: Array(password.utf8)) else { throw .passwordNotAllowed }
        guard (1...SCRAMCredential.iterationCountMax).contains(iterationCount) else { throw .iterationCountOutOfRange }
        var keys: [HashFunction: SCRAMCredential.Keys] = [:]
        do throws(CryptoError) {
            for hash in hashes.sorted() {
                let derivation = SCRAMKeyDerivation(
                    hash: hash, salt: try saltFrom(SCRAMCredential.saltByteCount), iterationCount: iterationCount,
                    password: prepared)
                keys[hash] = try derivation.run()
            }
        } catch {
            throw .crypto(error)
        }
        return .scram(try SCRAMCredential(iterationCount: iterationCount, keys: keys))
    }

    /// Whether `password` is the one stored, checked with the cheapest hash function present.
    ///
    /// This costs one PBKDF2 for SCRAM keys: run it on a `WorkerPool`. A login goes through `SASLExchange` instead,
    /// which also hides whether the account exists.
    ///
    /// - Throws: `CryptoError` when OpenSSL fails.
    public func matches(password: String) throws(CryptoError) -> Bool {
        guard let prepared = StoredCredential.prepare(password: Array(password.utf8)) else { return false }
        switch self {
        case .plainPassword(let stored):
            guard let stored = StoredCredential.prepare(password: Array(stored.utf8)) else { return false }
            return Crypto.isEqualInConstantTime(prepared, stored)
        case .scram(let credential):
            let (hash, keys) = credential.cheapest
            let derivation = SCRAMKeyDerivation(
                hash: hash, salt: keys.salt, iterationCount: credential.iterationCount, password: prepared)
            return Crypto.isEqualInConstantTime(try derivation.run().storedKey, keys.storedKey)
        }
    }

    /// The password after SASLprep (RFC 4616 section 2, RFC 5802 section 2.2), or nil when it may not be one.
    static func prepare(password: [UInt8]) -> [UInt8]? {
        guard password.count <= passwordByteCountMax, let prepared = SASLprep.prepare(password),
            (1...passwordByteCountMax).contains(prepared.count)
        else { return nil }
        return prepared
    }
}

extension StoredCredential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Names the form, never a password or key.
    public var description: String {
        switch self {
        case .scram(let credential): credential.description
        case .plainPassword: "StoredCredential(plain password, hidden)"
        }
    }

    /// As `description`.
    public var debugDescription: String { description }

    /// Empty, so that `dump` shows no password.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
