// SPDX-License-Identifier: Apache-2.0
// A database with the tables that MongooseIM 6.8 has, and rows as it writes them, is taken over with what is in it.

import Testing
import XMPPCore
import XMPPPersistenceSQL

@Suite(.enabled(if: !DatabaseServer.available.isEmpty), .timeLimit(.minutes(5)))
struct MongooseIMDatabaseTests {
    /// The columns with MongooseIM's types, which are narrower than mimd's where they bound names.
    static let tables = [
        """
        CREATE TABLE users (username varchar(250) NOT NULL, server varchar(250) NOT NULL, password text NOT NULL, \
        pass_details text, created_at timestamp NOT NULL DEFAULT now(), PRIMARY KEY (server, username))
        """,
        """
        CREATE TABLE last (server varchar(250), username varchar(250), seconds int NOT NULL, state text NOT NULL, \
        PRIMARY KEY (server, username))
        """,
        """
        CREATE TABLE rosterusers (server varchar(250) NOT NULL, username varchar(250) NOT NULL, jid text NOT NULL, \
        nick text NOT NULL, subscription character(1) NOT NULL, ask character(1) NOT NULL, askmessage text NOT NULL, \
        created_at timestamp NOT NULL DEFAULT now(), PRIMARY KEY (server, username, jid))
        """,
        """
        CREATE TABLE rostergroups (server varchar(250) NOT NULL, username varchar(250) NOT NULL, jid text NOT NULL, \
        grp text NOT NULL, PRIMARY KEY (server, username, jid, grp))
        """,
        """
        CREATE TABLE roster_version (server varchar(250), username varchar(250), version text NOT NULL, \
        PRIMARY KEY (server, username))
        """,
        """
        CREATE TABLE private_storage (server varchar(250) NOT NULL, username varchar(250) NOT NULL, \
        namespace varchar(250) NOT NULL, data text NOT NULL, created_at timestamp NOT NULL DEFAULT now(), \
        PRIMARY KEY (server, username, namespace))
        """,
        """
        CREATE TABLE offline_message (id serial PRIMARY KEY, timestamp bigint NOT NULL, expire bigint, \
        server varchar(250) NOT NULL, username varchar(250) NOT NULL, from_jid varchar(250) NOT NULL, \
        packet text NOT NULL, permanent_fields bytea)
        """,
        """
        CREATE TABLE vcard (username varchar(150), server varchar(100), vcard text NOT NULL, created_at timestamp \
        NOT NULL DEFAULT now(), PRIMARY KEY (server, username))
        """,
        """
        CREATE TABLE vcard_search (username varchar(150) NOT NULL, lusername varchar(100), server varchar(250), fn \
        text NOT NULL, lfn text NOT NULL, family text NOT NULL, lfamily text NOT NULL, given text NOT NULL, lgiven \
        text NOT NULL, middle text NOT NULL, lmiddle text NOT NULL, nickname text NOT NULL, lnickname text NOT NULL, \
        bday text NOT NULL, lbday text NOT NULL, ctry text NOT NULL, lctry text NOT NULL, locality text NOT NULL, \
        llocality text NOT NULL, email text NOT NULL, lemail text NOT NULL, orgname text NOT NULL, lorgname text NOT \
        NULL, orgunit text NOT NULL, lorgunit text NOT NULL, PRIMARY KEY (server, lusername))
        """,
        // One that mimd does not use.
        "CREATE TABLE test_types (unicode text, binary_data_8k bytea, ascii_char character(1))",
        """
        CREATE TABLE privacy_default_list (server varchar(250), username varchar(250), name text NOT NULL, \
        PRIMARY KEY (server, username))
        """,
        """
        CREATE TABLE privacy_list (server varchar(250), username varchar(250) NOT NULL, name text NOT NULL, \
        id SERIAL UNIQUE, created_at timestamp NOT NULL DEFAULT now(), PRIMARY KEY (server, username, name))
        """,
        """
        CREATE TABLE privacy_list_data (id bigint REFERENCES privacy_list(id) ON DELETE CASCADE, t character(1) NOT NULL, \
        value text NOT NULL, action character(1) NOT NULL, ord int NOT NULL, match_all boolean NOT NULL, \
        match_iq boolean NOT NULL, match_message boolean NOT NULL, match_presence_in boolean NOT NULL, \
        match_presence_out boolean NOT NULL, PRIMARY KEY (id, ord))
        """,
        """
        CREATE TABLE muc_light_rooms (id BIGSERIAL NOT NULL UNIQUE, luser varchar(250) NOT NULL, \
        lserver varchar(250) NOT NULL, version varchar(20) NOT NULL, PRIMARY KEY (lserver, luser))
        """,
        """
        CREATE TABLE muc_light_occupants (room_id bigint NOT NULL REFERENCES muc_light_rooms(id), \
        luser varchar(250) NOT NULL, lserver varchar(250) NOT NULL, aff smallint NOT NULL)
        """,
        """
        CREATE TABLE muc_light_config (room_id bigint NOT NULL REFERENCES muc_light_rooms(id), opt varchar(100) NOT NULL, \
        val varchar(250) NOT NULL)
        """,
        """
        CREATE TABLE muc_light_blocking (luser varchar(250) NOT NULL, lserver varchar(250) NOT NULL, \
        what smallint NOT NULL, who varchar(500) NOT NULL)
        """,
    ]
    /// The same with MySQL's types and keys, and its collation, to which "a" and "A" are one.
    static let mySQLTables = [
        """
        CREATE TABLE users (username varchar(250) NOT NULL, server varchar(250) NOT NULL, password text NOT NULL, \
        pass_details text, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (server, username))
        """,
        """
        CREATE TABLE last (server varchar(250) NOT NULL, username varchar(250) NOT NULL, seconds int NOT NULL, \
        state text NOT NULL, PRIMARY KEY (server, username))
        """,
        """
        CREATE TABLE rosterusers (server varchar(250) NOT NULL, username varchar(250) NOT NULL, \
        jid varchar(250) NOT NULL, nick text NOT NULL, subscription character(1) NOT NULL, ask character(1) NOT NULL, \
        askmessage text NOT NULL, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, \
        PRIMARY KEY (server(150), username(200), jid))
        """,
        """
        CREATE TABLE rostergroups (server varchar(250) NOT NULL, username varchar(250) NOT NULL, \
        jid varchar(250) NOT NULL, grp varchar(250) NOT NULL, PRIMARY KEY (server(150), username(200), jid, grp(150)))
        """,
        """
        CREATE TABLE roster_version (server varchar(250) NOT NULL, username varchar(250) NOT NULL, version text NOT NULL, \
        PRIMARY KEY (server, username))
        """,
        """
        CREATE TABLE private_storage (server varchar(250) NOT NULL, username varchar(250) NOT NULL, \
        namespace varchar(250) NOT NULL, data text NOT NULL, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, \
        PRIMARY KEY (server, username, namespace))
        """,
        """
        CREATE TABLE offline_message (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, timestamp bigint NOT NULL, \
        expire bigint, server varchar(250) NOT NULL, username varchar(250) NOT NULL, from_jid varchar(250) NOT NULL, \
        packet mediumtext NOT NULL, permanent_fields mediumblob)
        """,
        """
        CREATE TABLE vcard (username varchar(150) NOT NULL, server varchar(150) NOT NULL, vcard mediumtext NOT NULL, \
        created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (username, server))
        """,
        """
        CREATE TABLE vcard_search (username varchar(150) NOT NULL, lusername varchar(100) NOT NULL, server \
        varchar(250) NOT NULL, fn text NOT NULL, lfn varchar(250) NOT NULL, family text NOT NULL, lfamily \
        varchar(250) NOT NULL, given text NOT NULL, lgiven varchar(250) NOT NULL, middle text NOT NULL, lmiddle \
        varchar(250) NOT NULL, nickname text NOT NULL, lnickname varchar(250) NOT NULL, bday text NOT NULL, lbday \
        varchar(250) NOT NULL, ctry text NOT NULL, lctry varchar(250) NOT NULL, locality text NOT NULL, llocality \
        varchar(250) NOT NULL, email text NOT NULL, lemail varchar(250) NOT NULL, orgname text NOT NULL, lorgname \
        varchar(250) NOT NULL, orgunit text NOT NULL, lorgunit varchar(250) NOT NULL, PRIMARY KEY (lusername, \
        server))
        """,
        """
        CREATE TABLE privacy_default_list (server varchar(250) NOT NULL, username varchar(250) NOT NULL, \
        name varchar(250) NOT NULL, PRIMARY KEY (server, username))
        """,
        """
        CREATE TABLE privacy_list (server varchar(250) NOT NULL, username varchar(250) NOT NULL, name varchar(250) NOT NULL, \
        id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT UNIQUE, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, \
        PRIMARY KEY (server(150), username(75), name(75)))
        """,
        """
        CREATE TABLE privacy_list_data (id bigint NOT NULL, t character(1) NOT NULL, value text NOT NULL, \
        action character(1) NOT NULL, ord int NOT NULL, match_all boolean NOT NULL, match_iq boolean NOT NULL, \
        match_message boolean NOT NULL, match_presence_in boolean NOT NULL, match_presence_out boolean NOT NULL, \
        PRIMARY KEY (id, ord))
        """,
        """
        CREATE TABLE muc_light_rooms (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT UNIQUE, luser varchar(250) NOT NULL, \
        lserver varchar(250) NOT NULL, version varchar(20) NOT NULL, PRIMARY KEY (lserver, luser))
        """,
        """
        CREATE TABLE muc_light_occupants (room_id BIGINT UNSIGNED NOT NULL REFERENCES muc_light_rooms(id), \
        luser varchar(250) NOT NULL, lserver varchar(250) NOT NULL, aff TINYINT UNSIGNED NOT NULL)
        """,
        """
        CREATE TABLE muc_light_config (room_id BIGINT UNSIGNED NOT NULL REFERENCES muc_light_rooms(id), \
        opt varchar(100) NOT NULL, val varchar(250) NOT NULL)
        """,
        """
        CREATE TABLE muc_light_blocking (luser varchar(250) NOT NULL, lserver varchar(250) NOT NULL, \
        what TINYINT UNSIGNED NOT NULL, who varchar(500) NOT NULL)
        """,
    ].map { $0 + " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci ROW_FORMAT=DYNAMIC" }
    static let rows = [
        """
        INSERT INTO users (username, server, password, pass_details) VALUES ('juliet', 'capulet.example', '', \
        '==SCRAM==,VDlbg2hiPs7Sz96xRXoDeVxwMPk=,4q9hLjotvo0hqzEIvTJY/oC5Boo=,AAECAwQFBgcICQoLDA0ODw==,4096')
        """,
        "INSERT INTO last VALUES ('capulet.example', 'juliet', 1700000000, 'Good night')",
        """
        INSERT INTO rosterusers (server, username, jid, nick, subscription, ask, askmessage) \
        VALUES ('capulet.example', 'juliet', 'romeo@montague.example', 'Romeo', 'B', 'N', '')
        """,
        "INSERT INTO rostergroups VALUES ('capulet.example', 'juliet', 'romeo@montague.example', 'Lovers')",
        """
        INSERT INTO private_storage (server, username, namespace, data) VALUES ('capulet.example', 'juliet', 'urn:note', \
        '<note xmlns=''urn:note''>balcony</note>')
        """,
        """
        INSERT INTO offline_message (timestamp, server, username, from_jid, packet) VALUES (1700000000000000, \
        'capulet.example', 'juliet', 'romeo@montague.example/orchard', \
        '<message xmlns=''jabber:client'' to=''juliet@capulet.example''><body>Call me</body></message>')
        """,
        """
        INSERT INTO vcard (username, server, vcard) VALUES ('juliet', 'capulet.example', \
        '<vCard xmlns=''vcard-temp''><FN>Juliet Capulet</FN></vCard>')
        """,
        """
        INSERT INTO vcard_search VALUES ('juliet', 'juliet', 'capulet.example', 'Juliet Capulet', 'juliet capulet', \
        '', '', '', '', '', '', '', '', '', '', \
        '', '', '', '', '', '', '', '', '', '')
        """,
        "INSERT INTO privacy_list (server, username, name) VALUES ('capulet.example', 'juliet', 'blocking')",
        """
        INSERT INTO privacy_list_data (id, t, value, action, ord, match_all, match_iq, match_message, match_presence_in, \
        match_presence_out) SELECT id, 'j', 'paris@verona.example', 'b', 1, true, false, false, false, false \
        FROM privacy_list
        """,
        "INSERT INTO privacy_default_list VALUES ('capulet.example', 'juliet', 'blocking')",
        "INSERT INTO muc_light_rooms (luser, lserver, version) VALUES ('coven', 'muclight.capulet.example', '1664')",
        """
        INSERT INTO muc_light_occupants (room_id, luser, lserver, aff) SELECT id, 'juliet', 'capulet.example', 1 \
        FROM muc_light_rooms
        """,
        """
        INSERT INTO muc_light_occupants (room_id, luser, lserver, aff) SELECT id, 'romeo', 'montague.example', 2 \
        FROM muc_light_rooms
        """,
        "INSERT INTO muc_light_config (room_id, opt, val) SELECT id, 'subject', '' FROM muc_light_rooms",
        "INSERT INTO muc_light_config (room_id, opt, val) SELECT id, 'roomname', 'A Dark Cave' FROM muc_light_rooms",
        """
        INSERT INTO muc_light_blocking (luser, lserver, what, who) VALUES ('juliet', 'capulet.example', 2, \
        'paris@verona.example')
        """,
    ]

