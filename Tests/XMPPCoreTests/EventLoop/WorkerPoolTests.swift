// SPDX-License-Identifier: Apache-2.0
// The worker pool: results, the queue's bound, cancellation, shut-down. Threads meet at gates; nothing sleeps.

import Dispatch
import Synchronization
import Testing

@testable import XMPPCore

/// Holds jobs back until it is opened, and says when one has arrived.
private final class Gate: Sendable {
    private let arrival = DispatchSemaphore(value: 0)
    private let opening = DispatchSemaphore(value: 0)

    /// On a thread of the pool.
    func pass() {
        arrival.signal()
        opening.wait()
    }

    /// On a thread of Dispatch, so that no thread of the tests is blocked.
    func waitForArrival() async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                self.arrival.wait()
                continuation.resume()
            }
        }
    }

    func open() { opening.signal() }
}

@Suite struct WorkerPoolTests {
    private struct Refusal: Error, Equatable {}

    /// Until `count` jobs wait in the queue.
    private func waitForQueue(_ pool: WorkerPool, _ count: Int) async {
        while pool.queuedJobCount != count { await Task.yield() }
    }

    @Test func resultsAndErrorsComeBack() async throws {
        let pool = try WorkerPool(threadCount: 2)
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<100 { group.addTask { try await pool.run { number } } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 4_950)
        await #expect(throws: Refusal()) { try await pool.run { throw Refusal() } }
        pool.shutDown()
    }

    @Test func theQueueIsBounded() async throws {
        let pool = try WorkerPool(threadCount: 1, queuedJobCountMax: 2)
        let gate = Gate()
        async let running: Void = pool.run { gate.pass() }
        await gate.waitForArrival()
        async let first = pool.run { 1 }
        async let second = pool.run { 2 }
        await waitForQueue(pool, 2)
        await #expect(throws: WorkerPoolError.queueFull) { try await pool.run { 3 } }
        gate.open()
        try await running
        #expect(try await first + second == 3)
        #expect(try await pool.run { 4 } == 4)
        pool.shutDown()
    }

    @Test func shutDownFailsWhatWaitsAndEndsWhatRuns() async throws {
        let pool = try WorkerPool(threadCount: 1)
        let gate = Gate()
        async let running = pool.run {
            gate.pass()
            return "done"
        }
        await gate.waitForArrival()
        let waiting = Task { try await pool.run { "never" } }
        await waitForQueue(pool, 1)
        let closing = Task.detached { pool.shutDown() }
        await #expect(throws: WorkerPoolError.shutDown) { try await waiting.value }
        gate.open()
        await closing.value
        #expect(try await running == "done")
        await #expect(throws: WorkerPoolError.shutDown) { try await pool.run { 1 } }
        pool.shutDown()
    }

    @Test func cancelledCallersLeaveTheQueue() async throws {
        let pool = try WorkerPool(threadCount: 1)
        let gate = Gate()
        async let running: Void = pool.run { gate.pass() }
        await gate.waitForArrival()
        let ran = Mutex(false)
        let waiting = Task { try await pool.run { ran.withLock { $0 = true } } }
        await waitForQueue(pool, 1)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(pool.queuedJobCount == 0)
        gate.open()
        try await running
        #expect(try await pool.run { 1 } == 1, "the surplus wake-up does no harm")
        #expect(ran.withLock { !$0 })
        pool.shutDown()
    }

    @Test func callersThatWereCancelledBeforeNeverRun() async throws {
        let pool = try WorkerPool(threadCount: 1)
        let gate = Gate()
        async let running: Void = pool.run { gate.pass() }
        await gate.waitForArrival()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await pool.run { 1 }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        gate.open()
        try await running
        pool.shutDown()
    }

    /// The last reference may be the one that a job holds: then its own thread releases the pool and cannot join
    /// itself.
    @Test func aPoolMayBeReleasedByItsOwnJob() async throws {
        for _ in 0..<50 {
            var pool: WorkerPool? = try WorkerPool(threadCount: 1)
            let number = try await pool?.run { [pool] in pool == nil ? 0 : 1 }
            pool = nil
            #expect(number == 1)
        }
    }
}
