// SPDX-License-Identifier: Apache-2.0
// The end of something that others wait for.

import Synchronization

/// Something that will be complete. May be used from any thread. One that is released before it is complete lets go of
/// whoever waits for it: its server is gone.
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
        let leftCount = SharedCount(parts.count)
        for part in parts {
            part.whenComplete { if leftCount.decrement() == 0 { whole.complete() } }
        }
        return whole
    }

    private final class SharedCount: Sendable {
        private let count: Atomic<Int>

        init(_ count: Int) { self.count = Atomic(count) }

        func decrement() -> Int { count.subtract(1, ordering: .acquiringAndReleasing).newValue }
    }
}
