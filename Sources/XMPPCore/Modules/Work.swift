// SPDX-License-Identifier: Apache-2.0
// How a handler says that it needs to wait.

/// What is left to do after a handler returned.
///
/// Handlers run synchronously on an event loop and must not block it. One that needs a store or a worker returns
/// `.later`: the loop runs that as a task of its own, and holds back later stanzas of the same stream until it ends, so
/// that they stay in order (RFC 6120 section 10.1) and nothing is acknowledged before it is done.
public enum Work: Sendable {
    /// Nothing is left.
    case done
    /// This is left. It runs on the loop that the handler ran on, and stays there across every `await`.
    case later(@Sendable () async -> Void)

    /// Does this first, then `next`.
    public func then(_ next: Work) -> Work {
        switch (self, next) {
        case (_, .done): self
        case (.done, _): next
        case (.later(let first), .later(let second)):
            .later {
                await first()
                await second()
            }
        }
    }

    /// Does what is left, from asynchronous code.
    public func finish() async {
        if case .later(let body) = self { await body() }
    }
}
