// SPDX-License-Identifier: Apache-2.0
// A database with MongooseIM's tables of archives, whose codes are types of their own, and rows as it writes them.

import Testing
import XMPPCore
import XMPPPersistenceSQL

@Suite(.enabled(if: !DatabaseServer.available.isEmpty), .timeLimit(.minutes(5)))
struct MongooseIMArchiveDatabaseTests {
    private static let tables = [
        "CREATE TYPE mam_behaviour AS ENUM ('A', 'N', 'R')", "CREATE TYPE mam_direction AS ENUM ('I', 'O')",
        """
        CREATE TABLE mam_message (id bigint NOT NULL, user_id int NOT NULL, from_jid varchar(250) NOT NULL, \
        remote_bare_jid varchar(250) NOT NULL, remote_resource varchar(250) NOT NULL, direction mam_direction NOT NULL, \
        message bytea NOT NULL, search_body text, origin_id varchar, is_groupchat boolean NOT NULL, \
        PRIMARY KEY (user_id, id))
        """,
        "CREATE INDEX i_mam_message_username_jid_id ON mam_message (user_id, remote_bare_jid, id)",
        "CREATE INDEX i_mam_message_username_jid_origin_id ON mam_message (user_id, remote_bare_jid, origin_id)",
        """
        CREATE TABLE mam_config (user_id int NOT NULL, remote_jid varchar(250) NOT NULL, \
        behaviour mam_behaviour NOT NULL, PRIMARY KEY (user_id, remote_jid))
        """,
        """
        CREATE TABLE mam_server_user (id serial UNIQUE PRIMARY KEY, server varchar(250) NOT NULL, \
        user_name varchar(250) NOT NULL)
        """,
        "CREATE UNIQUE INDEX i_mam_server_user_name ON mam_server_user (server, user_name)",
        """
        CREATE TABLE mam_muc_message (id bigint NOT NULL, room_id int NOT NULL, sender_id int NOT NULL, \
        nick_name varchar(250) NOT NULL, message bytea NOT NULL, search_body text, origin_id varchar, \
        PRIMARY KEY (room_id, id))
        """,
        "CREATE INDEX i_mam_muc_message_sender_id ON mam_muc_message (sender_id)",
    ]
    /// The same with MySQL's types: codes are defined in their columns, and addresses are bytes.
    private static let mySQLTables =
        [
            """
            CREATE TABLE mam_message (id bigint unsigned NOT NULL, user_id int unsigned NOT NULL, \
            from_jid varchar(250) CHARACTER SET binary NOT NULL, \
            remote_bare_jid varchar(250) CHARACTER SET binary NOT NULL, \
            remote_resource varchar(250) CHARACTER SET binary NOT NULL, direction ENUM('I','O') NOT NULL, \
            message mediumblob NOT NULL, search_body mediumtext, origin_id varchar(250) CHARACTER SET binary, \
            is_groupchat boolean NOT NULL, PRIMARY KEY (user_id, id), \
            INDEX i_mam_message_rem USING BTREE (user_id, remote_bare_jid, id)) CHARACTER SET utf8mb4 \
            COLLATE utf8mb4_general_ci ROW_FORMAT=DYNAMIC ENGINE=InnoDB PARTITION BY HASH(user_id) PARTITIONS 32
            """,
            """
            CREATE INDEX i_mam_message_username_jid_origin_id USING BTREE \
            ON mam_message (user_id, remote_bare_jid, origin_id)
            """,
        ]
        + [
            """
            CREATE TABLE mam_config (user_id int unsigned NOT NULL, \
            remote_jid varchar(250) CHARACTER SET binary NOT NULL, behaviour ENUM('A','N','R') NOT NULL, \
            PRIMARY KEY (user_id, remote_jid))
            """,
            """
            CREATE TABLE mam_server_user (id int unsigned NOT NULL AUTO_INCREMENT, \
            server varchar(250) CHARACTER SET binary NOT NULL, user_name varchar(250) CHARACTER SET binary NOT NULL, \
            PRIMARY KEY (id), CONSTRAINT uc_mam_server_user_name UNIQUE (server, user_name))
            """,
            """
            CREATE TABLE mam_muc_message (id bigint unsigned NOT NULL, room_id int unsigned NOT NULL, \
            sender_id int unsigned NOT NULL, nick_name varchar(250) NOT NULL, message mediumblob NOT NULL, \
            search_body mediumtext, origin_id varchar(250) CHARACTER SET binary, PRIMARY KEY (room_id, id))
            """,
        ].map { $0 + " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci ROW_FORMAT=DYNAMIC" } + [
            "CREATE INDEX i_mam_muc_message_sender_id USING BTREE ON mam_muc_message (sender_id)"
        ]

