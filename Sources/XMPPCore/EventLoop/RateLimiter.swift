// SPDX-License-Identifier: Apache-2.0
// The shapers of the configuration: so many bytes per second.

/// A bucket that fills at a rate and holds one second's worth.
package struct RateLimiter {
    private let rate: Double
    private var level: Double
    private var lastUpdate: Duration

    /// - Parameter rate: per second, 1 or more.
    package init(rate: Int, now: Duration) {
        self.rate = Double(max(1, rate))
        level = self.rate
        lastUpdate = now
    }

    /// Takes `count` out of the bucket.
    ///
    /// - Returns: how long to wait until the bucket is no longer in debt; zero when it is not.
    package mutating func take(_ count: Int, now: Duration) -> Duration {
        let elapsed = max(.zero, now - lastUpdate)
        lastUpdate = now
        level = min(rate, level + rate * (elapsed / .seconds(1))) - Double(count)
        return level >= 0 ? .zero : .seconds(-level / rate)
    }
}
