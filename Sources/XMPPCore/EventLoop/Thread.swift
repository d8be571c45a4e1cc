// SPDX-License-Identifier: Apache-2.0
// Threads, for what must not run on Swift's own pool: event loops and blocking calls.

import Glibc

/// A thread that is joined or detached once. It takes no signals: they are the host program's.
struct Thread: Sendable {
    private let handle: pthread_t

    init(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let box = Unmanaged.passRetained(Box(body))
        var handle = pthread_t()
        let status = pthread_create(
            &handle,
            nil,
            { pointer in
                guard let pointer else { return nil }
                blockSignals()
                Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().body()
                return nil
            },
            box.toOpaque()
        )
        guard status == 0 else {
            box.release()
            throw SystemError("pthread_create", code: status)
        }
        self.handle = handle
    }

    func join() { pthread_join(handle, nil) }

    /// Whether the caller runs on this thread.
    var isCurrent: Bool { pthread_equal(handle, pthread_self()) != 0 }

    /// Instead of `join`, for a thread that nobody can wait for: its resources go when it ends.
    func detach() { pthread_detach(handle) }
}

/// Blocks signals for the calling thread. SIGPIPE among them: a peer that closed its end is then an error of write(2),
/// without a handler for the whole process. Those of a crash stay, for they hit the thread that caused them.
private func blockSignals() {
    var blocked = sigset_t()
    sigfillset(&blocked)
    for crash in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT] { sigdelset(&blocked, crash) }
    pthread_sigmask(SIG_BLOCK, &blocked, nil)
}
