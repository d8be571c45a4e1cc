// SPDX-License-Identifier: Apache-2.0
// What zlib (RFC 1950) has compressed, up to a bound.

import CZlib

enum Inflation {
    /// The most that comes out: some stanzas.
    static let byteCountMax = 4 << 20

    /// Undoes a compression.
    ///
    /// - Parameter byteCount: how much must come out. It takes memory before that is known, up to ``byteCountMax``.
    static func inflate(_ bytes: ArraySlice<UInt8>, to byteCount: Int) throws(ErlangTermError) -> [UInt8] {
        guard byteCount <= byteCountMax else { throw .tooLarge }
        // One byte more than there may be, for what is too long must not end well.
        var count = uLongf(byteCount + 1)
        var status = Z_DATA_ERROR
        let inflated = [UInt8](unsafeUninitializedCapacity: byteCount + 1) { buffer, initializedCount in
            status = bytes.withUnsafeBufferPointer { source in
                uncompress(buffer.baseAddress, &count, source.baseAddress, uLong(source.count))
            }
            initializedCount = status == Z_OK ? Int(clamping: count) : 0
        }
        guard status == Z_OK, inflated.count == byteCount else { throw .compression }
        return inflated
    }
}
