// SPDX-License-Identifier: Apache-2.0
// One thread that waits for descriptors, timers and jobs. Everything that belongs to a connection happens on its loop.

import CLinux
import Glibc
import HeapModule
import Synchronization

/// Something that an event loop watches a descriptor for.
package protocol EventSource: AnyObject {
    /// The descriptor is ready. Runs on the loop.
    func ready(_ events: ReadyEvents)
    /// The loop stops for good: nothing will be reported again. Runs on the loop.
    func abandoned()
}

/// Something to be done once per turn, however often it was asked for.
package protocol EndOfTurnWork: AnyObject {
    /// The events of the turn are done. Runs on the loop.
    func endTurn()
}

/// What epoll says of a descriptor.
package struct ReadyEvents: OptionSet {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = ReadyEvents(rawValue: EPOLLIN.rawValue)
    package static let writable = ReadyEvents(rawValue: EPOLLOUT.rawValue)
    /// The peer will write no more, or the connection is gone. Reported without being asked for.
    package static let ended = ReadyEvents(rawValue: EPOLLHUP.rawValue | EPOLLERR.rawValue)
    /// Wake one of the loops that share the descriptor, not all.
    static let exclusive = ReadyEvents(rawValue: EPOLLEXCLUSIVE.rawValue)
}

/// A loop over epoll on a thread of its own, which is also the executor of the tasks that work for its connections.
///
/// A turn is: what other threads posted, jobs, timers that are due, the end-of-turn work (flushing connections), then
/// one wait for descriptors. Methods must be called on the loop unless they say otherwise.
///
/// `@unchecked Sendable`: what `state` points to is touched only by the loop's thread (asserted in debug builds); the
/// rest is constant or behind a mutex.
public final class EventLoop: SerialExecutor, TaskExecutor, Sleeper, @unchecked Sendable {
    /// The place of this loop among its group, from 0.
    public let number: Int
    let time: any TimeSource
    private let epoll: Int32
    private let wakeup: Int32
    private let mailbox = Mutex(Mailbox())
    /// The loop's thread while it runs, else `noThread`. Other threads ask whether they are it.
    private let thread = Atomic<pthread_t>(EventLoop.noThread)
    private static let noThread: pthread_t = 0
    private let state: UnsafeMutablePointer<State>

    /// Descriptor events taken per turn. What is left is taken in the next.
    private static let eventCountMax = 256
    /// What a connection reads at once. One buffer serves the loop.
    static let readByteCountMax = 16_384

    private struct Mailbox {
        var jobs: [UnownedJob] = []
        var posts: [@Sendable () -> Void] = []
        var isStopping = false
        /// The loop has returned: what comes now is dropped.
        var isClosed = false
        /// The loop waits, or is about to, and whoever puts the first thing in must wake it.
        var isLoopAsleep = false
        var isEmpty: Bool { jobs.isEmpty && posts.isEmpty && !isStopping }
    }

    private struct Slot {
        var source: (any EventSource)?
        var generation: UInt32
    }

    private struct State {
        var now: Duration = .zero
        var jobs: [UnownedJob] = []
        var running: [UnownedJob] = []
        var slots: [Slot] = []
        var freeSlots: [Int] = []
        var timers = TimerQueue()
        var endOfTurn: [any EndOfTurnWork] = []
        var parserPool = XMLParserPool()
        var jidCache = JIDCache()
        var readBuffer: UnsafeMutablePointer<UInt8>
    }

