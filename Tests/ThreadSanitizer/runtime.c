// SPDX-License-Identifier: Apache-2.0
// Tells the thread sanitizer what it cannot see of Swift's runtime. A library that is preloaded; see scripts/tsan.sh.
//
// Better than suppressions, which would hide whatever is in a closure of withLock, or comes through a continuation: with
// these edges, what is wrong there is still found.

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

// The sanitizer's, in programs that have it.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

// Mutex
//
// Synchronization.Mutex is one word. Taking and leaving it uncontended are atomic operations in the code of its user,
// which the sanitizer sees. Contended, both are calls into libswiftSynchronization, and from there futex operations of
// the kernel (FUTEX_LOCK_PI, FUTEX_UNLOCK_PI), which it does not: it takes what one thread did under the lock and what
// the next one does for a race. Those calls come through here, and the same word gets the two edges.

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

// Continuations
//
// Whoever resumes a continuation writes the value into the task's memory, and swift_continuation_resume tells the
// sanitizer of a release at the task. Then there are two ways on. If the task has waited already, it is put into an
// executor's queue, and the runtime tells of the acquire when it runs the task. If it has not, it finds in
// swift_continuation_await that it need not wait, and goes on at once, on its own thread: it has seen the value by an
// atomic load or exchange within the runtime, but of that acquire nobody tells. So what it reads of the value, and later
// writes of its own memory, is taken for a race with the thread that resumed it.
//
// The second way is a call of the context's resumption function from within swift_continuation_await. Another one is put
// there, which tells of the acquire and goes on to the first. On the first way it is not used: the task has a copy of
// the function from when the continuation was made.

#define SWIFT_ASYNC __attribute__((swiftasynccall))
#define TAIL __attribute__((musttail))

// The runtime's ContinuationAsyncContext, as far as it is needed.
struct Context {
    struct Context *parent;
    SWIFT_ASYNC void (*resume)(__attribute__((swift_async_context)) struct Context *context);
    uintptr_t flags;
};
typedef SWIFT_ASYNC void (*Await)(struct Context *context);
typedef SWIFT_ASYNC void (*Resume)(__attribute__((swift_async_context)) struct Context *context);

// The task may go on elsewhere, on another thread; the compiler never asks for that.
static const uintptr_t switches_executor = 1 << 1;

extern SWIFT void *swift_task_getCurrent(void) __attribute__((weak));
static Await await_original;
// What comes after the acquire. Between its two uses the thread does nothing but look whether it must wait.
static _Thread_local Resume resume_original;

static SWIFT_ASYNC void acquire_and_resume(__attribute__((swift_async_context)) struct Context *context) {
    __tsan_acquire(swift_task_getCurrent());
    context->resume = resume_original;
    TAIL return context->resume(context);
}

SWIFT_ASYNC void swift_continuation_await(struct Context *context) {
    if (__tsan_acquire && !(context->flags & switches_executor)) {
        resume_original = context->resume;
        context->resume = acquire_and_resume;
    }
    TAIL return await_original(context);
}

__attribute__((constructor)) static void find_originals(void) {
    lock_original = (Lock)dlsym(RTLD_NEXT, LOCK);
    try_lock_original = (TryLock)dlsym(RTLD_NEXT, TRY_LOCK);
    unlock_original = (Unlock)dlsym(RTLD_NEXT, UNLOCK);
    await_original = (Await)dlsym(RTLD_NEXT, "swift_continuation_await");
}
