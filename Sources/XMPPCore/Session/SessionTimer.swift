// SPDX-License-Identifier: Apache-2.0
// What a module does with a session later.

/// Something that a session's loop is to do later.
public struct SessionTimer: Sendable {
    let token: TimerToken
}

extension Session {
    /// Runs `body` once on the session's loop, after `delay`, unless the session has ended by then. On its loop.
    @discardableResult
    public func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> SessionTimer {
        SessionTimer(token: loop.schedule(after: delay) { [self] in if !isEnded { body() } })
    }

    /// Prevents a timer from firing, if it has not fired. On the session's loop.
    public func cancel(_ timer: SessionTimer) { loop.cancel(timer.token) }
}