    @Test(arguments: DatabaseServer.available)
    func aDatabaseThatMongooseIMFilledIsTakenOver(_ server: DatabaseServer) async throws {
        try await server.withDatabase { database in
            let tables = database.dialect == .mySQL ? Self.mySQLTables : Self.tables
            for statement in tables + Self.rows { try await database.execute(SQLStatement(statement), []) }
            await #expect(throws: SchemaError.missing(found: 0)) { try await Schema.verify(database) }
            let plan = try await Schema.apply(database)
            #expect(plan.keptTables.count == 16)
            #expect(plan.drifts.isEmpty)
            let drifts = try await Schema.verify(database)
            #expect(drifts.isEmpty)
            let statements = plan.statements.filter { $0.hasPrefix("ALTER TABLE users ") }
            #expect(statements.count == (database.dialect == .mySQL ? 1 : 0))
            try await Self.check(Storage(database: database, logger: Backend.logger))
            try await Self.checkRooms(Storage(database: database, logger: Backend.logger).rooms)
        }
    }

    private static func check(_ storage: Storage) async throws {
        let juliet = try BareJID("juliet@capulet.example")
        let romeo = try JID("romeo@montague.example")
        let stored = try #require(try await storage.accounts.credential(of: juliet))
        let credential = try StoredCredential(stored)
        #expect(try credential.matches(password: "pencil"))
        let item = try #require(try await storage.rosters.item(romeo, of: juliet))
        #expect(item.subscription == .both && item.name == "Romeo" && item.groups == ["Lovers"])
        let messages = try await storage.offlineMessages.messages(for: juliet, at: 0, after: nil, limit: 10)
        #expect(messages.items.map(\.message.from.description) == ["romeo@montague.example/orchard"])
        let activity = try await storage.lastActivity.lastActivity(of: juliet)
        #expect(activity?.status == "Good night")
        let vCard = try await storage.vCards.vCard(of: juliet)
        #expect(vCard == Array("<vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN></vCard>".utf8))
        let query = VCardQuery([.fullName: .begins("JULIET C")])
        let matches = try await storage.vCards.search(query, in: juliet.domainpart, limit: 10)
        #expect(matches == [VCardMatch(account: juliet, texts: [.fullName: "Juliet Capulet"])])
        let paris = PrivacyItem(order: 1, subject: .address(try JID("paris@verona.example")), action: .block)
        var list = PrivacyList(name: "blocking", items: [paris])
        let found = try await storage.privacyLists.defaultList(of: juliet)
        #expect(found == list)
        list.items[0].kinds = [.message, .presenceOut]
        try await storage.privacyLists.set(list, of: juliet, use: .unchanged, listCountMax: 1)
        let changed = try await storage.privacyLists.defaultList(of: juliet)
        #expect(changed == list)
        let isRemoved = try await storage.privacyLists.remove(listNamed: "blocking", of: juliet)
        #expect(isRemoved)
    }

