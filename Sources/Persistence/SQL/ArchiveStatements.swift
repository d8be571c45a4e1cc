// SPDX-License-Identifier: Apache-2.0
// What is said to a database about one of the two tables of archives.

import XMPPCore

/// The statements about a table of archives.
struct ArchiveStatements: Sendable {
    /// Accounts' archives, or rooms'.
    enum Kind: Sendable {
        case accounts
        case rooms
    }

    let kind: Kind
    let dialect: Dialect

    private var table: String { kind == .accounts ? "mam_message" : "mam_muc_message" }
    private var owner: String { kind == .accounts ? "user_id" : "room_id" }

    // MARK: Owners

    /// The number of an owner, which the rest is asked by: were it found in the same statement, not every database would
    /// read in the order of an index.
    static let readOwner = SQLStatement("SELECT id FROM mam_server_user WHERE server = ? AND user_name = ?")
    /// To be run for who is not there: each run uses a number up.
    static let addOwner = SQLStatement(
        "INSERT INTO mam_server_user (server, user_name) VALUES (?, ?) ON CONFLICT DO NOTHING",
        mySQL: "INSERT INTO mam_server_user (server, user_name) VALUES (?, ?) ON DUPLICATE KEY UPDATE id = id"
    )

    /// Gives an owner who has none a number, and returns it.
    static func number(
        of owner: BareJID, in transaction: any SQLTransaction
    ) async throws(StorageError) -> Int64 {
        if let row = try await transaction.query(readOwner, owner.key).first { return try row.integer(0) }
        try await transaction.execute(addOwner, owner.key)
        guard let row = try await transaction.query(readOwner, owner.key).first else {
            throw .corrupt(detail: "the owner of an archive who was added is not there")
        }
        return try row.integer(0)
    }

    /// A column of the first row that an owner has, if any. The order is an index's, and keeps databases from looking
    /// through the table where they take the owner for one of few.
    static func first(_ column: String, of table: String, order: String) -> String {
        """
        (SELECT m.\(column) FROM \(table) AS m WHERE m.\(column) = mam_server_user.id \
        ORDER BY m.\(column), m.\(order) LIMIT 1)
        """
    }

    /// Forgets owners whom nothing refers to.
    static func forgetOwners(where condition: String) -> SQLStatement {
        let references = [
            first("user_id", of: "mam_message", order: "id"), first("user_id", of: "mam_config", order: "remote_jid"),
            first("room_id", of: "mam_muc_message", order: "id"),
            first("sender_id", of: "mam_muc_message", order: "id"),
        ]
        let conditions = references.map { $0 + " IS NULL" }.joined(separator: " AND ")
        return SQLStatement("DELETE FROM mam_server_user WHERE \(condition) AND \(conditions)")
    }
    static let forgetOwner = forgetOwners(where: "server = ? AND user_name = ?")
    static let forgetDomain = forgetOwners(where: "server = ?")

    private var hasMessages: String { Self.first(owner, of: table, order: "id") + " IS NOT NULL" }

    var listOwners: SQLListing {
        SQLListing(
            "SELECT server, user_name FROM mam_server_user", where: hasMessages, orderedBy: ["server", "user_name"])
    }

    /// As ``listOwners``, with their numbers, of one domain.
    var listOwnersOfDomain: SQLListing {
        SQLListing(
            "SELECT user_name, id FROM mam_server_user", where: "server = ? AND \(hasMessages)",
            orderedBy: ["user_name"])
    }

    // MARK: Messages

