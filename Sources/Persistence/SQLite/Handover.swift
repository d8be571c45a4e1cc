// SPDX-License-Identifier: Apache-2.0
// The order between who resumes a continuation and who awaits it, as the thread sanitizer can see it.

#if THREAD_SANITIZER
    import Synchronization
#endif

/// Says to the thread sanitizer what Swift's runtime guarantees: what was written before a continuation was resumed is
/// seen after it was awaited.
///
/// When a continuation is resumed before its task waits for it, the two meet in an atomic exchange inside the runtime,
/// which is not instrumented. Nothing is left of this but under the sanitizer (`make tsan`).
enum Handover {
    #if THREAD_SANITIZER
        private static let count = Atomic<Int>(0)
    #endif

    /// Before resuming.
    @inline(__always)
    static func release() {
        #if THREAD_SANITIZER
            count.add(1, ordering: .acquiringAndReleasing)
        #endif
    }

    /// After awaiting.
    @inline(__always)
    static func acquire() {
        #if THREAD_SANITIZER
            _ = count.load(ordering: .acquiring)  // the order counts, not the number
        #endif
    }
}
