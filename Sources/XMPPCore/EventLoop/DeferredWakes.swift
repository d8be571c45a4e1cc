// SPDX-License-Identifier: Apache-2.0
// Waking a thread is a system call, and where the two share a core, a switch there and back. A thread that does many
// things in turn wakes the others once, when it is done with them.

import Glibc

/// A thread that sleeps when it has nothing to do.
package protocol Sleeper: AnyObject, Sendable {
    /// Ends its sleep, or the next one if it is awake. From any thread.
    func wake()
}

/// The wakes that the calling thread puts off, for as long as this exists.
///
/// Whoever makes one must call ``flush()`` before the thread may sleep: what was posted to another thread waits for it.
package struct DeferredWakes: ~Copyable {
    private final class List {
        var sleepers: [any Sleeper] = []
    }

    /// Where a thread finds its own list.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let status = pthread_key_create(&key, nil)
        precondition(status == 0, "pthread_key_create: error \(status)")  // once in a process, of at least 128
        return key
    }()

    private let list = List()

    /// Begins to put off the calling thread's wakes.
    package init() {
        pthread_setspecific(Self.key, Unmanaged.passUnretained(list).toOpaque())
    }

    deinit {
        pthread_setspecific(Self.key, nil)
        flush()
    }

    /// Wakes everybody for whom ``request(_:)`` was called on this thread.
    package borrowing func flush() {
        guard !list.sleepers.isEmpty else { return }
        for sleeper in list.sleepers { sleeper.wake() }
        list.sleepers.removeAll(keepingCapacity: true)
    }

    /// Wakes a thread: now, or where the calling thread puts its wakes off, then.
    package static func request(_ sleeper: any Sleeper) {
        guard let list = pthread_getspecific(key) else { return sleeper.wake() }
        Unmanaged<List>.fromOpaque(list).takeUnretainedValue().sleepers.append(sleeper)
    }
}
