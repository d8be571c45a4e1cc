// SPDX-License-Identifier: Apache-2.0
// How often one address may register an account.

import Synchronization

/// Remembers which addresses have registered lately. May be used from any thread.
final class RegistrationIntervals: Sendable {
    /// Addresses that are remembered. With that many new accounts in one interval nobody else may register.
    static let addressCountMax = 10_000

    private let interval: Duration
    private let ends = Mutex<[[UInt8]: Duration]>([:])

    init(_ interval: Duration) { self.interval = interval }

    /// Notes that an address registers.
    ///
    /// - Returns: false when it has to wait.
    func enter(_ peerAddress: String, now: Duration) -> Bool {
        let key = Self.key(peerAddress)
        return ends.withLock { ends in
            if let end = ends[key], end > now { return false }
            if ends.count >= Self.addressCountMax {
                ends = ends.filter { $0.value > now }
                guard ends.count < Self.addressCountMax else { return false }
            }
            ends[key] = now + interval
            return true
        }
    }

    /// Forgets that an address registered, because nothing came of it.
    func leave(_ peerAddress: String) {
        let key = Self.key(peerAddress)
        ends.withLock { $0[key] = nil }
    }

    /// Of an IPv6 address the network of 64 bits, for whoever has one has them all.
    private static func key(_ peerAddress: String) -> [UInt8] {
        guard let address = IPAddress(peerAddress) else { return [] }
        return Array(address.bytes.prefix(8))
    }
}
