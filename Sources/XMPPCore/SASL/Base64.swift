// SPDX-License-Identifier: Apache-2.0
// Base 64 (RFC 4648 section 4) on bytes. Decoding is strict, as RFC 6120 section 6.4 and section 13.9.1 ask. Not here:
// the URL-safe alphabet, line wrapping.

/// The standard Base 64 alphabet with padding.
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")
    private static let notInAlphabet: UInt8 = 0xFF
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: notInAlphabet, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// The encoded form, without line breaks. Empty input gives empty output.
    public static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let first = bytes[index]
            let second = left > 1 ? bytes[index + 1] : 0
            let third = left > 2 ? bytes[index + 2] : 0
            output.append(alphabet[Int(first >> 2)])
            output.append(alphabet[Int((first & 0x03) << 4 | second >> 4)])
            output.append(left > 1 ? alphabet[Int((second & 0x0F) << 2 | third >> 6)] : padding)
            output.append(left > 2 ? alphabet[Int(third & 0x3F)] : padding)
            index += 3
        }
        return output
    }

    /// The encoded form as text.
    public static func encodeToString(_ bytes: [UInt8]) -> String {
        String(decoding: encode(bytes), as: UTF8.self)
    }

    /// The decoded bytes, or nil when `text` is not exactly what `encode` prints: white space, a foreign character,
    /// missing padding, padding inside, or bits set after the last byte (which would give one value two spellings).
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var characterCount = 0
        var paddingCount = 0
        for character in text {
            characterCount += 1
            bits <<= 6
            if character == padding {
                // Only the last two places of the last group may be padding.
                paddingCount += 1
                guard paddingCount <= 2, characterCount > text.count - 2 else { return nil }
            } else {
                let value = values[Int(character)]
                guard value != notInAlphabet, paddingCount == 0 else { return nil }
                bits |= UInt32(value)
            }
            if characterCount.isMultiple(of: 4) {
                output.append(UInt8(truncatingIfNeeded: bits >> 16))
                output.append(UInt8(truncatingIfNeeded: bits >> 8))
                output.append(UInt8(truncatingIfNeeded: bits))
                bits = 0
            }
        }
        guard output.suffix(paddingCount).allSatisfy({ $0 == 0 }) else { return nil }
        output.removeLast(paddingCount)
        return output
    }
}
