// SPDX-License-Identifier: Apache-2.0
// Plain values in memory of their own, for what runs for every stanza.

import Glibc

/// A growing run of plain values, appended at its end.
///
/// Not copyable, and without an array's checks of uniqueness and bounds: those cost more than the work on a stanza that
/// they would guard. Indexes are the caller's to get right; debug builds check them.
struct RawBuffer<Value: BitwiseCopyable>: ~Copyable {
    private var base: UnsafeMutablePointer<Value>?
    private(set) var count = 0
    private(set) var capacity = 0

    /// Room for a usual stanza, so that building one seldom grows twice.
    private static var initialByteCount: Int { 512 }

    init() {}

    deinit { free(base) }

    var isEmpty: Bool { count == 0 }

    /// The values, valid until the buffer changes.
    var values: UnsafeBufferPointer<Value> { UnsafeBufferPointer(start: base, count: count) }

    subscript(index: Int) -> Value {
        @inline(__always)
        get {
            assert(index >= 0 && index < count, "index out of bounds")
            return base.unsafelyUnwrapped[index]
        }
        @inline(__always)
        _modify {
            assert(index >= 0 && index < count, "index out of bounds")
            yield &base.unsafelyUnwrapped[index]
        }
    }

    @inline(__always)
    mutating func append(_ value: Value) {
        if count == capacity { grow(1) }
        base.unsafelyUnwrapped[count] = value
        count &+= 1
    }

    @inline(__always)
    mutating func append(_ values: UnsafeBufferPointer<Value>) {
        guard let source = values.baseAddress, values.count > 0 else { return }
        if count &+ values.count > capacity { grow(values.count) }
        memcpy(base.unsafelyUnwrapped + count, source, values.count &* MemoryLayout<Value>.stride)
        count &+= values.count
    }

    /// Takes the last value away; nil when there is none.
    @inline(__always)
    mutating func popLast() -> Value? {
        guard count > 0 else { return nil }
        count &-= 1
        return base.unsafelyUnwrapped[count]
    }

    /// Forgets the values, and keeps the memory.
    @inline(__always)
    mutating func removeAll() { count = 0 }

    @inline(never)
    private mutating func grow(_ addedCount: Int) {
        capacity = max(Self.initialByteCount / MemoryLayout<Value>.stride, (count + addedCount) * 2)
        guard let memory = realloc(base, capacity * MemoryLayout<Value>.stride) else { fatalError("out of memory") }
        base = memory.bindMemory(to: Value.self, capacity: capacity)
    }
}
