// SPDX-License-Identifier: Apache-2.0
// An answer that is given at the latest when nobody can give it any more.

import Synchronization

/// Resumes a continuation once: with a value, or with nil when what would have given one is released without having run.
/// A stopped event loop does that to whatever is posted to it.
final class Answer<Value: Sendable>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Value?, Never>?>

    init(_ continuation: CheckedContinuation<Value?, Never>) { self.continuation = Mutex(continuation) }

    deinit { take()?.resume(returning: nil) }

    /// Gives the answer, if none was given before.
    func give(_ value: Value) { take()?.resume(returning: value) }

    private func take() -> CheckedContinuation<Value?, Never>? {
        continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
    }
}
