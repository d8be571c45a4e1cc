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

    /// Says that it will never be complete, for the server is gone: who waits goes on, and who wanted to be called is not.
    public func abandon() {
        let handlers = state.withLock { state in
            defer { state.handlers = [] }
            return state.handlers
        }
        // Released outside the lock: what they hold goes on then.
        withExtendedLifetime(handlers) {}
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

    /// Returns when it is complete, or will never be.
    public func wait() async {
        // In either case whoever waits goes on.
        _ = await withCheckedContinuation { (continuation: CheckedContinuation<Void?, Never>) in
            let answer = Answer(continuation)
            whenComplete { answer.give(()) }
        }
    }

    /// Complete when both are; nil for none.
    static func joined(_ one: Completion?, _ other: Completion?) -> Completion? {
        guard let one else { return other }
        guard let other, other !== one else { return one }
        return all(of: [one, other])
    }

    /// Complete when all are; nil for none.
    static func all(of parts: [Completion]) -> Completion? {
        guard parts.count > 1 else { return parts.first }
        let whole = Completion()
        let counting = Counting(parts.count, for: whole)
        for part in parts { part.whenComplete { counting.count() } }
        return whole
    }

    /// Counts the parts of a whole. It is held by those that are not complete.
    private final class Counting: Sendable {
        private let left: Atomic<Int>
        private let whole: Completion

        init(_ count: Int, for whole: Completion) {
            left = Atomic(count)
            self.whole = whole
        }

        func count() {
            if left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { whole.complete() }
        }

        // When it is complete this does nothing.
        deinit { whole.abandon() }
    }
}
