// SPDX-License-Identifier: Apache-2.0
// What is to happen later.

import HeapModule

/// A timer that was scheduled.
package struct TimerToken: Hashable {
    fileprivate let number: UInt64
}

/// Timers in order of their deadlines. A cancelled timer leaves its place in the heap until its deadline.
///
/// Their bodies hold what they are about strongly, and whoever ends cancels its own: a weak reference would make every
/// later count of references to the object slower.
struct TimerQueue {
    private struct Entry: Comparable {
        let deadline: Duration
        let number: UInt64

        static func < (left: Entry, right: Entry) -> Bool {
            (left.deadline, left.number) < (right.deadline, right.number)
        }
    }

    private var heap = Heap<Entry>()
    private var bodies: [UInt64: () -> Void] = [:]
    private var lastNumber: UInt64 = 0

    mutating func add(at deadline: Duration, _ body: @escaping () -> Void) -> TimerToken {
        lastNumber += 1
        bodies[lastNumber] = body
        heap.insert(Entry(deadline: deadline, number: lastNumber))
        return TimerToken(number: lastNumber)
    }

    mutating func cancel(_ timer: TimerToken) {
        bodies[timer.number] = nil
        // Those that wait for a cancelled timer only would wake for nothing.
        while let first = heap.min, bodies[first.number] == nil { heap.removeMin() }
    }

    var nextDeadline: Duration? { heap.min?.deadline }

    /// Removes the first timer that is due; nil when none is.
    mutating func popDue(_ now: Duration) -> (() -> Void)? {
        while let first = heap.min, first.deadline <= now {
            heap.removeMin()
            if let body = bodies.removeValue(forKey: first.number) { return body }
        }
        return nil
    }
}
