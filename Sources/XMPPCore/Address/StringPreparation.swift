// SPDX-License-Identifier: Apache-2.0
// The stringprep profiles of XMPP (RFC 3920 appendices A and B, RFC 3491), by libidn, behind a fast path for ASCII.
// Not here: PRECIS (RFC 7622), which the network's servers and clients do not interoperate on yet.

import CIDN
import Glibc

/// A stringprep profile that a part of a JID is prepared with.
enum StringPreparation {
    /// Localparts: case-folded, and without the characters that delimit JIDs and XML.
    case nodeprep
    /// Domainparts: case-folded.
    case nameprep
    /// Resourceparts: case is kept.
    case resourceprep

    /// The bytes of a part after preparation that RFC 7622 section 3.1 allows.
    static let partByteCountMax = 1023

    /// Prepares one part of a JID.
    ///
    /// - Returns: the prepared bytes, 1 to `partByteCountMax` of them; nil when the profile forbids the text, or when
    ///   it is empty or too long.
    func prepare(_ part: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard !part.isEmpty, part.count <= Self.partByteCountMax else { return nil }
        var prepared = [UInt8](part)
        for index in prepared.indices {
            let byte = prepared[index]
            switch ascii(byte) {
            case .keep: continue
            case .fold: prepared[index] = byte | 0x20
            case .forbid: return nil
            case .beyond: return prepareWithLibrary(part)
            }
        }
        return prepared
    }

    private enum Verdict { case keep, fold, forbid, beyond }

    @inline(__always)
    private func ascii(_ byte: UInt8) -> Verdict {
        if byte >= 0x80 { return .beyond }
        if byte < 0x20 || byte == 0x7F { return .forbid }
        switch self {
        case .resourceprep:
            return .keep
        case .nodeprep:
            switch byte {
            case 0x41...0x5A: return .fold
            // RFC 3920 appendix A.5: space " & ' / : < > @
            case 0x20, 0x22, 0x26, 0x27, 0x2F, 0x3A, 0x3C, 0x3E, 0x40: return .forbid
            default: return .keep
            }
        case .nameprep:
            switch byte {
            case 0x41...0x5A: return .fold
            // Letters, digits, hyphen, dot; underscore, which names in use have; brackets and colon of IPv6 literals.
            case 0x61...0x7A, 0x30...0x39, 0x2D, 0x2E, 0x5F, 0x5B, 0x5D, 0x3A: return .keep
            default: return .forbid
            }
        }
    }

    private func prepareWithLibrary(_ part: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        // Case folding and normalisation lengthen text; what outgrows this is over the limit anyhow.
        let capacity = Self.partByteCountMax * 4
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer -> [UInt8]? in
            guard let base = buffer.baseAddress, let source = part.baseAddress else { return nil }
            // The library would take a NUL for the end. No profile allows one.
            guard memchr(source, 0, part.count) == nil else { return nil }
            memcpy(base, source, part.count)
            base[part.count] = 0
            let status =
                switch self {
                case .nodeprep: mimd_nodeprep(base, capacity)
                case .nameprep: mimd_nameprep(base, capacity)
                case .resourceprep: mimd_resourceprep(base, capacity)
                }
            let count = strlen(base)
            guard status == 0, count > 0, count <= Self.partByteCountMax else { return nil }
            let prepared = UnsafeRawBufferPointer(start: base, count: count)
            // Normalisation turns some characters into ASCII ones: they must not become delimiters.
            if self != .resourceprep, prepared.contains(where: { ascii($0) == .forbid }) { return nil }
            return [UInt8](prepared)
        }
    }
}