    private static func checkRooms(_ rooms: any RoomStore) async throws {
        let juliet = try BareJID("juliet@capulet.example"), romeo = try BareJID("romeo@montague.example")
        let address = try BareJID("coven@muclight.capulet.example")
        let fields = [RoomField("roomname", "A Dark Cave"), RoomField("subject", "")]
        var room = Room(
            address: address, version: "1664", configuration: fields, occupants: [juliet: .owner, romeo: .member])
        let found = try await rooms.room(address)
        #expect(found == room)
        let listed = try await rooms.rooms(of: romeo, in: nil, .first, limit: 10)
        #expect(listed == [RoomSummary(address: address, version: "1664", name: "A Dark Cave")])
        let blocks = try await rooms.blocks(of: juliet)
        #expect(blocks == [.user(try BareJID("paris@verona.example"))])
        room.version = Room.makeVersion()
        room.configuration[1].value = "Good night"
        room.occupants[romeo] = .owner
        try await rooms.set(room, basedOn: "1664")
        let changed = try await rooms.room(address)
        #expect(changed == room)
        // The columns are narrower than mimd's.
        var long = room
        long.version = Room.makeVersion()
        long.configuration[1].value = String(repeating: "v", count: 251)
        let tooLong = await #expect(throws: StorageError.self) { try await rooms.set(long, basedOn: room.version) }
        #expect(tooLong == .limitExceeded)
        let unchanged = try await rooms.room(address)
        #expect(unchanged == room)
        let longest = try BareJID("\(String(repeating: "a", count: 500))@a.example")
        let refused = await #expect(throws: StorageError.self) {
            try await rooms.changeBlocks(of: romeo, adding: [.user(longest)], removing: [])
        }
        #expect(refused == .limitExceeded)
        let conflict = await #expect(throws: StorageError.self) {
            try await rooms.set(
                Room(address: address, version: "1", configuration: [], occupants: [romeo: .owner]), basedOn: nil)
        }
        #expect(conflict == .conflict)
        try await rooms.removeAll(for: juliet)
        let left = try await rooms.room(address)
        #expect(left?.occupants == [romeo: .owner])
        try await rooms.removeAll(for: romeo)
        let gone = try await rooms.room(address)
        #expect(gone == nil)
        let rest = try await rooms.addresses(after: nil, limit: 10)
        #expect(rest.items == [])
    }

    @Test(arguments: DatabaseServer.available)
    func manyWhoApplyAtOnceApplyOnce(_ server: DatabaseServer) async throws {
        try await server.withDatabase { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                // What each did is not the point.
                for _ in 0..<4 { group.addTask { _ = try await Schema.apply(database) } }
                try await group.waitForAll()
            }
            let rows = try await database.query(SQLStatement("SELECT count(*) FROM mimd_schema"), [])
            #expect(rows == [SQLRow(values: [.integer(Int64(Schema.version))])])
        }
    }

    /// Somebody has changed a table of mimd's.
    @Test(arguments: DatabaseServer.available.filter { $0.words.makeCareless != nil })
    func aCollationThatMergesNamesIsToldAndMended(_ server: DatabaseServer) async throws {
        let change = try #require(server.words.makeCareless)
        try await server.withDatabase { database in
            _ = try await Schema.apply(database)  // what it did is not the point
            try await database.execute(SQLStatement(change), [])
            let drifts = try await Schema.verify(database)
            #expect(drifts.map(\.table) == ["users", "users"])
            for drift in drifts { #expect("\(drift)".contains("utf8mb4_bin, to which different names are one")) }
            let statements = try await Schema.apply(database).statements
            #expect(statements.count == 1)
            let rest = try await Schema.verify(database)
            #expect(rest.isEmpty)
        }
    }
}
