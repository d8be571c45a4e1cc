// SPDX-License-Identifier: Apache-2.0
// Domainparts (RFC 7622 section 3.2): names of dot-separated labels, and address literals.

import Glibc

/// The preparation of domainparts.
enum Domainpart {
    /// Prepares a domainpart.
    ///
    /// - Returns: the prepared bytes, without the dot of the root; nil when the text is neither a name nor an address.
    static func prepare(_ text: [UInt8]) -> [UInt8]? {
        let dot = UInt8(ascii: ".")
        // RFC 7622 section 3.2: one trailing dot is stripped before comparison.
        let isRooted = text.last == dot
        let unrooted = isRooted ? text.dropLast() : text[...]
        guard var name = unrooted.withUnsafeBufferPointer({ StringPreparation.nameprep.prepare($0) }) else {
            return nil
        }
        if name.contains(where: { $0 >= 0x80 }) { name = withASCIIDots(name) }
        // Still there if it was no ASCII dot.
        if !isRooted, name.last == dot { name.removeLast() }
        return isNameOrAddress(name) ? name : nil
    }

    /// RFC 3490 section 3.1: the ideographic full stop separates labels too. Nameprep makes it of its half-width form,
    /// and an ASCII dot of its full-width form.
    private static func withASCIIDots(_ name: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < name.count {
            if name[index...].starts(with: [0xE3, 0x80, 0x82]) {
                result.append(UInt8(ascii: "."))
                index += 3
            } else {
                result.append(name[index])
                index += 1
            }
        }
        return result
    }

    /// Whether no label is empty, and brackets and colons are those of an IPv6 literal.
    private static func isNameOrAddress(_ name: [UInt8]) -> Bool {
        var labelByteCount = 0
        for byte in name {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"): return isAddressLiteral(name)
            case UInt8(ascii: ".") where labelByteCount == 0: return false
            case UInt8(ascii: "."): labelByteCount = 0
            default: labelByteCount += 1
            }
        }
        return labelByteCount > 0
    }

    /// `[` IPv6 address `]` (RFC 3986 section 3.2.2).
    private static func isAddressLiteral(_ name: [UInt8]) -> Bool {
        guard name.first == UInt8(ascii: "["), name.last == UInt8(ascii: "]"), name.count > 2 else { return false }
        var address = in6_addr()
        let text = name.dropFirst().dropLast().map { CChar(bitPattern: $0) } + [0]
        return inet_pton(AF_INET6, text, &address) == 1
    }
}
