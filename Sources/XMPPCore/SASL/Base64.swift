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
        [UInt8](unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { output, count in
            bytes.withUnsafeBufferPointer { bytes in
                alphabet.withUnsafeBufferPointer { alphabet in
                    for index in stride(from: 0, to: bytes.count, by: 3) {
                        let left = bytes.count - index
                        let first = bytes[index]
                        let second = left > 1 ? bytes[index + 1] : 0
                        let third = left > 2 ? bytes[index + 2] : 0
                        output[count] = alphabet[Int(first >> 2)]
                        output[count + 1] = alphabet[Int((first & 0x03) << 4 | second >> 4)]
                        output[count + 2] = left > 1 ? alphabet[Int((second & 0x0F) << 2 | third >> 6)] : padding
                        output[count + 3] = left > 2 ? alphabet[Int(third & 0x3F)] : padding
                        count += 4
                    }
                }
            }
        }
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
        guard let last = text.last else { return [] }
        // Only the last two places of the last group may be padding; anywhere else it is a foreign character.
        let paddingCount = last != padding ? 0 : text[text.count - 2] != padding ? 1 : 2
        var isValid = true
        let output = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { output, count in
            values.withUnsafeBufferPointer { values in
                // Values have six bits: what is not in the alphabet is seen in the end, without a branch for each.
                var seen: UInt8 = 0
                var index = 0
                while index < text.count - paddingCount {
                    let isLast = index + 4 == text.count
                    let first = values[Int(text[index])]
                    let second = values[Int(text[index + 1])]
                    let third = isLast && paddingCount == 2 ? 0 : values[Int(text[index + 2])]
                    let fourth = isLast && paddingCount > 0 ? 0 : values[Int(text[index + 3])]
                    seen |= first | second | third | fourth
                    output[count] = first << 2 | second >> 4
                    output[count + 1] = second << 4 | third >> 2
                    output[count + 2] = third << 6 | fourth
                    count += 3
                    index += 4
                }
                // What the padding stands for must be zero.
                let isPaddingZero = output[(count - paddingCount)..<count].allSatisfy { $0 == 0 }
                isValid = seen <= valueMax && isPaddingZero
                count -= paddingCount
            }
        }
        return isValid ? output : nil
    }
    private static let valueMax: UInt8 = 0x3F
}
