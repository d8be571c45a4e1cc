// SPDX-License-Identifier: Apache-2.0
// How a handler says that it needs to wait.

/// What is left to do after a handler returned.
///
/// Handlers run synchronously on an event loop and must not block it. One that needs a store or a worker returns
/// `.later { … }`: the loop runs that as a task of its own, and holds back later stanzas of the same stream until it
/// ends, so that they stay in order (RFC 6120 section 10.1). What somebody else is at is `.underWay`: the stream goes
/// on. In either case the stanza is not acknowledged (XEP-0198) before all of it is done.
public struct Work: Sendable {
    /// What holds the stream up, and what is left after that; nil for nothing.
    let body: (@Sendable () async -> Work)?
    /// What somebody else is at; nil for nothing.
    let completion: Completion?

    private init(_ body: (@Sendable () async -> Work)?, _ completion: Completion?) {
        self.body = body
        self.completion = completion
    }

    /// Nothing is left.
    public static let done = Work(nil, nil)

    /// This is left. It runs on the loop that the handler ran on, and stays there across every `await`.
    public static func later(_ body: @escaping @Sendable () async -> Void) -> Work {
        Work(
            {
                await body()
                return .done
            }, nil)
    }

    /// This is left, as ``later(_:)`` has it, and then what it returns.
    public static func laterLeaving(_ body: @escaping @Sendable () async -> Work) -> Work { Work(body, nil) }

    /// Somebody else is at it, and completes this. Later stanzas of the stream need not wait.
    public static func underWay(_ completion: Completion) -> Work { Work(nil, completion) }

    /// Whether nothing is left.
    public var isDone: Bool { body == nil && completion == nil }

    /// Whether the stream has to wait.
    public var holdsUp: Bool { body != nil }

    /// Does this first, then `next`; what is under way of either goes on meanwhile.
    public func then(_ next: Work) -> Work {
        guard !isDone else { return next }
        guard !next.isDone else { return self }
        let completion = Completion.joined(completion, next.completion)
        guard let body, let nextBody = next.body else { return Work(body ?? next.body, completion) }
        return Work({ await body().then(Work(nextBody, nil)) }, completion)
    }

    /// Does one after the other; what is under way of any goes on meanwhile.
    public static func all(_ works: [Work]) -> Work {
        let bodies = works.compactMap(\.body)
        let completion = Completion.all(of: works.compactMap(\.completion))
        guard !bodies.isEmpty else { return Work(nil, completion) }
        return Work(
            {
                var rest: [Work] = []
                for body in bodies { rest.append(await body()) }
                return rest.allSatisfy(\.isDone) ? .done : .all(rest)
            }, completion)
    }

    /// Does what the stream waits for.
    ///
    /// - Returns: what is under way after that; nil for nothing.
    func proceed() async -> Completion? {
        var work = self
        var completion = self.completion
        while let body = work.body {
            work = await body()
            completion = Completion.joined(completion, work.completion)
        }
        return completion
    }

    /// Does what is left, from asynchronous code, and waits for what is under way.
    public func finish() async {
        if let completion = await proceed() { await completion.wait() }
    }
}
