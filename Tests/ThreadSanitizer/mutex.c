// SPDX-License-Identifier: Apache-2.0
// Tells the thread sanitizer of Swift's Mutex what it cannot see. A library that is preloaded; see scripts/tsan.sh.
//
// Synchronization.Mutex is one word. Taking and leaving it uncontended are atomic operations in the code of its user,
// which the sanitizer sees. Contended, both are calls into libswiftSynchronization, and from there futex operations of
// the kernel (FUTEX_LOCK_PI, FUTEX_UNLOCK_PI), which it does not: it takes what one thread did under the lock and what
// the next one does for a race. Those calls come through here, and the same word gets the two edges.
//
// Better than suppressions, which would hide whatever is in a closure of withLock: with these edges, what is wrong there
// is still found.

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

// The sanitizer's, in programs that have it.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *mutex
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef void (*Lock)(uint32_t thread, SELF) SWIFT;
typedef bool (*TryLock)(SELF) SWIFT;
typedef void (*Unlock)(SELF) SWIFT;

static Lock lock_original;
static TryLock try_lock_original;
static Unlock unlock_original;

__attribute__((constructor)) static void find_originals(void) {
    lock_original = (Lock)dlsym(RTLD_NEXT, LOCK);
    try_lock_original = (TryLock)dlsym(RTLD_NEXT, TRY_LOCK);
    unlock_original = (Unlock)dlsym(RTLD_NEXT, UNLOCK);
}

// Swift.Synchronization._MutexHandle._lockSlow(UInt32)
SWIFT void lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT void lock_slow(uint32_t thread, SELF) {
    lock_original(thread, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

// Swift.Synchronization._MutexHandle._tryLockSlow() -> Bool
SWIFT bool try_lock_slow(SELF) __asm__(TRY_LOCK);
SWIFT bool try_lock_slow(SELF) {
    bool is_locked = try_lock_original(mutex);
    if (is_locked && __tsan_acquire) __tsan_acquire(mutex);
    return is_locked;
}

// Swift.Synchronization._MutexHandle._unlockSlow()
SWIFT void unlock_slow(SELF) __asm__(UNLOCK);
SWIFT void unlock_slow(SELF) {
    if (__tsan_release) __tsan_release(mutex);
    unlock_original(mutex);
}
