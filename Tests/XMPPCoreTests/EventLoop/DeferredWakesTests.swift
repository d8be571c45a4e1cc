// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import XMPPCore

@Suite struct DeferredWakesTests {
    private final class Counter: Sleeper {
        let count = Mutex(0)
        func wake() { count.withLock { $0 += 1 } }
        var wakes: Int { count.withLock { $0 } }
    }

    @Test func threadThatDefersNothingWakesAtOnce() {
        let sleeper = Counter()
        DeferredWakes.request(sleeper)
        #expect(sleeper.wakes == 1)
    }

    @Test func wakesWaitForTheFlush() {
        let sleeper = Counter()
        let wakes = DeferredWakes()
        DeferredWakes.request(sleeper)
        #expect(sleeper.wakes == 0)
        wakes.flush()
        #expect(sleeper.wakes == 1)
        wakes.flush()
        #expect(sleeper.wakes == 1)
    }

    @Test func endOfTheDeferringWakesToo() {
        let sleeper = Counter()
        do {
            let wakes = DeferredWakes()
            DeferredWakes.request(sleeper)
            withExtendedLifetime(sleeper) {}
            #expect(sleeper.wakes == 0)
            _ = consume wakes
        }
        #expect(sleeper.wakes == 1)
        DeferredWakes.request(sleeper)
        #expect(sleeper.wakes == 2)
    }

    /// Each post finds the other loop asleep, about to sleep, or at work.
    @Test func noPostBetweenLoopsIsLost() async throws {
        let time = SystemTime()
        let loops = [try EventLoop(number: 0, time: time), try EventLoop(number: 1, time: time)]
        let threads = try loops.map { loop in try Thread { loop.run() } }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            @Sendable func pass(_ number: Int) {
                guard number > 0 else { return continuation.resume() }
                loops[number % 2].post { pass(number - 1) }
            }
            loops[0].post { pass(20_000) }
        }
        for loop in loops { loop.stop() }
        for thread in threads { thread.join() }
    }
}
