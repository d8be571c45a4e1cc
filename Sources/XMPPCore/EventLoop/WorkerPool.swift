// SPDX-License-Identifier: Apache-2.0
// A few threads for work that takes milliseconds of CPU, so that no event loop does it: PBKDF2, first of all. Not here:
// work that waits (databases have their own threads and descriptors).

import DequeModule
import Glibc
import Synchronization

/// Why a `WorkerPool` did not do some work.
public enum WorkerPoolError: Error, Equatable, Sendable {
    /// As much work waits as the pool holds. The caller tells its client to try again later.
    case queueFull
    /// The pool was shut down before the work began.
    case shutDown
    /// The system gave no thread; the code is `errno`'s.
    case threadNotStarted(code: Int32)
}

/// A few threads and a bounded queue for CPU-heavy work.
///
/// All methods may be called from any thread at once. A pool that is released shuts down.
public final class WorkerPool: Sendable {
    /// Jobs that may wait when nobody says otherwise: about five seconds of PBKDF2 on two threads.
    public static let queuedJobCountMaxDefault = 1_024

    private let core: Core

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - threadCount: 1 or more.
    ///   - queuedJobCountMax: jobs that may wait, not counting those that run; 0 or more.
    /// - Throws: `.threadNotStarted`.
    public init(
        threadCount: Int, queuedJobCountMax: Int = WorkerPool.queuedJobCountMaxDefault
    ) throws(WorkerPoolError) {
        precondition(threadCount > 0 && queuedJobCountMax >= 0, "a worker pool needs a thread and a bound")
        core = Core(queuedJobCountMax: queuedJobCountMax)
        do throws(SystemError) {
            for _ in 0..<threadCount { try core.startThread() }
        } catch {
            core.shutDown()
            throw .threadNotStarted(code: error.code)
        }
    }

    deinit {
        core.shutDown()
    }

    /// Jobs that wait for a thread now.
    public var queuedJobCount: Int { core.state.withLock { $0.queue.count } }

    /// Runs `work` on a thread of the pool and returns what it returns. The caller resumes on its own executor.
    ///
    /// A caller that is cancelled while its work waits gives up the place in the queue; work that has begun ends first.
    ///
    /// - Throws: `WorkerPoolError.queueFull`, `WorkerPoolError.shutDown`, `CancellationError`, or what `work` throws.
    public func run<T: Sendable>(_ work: @Sendable @escaping () throws -> T) async throws -> T {
        let identifier = core.makeIdentifier()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
                let job = Job(
                    identifier: identifier,
                    perform: { continuation.resume(with: Result(catching: work)) },
                    reject: { continuation.resume(throwing: $0) })
                if let error = core.enqueue(job) {
                    continuation.resume(throwing: error)
                } else if Task.isCancelled {
                    // The handler below may have run before the job was in the queue.
                    core.cancel(identifier)
                }
            }
        } onCancel: {
            core.cancel(identifier)
        }
    }

    /// Takes no more work, fails what waits with `.shutDown`, lets what runs end, and joins the threads. Blocks for as
    /// long as the longest job: not for event loops. A second call returns at once.
    public func shutDown() {
        core.shutDown()
    }
}

/// One piece of work. Whoever takes it out of the queue calls exactly one of the closures, once.
private struct Job: Sendable {
    let identifier: UInt64
    let perform: @Sendable () -> Void
    let reject: @Sendable (any Error) -> Void
}

/// What the threads hold on to. Apart from the pool, so that a forgotten pool can be released.
private final class Core: Sendable {
    struct State {
        var queue: Deque<Job> = []
        var threads: [Thread] = []
        var isShutDown = false
        var lastIdentifier: UInt64 = 0
    }

    let state = Mutex(State())
    private let queuedJobCountMax: Int
    private let wakeUps = Semaphore()

    init(queuedJobCountMax: Int) {
        self.queuedJobCountMax = queuedJobCountMax
    }

    func makeIdentifier() -> UInt64 {
        state.withLock { state in
            state.lastIdentifier &+= 1
            return state.lastIdentifier
        }
    }

    /// Nil, or why the job was not taken.
    func enqueue(_ job: Job) -> WorkerPoolError? {
        let error: WorkerPoolError? = state.withLock { state in
            if state.isShutDown { return .shutDown }
            if state.queue.count >= queuedJobCountMax { return .queueFull }
            state.queue.append(job)
            return nil
        }
        if error == nil { wakeUps.signal() }
        return error
    }

    func cancel(_ identifier: UInt64) {
        let job = state.withLock { state in
            state.queue.firstIndex { $0.identifier == identifier }.map { state.queue.remove(at: $0) }
        }
        job?.reject(CancellationError())
    }

    func shutDown() {
        let (waiting, threads) = state.withLock { state in
            defer {
                state.isShutDown = true
                state.queue = []
                state.threads = []
            }
            return (state.queue, state.threads)
        }
        for _ in threads { wakeUps.signal() }
        for job in waiting { job.reject(WorkerPoolError.shutDown) }
        for thread in threads {
            // A pool may be released by a job that it runs; a thread cannot join itself.
            if thread.isCurrent { thread.detach() } else { thread.join() }
        }
    }

    func startThread() throws(SystemError) {
        let thread = try Thread { self.work() }
        state.withLock { $0.threads.append(thread) }
    }

    private func work() {
        while true {
            wakeUps.wait()
            let (job, isShutDown) = state.withLock { ($0.queue.popFirst(), $0.isShutDown) }
            job?.perform()
            if isShutDown { return }
        }
    }
}

/// A POSIX semaphore.
///
/// Unchecked: the pointer never changes, and sem_post and sem_wait may be called from any thread at once.
private final class Semaphore: @unchecked Sendable {
    private let pointer = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() {
        pointer.initialize(to: sem_t())
        let code = sem_init(pointer, 0, 0)
        precondition(code == 0, "sem_init fails only for a value above SEM_VALUE_MAX")
    }

    deinit {
        // No thread waits any more: each holds the Core that holds this.
        sem_destroy(pointer)
        pointer.deallocate()
    }

    func signal() {
        let code = sem_post(pointer)
        precondition(code == 0, "sem_post fails only above SEM_VALUE_MAX, which the queue's bound excludes")
    }

    func wait() {
        // EINTR is the only failure that a valid semaphore has.
        while sem_wait(pointer) != 0 {}
    }
}
