// SPDX-License-Identifier: Apache-2.0
// Names that nobody can guess.

/// Random text for stream, session and stanza identifiers (RFC 6120 section 4.7.3).
enum RandomToken {
    /// The random bits of a token.
    static let bitCount = 120

    /// 20 characters of the alphabet of URLs.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()  // getrandom(2)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var bytes: [UInt8] = []
        var bits: UInt64 = 0
        for index in 0..<bitCount / 6 {
            if index % 10 == 0 { bits = generator.next() }
            bytes.append(alphabet[Int(bits & 63)])
            bits >>= 6
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
