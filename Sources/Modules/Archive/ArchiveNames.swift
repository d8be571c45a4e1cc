// SPDX-License-Identifier: Apache-2.0
// The names that archives give to messages (XEP-0359 0.7.0), and forged ones.

import XMPPCore

/// Gives names: later ones are always higher, even when the clock is put back while the server runs.
///
/// DEVIATION: XEP-0313 section 3 wants names that nobody can guess. These are times, as MongooseIM's are; they give no access
/// to anything. See docs/decisions/0016.
struct ArchiveNames: Sendable {
    private var lastMicroseconds: Int64 = 0
    /// Tells apart what servers on one database name at the same microsecond.
    private let mark = Int64(UInt8.random(in: 0...255))

    mutating func next(at time: Timestamp) -> ArchiveID {
        lastMicroseconds = max(ArchiveID.first(at: time).time.microseconds, lastMicroseconds &+ 1)
        let moment = ArchiveID.first(at: Timestamp(microseconds: lastMicroseconds))
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
