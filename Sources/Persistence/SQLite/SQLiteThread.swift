// SPDX-License-Identifier: Apache-2.0
// The thread that a SQLite connection lives on: SQLite's calls block, so they are made here and nowhere else.

import DequeModule
import Glibc
import Synchronization
import XMPPCore

/// A thread that does what is posted to it, in order, and runs a hook after each batch: that is where a group of writes
/// is committed. It is the executor of the tasks in which transactions run.
///
/// `@unchecked Sendable`: `state` is behind its mutex; `semaphore` is one, made for use by many threads, and is
/// freed in `deinit` when nobody can use it; `identifier` is written before the thread takes its first job (`start`
/// returns after that, and only then does anybody else hold the object); `batchEnd` and `jobCount` are touched by the
/// thread alone, which `atBatchEnd` checks.
final class SQLiteThread: TaskExecutor, Sleeper, @unchecked Sendable {
    private enum Job {
        case closure(@Sendable () -> Void)
        case task(UnownedJob)
    }

    private struct State: ~Copyable {
        var jobs = Deque<Job>()
        var isStopping = false
    }

    /// What makes a batch.
    enum Batching {
        /// What was posted when the batch began.
        case closed
        /// That, and what is posted meanwhile, up to `batchJobCountMax`.
        case open
    }

    /// Most jobs of an open batch, after which no more join it: it bounds how long the first waits for its commit.
    static let batchJobCountMax = 512
    /// SQLite and the bodies of transactions go no deeper. The system's eight mebibytes for each thread count where the
    /// memory that a process may name is bounded.
    private static let stackByteCount = 1 << 20
    /// After how many jobs those who wait for them are woken, at the latest.
    private static let wakeJobCountMax = 32

    private let batching: Batching
    private let state = Mutex(State())
    private let semaphore: UnsafeMutablePointer<sem_t>
    private var identifier = pthread_t()
    private var batchEnd: (() -> Void)?

    private init(_ batching: Batching) {
        self.batching = batching
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)  // fails only for a value that is out of range
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Starts a thread.
    ///
    /// - Throws: ``StorageError/unavailable(detail:)`` when the system has none left.
    static func start(_ batching: Batching) throws(StorageError) -> SQLiteThread {
        let thread = SQLiteThread(batching)
        // The new thread owns this reference, and gives it up when it ends.
        let reference = Unmanaged.passRetained(thread)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)  // has no way to fail
        pthread_attr_setstacksize(&attributes, stackByteCount)  // else the system's is taken, which is larger
        let code = pthread_create(&thread.identifier, &attributes, sqliteThreadMain, reference.toOpaque())
        pthread_attr_destroy(&attributes)  // has nothing to free
        guard code == 0 else {
            reference.release()
            throw .unavailable(detail: "no thread for the database: error \(code)")
        }
        return thread
    }

    /// Ends the thread after the jobs that it has, and waits for that: for microseconds, when nobody uses it any more.
    func stop() {
        requestStop()
        pthread_join(identifier, nil)  // it fails only for a thread that was joined or detached
    }

    /// Ends the thread after the jobs that it has, without waiting for it. May be called on the thread itself.
    func abandon() {
        requestStop()
        pthread_detach(identifier)  // it fails only for a thread that was joined or detached
    }

    private func requestStop() {
        state.withLock { $0.isStopping = true }
        // At once: the caller may be about to wait for the thread.
        wake()
    }

    func wake() { sem_post(semaphore) }  // fails only at a count of two thousand million

    // MARK: Jobs

    /// Runs `body` on the thread, after what was posted before. From any thread.
    func post(_ body: @escaping @Sendable () -> Void) { enqueue(.closure(body)) }

    func enqueue(_ job: consuming ExecutorJob) { enqueue(.task(UnownedJob(job))) }

    private func enqueue(_ job: Job) {
        let isFirst = state.withLock { state in
            state.jobs.append(job)
            return state.jobs.count == 1
        }
        if isFirst { DeferredWakes.request(self) }
    }

    private func run(_ job: Job) {
        switch job {
        case .closure(let body): body()
        case .task(let job): job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    /// Traps when it is not this thread that runs.
    func checkCurrent() {
        guard isCurrent else { preconditionFailure("called outside of the database's thread") }
    }

    private var isCurrent: Bool { pthread_equal(pthread_self(), identifier) != 0 }

    /// Has `hook` run once, after the jobs of this batch.
    func atBatchEnd(_ hook: @escaping () -> Void) {
        checkCurrent()
        batchEnd = hook
    }

    /// Says that the job that runs does as much as so many. On the thread.
    func countJobs(_ count: Int) { jobCount += count }
    private var jobCount = 0

    fileprivate func run() {
        let wakes = DeferredWakes()
        var jobs = Deque<Job>()
        while true {
            jobs.removeAll(keepingCapacity: true)
            let isStopping = state.withLock { state in
                swap(&state.jobs, &jobs)
                return state.isStopping
            }
            for (index, job) in jobs.enumerated() {
                run(job)
                if index % Self.wakeJobCountMax == Self.wakeJobCountMax - 1 { wakes.flush() }
            }
            wakes.flush()
            jobCount += jobs.count
            // The more writes share a commit, the less each costs.
            if batching == .open, !jobs.isEmpty, jobCount < Self.batchJobCountMax { continue }
            jobCount = 0
            if let hook = batchEnd {
                batchEnd = nil
                hook()
                wakes.flush()
                continue
            }
            guard jobs.isEmpty else { continue }
            if isStopping { return }
            // Interrupted by a signal, it just looks at the queue once more.
            sem_wait(semaphore)
        }
    }
}

private nonisolated func sqliteThreadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let thread = Unmanaged<SQLiteThread>.fromOpaque(argument).takeRetainedValue()
    thread.run()
    return nil
}