    init(number: Int, time: any TimeSource) throws(SystemError) {
        self.number = number
        self.time = time
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError("epoll_create1") }
        wakeup = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wakeup >= 0 else {
            let error = SystemError("eventfd")
            close(epoll)
            throw error
        }
        state = .allocate(capacity: 1)
        state.initialize(to: State(readBuffer: .allocate(capacity: Self.readByteCountMax)))
        // Edge-triggered: every write is reported once, so that nobody needs to read the count.
        var event = epoll_event(events: EPOLLIN.rawValue | EPOLLET.rawValue, data: epoll_data(u64: Self.wakeupToken))
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event) == 0 else { throw SystemError("epoll_ctl") }
        // Weak references cost every later count of references, so there are none where time passes by itself.
        if !time.isRunning { time.observe { [weak self] in self?.wake() } }
    }

    deinit {
        state.pointee.readBuffer.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
        close(wakeup)
        close(epoll)
    }

    // MARK: from any thread

    /// Whether the caller runs on this loop.
    public var isCurrent: Bool { thread.load(ordering: .relaxed) == pthread_self() }

    /// Runs `body` on the loop, after what was posted before. From any thread.
    public func post(_ body: @escaping @Sendable () -> Void) {
        enter { $0.posts.append(body) }
    }

    /// Runs `body` on the loop, after what was posted before, and returns what it returns; nil when the loop has stopped.
    /// From any thread but the loop's own.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        await withCheckedContinuation { continuation in
            let answer = Answer(continuation)
            post { answer.give(body()) }
        }
    }

    /// Returns once the loop has done what was posted to it before, or has stopped. From any thread but the loop's own.
    func settle() async { await run {} ?? () }

    /// Asks the loop to return from `run()` once it has done what was posted before. From any thread.
    func stop() {
        enter { $0.isStopping = true }
        // At once: the caller may be about to wait for the loop.
        wake()
    }

    private func enter(_ body: (inout Mailbox) -> Void) {
        let isAsleep = mailbox.withLock { mailbox in
            guard !mailbox.isClosed else { return false }
            body(&mailbox)
            defer { mailbox.isLoopAsleep = false }
            return mailbox.isLoopAsleep
        }
        if isAsleep { DeferredWakes.request(self) }
    }

    /// Ends the loop's wait, or its next one. From any thread.
    package func wake() { eventfd_write(wakeup, 1) }

    // MARK: executor

    /// Takes a job of Swift's concurrency for one of the loop's next turns. From any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent { state.pointee.jobs.append(job) } else { enter { $0.jobs.append(job) } }
    }

    /// The loop as the executor of an actor.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    /// The loop as the executor of a task.
    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }
    /// Traps when it is not the loop's thread that runs.
    public func checkIsolated() { precondition(isCurrent, "not on event loop \(number)") }
    /// Whether it is the loop's thread that runs; never nil.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Starts asynchronous work: runs it here up to its first suspension, and on the loop's later turns after that.
    ///
    /// Whoever starts it must know when it ended: `body` says so itself, as its last step.
    package func start(_ body: @escaping @Sendable () async -> Void) {
        assertCurrent()
        Task.immediate(executorPreference: self) { await body() }
    }

    // MARK: on the loop

    /// Traps in debug builds when the caller is on another thread.
    @inline(__always)
    package func assertCurrent() { assert(isCurrent, "not on event loop \(number)") }

    /// The time at the start of this turn.
    package var now: Duration { state.pointee.now }

    var parserPool: XMLParserPool { state.pointee.parserPool }
    var readBuffer: UnsafeMutableBufferPointer<UInt8> {
        UnsafeMutableBufferPointer(start: state.pointee.readBuffer, count: Self.readByteCountMax)
    }

    func withJIDCache<Result, Failure>(_ body: (inout JIDCache) throws(Failure) -> Result) throws(Failure) -> Result {
        assertCurrent()
        return try body(&state.pointee.jidCache)
    }

    /// Calls `work` after this turn's events, before the next wait.
    package func atEndOfTurn(_ work: any EndOfTurnWork) { state.pointee.endOfTurn.append(work) }

    /// Watches a descriptor. The loop keeps the source until `unregister`.
    package func register(
        _ descriptor: Int32,
        _ source: any EventSource,
        _ interest: ReadyEvents
    ) throws(SystemError) -> SourceToken {
        assertCurrent()
        let index: Int
        if let free = state.pointee.freeSlots.popLast() {
            index = free
        } else {
            index = state.pointee.slots.count
            state.pointee.slots.append(Slot(source: nil, generation: 0))
        }
        state.pointee.slots[index].source = source
        let token = SourceToken(index: index, generation: state.pointee.slots[index].generation)
        var event = epoll_event(events: interest.rawValue, data: epoll_data(u64: token.packed))
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            let error = SystemError("epoll_ctl")
            release(token)
            throw error
        }
        return token
    }

    /// Changes what a descriptor is watched for.
    package func update(_ descriptor: Int32, _ token: SourceToken, _ interest: ReadyEvents) {
        assertCurrent()
        var event = epoll_event(events: interest.rawValue, data: epoll_data(u64: token.packed))
        let status = epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event)
        assert(status == 0, "epoll_ctl of a descriptor that is not registered")
    }

    /// Stops watching a descriptor. Events of it that are already taken are dropped.
    package func unregister(_ descriptor: Int32, _ token: SourceToken) {
        assertCurrent()
        let status = epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
        assert(status == 0, "epoll_ctl of a descriptor that is not registered")
        release(token)
    }

    /// Lets go of a source whose descriptor is closed, which has ended the watching of it.
    package func forget(_ token: SourceToken) {
        assertCurrent()
        release(token)
    }

    private func release(_ token: SourceToken) {
        state.pointee.slots[token.index].source = nil
        state.pointee.slots[token.index].generation &+= 1
        state.pointee.freeSlots.append(token.index)
    }

    /// Runs `body` once, on a turn after `delay` has passed.
    @discardableResult
    package func schedule(after delay: Duration, _ body: @escaping () -> Void) -> TimerToken {
        assertCurrent()
        return state.pointee.timers.add(at: time.uptime + delay, body)
    }

    /// Prevents a timer from firing, if it has not fired.
    package func cancel(_ timer: TimerToken) {
        assertCurrent()
        state.pointee.timers.cancel(timer)
    }

    // MARK: the loop itself

    private static let wakeupToken = UInt64.max

    /// Takes the calling thread until `stop()`.
    func run() {
        thread.store(pthread_self(), ordering: .relaxed)
        let wakes = DeferredWakes()
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.eventCountMax) { events in
            guard let base = events.baseAddress else { return }
            while turn(base, wakes) {}
        }
        abandon()
        thread.store(Self.noThread, ordering: .relaxed)
    }

    /// Lets go of everything: sources, timers and work refer back to the loop.
    private func abandon() {
        for index in state.pointee.slots.indices { state.pointee.slots[index].source?.abandoned() }
        state.pointee.slots = []
        state.pointee.freeSlots = []
        state.pointee.endOfTurn = []
        state.pointee.timers = TimerQueue()
        // What was posted too late is released outside the lock.
        let late = mailbox.withLock { mailbox in
            defer { mailbox = Mailbox(isClosed: true) }
            return mailbox
        }
        withExtendedLifetime(late) {}
        // Who waited for a timer, or for what was posted, has been told that nothing comes of it, and ends.
        drainJobs()
    }

    private func turn(_ events: UnsafeMutablePointer<epoll_event>, _ wakes: borrowing DeferredWakes) -> Bool {
        state.pointee.now = time.uptime
        let isStopping = takeMailbox()
        drainJobs()
        while let body = state.pointee.timers.popDue(state.pointee.now) { body() }
        drainJobs()
        endTurn()
        wakes.flush()
        guard !isStopping else { return false }
        let count = epoll_wait(epoll, events, Int32(Self.eventCountMax), fallAsleep() ? waitMilliseconds : 0)
        state.pointee.now = time.uptime
        for index in 0..<Int(max(0, count)) { dispatch(events[index]) }
        drainJobs()
        endTurn()
        wakes.flush()
        return true
    }

    private func dispatch(_ event: epoll_event) {
        guard event.data.u64 != Self.wakeupToken else { return }
        let token = SourceToken(packed: event.data.u64)
        guard token.index < state.pointee.slots.count, state.pointee.slots[token.index].generation == token.generation,
            let source = state.pointee.slots[token.index].source
        else { return }
        source.ready(ReadyEvents(rawValue: event.events))
    }

    private func takeMailbox() -> Bool {
        let (jobs, posts, isStopping) = mailbox.withLock { mailbox in
            mailbox.isLoopAsleep = false
            let taken = (mailbox.jobs, mailbox.posts, mailbox.isStopping)
            mailbox.jobs = []
            mailbox.posts = []
            return taken
        }
        state.pointee.jobs.append(contentsOf: jobs)
        for body in posts { body() }
        return isStopping
    }

    /// Has others wake the loop from now on, unless they have left something already.
    private func fallAsleep() -> Bool {
        mailbox.withLock { mailbox in
            mailbox.isLoopAsleep = mailbox.isEmpty
            return mailbox.isLoopAsleep
        }
    }

    // Not re-entrant: a job is run exactly once, by the one call of runSynchronously here.
    private func drainJobs() {
        while !state.pointee.jobs.isEmpty {
            swap(&state.pointee.jobs, &state.pointee.running)
            for index in state.pointee.running.indices {
                state.pointee.running[index].runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(),
                    taskExecutor: asUnownedTaskExecutor()
                )
            }
            state.pointee.running.removeAll(keepingCapacity: true)
        }
    }

    /// One round: what asks for another gets it on the next turn, after others had theirs.
    private func endTurn() {
        let works = state.pointee.endOfTurn
        state.pointee.endOfTurn = []
        for work in works { work.endTurn() }
        drainJobs()
    }

    private var waitMilliseconds: Int32 {
        guard state.pointee.endOfTurn.isEmpty, state.pointee.jobs.isEmpty else { return 0 }
        guard time.isRunning, let deadline = state.pointee.timers.nextDeadline else { return -1 }
        let wait = deadline - time.uptime
        guard wait > .zero else { return 0 }
        // Rounded up, so that a timer is due when the wait ends.
        let (seconds, attoseconds) = wait.components
        guard seconds < 3600 else { return 3_600_000 }
        return Int32(seconds) * 1000 + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

/// A descriptor that a loop watches.
package struct SourceToken {
    fileprivate let index: Int
    fileprivate let generation: UInt32

    fileprivate init(index: Int, generation: UInt32) {
        self.index = index
        self.generation = generation
    }

    fileprivate init(packed: UInt64) {
        index = Int(packed >> 32)
        generation = UInt32(truncatingIfNeeded: packed)
    }

    fileprivate var packed: UInt64 { UInt64(index) << 32 | UInt64(generation) }
}
