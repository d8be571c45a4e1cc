// SPDX-License-Identifier: Apache-2.0
// Stores that can be told to fail.

import Synchronization
import XMPPCore

/// Passes every call on, until it is told not to.
final class FailingStorage: StorageDecorator {
    private let isUnavailable = Mutex(false)
    /// How often anything was asked for.
    let callCount = Mutex(0)

    func setUnavailable(_ isUnavailable: Bool) { self.isUnavailable.withLock { $0 = isUnavailable } }

    func around<Value: Sendable>(
        _ method: StorageMethod, _ body: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        callCount.withLock { $0 += 1 }
        if isUnavailable.withLock({ $0 }) { throw .unavailable(detail: "told to") }
        return try await body()
    }
}
