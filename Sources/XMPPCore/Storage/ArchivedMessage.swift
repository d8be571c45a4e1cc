// SPDX-License-Identifier: Apache-2.0
// What an archive keeps of a message (XEP-0313 section 3), and how it is asked for.

/// The name of a message in an archive, in the order of the archive. It is never given to another message.
///
/// It is MongooseIM's: microseconds since 1970-01-01 UTC, then eight bits that tell apart who gave it.
public struct ArchiveID: Hashable, Sendable, Comparable {
    /// The name as stores have it; never negative.
    public let number: Int64

    /// The lowest and the highest name that can be.
    public static let range = ArchiveID(unchecked: 0)...ArchiveID(unchecked: .max)

    /// Wraps a store's number; nil when it is negative.
    public init?(_ number: Int64) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    private init(unchecked number: Int64) { self.number = number }

    /// The lowest name of a moment; times that no name has are taken for the nearest.
    public static func first(at time: Timestamp) -> ArchiveID {
        ArchiveID(unchecked: min(max(time.microseconds, 0), .max >> 8) << 8)
    }

    /// The highest name of a moment; times that no name has are taken for the nearest.
    public static func last(at time: Timestamp) -> ArchiveID {
        ArchiveID(unchecked: first(at: time).number | 0xff)
    }

    /// When the archive got the message.
    public var time: Timestamp { Timestamp(microseconds: number >> 8) }

    /// Reads a name as clients have it; nil when no message can have it.
    public init?(_ text: String) {
        // Twelve digits are 60 bits, thirteen may be 63.
        guard (1...13).contains(text.utf8.count), text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }),
            let number = Int64(text, radix: 32), number >= 0, String(number, radix: 32, uppercase: true) == text
        else { return nil }
        self.number = number
    }

    /// The name as clients have it: base 32 with the digits 0 to 9 and A to V.
    public var text: String { String(number, radix: 32, uppercase: true) }

    /// Whether `left` comes before.
    public static func < (left: ArchiveID, right: ArchiveID) -> Bool { left.number < right.number }
}

/// A message of an archive.
public struct ArchivedMessage: Hashable, Sendable {
    /// Which way a message went, as the owner of the archive sees it.
    public enum Direction: Hashable, Sendable {
        /// The owner sent it.
        case sent
        /// The owner got it. All messages of a room are such.
        case received
    }

    /// Its name in the archive.
    public var id: ArchiveID
    /// Which way it went.
    public var direction: Direction
    /// Who sent it. In a room's archive the account that did, not the occupant; its resource is not kept there.
    public var sender: JID
    /// Whom the owner talked with: the recipient of a message that was sent, else the sender. In a room's archive the
    /// occupant: the room's address with the nickname.
    public var peer: JID
    /// The stanza as XML, in UTF-8.
    public var stanza: [UInt8]
    /// What its sender named it (XEP-0359 section 3.2), or the stanza's `id`; nil when it has neither. It is not
    /// looked for beyond ``originIDByteCountMax``.
    public var originID: String?
    /// What it is found by: see ``SearchText``; nil for nothing.
    public var searchText: String?
    /// Whether it came through a room, as all messages in a room's archive have.
    public var isGroupchat: Bool

    /// The longest ``originID`` that is kept: longer ones are left out.
    public static let originIDByteCountMax = 250

    /// Makes a message.
    public init(
        id: ArchiveID, direction: Direction, sender: JID, peer: JID, stanza: [UInt8], originID: String? = nil,
        searchText: String? = nil, isGroupchat: Bool = false
    ) {
        self.id = id
        self.direction = direction
        self.sender = sender
        self.peer = peer
        self.stanza = stanza
        self.originID = originID
        self.searchText = searchText
        self.isGroupchat = isGroupchat
    }
}

/// What messages of an archive are asked for: those of which all that is given here holds.
public struct ArchiveQuery: Hashable, Sendable {
    /// Those between these names, both included. One that is empty holds no message.
    public var ids = ArchiveID.range
    /// Those with this ``ArchivedMessage/peer``: any of its resources where it has none. Nil for all.
    public var peer: JID?
    /// Those in whose text all of these words are; see ``SearchText``. Empty for all. What is no word is in no text.
    public var words: [String] = []
    /// Those with this ``ArchivedMessage/originID``; nil for all.
    public var originID: String?
    /// Those that came through a room, or those that did not; nil for all.
    public var isGroupchat: Bool?

    /// Makes a query for all messages.
    public init() {}
}

/// In which order messages are read.
public enum ArchiveOrder: Hashable, Sendable {
    /// The first of the archive first.
    case ascending
    /// The last of the archive first.
    case descending
}

extension ClosedRange<ArchiveID> {
    /// What is left of the range behind a name, for whoever reads on from there; nil for nothing.
    public func dropping(through id: ArchiveID, _ order: ArchiveOrder) -> ClosedRange? {
        switch order {
        case .ascending:
            guard id < upperBound, let next = ArchiveID(id.number + 1) else { return nil }
            return next...upperBound
        case .descending:
            guard id > lowerBound, let next = ArchiveID(id.number - 1) else { return nil }
            return lowerBound...next
        }
    }
}
