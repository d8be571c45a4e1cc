// SPDX-License-Identifier: Apache-2.0
// Names that nobody can guess.

import CLinux

/// Random text for stream, session and stanza identifiers (RFC 6120 section 4.7.3).
enum RandomToken {
    /// The random bits of a token.
    static let bitCount = 120

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// 20 characters of the alphabet of URLs.
    static func make() -> String {
        var bits: UInt128 = 0
        let byteCount = withUnsafeMutableBytes(of: &bits) { getrandom($0.baseAddress, $0.count, 0) }
        // So few bytes are always given at once (getrandom(2)).
        precondition(byteCount == MemoryLayout.size(ofValue: bits), "the kernel has no random bytes")
        return String(unsafeUninitializedCapacity: bitCount / 6) { buffer in
            for index in 0..<bitCount / 6 {
                buffer[index] = alphabet[Int(bits & 63)]
                bits >>= 6
            }
            return bitCount / 6
        }
    }
}
