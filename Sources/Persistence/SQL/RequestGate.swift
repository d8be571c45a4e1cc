// SPDX-License-Identifier: Apache-2.0
// Who is inside of a database, so that closing it can wait for them; for drivers.

import Synchronization
package import XMPPCore

/// Lets requests in, up to a bound, until it is closed. May be used from any thread.
package final class RequestGate: Sendable {
    private struct State: ~Copyable {
        var requestCount = 0
        var isClosed = false
        var closer: UnsafeContinuation<Void, Never>?
    }

    private let requestCountMax: Int
    private let state = Mutex(State())

    /// - Parameter requestCountMax: most requests that are inside at once.
    package init(requestCountMax: Int) { self.requestCountMax = requestCountMax }

    /// Whether ``close()`` was called.
    package var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Lets a request in, which must ``leave()``.
    ///
    /// - Throws: ``StorageError/unavailable(detail:)``.
    package func enter() throws(StorageError) {
        let refusal: String? = state.withLock { state in
            if state.isClosed { return "the database is closed" }
            if state.requestCount >= requestCountMax { return "too many requests wait for the database" }
            state.requestCount += 1
            return nil
        }
        if let refusal { throw .unavailable(detail: refusal) }
    }

    /// Lets a request out.
    package func leave() {
        let closer = state.withLock { state in
            state.requestCount -= 1
            guard state.requestCount == 0 else { return nil as UnsafeContinuation<Void, Never>? }
            return state.closer.take()
        }
        closer?.resume()
    }

    /// Lets nobody in any more.
    ///
    /// - Returns: whether this was the first call.
    package func close() -> Bool {
        state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
    }

    /// Waits until everybody is out. To be called once, after ``close()``.
    package func waitUntilEmpty() async {
        await withUnsafeContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.requestCount > 0 { state.closer = continuation }
                return state.requestCount == 0
            }
            if isEmpty { continuation.resume() }
        }
    }
}