    /// Writes no row where an owner is not known. Of a message that is there it says that it has written it.
    var insert: SQLStatement {
        let columns = insertedColumns.joined(separator: ", ")
        let marks = Array(repeating: "?", count: insertedColumns.count - numbers.count).joined(separator: ", ")
        let selection = numbers.map { "\($0).id" }.joined(separator: ", ") + ", " + marks
        let tables = numbers.map { "mam_server_user AS \($0)" }.joined(separator: ", ")
        let conditions = numbers.map { "\($0).server = ? AND \($0).user_name = ?" }.joined(separator: " AND ")
        let text = "INSERT INTO \(table) (\(columns)) SELECT \(selection) FROM \(tables) WHERE \(conditions)"
        return SQLStatement(
            text + " ON CONFLICT (\(owner), id) DO UPDATE SET id = \(table).id",
            mySQL: text + " ON DUPLICATE KEY UPDATE id = \(table).id")
    }

    /// Those whose numbers a row has: the owner, and in a room the sender.
    private var numbers: [String] { kind == .accounts ? ["owner"] : ["owner", "sender"] }

    private var insertedColumns: [String] {
        switch kind {
        case .accounts:
            [
                "user_id", "id", "from_jid", "remote_bare_jid", "remote_resource", "direction", "is_groupchat",
                "origin_id", "search_body", "message",
            ]
        case .rooms: ["room_id", "sender_id", "id", "nick_name", "origin_id", "search_body", "message"]
        }
    }

    /// Reads the columns that ``SQLArchiveStore`` knows, which are as many for both kinds. MongooseIM's types for codes
    /// differ from database to database, so they are not read but compared.
    private var readColumns: String {
        switch kind {
        case .accounts:
            """
            m.id, m.message, m.search_body, m.origin_id, m.remote_resource, m.from_jid, m.remote_bare_jid, \
            CASE WHEN m.direction = 'O' THEN 1 ELSE 0 END, m.is_groupchat
            """
        case .rooms:
            """
            m.id, m.message, m.search_body, m.origin_id, m.nick_name, \
            (SELECT s.server FROM mam_server_user AS s WHERE s.id = m.sender_id), \
            (SELECT s.user_name FROM mam_server_user AS s WHERE s.id = m.sender_id)
            """
        }
    }

    /// Reads what a query asks for, in an order that an index has. The parameters are those of
    /// ``parameters(_:of:limit:)``.
    func read(_ query: ArchiveConditions, order: ArchiveOrder) -> SQLStatement {
        let direction = order == .ascending ? "" : " DESC"
        let selection = "SELECT \(readColumns) FROM \(source(of: query)) WHERE "
        guard query.areWordsFoundByIndex else {
            return SQLStatement(selection + "\(text(of: query)) ORDER BY m.id\(direction) LIMIT ?")
        }
        // The offset keeps a database that takes the words for frequent from looking for them in the archive's order.
        return SQLStatement(
            """
            \(selection)m.\(owner) = ? AND m.id IN (SELECT found.id FROM \
            (SELECT m.id FROM \(table) AS m WHERE \(text(of: query)) OFFSET 0) AS found \
            ORDER BY found.id\(direction) LIMIT ?) ORDER BY m.id\(direction)
            """
        )
    }

    func parameters(_ query: ArchiveConditions, of owner: Int64, limit: Int) -> [SQLValue] {
        (query.areWordsFoundByIndex ? [.integer(owner)] : []) + parameters(query, of: owner) + [.integer(Int64(limit))]
    }

    /// The table. MySQL has to be told which index is in the order: it takes one peer for as frequent as another.
    private func source(of query: ArchiveConditions) -> String {
        let source = "\(table) AS m"
        guard dialect == .mySQL, query.originID == nil else { return source }
        switch kind {
        case .accounts:
            return source
                + (query.peer == nil
                    ? " FORCE INDEX (PRIMARY)" : " IGNORE INDEX (PRIMARY, i_mam_message_username_jid_origin_id)")
        case .rooms:
            return source
                + " FORCE INDEX (\(query.resource == nil ? "PRIMARY" : "i_mam_muc_message_room_id_nick_name_id"))"
        }
    }

