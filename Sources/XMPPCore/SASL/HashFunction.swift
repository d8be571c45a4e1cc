// SPDX-License-Identifier: Apache-2.0
// The hash functions that SCRAM is used with: RFC 5802 (SHA-1), RFC 7677 (SHA-256) and the IANA SASL registry's others.
// Not here: SHA-3, which no deployed client offers.

import COpenSSL

/// A hash function by its IANA name, cheapest first.
public enum HashFunction: String, CaseIterable, Comparable, Sendable {
    case sha1 = "SHA-1"
    case sha224 = "SHA-224"
    case sha256 = "SHA-256"
    case sha384 = "SHA-384"
    case sha512 = "SHA-512"

    /// The name in the IANA registry of hash function textual names, in capitals: `SHA-256`.
    public var name: String { rawValue }

    /// Length of a digest, in bytes.
    public var digestByteCount: Int {
        switch self {
        case .sha1: 20
        case .sha224: 28
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// Orders by cost and strength, which for these five is the order of digest length.
    public static func < (left: HashFunction, right: HashFunction) -> Bool {
        left.digestByteCount < right.digestByteCount
    }

    /// OpenSSL's description of the function: a static object that is never freed.
    var openSSLDigest: OpaquePointer? {
        switch self {
        case .sha1: EVP_sha1()
        case .sha224: EVP_sha224()
        case .sha256: EVP_sha256()
        case .sha384: EVP_sha384()
        case .sha512: EVP_sha512()
        }
    }
}
