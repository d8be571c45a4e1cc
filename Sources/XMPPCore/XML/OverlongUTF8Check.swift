// SPDX-License-Identifier: Apache-2.0
// What libxml2 lets pass as UTF-8 and is none.

/// Finds overlong forms: characters spelled in more bytes than they need (RFC 3629 section 3).
///
/// libxml2 refuses everything else that is no UTF-8, but takes these for the characters that they spell. Passed on,
/// they would end the streams of those who read them, or be a `<` that nobody escaped.
struct OverlongUTF8Check {
    /// The last byte of what was checked before.
    private var previous: UInt8 = 0

    /// The bytes before the first overlong form; all if there is none.
    mutating func validPrefix(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        let raw = UnsafeRawBufferPointer(bytes)
        var index = 0
        while index < bytes.count {
            // Most is ASCII: eight bytes at a time.
            if previous < 0x80, index + 8 <= bytes.count,
                raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                index += 8
                continue
            }
            let byte = bytes[index]
            let isOverlong =
                byte == 0xC0 || byte == 0xC1
                || previous == 0xE0 && (0x80...0x9F).contains(byte)
                || previous == 0xF0 && (0x80...0x8F).contains(byte)
            if isOverlong { return UnsafeBufferPointer(rebasing: bytes[..<index]) }
            previous = byte
            index += 1
        }
        return bytes
    }
}
