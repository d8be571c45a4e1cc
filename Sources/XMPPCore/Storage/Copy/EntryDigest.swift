// SPDX-License-Identifier: Apache-2.0
// Digests by which two stores are held against each other: of one entry, and of any number in any order.

/// The SHA-256 of an entry, or the sum of many of them modulo 2^256: the same for the same entries in any order.
///
/// It finds what went wrong, not what somebody forged: whoever may write to a store can make two sums equal.
public struct EntryDigest: Hashable, Sendable {
    /// The number's four parts of 64 bits, the least significant first.
    private var low: UInt64 = 0
    private var middleLow: UInt64 = 0
    private var middleHigh: UInt64 = 0
    private var high: UInt64 = 0

    /// The sum of nothing.
    public init() {}

    /// The digest of an entry.
    ///
    /// - Throws: `CryptoError` when OpenSSL has no SHA-256 to give.
    init(_ encoding: EntryEncoding) throws(CryptoError) {
        let bytes = try Crypto.digest(encoding.bytes, using: .sha256)
        func part(_ index: Int) -> UInt64 { bytes[index * 8..<index * 8 + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        (high, middleHigh, middleLow, low) = (part(0), part(1), part(2), part(3))
    }

    static func += (sum: inout EntryDigest, digest: EntryDigest) {
        var carry = false
        sum.low = add(sum.low, digest.low, &carry)
        sum.middleLow = add(sum.middleLow, digest.middleLow, &carry)
        sum.middleHigh = add(sum.middleHigh, digest.middleHigh, &carry)
        sum.high = add(sum.high, digest.high, &carry)
    }

    private static func add(_ left: UInt64, _ right: UInt64, _ carry: inout Bool) -> UInt64 {
        let (sum, overflows) = left.addingReportingOverflow(right)
        let (result, overflowsAgain) = sum.addingReportingOverflow(carry ? 1 : 0)
        carry = overflows || overflowsAgain
        return result
    }
}

/// What an entry's digest is made from: its fields one behind the other, each so that where it ends is known.
struct EntryEncoding {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ number: Int64) {
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func append(_ field: [UInt8]) {
        append(Int64(field.count))
        bytes += field
    }

    mutating func append(_ text: String) { append(Array(text.utf8)) }

    /// Nil is another thing than any value.
    mutating func append(_ text: String?) {
        append(Int64(text == nil ? 0 : 1))
        if let text { append(text) }
    }

    mutating func append(_ number: Int64?) {
        append(Int64(number == nil ? 0 : 1))
        if let number { append(number) }
    }
}
