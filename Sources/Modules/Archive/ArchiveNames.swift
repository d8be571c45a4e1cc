// SPDX-License-Identifier: Apache-2.0
// The names that archives give to messages (XEP-0359 0.7.0), and forged ones.

import Synchronization
import XMPPCore

/// Gives names: later ones are always higher, even when the clock is put back.
final class ArchiveNames: Sendable {
    private let lastMicroseconds = Mutex<Int64>(0)
    /// Tells apart what servers on one database name at the same microsecond.
    private let mark: Int64

    init(mark: UInt8 = .random(in: 0...255)) { self.mark = Int64(mark) }

    func next(at time: Timestamp) -> ArchiveID {
        let microseconds = lastMicroseconds.withLock { last in
            last = max(ArchiveID.first(at: time).time.microseconds, last &+ 1)
            return last
        }
        let moment = ArchiveID.first(at: Timestamp(microseconds: microseconds))
        return ArchiveID(moment.number | mark) ?? moment
    }
}

extension Stanza {
    /// The same without names that only this archive gives: XEP-0359 section 3.1 demands it of whoever gives them.
    func removingNames(by archive: BareJID) -> Stanza {
        removing { child in child.isNamed("stanza-id", .stanzaIDs) && child["by"].flatMap { Self.bare($0) } == archive }
    }

    private static func bare(_ text: String) -> BareJID? {
        // What is no address is nobody's.
        try? BareJID(text)
    }
}

extension ArchiveID {
    /// The element that tells a recipient of it (XEP-0359 section 3.1).
    func element(by archive: BareJID) -> Element {
        Element("stanza-id", .stanzaIDs, ["by": archive.description, "id": text])
    }
}
