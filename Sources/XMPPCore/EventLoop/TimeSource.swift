// SPDX-License-Identifier: Apache-2.0
// Time, given in from outside so that tests decide what it is.

import Glibc
import Synchronization

/// Where a server's time comes from.
public protocol TimeSource: AnyObject, Sendable {
    /// Time that only moves forward, since some start.
    var uptime: Duration { get }
    /// The date and time of day.
    var wallTime: Timestamp { get }
    /// Whether time passes by itself. If not, `observe` tells when it moved.
    var isRunning: Bool { get }
    /// Asks to be called after each jump of a time that does not pass by itself.
    func observe(_ moved: @escaping @Sendable () -> Void)
}

/// The machine's clocks.
public final class SystemTime: TimeSource {
    /// The clocks of the machine; they have no state here.
    public init() {}

    /// Since the machine started (CLOCK_MONOTONIC).
    public var uptime: Duration {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec)
    }
    /// The machine's date and time of day (CLOCK_REALTIME).
    public var wallTime: Timestamp {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(microseconds: Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000)
    }
    /// Always true.
    public var isRunning: Bool { true }
    /// Does nothing: this time never jumps.
    public func observe(_ moved: @escaping @Sendable () -> Void) {}
}

/// Time that moves only when it is told to: for tests.
public final class ManualTime: TimeSource {
    private struct State {
        var uptime: Duration = .zero
        var wallTime: Timestamp
        var observers: [@Sendable () -> Void] = []
    }
    private let state: Mutex<State>

    /// Starts with an uptime of zero, and at a date in the year 2001 unless another is given.
    public init(wallTime: Timestamp = Timestamp(microseconds: 1_000_000_000_000_000)) {
        state = Mutex(State(wallTime: wallTime))
    }

    /// What it was advanced by so far.
    public var uptime: Duration { state.withLock { $0.uptime } }
    /// The date that it was made with, advanced as often.
    public var wallTime: Timestamp { state.withLock { $0.wallTime } }
    /// Always false.
    public var isRunning: Bool { false }
    /// Calls `moved` after each ``advance(by:)``, as long as the time source lives.
    public func observe(_ moved: @escaping @Sendable () -> Void) { state.withLock { $0.observers.append(moved) } }

    /// Moves both clocks, then tells those who wait for them.
    public func advance(by duration: Duration) {
        let observers = state.withLock { state in
            state.uptime += duration
            state.wallTime = state.wallTime + duration
            return state.observers
        }
        for moved in observers { moved() }
    }
}
