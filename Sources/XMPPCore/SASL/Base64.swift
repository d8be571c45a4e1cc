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
        text.withContiguousStorageIfAvailable { decode(bytes: $0) }
            ?? Array(text).withUnsafeBufferPointer { decode(bytes: $0) }
    }

    private static func decode(bytes text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        // Only the last two places of the last group may be padding; anywhere else it is a foreign character.
        let paddingCount = text.suffix(2).reversed().prefix { $0 == padding }.count
        let characterCount = text.count - paddingCount
        var isValid = true
        let output = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { output, count in
            values.withUnsafeBufferPointer { values in
                var bits: UInt32 = 0
                for index in text.indices {
                    let value = index < characterCount ? values[Int(text[index])] : 0
                    isValid = isValid && value != notInAlphabet
                    bits = bits << 6 | UInt32(value)
                    guard index & 3 == 3 else { continue }
                    output[count] = UInt8(truncatingIfNeeded: bits >> 16)
                    output[count + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                    output[count + 2] = UInt8(truncatingIfNeeded: bits)
                    count += 3
                }
                // What the padding stands for must be zero.
                isValid = isValid && output[(count - paddingCount)..<count].allSatisfy { $0 == 0 }
                count -= paddingCount
            }
        }
        return isValid ? output : nil
    }
}
