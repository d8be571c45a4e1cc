// SPDX-License-Identifier: Apache-2.0
// Timers, without a loop.

import Testing

@testable import XMPPCore

@Suite struct TimerQueueTests {
    /// Runs what is due and says what ran.
    private func run(_ queue: inout TimerQueue, at now: Duration, _ fired: Fired) -> [String] {
        fired.names = []
        while let body = queue.popDue(now) { body() }
        return fired.names
    }

    private final class Fired {
        var names: [String] = []
    }

    @Test func timersFireInTheOrderOfTheirDeadlinesThenOfTheirMaking() {
        var queue = TimerQueue()
        let fired = Fired()
        for (name, seconds) in [("c", 3), ("a", 1), ("b1", 2), ("b2", 2)] {
            _ = queue.add(at: .seconds(seconds)) { fired.names.append(name) }  // nobody cancels these
        }
        #expect(queue.nextDeadline == .seconds(1))
        #expect(run(&queue, at: .milliseconds(999), fired).isEmpty)
        #expect(run(&queue, at: .seconds(2), fired) == ["a", "b1", "b2"])
        #expect(run(&queue, at: .seconds(3), fired) == ["c"])
        #expect(queue.nextDeadline == nil)
    }

    @Test func aCancelledTimerDoesNotFireAndNobodyWakesForIt() {
        var queue = TimerQueue()
        let fired = Fired()
        let first = queue.add(at: .seconds(1)) { fired.names.append("first") }
        let second = queue.add(at: .seconds(2)) { fired.names.append("second") }
        queue.cancel(first)
        #expect(queue.nextDeadline == .seconds(2))
        #expect(run(&queue, at: .seconds(5), fired) == ["second"])
        queue.cancel(second)
        #expect(queue.nextDeadline == nil)
    }

    @Test func aTimerMayCancelAnotherThatIsDueAtTheSameTime() {
        var queue = TimerQueue()
        let fired = Fired()
        _ = queue.add(at: .seconds(1)) { fired.names.append("first") }  // it fires before the other can be cancelled
        let second = queue.add(at: .seconds(1)) { fired.names.append("second") }
        queue.popDue(.seconds(1))?()
        queue.cancel(second)
        let isOver = queue.popDue(.seconds(1)) == nil
        #expect(isOver)
        #expect(fired.names == ["first"])
    }
}
