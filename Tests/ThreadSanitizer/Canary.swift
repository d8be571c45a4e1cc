// SPDX-License-Identifier: Apache-2.0
// What the thread sanitizer must be silent about, and what it must report: the check of the check in scripts/tsan.sh.
// The argument `locked` makes threads contend for a Mutex, `racing` lets them do without.

import Glibc
import Synchronization

struct Guarded {
    var values: [Int] = []
    var sum = 0

    mutating func add() {
        sum += 1
        values.append(sum)
        if values.count > 10 { values.removeAll() }
    }
}

final class Shared: Sendable {
    let guarded = Mutex(Guarded())
    // For what is to be reported.
    nonisolated(unsafe) var bare = 0
}

@main
struct Canary {
    static let shared = Shared()
    static let isLocked = CommandLine.arguments.dropFirst().first == "locked"
    static let roundCount = 20_000

    static func main() {
        let threads = (0..<4).map { _ in
            var thread = pthread_t()
            pthread_create(
                &thread, nil,
                { _ in
                    for _ in 0..<Canary.roundCount {
                        if Canary.isLocked {
                            Canary.shared.guarded.withLock { $0.add() }
                        } else {
                            Canary.shared.bare += 1
                        }
                    }
                    return nil
                }, nil)
            return thread
        }
        for thread in threads { pthread_join(thread, nil) }
    }
}
