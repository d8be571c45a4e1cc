// SPDX-License-Identifier: Apache-2.0
// Rows as MongooseIM 6.8 writes them are read, and rows that mimd writes have its codes and units.

import Testing
import XMPPCore
import XMPPPersistenceSQLite

@testable import XMPPPersistenceSQL

@Suite struct MongooseIMRowsTests {
    private static func juliet() throws -> BareJID { try BareJID("juliet@capulet.example") }
    private static func romeo() throws -> JID { try JID("romeo@montague.example") }

    private static func insertRosterRow(
        _ database: SQLiteDatabase, jid: String = "romeo@montague.example", subscription: String, ask: String
    ) async throws {
        let statement = SQLStatement(
            """
            INSERT INTO rosterusers (server, username, jid, nick, subscription, ask, askmessage) \
            VALUES ('capulet.example', 'juliet', ?, 'Romeo', ?, ?, '')
            """
        )
        try await database.execute(statement, [.text(jid), .text(subscription), .text(ask)])
    }

    @Test(arguments: [
        ("N", "N", RosterSubscription.none, RosterPending.none), ("T", "N", .to, .none), ("F", "N", .from, .none),
        ("B", "N", .both, .none), ("N", "O", .none, .out), ("N", "I", .none, .in), ("N", "B", .none, .both),
        ("N", "S", .none, .out), ("T", "U", .to, .none),
    ])
    func rosterCodesAreRead(
        _ subscriptionCode: String, _ askCode: String, _ subscription: RosterSubscription, _ pending: RosterPending
    ) async throws {
        try await Backend.withStorage(at: .memory) { local in
            try await Self.insertRosterRow(local.database, subscription: subscriptionCode, ask: askCode)
            let item = try await local.storage.rosters.item(try Self.romeo(), of: try Self.juliet())
            #expect(item?.subscription == subscription)
            #expect(item?.pending == pending)
            #expect(item?.name == "Romeo")
        }
    }

    @Test(arguments: [
        (RosterSubscription.none, RosterPending.none, "N", "N"), (.to, .in, "T", "I"), (.from, .out, "F", "O"),
        (.both, .none, "B", "N"), (.none, .both, "N", "B"),
    ])
    func rosterCodesAreWritten(
        _ subscription: RosterSubscription, _ pending: RosterPending, _ subscriptionCode: String, _ askCode: String
    ) async throws {
        try await Backend.withStorage(at: .memory) { local in
            let romeo = try Self.romeo()
            let change = try await local.storage.rosters.update(romeo, of: try Self.juliet(), itemCountMax: nil) { _ in
                RosterItem(
                    contact: romeo, name: "Romeo", groups: ["Lovers"], subscription: subscription, pending: pending,
                    requestText: "let me in")
            }
            let items = try await local.database.query(
                SQLStatement("SELECT server, username, jid, nick, subscription, ask, askmessage FROM rosterusers"), [])
            let texts = [
                "capulet.example", "juliet", "romeo@montague.example", "Romeo", subscriptionCode, askCode, "let me in",
            ]
            #expect(items == [SQLRow(values: texts.map { .text($0) })])
            let groups = try await local.database.query(
                SQLStatement("SELECT server, username, jid, grp FROM rostergroups"), [])
            #expect(groups == [SQLRow(values: (texts.prefix(3) + ["Lovers"]).map { .text($0) })])
            let versions = try await local.database.query(
                SQLStatement("SELECT server, username, version FROM roster_version"), [])
            let version = try #require(change.version?.text)
            #expect(versions == [SQLRow(values: (texts.prefix(2) + [version]).map { .text($0) })])
        }
    }

    @Test func versionsOfMongooseIMEndHere() {
        let now: Int64 = 1_700_000_000_000_000
        for (old, new) in [
            (nil, "1700000000000000"), ("7c9c26d4a3", "1700000000000000"), ("", "1700000000000000"),
            ("1600000000000000", "1700000000000000"), ("1700000000000000", "1700000000000001"),
            ("1800000000000000", "1800000000000001"), ("9223372036854775807", "1700000000000000"),
        ] as [(String?, String)] {
            #expect(SQLRosterStore.version(after: old.map { RosterVersion($0) }, now) == RosterVersion(new))
        }
    }

