// SPDX-License-Identifier: Apache-2.0
// vCards (XEP-0054) in MongooseIM's tables `vcard` and `vcard_search`: in the latter each text as it is, and in lower
// case under a name with an "l" before.

public import Logging
public import XMPPCore

/// The vCards of the accounts of a SQL database.
public struct SQLVCardStore: VCardStore {
    static let read = SQLStatement("SELECT vcard FROM vcard WHERE server = ? AND username = ?")
    static let write = SQLStatement.upsert(into: "vcard", key: ["server", "username"], columns: ["vcard"])
    static let writeTexts = SQLStatement.upsert(
        into: "vcard_search",
        key: ["server", "lusername"],
        columns: ["username"] + textFields.flatMap { [$0.rawValue, "l" + $0.rawValue] }
    )
    static let removeAccount = [
        SQLStatement("DELETE FROM vcard WHERE server = ? AND username = ?"),
        SQLStatement("DELETE FROM vcard_search WHERE server = ? AND lusername = ?"),
    ]
    static let removeDomain = ["vcard", "vcard_search"].map { SQLStatement("DELETE FROM \($0) WHERE server = ?") }
    static let listAccounts = SQLListing(
        "SELECT server, username FROM vcard",
        where: nil,
        orderedBy: ["server", "username"]
    )

    /// The fields of a vCard itself, in the order of their columns.
    static let textFields = VCardField.allCases.filter { $0 != .localpart }

    /// A search that an index answers by one field, the other fields following in their order. Twelve statements do for
    /// all searches, however their terms are combined: a connection keeps a bounded number of them.
    static let searches = Dictionary(
        uniqueKeysWithValues: VCardField.allCases.map { ($0, SQLStatement.vCardSearch(by: $0)) })

    let context: SQLStoreContext

    /// Makes the store of a database that has the schema.
    ///
    /// - Parameter logger: gets a warning for each row that cannot be read.
    public init(database: any SQLDatabase, logger: Logger) {
        context = SQLStoreContext(database: database, logger: logger)
    }

    /// An account's vCard as XML; nil when there is none.
    public func vCard(of account: BareJID) async throws(StorageError) -> [UInt8]? {
        let rows = try await context.database.query(Self.read, account.key)
        return try rows.first.map { row throws(StorageError) in Array(try row.text(0).utf8) }
    }

    /// Stores an account's vCard, and what it is found by, in one transaction.
    public func set(_ vCard: VCard, of account: BareJID) async throws(StorageError) {
        let key = account.key
        let texts = Self.textFields.flatMap { field -> [SQLValue] in
            let text = vCard.texts[field] ?? ""
            return [.text(text), .text(VCard.searchKey(text))]
        }
        try await context.database.write { transaction throws(StorageError) in
            try await transaction.execute(Self.write, key + [.utf8(vCard.xml)])
            try await transaction.execute(Self.writeTexts, key + [key[1]] + texts)
        }
    }

    /// Finds vCards of a domain.
    public func search(
        _ query: VCardQuery, in domain: String, limit: Int
    ) async throws(StorageError) -> [VCardMatch] {
        guard let leading = query.mostSelectiveField, let statement = Self.searches[leading] else { return [] }
        var parameters: [SQLValue] = [.text(domain)] + (query.terms[leading] ?? .begins("")).bounds
        for field in VCardField.allCases where field != leading {
            let term = query.terms[field]
            parameters.append(.integer(term == nil ? 0 : 1))
            parameters += (term ?? .begins("")).bounds
        }
        parameters.append(.integer(Int64(SQLStoreContext.rowCount(limit))))
        let rows = try await context.database.query(statement, parameters)
        return context.items(of: rows) { row throws(StorageError) in
            guard let account = BareJID(server: domain, username: try row.text(0)) else { return nil }
            var match = VCardMatch(account: account, texts: [:])
            for (index, field) in Self.textFields.enumerated() {
                let text = try row.text(index + 1)
                if !text.isEmpty { match.texts[field] = text }
            }
            return match
        }
    }

    /// Lists the accounts that have a vCard, of every domain.
    public func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await context.accounts(Self.listAccounts, after: cursor, limit: limit)
    }

    /// Removes what is stored for an account.
    public func removeAll(for account: BareJID) async throws(StorageError) {
        try await context.remove(Self.removeAccount, account.key)
    }

    /// Removes what is stored for the accounts of a domain.
    public func removeAll(domain: String) async throws(StorageError) {
        try await context.remove(Self.removeDomain, [.text(domain)])
    }
}

extension SQLStatement {
    /// A search in `vcard_search`. Texts are compared by their bytes: a range of those that begin alike needs no
    /// wildcards, so that nothing in it has to be escaped, and an index finds it.
    fileprivate static func vCardSearch(by leading: VCardField) -> SQLStatement {
        func text(_ dialect: Dialect) -> String {
            let (least, below) = dialect.byteComparisons
            func range(_ field: VCardField) -> String {
                "l\(field.rawValue) \(least) ? AND l\(field.rawValue) \(below) ?"
            }
            let columns = ["lusername"] + SQLVCardStore.textFields.map { dialect.name(ofColumn: $0.rawValue) }
            // In this form no index is made use of but that of the first field.
            let others = VCardField.allCases.filter { $0 != leading }.map { "(? = 0 OR \(range($0)))" }
            let conditions = ["server = ?", range(leading)] + others
            return "SELECT \(columns.joined(separator: ", ")) FROM vcard_search WHERE "
                + conditions.joined(separator: " AND ") + " LIMIT ?"
        }
        return SQLStatement(text(.sqlite), postgreSQL: text(.postgreSQL), mySQL: text(.mySQL))
    }
}

extension VCardQuery {
    /// The field whose term leaves the fewest rows, as far as its form tells; nil when there is no term.
    fileprivate var mostSelectiveField: VCardField? {
        func weight(_ field: VCardField) -> Int {
            switch terms[field] {
            case .equals: .max
            case .begins(let text): text.unicodeScalars.count
            case nil: -1
            }
        }
        // The first of several alike: localparts are told apart best, countries worst.
        let best = VCardField.allCases.enumerated().max {
            (weight($0.element), $1.offset) < (weight($1.element), $0.offset)
        }
        return best.flatMap { terms[$0.element] == nil ? nil : $0.element }
    }
}

extension VCardQuery.Term {
    /// The least key that fits, and the least above all that do.
    fileprivate var bounds: [SQLValue] {
        switch self {
        case .equals(let text):
            let key = VCard.searchKey(text)
            // No text has this character, which XML does not know.
            return [.text(key), .text(key + "\u{1}")]
        case .begins(let text):
            let key = VCard.searchKey(text)
            return [.text(key), .text(Self.successor(of: key))]
        }
    }

    /// The least text that is above all that begin with `prefix`, by code points, which is by bytes in UTF-8.
    private static func successor(of prefix: String) -> String {
        var scalars = Array(prefix.unicodeScalars)
        while let last = scalars.popLast() {
            // Past the surrogates, which are no characters.
            let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
            guard let scalar = Unicode.Scalar(next) else { continue }
            return String(String.UnicodeScalarView(scalars + [scalar]))
        }
        // Above every text but those of such characters only, which mean nothing.
        return String(repeating: "\u{10FFFF}", count: VCard.textCharacterCountMax)
    }
}
