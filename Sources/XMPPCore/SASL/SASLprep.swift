// SPDX-License-Identifier: Apache-2.0
// SASLprep (RFC 4013), the stringprep profile for user names and passwords, through libidn. Code points that Unicode
// 3.2 had not assigned are let through, as CIDN's shim says.

import CIDN

/// Prepares user names and passwords for comparison.
public enum SASLprep {
    /// Longest input and longest result, in UTF-8 bytes. Normalisation can lengthen a text elevenfold.
    public static let preparedByteCountMax = 4_096

    /// The prepared form of `text` (UTF-8), or nil when it is not valid UTF-8, holds a prohibited code point (RFC 4013
    /// section 2.3), mixes directions (section 2.4), or is too long. May be empty.
    public static func prepare(_ text: [UInt8]) -> [UInt8]? {
        guard text.count <= preparedByteCountMax else { return nil }
        // Printable ASCII is mapped to itself, and control characters are prohibited.
        if text.allSatisfy({ $0 < 0x80 }) {
            return text.allSatisfy { (0x20...0x7E).contains($0) } ? text : nil
        }
        // libidn reads a NUL-terminated string and trusts it to be UTF-8.
        guard !text.contains(0), String(validating: text, as: UTF8.self) != nil else { return nil }
        var buffer = [UInt8](repeating: 0, count: preparedByteCountMax + 1)
        buffer.replaceSubrange(0..<text.count, with: text)
        let code = buffer.withUnsafeMutableBytes { buffer in
            // The buffer is not empty, so that it has an address; libidn writes at most `count` bytes with the NUL.
            mimd_saslprep(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        guard code == 0, let end = buffer.firstIndex(of: 0) else { return nil }
        return Array(buffer[..<end])
    }

    /// The prepared form of `text`, or nil as above.
    public static func prepare(_ text: String) -> [UInt8]? {
        prepare(Array(text.utf8))
    }
}
