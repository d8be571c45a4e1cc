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
    /// Somebody else is at it. Later stanzas of the stream need not wait, but this one is not acknowledged before it is
    /// completed.
    case underWay(Completion)

    /// Does this first, then `next`.
    public func then(_ next: Work) -> Work {
        switch (self, next) {
        case (_, .done): self
        case (.done, _): next
        case (.underWay(let first), .underWay(let second)): .underWay(first.joined(with: second))
        case (.later, _), (.underWay, .later):
            .later { [self] in
                await finish()
                await next.finish()
            }
        }
    }

    /// Does what is left, from asynchronous code.
    public func finish() async {
        switch self {
        case .done: break
        case .later(let body): await body()
        case .underWay(let completion): await completion.wait()
        }
    }
}