    @Test func damagedRosterRowIsLeftOutAndIsCorruptAlone() async throws {
        try await Backend.withStorage(at: .memory) { local in
            try await Self.insertRosterRow(local.database, subscription: "X", ask: "N")
            try await Self.insertRosterRow(local.database, jid: "a@@b", subscription: "B", ask: "N")
            try await Self.insertRosterRow(local.database, jid: "nurse@capulet.example", subscription: "B", ask: "N")
            let juliet = try Self.juliet()
            let page = try await local.storage.rosters.roster(of: juliet, after: nil, limit: 10)
            #expect(page.items.map(\.contact.description) == ["nurse@capulet.example"])
            let romeo = try Self.romeo()
            let error = await #expect(throws: StorageError.self) {
                try await local.storage.rosters.item(romeo, of: juliet)
            }
            guard case .corrupt = error else { throw try #require(error) }
        }
    }

    @Test func accountRowsAreReadAndWritten() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let insert = SQLStatement(
                "INSERT INTO users (server, username, password, pass_details) VALUES ('capulet.example', ?, ?, ?)")
            let details = "==MULTI_SCRAM==,4096,===SHA1===c2FsdA==|c3RvcmVk|c2VydmVy"
            try await local.database.execute(insert, [.text("juliet"), .text(""), .text(details)])
            try await local.database.execute(insert, [.text("nurse"), .text("plain"), .null])
            let accounts = local.storage.accounts
            let scram = AccountCredential(passwordDetails: details)
            #expect(try await accounts.credential(of: try Self.juliet()) == scram)
            let nurse = try BareJID("nurse@capulet.example")
            #expect(try await accounts.credential(of: nurse) == AccountCredential(password: "plain"))
            #expect(try await accounts.setCredential(scram, of: nurse))
            let rows = try await local.database.query(
                SQLStatement("SELECT password, pass_details FROM users WHERE username = 'nurse'"), [])
            #expect(rows == [SQLRow(values: [.text(""), .text(details)])])
        }
    }

    @Test func offlineRowsAreReadAndWritten() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let insert = SQLStatement(
                """
                INSERT INTO offline_message (timestamp, expire, server, username, from_jid, packet, permanent_fields) \
                VALUES (1700000000000001, ?, 'capulet.example', 'juliet', 'romeo@montague.example/orchard', '<a/>', ?)
                """
            )
            try await local.database.execute(insert, [.null, .bytes([131, 106])])
            try await local.database.execute(insert, [.integer(1_700_000_000_000_002), .null])
            let juliet = try Self.juliet()
            let page = try await local.storage.offlineMessages.messages(for: juliet, at: 0, after: nil, limit: 10)
            var message = OfflineMessage(
                from: try JID("romeo@montague.example/orchard"), stanza: Array("<a/>".utf8),
                receivedMicroseconds: 1_700_000_000_000_001)
            #expect(page.items.first?.message == message)
            message.expiryMicroseconds = 1_700_000_000_000_002
            #expect(page.items.last?.message == message)
            #expect(try await local.storage.offlineMessages.append(message, for: juliet, messageCountMax: 3) == .stored)
            let columns = "timestamp, expire, server, username, from_jid, packet, permanent_fields"
            let rows = try await local.database.query(
                SQLStatement("SELECT \(columns) FROM offline_message ORDER BY id"), [])
            #expect(rows.count == 3)
            #expect(rows.last == rows.dropFirst().first)
        }
    }

    @Test func lastActivityIsInSecondsAndPrivateDataAsGiven() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let juliet = try Self.juliet()
            let record = LastActivityRecord(seconds: 1_700_000_000, status: "Heading Home")
            try await local.storage.lastActivity.setLastActivity(record, of: juliet)
            let element = PrivateElement(namespace: "exodus:prefs", xml: Array("<exodus/>".utf8))
            try await local.storage.privateElements.set([element], of: juliet, elementCountMax: 1)
            let last = try await local.database.query(
                SQLStatement("SELECT server, username, seconds, state FROM last"), [])
            let key: [SQLValue] = [.text("capulet.example"), .text("juliet")]
            #expect(last == [SQLRow(values: key + [.integer(1_700_000_000), .text("Heading Home")])])
            let data = try await local.database.query(
                SQLStatement("SELECT server, username, namespace, data FROM private_storage"), [])
            #expect(data == [SQLRow(values: key + [.text("exodus:prefs"), .text("<exodus/>")])])
        }
    }

    @Test func itemsOfPrivacyListsAreReadOrNamedAsCorrupt() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let juliet = try Self.juliet()
            let list = PrivacyList(name: "a", items: [PrivacyItem(order: 1, subject: .everybody, action: .block)])
            try await local.storage.privacyLists.set(list, of: juliet, use: .becomesDefault, listCountMax: nil)
            func add(_ order: Int, _ columns: String) async throws {
                let insert = SQLStatement("INSERT INTO privacy_list_data SELECT id, \(columns) FROM privacy_list")
                #expect(try await local.database.execute(insert, [.integer(Int64(order))]) == 1)
            }
            // Nobody can have such an address.
            try await add(2, "'j', 'romeo@', 'd', ?, 1, 0, 0, 0, 0")
            let found = try await local.storage.privacyLists.defaultList(of: juliet)
            #expect(found == list)
            try await add(3, "'x', '', 'd', ?, 1, 0, 0, 0, 0")
            await #expect(throws: StorageError.self) {
                try await local.storage.privacyLists.defaultList(of: juliet)
            }
        }
    }

    @Test func occupantsOfRoomsAreReadOrNamedAsCorrupt() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let juliet = try BareJID("juliet@capulet.example"), coven = try BareJID("coven@rooms.capulet.example")
            let room = Room(address: coven, version: "1", configuration: [], occupants: [juliet: .member])
            try await local.storage.rooms.set(room, basedOn: nil)
            func add(_ server: String, _ user: String, _ affiliation: Int64) async throws {
                let insert = SQLStatement(
                    "INSERT INTO muc_light_occupants (room_id, lserver, luser, aff) SELECT id, ?, ?, ? FROM muc_light_rooms"
                )
                try await local.database.execute(insert, [.text(server), .text(user), .integer(affiliation)])
            }
            // What MongooseIM takes for an address, and is none, is nobody.
            try await add("not a domain", "romeo", 1)
            let found = try await local.storage.rooms.room(coven)
            #expect(found == room)
            try await add("capulet.example", "nurse", 3)
            await #expect(throws: StorageError.corrupt(detail: "unknown code of an affiliation with a room")) {
                try await local.storage.rooms.room(coven)
            }
        }
    }

    /// Another server may have left a room that nobody is in.
    @Test func aRoomWithoutOccupantsDoesNotExist() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let juliet = try BareJID("juliet@capulet.example"), coven = try BareJID("coven@rooms.capulet.example")
            for text in [
                "INSERT INTO muc_light_rooms (luser, lserver, version) VALUES ('coven', 'rooms.capulet.example', '1')",
                "INSERT INTO muc_light_config (room_id, opt, val) SELECT id, 'roomname', 'Old' FROM muc_light_rooms",
            ] { try await local.database.execute(SQLStatement(text), []) }
            let absent = try await local.storage.rooms.room(coven)
            #expect(absent == nil)
            let room = Room(
                address: coven, version: "2", configuration: [RoomField("subject", "New")], occupants: [juliet: .owner])
            await #expect(throws: StorageError.conflict) { try await local.storage.rooms.set(room, basedOn: "1") }
            try await local.storage.rooms.set(room, basedOn: nil)
            let found = try await local.storage.rooms.room(coven)
            #expect(found == room)
        }
    }

    @Test func blocksThatCannotBeReadAreLeftOut() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let juliet = try BareJID("juliet@capulet.example"), romeo = try BareJID("romeo@montague.example")
            for (what, who) in [(1, "@"), (2, "romeo@montague.example/x"), (7, "romeo@montague.example")]
                as [(Int64, String)]
            {
                let insert = SQLStatement(
                    "INSERT INTO muc_light_blocking (luser, lserver, what, who) VALUES ('juliet', 'capulet.example', ?, ?)"
                )
                try await local.database.execute(insert, [.integer(what), .text(who)])
            }
            let none = try await local.storage.rooms.blocks(of: juliet)
            #expect(none == [])
            try await local.storage.rooms.changeBlocks(of: juliet, adding: [.user(romeo)], removing: [])
            let blocks = try await local.storage.rooms.blocks(of: juliet)
            #expect(blocks == [.user(romeo)])
        }
    }
}
