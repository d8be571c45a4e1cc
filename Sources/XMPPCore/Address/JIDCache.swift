// SPDX-License-Identifier: Apache-2.0
// Addresses that one event loop has parsed lately.

import Glibc

/// Finds the JID of a text that was parsed before, without preparing or allocating it again.
///
/// Direct-mapped: a text has one place, and a newer one with the same place replaces it. So its size is fixed, and a
/// peer that sends ever new addresses costs others a parse, never memory. Confined to its owner's thread.
struct JIDCache {
    /// How many addresses it holds. A power of two.
    static let entryCountMax = 4096
    /// Longer addresses are parsed each time, so that what is held stays small.
    static let byteCountMax = 256

    private struct Entry {
        var text: [UInt8]
        var jid: JID
    }
    private var entries = [Optional<Entry>](repeating: nil, count: JIDCache.entryCountMax)

    /// The address that `text` spells.
    ///
    /// - Throws: ``JIDError`` when it spells none. Errors are not remembered.
    mutating func jid(_ text: UnsafeBufferPointer<UInt8>) throws(JIDError) -> JID {
        guard text.count <= Self.byteCountMax, let base = text.baseAddress else { return try JID(utf8: text) }
        var hash: UInt32 = 2_166_136_261  // FNV-1a: collisions only cost a parse, so it need not be keyed
        for byte in text { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        let place = Int(hash) & (Self.entryCountMax - 1)
        if let entry = entries[place], entry.text.count == text.count,
            entry.text.withUnsafeBufferPointer({ $0.baseAddress.map { memcmp($0, base, text.count) == 0 } ?? false })
        {
            return entry.jid
        }
        let jid = try JID(utf8: text)
        entries[place] = Entry(text: Array(text), jid: jid)
        return jid
    }
}