    private static let rows = [
        """
        INSERT INTO mam_server_user (id, server, user_name) VALUES (11, 'capulet.example', 'juliet'), \
        (12, 'rooms.capulet.example', 'hall'), (13, 'montague.example', 'romeo')
        """,
        """
        INSERT INTO mam_config VALUES (11, '', 'R'), (11, 'romeo@montague.example', 'A'), \
        (11, 'paris@verona.example', 'N')
        """,
    ]
    private static let message = SQLStatement(
        """
        INSERT INTO mam_message (id, user_id, from_jid, remote_bare_jid, remote_resource, direction, message, \
        search_body, origin_id, is_groupchat) VALUES (?, 11, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    )
    private static let roomMessage = SQLStatement(
        """
        INSERT INTO mam_muc_message (id, room_id, sender_id, nick_name, message, search_body, origin_id) \
        VALUES (?, 12, ?, ?, ?, ?, ?)
        """
    )

    private static func fill(_ database: PooledDatabase) async throws {
        for statement in (database.dialect == .mySQL ? mySQLTables : tables) + rows {
            try await database.execute(SQLStatement(statement), [])
        }
        try await database.execute(
            message,
            [
                .integer(100), .text("montague.example@romeo/orchard"), .text("montague.example:romeo"),
                .text("orchard"), .text("I"), .bytes(ArchivedColumns.later), .text("art thou not romeo a montague"),
                .text("a1"), .flag(false),
            ])
        try await database.execute(
            message,
            [
                .integer(200), .text("/balcony"), .text("nurse"), .text(""), .text("O"),
                .bytes(ArchivedColumns.earlierCompressed), .text(""), .null, .flag(true),
            ])
        try await database.execute(
            roomMessage,
            [
                .integer(300), .integer(13), .text("Romeo"), .bytes(Array("<message type='groupchat'/>".utf8)),
                .text("caf\u{E9}"), .text("b1"),
            ])
        // Of a sender whom nobody knows any more.
        try await database.execute(
            roomMessage,
            [.integer(400), .integer(99), .text("romeo"), .bytes(ArchivedColumns.compressed), .null, .null])
    }

    @Test(arguments: DatabaseServer.available)
    func archivesThatMongooseIMFilledAreTakenOver(_ server: DatabaseServer) async throws {
        try await server.withDatabase { database in
            try await Self.fill(database)
            let plan = try await Schema.apply(database)
            #expect(
                Set(plan.keptTables) == ["mam_message", "mam_config", "mam_server_user", "mam_muc_message"])
            #expect(plan.drifts.isEmpty)
            // What MongooseIM has an index for under another name needs no second one.
            let made = plan.statements.filter {
                $0.contains("INDEX") && $0.contains(" ON mam_") && !$0.contains("IF NOT EXISTS")
            }
            #expect(!made.contains { $0.contains("(user_id, ") || $0.contains("UNIQUE") }, "\(made)")
            let drifts = try await Schema.verify(database)
            #expect(drifts.isEmpty)
            let storage = Storage(database: database, logger: Backend.logger)
            try await Self.checkAccount(storage)
            try await Self.checkRoom(storage)
            try await Self.checkPreferences(storage)
        }
    }

    private static func checkAccount(_ storage: Storage) async throws {
        let (juliet, store) = (try BareJID("juliet@capulet.example"), storage.messageArchive)
        let romeo = try JID("romeo@montague.example/orchard")
        let first = ArchivedMessage(
            id: try #require(ArchiveID(100)), direction: .received, sender: romeo, peer: romeo,
            stanza: Array(ArchivedColumns.text.utf8), originID: "a1", searchText: "art thou not romeo a montague")
        let second = ArchivedMessage(
            id: try #require(ArchiveID(200)), direction: .sent, sender: try JID("juliet@capulet.example/balcony"),
            peer: try JID("nurse@capulet.example"), stanza: Array(ArchivedColumns.compressedText.utf8),
            isGroupchat: true)
        var query = ArchiveQuery()
        var found = try await store.messages(in: juliet, matching: query, order: .ascending, limit: 10)
        #expect(found == [first, second])
        query.peer = romeo
        query.words = ["montague", "romeo"]
        query.originID = "a1"
        found = try await store.messages(in: juliet, matching: query, order: .descending, limit: 10)
        #expect(found == [first])
        query.words = ["caf"]
        found = try await store.messages(in: juliet, matching: query, order: .descending, limit: 10)
        #expect(found == [])
        // What is written is found beside it.
        var third = second
        third.id = try #require(ArchiveID(250))
        third.stanza = Array("<message/>".utf8)
        try await store.append([first, second, third].map { ArchiveEntry(archive: juliet, message: $0) })
        found = try await store.messages(in: juliet, matching: ArchiveQuery(), order: .ascending, limit: 10)
        #expect(found == [first, second, third])
        let isReplaced = try await store.replace(first.id, in: juliet, by: third.stanza)
        #expect(isReplaced)
        let owners = try await store.archives(after: nil, limit: 10).items
        #expect(owners == [juliet])
        try await store.removeAll(for: juliet)
        let count = try await store.count(in: juliet, matching: ArchiveQuery())
        #expect(count == 0)
    }

    private static func checkRoom(_ storage: Storage) async throws {
        let (hall, store) = (try BareJID("hall@rooms.capulet.example"), storage.roomArchive)
        let found = try await store.messages(in: hall, matching: ArchiveQuery(), order: .ascending, limit: 10)
        #expect(found.map(\.sender.description) == ["romeo@montague.example", "hall@rooms.capulet.example"])
        #expect(found.map(\.peer.resourcepart) == ["Romeo", "romeo"])
        #expect(found.map(\.searchText) == ["caf\u{E9}", nil])
        #expect(found.last?.stanza == Array(ArchivedColumns.compressedText.utf8))
        // To MongooseIM's collation these would be one.
        var query = ArchiveQuery()
        query.peer = try JID("hall@rooms.capulet.example/romeo")
        var ids = try await store.messages(in: hall, matching: query, order: .ascending, limit: 10).map(\.id.number)
        #expect(ids == [400])
        query = ArchiveQuery()
        query.words = ["cafe"]
        ids = try await store.messages(in: hall, matching: query, order: .ascending, limit: 10).map(\.id.number)
        #expect(ids == [])
    }

    private static func checkPreferences(_ storage: Storage) async throws {
        let (juliet, store) = (try BareJID("juliet@capulet.example"), storage.archivePreferences)
        let exceptions = [try JID("romeo@montague.example"): true, try JID("paris@verona.example"): false]
        var preferences = ArchivePreferences(standard: .roster, exceptions: exceptions)
        var found = try await store.preferences(of: juliet)
        #expect(found == preferences)
        preferences = ArchivePreferences(standard: .never, exceptions: [try JID("a@b/c"): true])
        try await store.set(preferences, of: juliet)
        found = try await store.preferences(of: juliet)
        #expect(found == preferences)
        try await store.removeAll(for: juliet)
        found = try await store.preferences(of: juliet)
        #expect(found == nil)
    }
}
