// SPDX-License-Identifier: Apache-2.0
// What can be configured of rooms without presence, under MongooseIM's names.

public import XMPPCore

extension MUCLight {
    /// The options of mod_muc_light.
    public struct Options: ModuleOptions {
        /// The domain of the service; `@HOST@` in it stands for the host's.
        public var domain = "muclight.\(ServiceDomain.hostMark)"
        /// Whether rooms have no owners, and all occupants are members.
        public var hasEqualOccupants = false
        /// Whether a room may have several owners; MUC Light has one at most.
        public var allowsManyOwners = false
        /// Whether another occupant becomes owner when the last one leaves. Otherwise the last owner cannot.
        public var promotesWhenLastOwnerLeaves = true
        /// Whether every occupant may change the configuration. A room may say that it lets them.
        public var everybodyConfigures = false
        /// Whether every occupant may add others. A room may say that it lets them.
        public var everybodyInvites = false
        /// Most rooms that a user is in; nil for no bound.
        public var roomCountMax: Int?
        /// Most occupants of a room; nil for as many as there can be, see ``Room/occupantCountMax``.
        public var occupantCountMax: Int?
        /// Most rooms of one answer; nil for as many as an answer holds, see `Page.itemCountMax`.
        public var pageRoomCountMax: Int? = 10
        /// Whether clients see their rooms in their rosters.
        public var listsRoomsInRosters = false
        /// Whether users can block rooms and each other.
        public var allowsBlocking = true
        /// The fields of rooms' configurations.
        public var schema = RoomSchema()
        /// How long a room is used as it was read, for databases in which others change rooms too; nil for as long as
        /// there is memory for it.
        public var roomLifetime: Duration?

        /// The defaults.
        public init() {}

        /// Reads the section `modules.mod_muc_light`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.readServiceDomain("host", into: &domain)
            try o.read("equal_occupants", into: &hasEqualOccupants)
            try o.read("allow_multiple_owners", into: &allowsManyOwners)
            try o.read("promote_on_last_owner_leave", into: &promotesWhenLastOwnerLeaves)
            try o.read("all_can_configure", into: &everybodyConfigures)
            try o.read("all_can_invite", into: &everybodyInvites)
            try o.read("rooms_per_user", into: &roomCountMax, in: 1...Int.max)
            try o.read("max_occupants", into: &occupantCountMax, in: 1...Room.occupantCountMax)
            try o.read("rooms_per_page", into: &pageRoomCountMax, in: 1...Int.max)
            try o.read("rooms_in_rosters", into: &listsRoomsInRosters)
            try o.read("blocking", into: &allowsBlocking)
            var cache: Cache?
            try o.read("cache_affs", into: &cache)
            if let cache { roomLifetime = cache.lifetime }
            try readSchema(&o)
            o.ignore("legacy_mode", unless: false, because: "rooms of XEP-0045 are mod_muc's")
        }

        private mutating func readSchema(_ o: inout OptionReader) throws(OptionError) {
            try o.read("config_schema", into: &schema.fields)
            guard schema.fields.count <= Room.fieldCountMax else {
                return try o.reject("config_schema", "has more than \(Room.fieldCountMax) fields")
            }
            for (index, field) in schema.fields.enumerated() {
                let others = schema.fields[..<index]
                if others.contains(where: { $0.name == field.name }) {
                    try o.reject("config_schema", "has the field \"\(field.name)\" twice")
                }
                if others.contains(where: { $0.key == field.key }) {
                    try o.reject("config_schema", "has the key \"\(field.key)\" twice")
                }
                let isFlag = [RoomSchema.everybodyConfiguresKey, RoomSchema.everybodyInvitesKey].contains(field.key)
                if isFlag, field.kind != .boolean {
                    try o.reject("config_schema", "\"\(field.key)\" is true or false")
                }
            }
        }

        /// MongooseIM's cache of occupants. Here rooms are always kept; how long is what can be said.
        struct Cache: ModuleOptions {
            enum Strategy: String, CaseIterable {
                case fifo
                case segmentedLRU = "segmented_lru"
            }

            var lifetime: Duration? = .seconds(120)

            mutating func read(_ o: inout OptionReader) throws(OptionError) {
                try o.read("time_to_live", into: &lifetime, unit: .minutes, in: 1...1_000_000)
                // Which room is forgotten first, and how memory is divided, is decided by how rooms are used.
                var strategy = Strategy.fifo
                try o.read("strategy", into: &strategy)
                var segmentCount = 3
                try o.read("number_of_segments", into: &segmentCount, in: 1...1_000)
            }
        }
    }
}
