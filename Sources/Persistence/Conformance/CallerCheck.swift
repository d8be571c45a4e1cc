// SPDX-License-Identifier: Apache-2.0
// Whether a call keeps the executor that it is made from to itself.

import Dispatch
import Glibc
import Synchronization

/// A call that takes its time must leave the caller's executor to others meanwhile. Measured is the thread, not the time:
/// a machine may be busy with other things.
func checkCallerIsNotBlocked(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let executor = MeasuringExecutor()
    var usage = ThreadUsage()
    // By chance one call may have to wait for a lock that another thread has for a moment, but not each of them.
    for _ in 0..<50 {
        try await Task(executorPreference: executor) { try await body() }.value
        usage = await executor.takeUsage()
        if usage.waitCount == 0, usage.nanoseconds < 2_000_000 { return }
    }
    let message = "each call makes the caller's thread wait (\(usage.waitCount) times), or work for milliseconds"
    throw ConformanceFailure(message: message, line: #line)
}

/// What a thread has done.
private struct ThreadUsage {
    /// How often it waited for something, and the kernel gave its processor to another.
    var waitCount = 0
    /// For how long it worked.
    var nanoseconds = 0

    static var ofThisThread: ThreadUsage {
        var usage = rusage()
        getrusage(1, &usage)  // 1 is RUSAGE_THREAD, which Swift does not see
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return ThreadUsage(waitCount: usage.ru_nvcsw, nanoseconds: time.tv_sec * 1_000_000_000 + time.tv_nsec)
    }
}

/// Runs jobs one at a time, and measures what they do to their thread.
private final class MeasuringExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "conformance.caller")
    private let total = Mutex(ThreadUsage())

    /// What the jobs until now have done, those that ended before the last call of this not counted.
    func takeUsage() async -> ThreadUsage {
        // In its turn, for the last job resumes whoever waits for it before it has ended.
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                let usage = total.withLock { total in
                    defer { total = ThreadUsage() }
                    return total
                }
                continuation.resume(returning: usage)
            }
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { [self] in
            let start = ThreadUsage.ofThisThread
            job.runSynchronously(on: asUnownedTaskExecutor())
            let end = ThreadUsage.ofThisThread
            total.withLock { total in
                total.waitCount += end.waitCount - start.waitCount
                total.nanoseconds += end.nanoseconds - start.nanoseconds
            }
        }
    }
}
