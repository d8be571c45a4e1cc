// SPDX-License-Identifier: Apache-2.0
// What is stored of a room without presence, as MUC Light has them.

/// What an occupant may do in a room. The raw value is MUC Light's.
public enum RoomAffiliation: String, Hashable, Sendable, CaseIterable {
    /// Everything.
    case owner
    /// To speak, and what the room lets everybody do.
    case member
}

/// A field of a room's configuration.
public struct RoomField: Hashable, Sendable {
    /// The name of the field; no other field of the room has it.
    public var key: String
    /// The value as text.
    public var value: String

    /// Makes a field.
    public init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
}

/// A room, its configuration and its occupants.
public struct Room: Hashable, Sendable {
    /// Most occupants of one room: a room is read and written whole.
    public static let occupantCountMax = 10_000
    /// Most fields of a room's configuration.
    public static let fieldCountMax = 100
    /// The longest version, in bytes: the width of MongooseIM's column.
    public static let versionByteCountMax = 20
    /// The key of the field with the name that people see.
    public static let nameKey = "roomname"

    /// The room's bare JID.
    public var address: BareJID
    /// What names this state of configuration and occupants, and no other state that the room ever has.
    public var version: String
    /// The configuration, in the order of the keys' bytes when it comes from a store.
    public var configuration: [RoomField]
    /// The occupants.
    public var occupants: [BareJID: RoomAffiliation]

    /// Makes a room.
    public init(
        address: BareJID, version: String, configuration: [RoomField], occupants: [BareJID: RoomAffiliation]
    ) {
        self.address = address
        self.version = version
        self.configuration = configuration
        self.occupants = occupants
    }

    /// A version that no room has had: 64 random bits, for a clock may be set back.
    public static func makeVersion() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }
}

/// A room as lists show it.
public struct RoomSummary: Hashable, Sendable {
    /// The room's bare JID.
    public var address: BareJID
    /// Its version.
    public var version: String
    /// The value of the field ``Room/nameKey``; nil when it has none.
    public var name: String?

    /// Makes a summary.
    public init(address: BareJID, version: String, name: String?) {
        self.address = address
        self.version = version
        self.name = name
    }
}

/// A part of the list of an account's rooms, which is in the order of their addresses as the store compares them.
public enum RoomSpan: Hashable, Sendable {
    /// From the first room on.
    case first
    /// From the first room after an address on. No room need have it.
    case after(BareJID)
    /// The last rooms.
    case last
    /// The last rooms before an address. No room need have it.
    case before(BareJID)
}

/// Whom or what an account does not let add it to a room.
public enum RoomBlock: Hashable, Sendable {
    /// Most of one account.
    public static let countMax = 1_000

    /// Anybody, to this room.
    case room(BareJID)
    /// This user, to any room.
    case user(BareJID)

    /// The address of the room or the user.
    public var address: BareJID {
        switch self {
        case .room(let address), .user(let address): address
        }
    }
}
