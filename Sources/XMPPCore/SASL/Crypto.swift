// SPDX-License-Identifier: Apache-2.0
// Thin wrappers of OpenSSL's hash, HMAC (RFC 2104) and PBKDF2 (RFC 8018 section 5.2) and of the kernel's random bytes,
// every return code checked. Not here: TLS, and anything that needs a key pair.

import CLinux
import COpenSSL

/// OpenSSL or the kernel refused an operation. The peer did not cause it: memory ran out, the random source failed, or a policy of
/// the system (FIPS) forbids the hash function.
public enum CryptoError: Error, Equatable, Sendable {
    case digestFailed(HashFunction)
    case hmacFailed(HashFunction)
    case pbkdf2Failed(HashFunction)
    case randomSourceFailed
}

/// Hashes, message authentication codes, key derivation and random bytes.
///
/// All functions may be called from any thread at once.
public enum Crypto {
    /// The digest of `bytes`, `hash.digestByteCount` long.
    public static func digest(_ bytes: [UInt8], using hash: HashFunction) throws(CryptoError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: hash.digestByteCount)
        var writtenByteCount: UInt32 = 0
        let code = EVP_Digest(bytes, bytes.count, &output, &writtenByteCount, hash.openSSLDigest, nil)
        guard code == 1, Int(writtenByteCount) == output.count else { throw .digestFailed(hash) }
        return output
    }

    /// The HMAC (RFC 2104) of `message` under `key`, `hash.digestByteCount` long.
    public static func hmac(
        key: [UInt8], message: [UInt8], using hash: HashFunction
    ) throws(CryptoError) -> [UInt8] {
        // The bound of OpenSSL's own function, which the shim may fall back to.
        guard Int32(exactly: key.count) != nil else { throw .hmacFailed(hash) }
        let function =
            switch hash {
            case .sha1: mimd_hmac_sha1
            case .sha224: mimd_hmac_sha224
            case .sha256: mimd_hmac_sha256
            case .sha384: mimd_hmac_sha384
            case .sha512: mimd_hmac_sha512
            }
        var output = [UInt8](repeating: 0, count: hash.digestByteCount)
        guard function(key, key.count, message, message.count, &output) == 1 else { throw .hmacFailed(hash) }
        return output
    }

    /// PBKDF2 with HMAC, which is `Hi` of RFC 5802 section 2.2 when one digest's length is asked for, as here.
    ///
    /// This is slow by purpose, milliseconds for 10,000 iterations: run it on a `WorkerPool`, never on an event loop.
    ///
    /// - Parameter iterationCount: 1 or more; outside `Int32` it throws.
    public static func pbkdf2(
        password: [UInt8], salt: [UInt8], iterationCount: Int, using hash: HashFunction
    ) throws(CryptoError) -> [UInt8] {
        // The bounds of OpenSSL's own function, which the shim may fall back to.
        guard let iterations = Int32(exactly: iterationCount), iterations > 0,
            Int32(exactly: password.count) != nil, Int32(exactly: salt.count) != nil
        else { throw .pbkdf2Failed(hash) }
        let function =
            switch hash {
            case .sha1: mimd_pbkdf2_sha1
            case .sha224: mimd_pbkdf2_sha224
            case .sha256: mimd_pbkdf2_sha256
            case .sha384: mimd_pbkdf2_sha384
            case .sha512: mimd_pbkdf2_sha512
            }
        var output = [UInt8](repeating: 0, count: hash.digestByteCount)
        let code = function(password, password.count, salt, salt.count, UInt32(iterations), &output)
        guard code == 1 else { throw .pbkdf2Failed(hash) }
        return output
    }

    /// Whether both are equal, in a time that depends on nothing but their lengths.
    public static func isEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }

    /// Bytes that nobody can guess, for salts, nonces and tokens: the kernel's, which cost less than OpenSSL's.
    ///
    /// - Parameter count: from 0 to `randomByteCountMax`.
    /// - Throws: `.randomSourceFailed` when the kernel has none, or for another count.
    public static func randomBytes(count: Int) throws(CryptoError) -> [UInt8] {
        guard (0...randomByteCountMax).contains(count) else { throw .randomSourceFailed }
        var output = [UInt8](repeating: 0, count: count)
        // So few are always given at once (getrandom(2)).
        guard getrandom(&output, count, 0) == count else { throw .randomSourceFailed }
        return output
    }
    /// Most bytes that are made in a call.
    public static let randomByteCountMax = 256
}
