// SPDX-License-Identifier: Apache-2.0
// What the SQL stores share: account keys, pages and cursors.

import Logging
import XMPPCore

extension BareJID {
    /// The values of the columns `server` and `username`.
    var key: [SQLValue] { [.text(domainpart), .text(localpart ?? "")] }

    /// The account of a row; nil when the columns make no address.
    init?(server: String, username: String) {
        do throws(JIDError) {
            self = username.isEmpty ? try BareJID(server) : try BareJID(localpart: username, domainpart: server)
        } catch {
            return nil
        }
    }
}

/// A listing whose first page has no lower bound: the empty text may be a key.
struct SQLListing: Sendable {
    let first: SQLStatement
    let following: SQLStatement

    /// - Parameters:
    ///   - selection: the statement up to its condition.
    ///   - fixed: a condition on `?`s that every page has; nil for none.
    ///   - key: the columns that the listing is ordered by.
    init(_ selection: String, where fixed: String?, orderedBy key: [String]) {
        let columns = key.joined(separator: ", ")
        let marks = key.map { _ in "?" }.joined(separator: ", ")
        let tail = " ORDER BY \(columns) LIMIT ?"
        let condition = fixed.map { "\($0) AND " } ?? ""
        first = SQLStatement(selection + (fixed.map { " WHERE \($0)" } ?? "") + tail)
        following = SQLStatement(
            selection + " WHERE " + condition + (key.count == 1 ? "\(columns) > ?" : "(\(columns)) > (\(marks))")
                + tail,
            mySQL: selection + " WHERE " + condition + Self.spelledOutBound(key) + tail)
    }

    /// `(a, b) > (?, ?)` as `(a > ? OR (a = ? AND b > ?))`: MySQL finds only the latter by an index.
    private static func spelledOutBound(_ key: [String]) -> String {
        let cases = key.indices.map { last in
            let terms = key[..<last].map { "\($0) = ?" } + ["\(key[last]) > ?"]
            return terms.count == 1 ? terms[0] : "(\(terms.joined(separator: " AND ")))"
        }
        return "(\(cases.joined(separator: " OR ")))"
    }

    func statement(after cursor: PageCursor?) -> SQLStatement { cursor == nil ? first : following }

    func parameters(
        _ fixed: [SQLValue], after cursor: PageCursor?, limit: Int, in dialect: Dialect
    ) -> [SQLValue] {
        let key = (cursor?.key ?? []).map { SQLValue.text($0) }
        let bound = dialect == .mySQL ? key.indices.flatMap { key[...$0] } : key
        return fixed + bound + [.integer(Int64(limit))]
    }
}

/// A database and the log of a store.
struct SQLStoreContext: Sendable {
    let database: any SQLDatabase
    let logger: Logger

    /// How many rows a page is read with.
    static func rowCount(_ limit: Int) -> Int { min(max(limit, 1), Page<SQLRow>.itemCountMax) }

    /// Checks that a cursor has as many parts as a listing's key.
    static func check(_ cursor: PageCursor?, partCount: Int) throws(StorageError) {
        guard cursor == nil || cursor?.key.count == partCount else {
            throw .backend(code: "cursor", detail: "the cursor is of another listing")
        }
    }

    /// Reads one page.
    ///
    /// - Parameters:
    ///   - keyColumns: where a row has the columns that the listing is ordered by.
    ///   - item: makes the entry of a row; a row for which it throws or is nil is left out.
    func page<Item: Sendable>(
        _ listing: SQLListing, _ fixed: [SQLValue], after cursor: PageCursor?, limit: Int, keyColumns: [Int],
        item: (SQLRow) throws(StorageError) -> Item?
    ) async throws(StorageError) -> Page<Item> {
        try Self.check(cursor, partCount: keyColumns.count)
        let limit = Self.rowCount(limit)
        let rows = try await database.query(
            listing.statement(after: cursor),
            listing.parameters(fixed, after: cursor, limit: limit, in: database.dialect)
        )
        return Page(items: items(of: rows, item), next: try Self.next(after: rows, limit: limit, keyColumns))
    }

    /// The entries of rows without those that cannot be read, which are logged.
    func items<Item>(of rows: [SQLRow], _ item: (SQLRow) throws(StorageError) -> Item?) -> [Item] {
        var items: [Item] = []
        items.reserveCapacity(rows.count)
        for row in rows {
            do throws(StorageError) {
                if let next = try item(row) {
                    items.append(next)
                } else {
                    logger.warning("a stored row is left out: it has no valid address")
                }
            } catch {
                logger.warning("a stored row is left out", metadata: ["error": "\(error)"])
            }
        }
        return items
    }

    /// Where the page after these rows starts; nil when they are the last.
    static func next(after rows: [SQLRow], limit: Int, _ keyColumns: [Int]) throws(StorageError) -> PageCursor? {
        guard rows.count >= limit, let last = rows.last else { return nil }
        var key: [String] = []
        for column in keyColumns { key.append(try last.text(column)) }
        return PageCursor(key: key)
    }

    /// Reads a page of accounts from a listing of `server` and `username`.
    func accounts(
        _ listing: SQLListing, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<BareJID> {
        try await page(listing, [], after: cursor, limit: limit, keyColumns: [0, 1]) { row throws(StorageError) in
            BareJID(server: try row.text(0), username: try row.text(1))
        }
    }

    /// Runs one statement for each table that a store removes from.
    func remove(_ statements: [SQLStatement], _ parameters: [SQLValue]) async throws(StorageError) {
        if statements.count == 1 {
            try await database.execute(statements[0], parameters)
            return
        }
        try await database.write { transaction throws(StorageError) in
            for statement in statements { try await transaction.execute(statement, parameters) }
        }
    }
}
