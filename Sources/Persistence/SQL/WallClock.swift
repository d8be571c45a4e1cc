// SPDX-License-Identifier: Apache-2.0
// The time of day, where stored data has it.

import Glibc

/// The time of day.
public enum WallClock {
    /// Microseconds since 1970-01-01 UTC.
    @Sendable public static func microseconds() -> Int64 {
        var time = timespec()
        // It fails only for a clock that the system does not have, and every Linux has this one.
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
