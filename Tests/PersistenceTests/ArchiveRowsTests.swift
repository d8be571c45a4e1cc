// SPDX-License-Identifier: Apache-2.0
// Archives as rows: as MongooseIM 6.8 writes them, and as mimd does; rows that cannot be read; and how SQLite finds rows.

import Testing
import XMPPCore
import XMPPPersistenceSQLite

@testable import XMPPPersistenceSQL

@Suite struct ArchiveRowsTests {
    private static func juliet() throws -> BareJID { try BareJID("juliet@capulet.example") }

    private static func query(_ text: String, _ database: SQLiteDatabase) async throws -> [[SQLValue]] {
        try await database.query(SQLStatement(text), []).map(\.values)
    }

    @Test func accountsRowsAreMongooseIMs() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let juliet = try Self.juliet()
            let romeo = try JID("romeo@montague.example/orchard"), nurse = try JID("nurse@capulet.example")
            let id = try #require(ArchiveID(446_676_598_784_000_001))
            let messages = [
                ArchivedMessage(
                    id: id, direction: .received, sender: romeo, peer: romeo, stanza: Array("<message/>".utf8),
                    originID: "o", searchText: "good night"),
                ArchivedMessage(
                    id: try #require(ArchiveID(446_676_598_784_000_257)), direction: .sent,
                    sender: try JID("juliet@capulet.example/balcony"), peer: nurse, stanza: Array("<message/>".utf8),
                    isGroupchat: true),
            ]
            try await local.storage.messageArchive.append(
                messages.map { ArchiveEntry(archive: juliet, message: $0) })
            let owners = try await Self.query("SELECT id, server, user_name FROM mam_server_user", local.database)
            #expect(owners == [[.integer(1), .text("capulet.example"), .text("juliet")]])
            let columns = """
                id, user_id, from_jid, remote_bare_jid, remote_resource, direction, message, search_body, origin_id, \
                is_groupchat
                """
            let rows = try await Self.query("SELECT \(columns) FROM mam_message ORDER BY id", local.database)
            let message = SQLValue.bytes(Array("<message/>".utf8))
            #expect(
                rows == [
                    [
                        .integer(446_676_598_784_000_001), .integer(1), .text("montague.example@romeo/orchard"),
                        .text("montague.example:romeo"), .text("orchard"), .text("I"), message, .text("good night"),
                        .text("o"), .integer(0),
                    ],
                    [
                        .integer(446_676_598_784_000_257), .integer(1), .text("/balcony"), .text("nurse"), .text(""),
                        .text("O"), message, .null, .null, .integer(1),
                    ],
                ])
        }
    }

    @Test func roomsRowsAreMongooseIMs() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let room = try BareJID("hall@rooms.capulet.example")
            let message = ArchivedMessage(
                id: try #require(ArchiveID(1)), direction: .received, sender: try JID("juliet@capulet.example"),
                peer: try JID("hall@rooms.capulet.example/Juliet C."), stanza: Array("<message/>".utf8), originID: "o",
                searchText: "hello", isGroupchat: true)
            try await local.storage.roomArchive.append([ArchiveEntry(archive: room, message: message)])
            let rows = try await Self.query(
                """
                SELECT m.id, r.server, r.user_name, s.server, s.user_name, nick_name, message, search_body, origin_id \
                FROM mam_muc_message AS m JOIN mam_server_user AS r ON r.id = room_id \
                JOIN mam_server_user AS s ON s.id = sender_id
                """, local.database)
            #expect(
                rows == [
                    [
                        .integer(1), .text("rooms.capulet.example"), .text("hall"), .text("capulet.example"),
                        .text("juliet"), .text("Juliet C."), .bytes(Array("<message/>".utf8)), .text("hello"),
                        .text("o"),
                    ]
                ])
            // Whom another row refers to stays known.
            try await local.storage.roomArchive.removeAll(for: try Self.juliet())
            try await local.storage.messageArchive.removeAll(for: try Self.juliet())
            try await local.storage.archivePreferences.removeAll(for: try Self.juliet())
            let listOwners = "SELECT user_name FROM mam_server_user ORDER BY user_name"
            var owners = try await Self.query(listOwners, local.database)
            #expect(owners == [[.text("hall")], [.text("juliet")]])
            try await local.storage.roomArchive.removeAll(for: room)
            owners = try await Self.query(listOwners, local.database)
            #expect(owners == [[.text("juliet")]])
            try await local.storage.messageArchive.removeAll(for: try Self.juliet())
            owners = try await Self.query(listOwners, local.database)
            #expect(owners.isEmpty)
            var other = message
            other.peer = try JID("other@rooms.capulet.example/Juliet")
            let entry = ArchiveEntry(archive: room, message: other)
            await #expect(throws: StorageError.self) { try await local.storage.roomArchive.append([entry]) }
        }
    }

    @Test func preferencesRowsAreMongooseIMs() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let juliet = try Self.juliet()
            let exceptions = [try JID("romeo@montague.example"): true, try JID("tybalt@capulet.example/x"): false]
            try await local.storage.archivePreferences.set(
                ArchivePreferences(standard: .roster, exceptions: exceptions), of: juliet)
            let rows = try await Self.query(
                "SELECT remote_jid, behaviour FROM mam_config ORDER BY remote_jid", local.database)
            #expect(
                rows == [
                    [.text(""), .text("R")], [.text("romeo@montague.example"), .text("A")],
                    [.text("tybalt@capulet.example/x"), .text("N")],
                ])
            // An address that is none, and what cannot be said of one, are left out.
            for (address, code) in [("@", "A"), ("nurse@capulet.example", "R")] {
                try await local.database.execute(
                    SQLStatement("INSERT INTO mam_config (user_id, remote_jid, behaviour) VALUES (1, ?, ?)"),
                    [.text(address), .text(code)])
            }
            let found = try await local.storage.archivePreferences.preferences(of: juliet)
            #expect(found == ArchivePreferences(standard: .roster, exceptions: exceptions))
        }
    }

    private static func insert(_ id: Int64, _ message: [UInt8], sender: String, _ database: SQLiteDatabase) async throws
    {
        try await database.execute(
            SQLStatement(
                """
                INSERT INTO mam_message (id, user_id, from_jid, remote_bare_jid, remote_resource, direction, message, \
                search_body, origin_id, is_groupchat) VALUES (?, 1, ?, 'montague.example:romeo', 'orchard', 'I', ?, \
                '', NULL, 0)
                """
            ), [.integer(id), .text(sender), .bytes(message)])
    }

    @Test func rowsThatCannotBeReadAreLeftOutAndNotCounted() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let juliet = try Self.juliet()
            try await local.database.execute(
                SQLStatement("INSERT INTO mam_server_user VALUES (1, 'capulet.example', 'juliet')"), [])
            let damaged = Array(ArchivedColumns.later.dropLast())
            for id in Int64(1)...20 {
                let isReadable = id % 5 == 0
                try await Self.insert(
                    id, isReadable ? ArchivedColumns.later : damaged, sender: "montague.example@romeo/orchard",
                    local.database)
            }
            try await Self.insert(21, ArchivedColumns.compressed, sender: "@", local.database)
            try await Self.insert(-1, ArchivedColumns.compressed, sender: "", local.database)
            for (order, expected) in [(ArchiveOrder.ascending, [5, 10, 15] as [Int64]), (.descending, [20, 15, 10])] {
                let found = try await local.storage.messageArchive.messages(
                    in: juliet, matching: ArchiveQuery(), order: order, limit: 3)
                #expect(found.map(\.id.number) == expected)
                #expect(found.allSatisfy { $0.stanza == Array(ArchivedColumns.text.utf8) && $0.searchText == nil })
                #expect(found.first?.sender.description == "romeo@montague.example/orchard")
            }
            let all = try await local.storage.messageArchive.messages(
                in: juliet, matching: ArchiveQuery(), order: .ascending, limit: 100)
            #expect(all.map(\.id.number) == [5, 10, 15, 20])
        }
    }

    @Test func longArchivesAreLookedThroughToTheEnd() async throws {
        try await Backend.withStorage(at: .memory) { local in
            let juliet = try Self.juliet()
            let romeo = try JID("romeo@montague.example")
            let count = Int64(ArchiveSteps.messageCountMax * 2 + 10)
            let entries = try (0..<count).map { number in
                let isFound = [0, 9_999, 10_000, 10_001, 19_999, 20_000, count - 1].contains(number)
                return ArchiveEntry(
                    archive: juliet,
                    message: ArchivedMessage(
                        id: try #require(ArchiveID(number)), direction: .received, sender: romeo, peer: romeo,
                        stanza: [], searchText: isFound ? "needle" : "hay"))
            }
            try await local.storage.messageArchive.append(entries)
            var query = ArchiveQuery()
            query.words = ["needle"]
            let store = local.storage.messageArchive
            for limit in [1, 2, 3, 7, 8] {
                let found = try await store.messages(in: juliet, matching: query, order: .ascending, limit: limit)
                let expected = [0, 9_999, 10_000, 10_001, 19_999, 20_000, count - 1]
                #expect(found.map(\.id.number) == Array(expected.prefix(limit)))
                let backwards = try await store.messages(in: juliet, matching: query, order: .descending, limit: limit)
                #expect(backwards.map(\.id.number) == Array(expected.reversed().prefix(limit)))
            }
            query.words = ["nobody"]
            let none = try await store.messages(in: juliet, matching: query, order: .ascending, limit: 1)
            #expect(none.isEmpty)
        }
    }

    /// How SQLite finds the rows of each statement: never by reading a table, never by sorting.
    @Test func everyStatementFindsRowsByAnIndex() async throws {
        try await Backend.withStorage(at: .memory) { local in
            for kind in [ArchiveStatements.Kind.accounts, .rooms] {
                for (text, count) in try Self.statements(kind) {
                    let plan = try await local.database.query(
                        SQLStatement("EXPLAIN QUERY PLAN " + text), Array(repeating: .integer(1), count: count))
                    for step in plan {
                        let detail = try step.text(3)
                        #expect(!detail.contains("TEMP B-TREE"), "\(text): \(detail)")
                        #expect(
                            !detail.hasPrefix("SCAN") || detail.contains("i_mam_server_user_name"), "\(text): \(detail)"
                        )
                    }
                    #expect(!plan.isEmpty, "\(text)")
                }
            }
        }
    }

    private static func statements(_ kind: ArchiveStatements.Kind) throws -> [(String, Int)] {
        let statements = ArchiveStatements(kind: kind, dialect: .sqlite)
        var all: [SQLStatement] = [
            statements.insert, statements.replace, statements.readBoundary, statements.removeBefore,
            statements.removeLast, statements.read(idCount: 4), statements.listOwners.first,
            statements.listOwners.following, statements.listOwnersOfDomain.first, ArchiveStatements.readOwner,
            ArchiveStatements.forgetOwner, ArchiveStatements.forgetDomain, SQLArchivePreferencesStore.read,
            SQLArchivePreferencesStore.listAccounts.first,
        ]
        for bits in 0..<16 {
            var conditions = ArchiveConditions(ids: ArchiveID.range)
            if kind == .accounts, bits & 1 != 0 { conditions.peer = "a" }
            if bits & 2 != 0, kind == .rooms || bits & 1 != 0 { conditions.resource = "a" }
            if bits & 4 != 0 { conditions.originID = "a" }
            if bits & 8 != 0 { conditions.words = ["a", "b"] }
            all.append(statements.count(conditions))
            for order in [ArchiveOrder.ascending, .descending] {
                all.append(statements.read(conditions, order: order))
                all.append(statements.nameBehind(conditions, order: order))
            }
        }
        return all.map { statement in
            let text = statement.text(in: .sqlite)
            return (text, text.count { $0 == "?" })
        }
    }
}
