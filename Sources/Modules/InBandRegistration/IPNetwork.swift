// SPDX-License-Identifier: Apache-2.0
// Networks of IP addresses in CIDR notation (RFC 4632, RFC 4291).

import Glibc

/// An address of a peer. An IPv4 address inside IPv6 (`::ffff:192.0.2.1`) is that IPv4 address.
struct IPAddress: Hashable, Sendable {
    /// In network order: 4 bytes or 16.
    let bytes: [UInt8]

    /// Nil when the text is no address in numbers.
    init?(_ text: String) {
        var ip4 = in_addr()
        var ip6 = in6_addr()
        if inet_pton(AF_INET, text, &ip4) == 1 {
            bytes = withUnsafeBytes(of: ip4) { Array($0) }
        } else if inet_pton(AF_INET6, text, &ip6) == 1 {
            let all = withUnsafeBytes(of: ip6) { Array($0) }
            let isMapped = all[..<12].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
            bytes = isMapped ? Array(all[12...]) : all
        } else {
            return nil
        }
    }
}

/// A network: an address and how many of its leading bits count.
public struct IPNetwork: Hashable, Sendable {
    private let address: IPAddress
    private let bitCount: Int

    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or a single address; nil when the text is none of these.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        let bitCountMax = address.bytes.count * 8
        self.address = address
        guard parts.count == 2 else {
            bitCount = bitCountMax
            return
        }
        guard let count = Int(parts[1]), (0...bitCountMax).contains(count) else { return nil }
        bitCount = count
    }

    func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        return zip(address.bytes, other.bytes).enumerated().allSatisfy { index, pair in
            let counted = min(8, max(0, bitCount - index * 8))
            return (pair.0 ^ pair.1) >> UInt8(8 - counted) == 0
        }
    }
}