    /// Reads messages by so many names.
    func read(idCount: Int) -> SQLStatement {
        let marks = Array(repeating: "?", count: idCount).joined(separator: ", ")
        return SQLStatement(
            "SELECT \(readColumns) FROM \(table) AS m WHERE m.\(owner) = ? AND m.id IN (\(marks)) ORDER BY m.id")
    }

    func count(_ query: ArchiveConditions) -> SQLStatement {
        SQLStatement("SELECT count(*) FROM \(table) AS m WHERE \(text(of: query))")
    }

    /// The name of the message that so many of a query's come before, which reads an index and nothing else.
    func nameBehind(_ query: ArchiveConditions, order: ArchiveOrder) -> SQLStatement {
        let direction = order == .ascending ? "" : " DESC"
        return SQLStatement(
            "SELECT m.id FROM \(source(of: query)) WHERE \(text(of: query)) ORDER BY m.id\(direction) LIMIT 1 OFFSET ?")
    }

    private func text(of query: ArchiveConditions) -> String {
        var conditions = ["m.\(owner) = ?", "m.id >= ?", "m.id <= ?"]
        if query.peer != nil { conditions.append("m.remote_bare_jid = ?") }
        if query.resource != nil { conditions.append(kind == .accounts ? "m.remote_resource = ?" : "m.nick_name = ?") }
        if query.originID != nil { conditions.append("m.origin_id = ?") }
        if query.isGroupchat != nil { conditions.append("m.is_groupchat = ?") }
        if !query.words.isEmpty {
            conditions.append(
                dialect.wordCondition(
                    "m.search_body", wordCount: query.words.count, byIndex: query.areWordsFoundByIndex))
        }
        return conditions.joined(separator: " AND ")
    }

    func parameters(_ query: ArchiveConditions, of owner: Int64) -> [SQLValue] {
        var parameters: [SQLValue] = [
            .integer(owner), .integer(query.ids.lowerBound.number), .integer(query.ids.upperBound.number),
        ]
        for text in [query.peer, query.resource, query.originID].compactMap(\.self) { parameters.append(.text(text)) }
        if let isGroupchat = query.isGroupchat { parameters.append(.flag(isGroupchat)) }
        if !query.words.isEmpty { parameters += dialect.wordParameters(query.words) }
        return parameters
    }

    /// The conditions without those that no index has; nil when there are none such. An index of words is not meant.
    func withoutUnindexed(_ query: ArchiveConditions) -> ArchiveConditions? {
        var indexed = query
        indexed.words = []
        indexed.isGroupchat = nil
        if kind == .rooms || dialect == .sqlite || query.peer == nil { indexed.originID = nil }
        if kind == .accounts { indexed.resource = nil }
        let isSame =
            query.words.isEmpty && query.isGroupchat == nil && query.originID == indexed.originID
            && query.resource == indexed.resource
        return isSame ? nil : indexed
    }

    /// The stanza, then the owner and the name.
    var replace: SQLStatement {
        SQLStatement("UPDATE \(table) SET message = ?, search_body = NULL WHERE \(owner) = ? AND id = ?")
    }

    /// The name that so many come before, which a removal ends at.
    var readBoundary: SQLStatement {
        SQLStatement("SELECT id FROM \(table) WHERE \(owner) = ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?")
    }

    /// The message of one name.
    var removeLast: SQLStatement { SQLStatement("DELETE FROM \(table) WHERE \(owner) = ? AND id = ?") }

    var removeBefore: SQLStatement { SQLStatement("DELETE FROM \(table) WHERE \(owner) = ? AND id < ?") }
}

/// The conditions of a query, as columns have them.
struct ArchiveConditions: Sendable {
    var ids: ClosedRange<ArchiveID>
    var peer: String?
    var resource: String?
    var originID: String?
    var isGroupchat: Bool?
    var words: [String] = []
    /// Whether an index of words is of use, if there is one: it has those of all archives, and no order.
    var areWordsFoundByIndex = false

    init(ids: ClosedRange<ArchiveID>) { self.ids = ids }
}
