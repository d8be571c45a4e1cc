// SPDX-License-Identifier: Apache-2.0
// What the thread sanitizer must be silent about, and what it must report: the check of the check in scripts/tsan.sh.
// Its argument is one of the names in `Way`.

import Glibc
import Synchronization

enum Way: String {
    /// Threads contend for a `Mutex`.
    case locked
    /// The same without the `Mutex`: a race.
    case unlocked
    /// A thread resumes the continuations of tasks.
    case resumed
    /// The same, but the thread does not leave alone what it handed over: a race.
    case resumedTooEarly
}

struct Guarded {
    var values: [Int] = []
    var sum = 0

    mutating func add() {
        sum += 1
        values.append(sum)
        if values.count > 10 { values.removeAll() }
    }
}

/// What a thread hands to a task.
final class Parcel: Sendable {
    // Whoever has the parcel has it alone; in `resumedTooEarly` that is what is wrong.
    nonisolated(unsafe) var count = 1
    nonisolated(unsafe) var values = [1, 2, 3]
}

/// What a task wants of the thread.
final class Order: Sendable {
    let continuation: UnsafeContinuation<(Parcel, [String]), Never>
    /// Whether the continuation was resumed. Relaxed: it orders nothing, and so hides nothing.
    let isDone = Atomic(false)

    init(_ continuation: UnsafeContinuation<(Parcel, [String]), Never>) { self.continuation = continuation }
}

final class Shared: Sendable {
    let guarded = Mutex(Guarded())
    let orders = Mutex<[Order]>([])
    let isEnding = Atomic(false)
    // For what is to be reported.
    nonisolated(unsafe) var bare = 0
}

/// What a thread runs.
typealias ThreadMain = @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?

@main
struct Canary {
    static let shared = Shared()
    static let way = CommandLine.arguments.dropFirst().first.flatMap(Way.init)
    static let roundCount = 20_000

    static func main() async {
        guard let way else { exit(2) }
        switch way {
        case .locked, .unlocked:
            let threads = (0..<4).map { _ in start(count) }
            for thread in threads { pthread_join(thread, nil) }
        case .resumed, .resumedTooEarly:
            let thread = start(resume)
            await withTaskGroup { group in
                for _ in 0..<4 { group.addTask { await order() } }
            }
            shared.isEnding.store(true, ordering: .relaxed)
            pthread_join(thread, nil)
        }
    }

    private static func start(_ body: ThreadMain) -> pthread_t {
        var thread = pthread_t()
        pthread_create(&thread, nil, body, nil)
        return thread
    }

    private static let count: ThreadMain = { _ in
        for _ in 0..<roundCount {
            if way == .locked { shared.guarded.withLock { $0.add() } } else { shared.bare += 1 }
        }
        return nil
    }

    /// Resumes whatever there is, until the end.
    private static let resume: ThreadMain = { _ in
        while !shared.isEnding.load(ordering: .relaxed) {
            let orders = shared.orders.withLock { orders in
                defer { orders = [] }
                return orders
            }
            if orders.isEmpty { sched_yield() }
            for order in orders {
                let parcel = Parcel()
                parcel.count += 1
                order.continuation.resume(returning: (parcel, ["short", "one that has memory of its own"]))
                if way == .resumedTooEarly { parcel.count += 1 }
                order.isDone.store(true, ordering: .relaxed)
            }
        }
        return nil
    }

    /// Asks for parcels, one after the other.
    private static func order() async {
        for round in 0..<roundCount {
            let (parcel, strings) = await withUnsafeContinuation { continuation in
                let order = Order(continuation)
                shared.orders.withLock { $0.append(order) }
                // Resumed before the task waits for it, at the same time, or later.
                switch round % 3 {
                case 0: while !order.isDone.load(ordering: .relaxed) { sched_yield() }
                case 1: sched_yield()
                default: break
                }
            }
            parcel.count += 1
            parcel.values.append(strings.count)
            guard parcel.values == [1, 2, 3, 2], strings[1].utf8.count > 16 else { exit(3) }
        }
    }
}
