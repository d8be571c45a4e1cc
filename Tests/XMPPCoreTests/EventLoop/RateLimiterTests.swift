// SPDX-License-Identifier: Apache-2.0
// The bucket behind shapers.

import Testing

@testable import XMPPCore

@Suite struct RateLimiterTests {
    @Test func oneSecondsWorthPassesAtOnce() {
        var limiter = RateLimiter(rate: 1_000, now: .zero)
        #expect(limiter.take(1_000, now: .zero) == .zero)
        #expect(limiter.take(1, now: .zero) > .zero)
    }

    @Test(arguments: [(1_500, 0.5), (2_000, 1.0), (11_000, 10.0)])
    func whatIsTakenTooEarlyIsWaitedFor(count: Int, seconds: Double) {
        var limiter = RateLimiter(rate: 1_000, now: .zero)
        let wait = limiter.take(count, now: .zero)
        #expect(abs(wait / .seconds(1) - seconds) < 0.000_001)
        // After the wait the debt is paid, and nothing is left.
        #expect(limiter.take(0, now: wait + .microseconds(1)) == .zero)
        #expect(limiter.take(10, now: wait + .microseconds(1)) > .zero)
    }

    @Test func aLongSilenceSavesNoMoreThanOneSecond() {
        var limiter = RateLimiter(rate: 1_000, now: .zero)
        #expect(limiter.take(1_000, now: .seconds(3_600)) == .zero)
        #expect(limiter.take(1, now: .seconds(3_600)) > .zero)
    }

    @Test func aClockThatStandsStillGivesNothing() {
        var limiter = RateLimiter(rate: 10, now: .seconds(5))
        #expect(limiter.take(10, now: .seconds(5)) == .zero)
        #expect(limiter.take(1, now: .seconds(4)) > .zero)
    }
}
