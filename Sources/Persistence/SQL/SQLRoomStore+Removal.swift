// SPDX-License-Identifier: Apache-2.0
// What becomes of rooms when accounts are removed.

import XMPPCore

extension SQLRoomStore {
    static let ofAccount = Removal("lserver = ? AND luser = ?", ownRooms: nil)
    static let ofDomain = Removal("lserver = ?", ownRooms: "SELECT id FROM muc_light_rooms WHERE lserver = ?")

    /// The removal of accounts that a condition names.
    struct Removal: Sendable {
        private let touch: SQLStatement
        private let findOwnRooms: SQLStatement?
        private let findLeft: SQLStatement
        private let findOwnerless: SQLStatement
        private let findHeir: SQLStatement
        private let leave: SQLStatement
        private let removeBlocks: SQLStatement

        /// - Parameters:
        ///   - condition: on the columns `lserver` and `luser`.
        ///   - ownRooms: finds the rooms that are removed whole; nil for none.
        init(_ condition: String, ownRooms: String?) {
            let those = "o." + condition.replacing(" AND luser", with: " AND o.luser")
            let others = "NOT (\(those.replacing("o.", with: "p.")))"
            touch = SQLStatement(
                """
                UPDATE muc_light_rooms SET version = ? \
                WHERE id IN (SELECT room_id FROM muc_light_occupants WHERE \(condition))
                """)
            findOwnRooms = ownRooms.map { SQLStatement($0) }
            findLeft = SQLStatement(
                """
                SELECT DISTINCT o.room_id FROM muc_light_occupants AS o WHERE \(those) AND NOT EXISTS \
                (SELECT 1 FROM muc_light_occupants AS p WHERE p.room_id = o.room_id AND \(others))
                """)
            findOwnerless = SQLStatement(
                """
                SELECT DISTINCT o.room_id FROM muc_light_occupants AS o WHERE \(those) AND o.aff = 1 AND NOT EXISTS \
                (SELECT 1 FROM muc_light_occupants AS p WHERE p.room_id = o.room_id AND p.aff = 1 AND \(others))
                """)
            findHeir = SQLStatement(
                """
                SELECT p.lserver, p.luser FROM muc_light_occupants AS p WHERE p.room_id = ? AND \(others) \
                ORDER BY p.lserver, p.luser LIMIT 1
                """)
            leave = SQLStatement("DELETE FROM muc_light_occupants WHERE \(condition)")
            removeBlocks = SQLStatement("DELETE FROM muc_light_blocking WHERE \(condition)")
        }

        private static let promote = SQLStatement(
            "UPDATE muc_light_occupants SET aff = 1 WHERE room_id = ? AND lserver = ? AND luser = ?")

        /// Removes the accounts, in one transaction.
        ///
        /// - Parameter key: the values for the condition.
        func run(_ key: [SQLValue], on database: any SQLDatabase) async throws(StorageError) {
            // The same for all of them: a version names a state of one room.
            let version = SQLValue.text(Room.makeVersion())
            try await database.write { transaction throws(StorageError) in
                // First of all, so that whoever changes one of these rooms waits.
                try await transaction.execute(touch, [version] + key)
                if let findOwnRooms {
                    for row in try await transaction.query(findOwnRooms, key) {
                        try await SQLRoomStore.remove(.integer(try row.integer(0)), in: transaction)
                    }
                }
                let left = try await transaction.query(findLeft, key + key)
                for row in try await transaction.query(findOwnerless, key + key) {
                    let room = SQLValue.integer(try row.integer(0))
                    guard let heir = try await transaction.query(findHeir, [room] + key).first else { continue }
                    try await transaction.execute(
                        Self.promote, [room, .text(try heir.text(0)), .text(try heir.text(1))])
                }
                try await transaction.execute(leave, key)
                for row in left {
                    let room = SQLValue.integer(try row.integer(0))
                    guard try await transaction.query(SQLRoomStore.findOccupant, [room]).isEmpty else { continue }
                    try await SQLRoomStore.remove(room, in: transaction)
                }
                try await transaction.execute(removeBlocks, key)
            }
        }
    }
}
