// SPDX-License-Identifier: Apache-2.0
// The end of something that others wait for.

import Synchronization

/// Something that will be complete. May be used from any thread.
public final class Completion: Sendable {
    private struct State {
        var isComplete = false
        var handlers: [@Sendable () -> Void] = []
    }
    private let state = Mutex(State())

    /// Makes one that is not complete yet.
    public init() {}

    /// Says that it is complete, which calls who waits for it. Once is enough; more does nothing.
    public func complete() {
        let handlers = state.withLock { state in
            defer { state.handlers = [] }
            state.isComplete = true
            return state.handlers
        }
        for handler in handlers { handler() }
    }

    /// Whether it is complete.
    public var isComplete: Bool { state.withLock { $0.isComplete } }

    /// Calls `handler` when it is complete: at once if it is, else on the thread that says so.
    public func whenComplete(_ handler: @escaping @Sendable () -> Void) {
        let isComplete = state.withLock { state in
            if !state.isComplete { state.handlers.append(handler) }
            return state.isComplete
        }
        if isComplete { handler() }
    }

    /// Returns when it is complete.
    public func wait() async {
        await withCheckedContinuation { continuation in whenComplete { continuation.resume() } }
    }

    /// Complete when both are.
    func joined(with other: Completion) -> Completion {
        let both = Completion()
        whenComplete { other.whenComplete { both.complete() } }
        return both
    }
}
