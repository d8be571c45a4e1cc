// SPDX-License-Identifier: Apache-2.0
// One change of an account, or of something else with an address, at a time.

import DequeModule
import Synchronization

/// Runs asynchronous work of one account one after the other, in the order in which it was asked for; that of different
/// accounts at the same time. The address may also be a room's: nothing here asks whose it is. May be used from any
/// isolation.
public final class AccountLocks: Sendable {
    private let waiting = Mutex<[BareJID: Deque<UnsafeContinuation<Void, Never>>]>([:])

    /// Makes locks that know nothing of any others.
    public init() {}

    /// Runs `body` while no other work of the account runs.
    ///
    /// `body` must not ask for the same account again: it would wait for itself.
    public func withLock<Result, Failure>(
        _ account: BareJID,
        _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        await acquire(account)
        defer { release(account) }
        return try await body()
    }

    private func acquire(_ account: BareJID) async {
        // Unsafe, for speed: each continuation is resumed once, by release(), which takes it out of the queue.
        await withUnsafeContinuation { continuation in
            let isFree = waiting.withLock { waiting in
                guard waiting[account] != nil else {
                    waiting[account] = []
                    return true
                }
                waiting[account]?.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func release(_ account: BareJID) {
        let next: UnsafeContinuation<Void, Never>? = waiting.withLock { waiting in
            if let first = waiting[account]?.popFirst() { return first }
            waiting[account] = nil
            return nil
        }
        next?.resume()
    }
}
