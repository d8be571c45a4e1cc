// SPDX-License-Identifier: Apache-2.0
// The loops of one server and their threads.

import Glibc

/// Event loops, each on a thread of its own from `init` to `shutdown()`.
public final class EventLoopGroup: Sendable {
    /// How many loops one group may have.
    public static let loopCountMax = 256

    /// The loops; at least one.
    public let loops: [EventLoop]
    private let threads: [Thread]

    /// Starts the loops.
    ///
    /// - Parameter loopCount: 1 to `loopCountMax`; nil for one per core.
    /// - Throws: ``SystemError`` when the system gives no more descriptors or threads.
    public init(loopCount: Int? = nil, time: any TimeSource = SystemTime()) throws(SystemError) {
        let count = min(max(1, loopCount ?? Self.coreCount), Self.loopCountMax)
        var loops: [EventLoop] = []
        for number in 0..<count { loops.append(try EventLoop(number: number, time: time)) }
        var threads: [Thread] = []
        for loop in loops {
            do throws(SystemError) {
                threads.append(try Thread { loop.run() })
            } catch {
                for loop in loops { loop.stop() }
                for thread in threads { thread.join() }
                throw error
            }
        }
        self.loops = loops
        self.threads = threads
    }

    /// Stops the loops and waits for their threads, but for the one that it is called on.
    public func shutdown() {
        for loop in loops { loop.stop() }
        // A server may be released by the last task of one of its own loops.
        for thread in threads { if thread.isCurrent { thread.detach() } else { thread.join() } }
    }

    /// The cores that this process may use.
    private static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
