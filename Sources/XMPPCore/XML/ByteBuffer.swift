// SPDX-License-Identifier: Apache-2.0
// Bytes on their way out.

import Glibc

/// A growing run of bytes that is written at its end and consumed at its start.
///
/// Not copyable, and without the uniqueness checks of an array: appending is a bounds check and a copy. It gives its
/// memory back when `release()` is called, so that an idle connection holds none.
struct ByteBuffer: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private var start = 0
    private var end = 0

    init() {}

    deinit { free(base) }

    /// How many bytes wait to be consumed.
    var count: Int { end - start }
    var isEmpty: Bool { end == start }

    /// The bytes that wait, valid until the buffer changes.
    var pending: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base.map { UnsafePointer($0) + start }, count: end - start)
    }

    /// A copy of the bytes that wait.
    var bytes: [UInt8] { Array(pending) }

    @inline(__always)
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        memcpy(reserve(bytes.count), source, bytes.count)
        end &+= bytes.count
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        reserve(1).pointee = byte
        end &+= 1
    }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func append(_ text: String) {
        let done: Void? = text.utf8.withContiguousStorageIfAvailable { append($0) }
        if done == nil { append(Array(text.utf8)) }
    }

    mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { append($0) } }

    /// Drops the first bytes that wait.
    mutating func consume(_ byteCount: Int) {
        precondition(byteCount <= count, "consumed more than there is")
        start &+= byteCount
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Gives the memory back. Nothing may be waiting.
    mutating func release() {
        guard isEmpty, base != nil else { return }
        free(base)
        base = nil
        capacity = 0
    }

    /// Room for `byteCount` bytes at the end.
    @inline(__always)
    private mutating func reserve(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
        if end &+ byteCount > capacity { grow(byteCount) }
        // grow() leaves memory of at least `byteCount` bytes, and capacity is 0 before the first.
        return base.unsafelyUnwrapped + end
    }

    @inline(never)
    private mutating func grow(_ byteCount: Int) {
        if start > 0, let base {
            memmove(base, base + start, count)
            end -= start
            start = 0
            if end + byteCount <= capacity { return }
        }
        capacity = max(256, (end + byteCount) * 2)
        guard let memory = realloc(base, capacity) else { fatalError("out of memory") }
        base = memory.assumingMemoryBound(to: UInt8.self)
    }
}
