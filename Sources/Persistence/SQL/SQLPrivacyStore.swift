// SPDX-License-Identifier: Apache-2.0
// Privacy lists (XEP-0016) in MongooseIM's tables `privacy_default_list`, `privacy_list` and `privacy_list_data`.
//
// Codes: what an item is about n everybody, j address, g group, s subscription; its action a allow, d deny, b block.

public import Logging
public import XMPPCore

/// The privacy lists of the accounts of a SQL database.
public struct SQLPrivacyStore: PrivacyStore {
    static let readNames = SQLStatement(
        "SELECT name FROM privacy_list WHERE server = ? AND username = ? ORDER BY name LIMIT ?")
    static let countLists = SQLStatement("SELECT count(*) FROM privacy_list WHERE server = ? AND username = ?")
    static let readDefault = SQLStatement("SELECT name FROM privacy_default_list WHERE server = ? AND username = ?")
    static let writeDefault = SQLStatement.upsert(
        into: "privacy_default_list",
        key: ["server", "username"],
        columns: ["name"]
    )
    static let removeDefault = SQLStatement("DELETE FROM privacy_default_list WHERE server = ? AND username = ?")
    static let readNumber = SQLStatement(
        "SELECT id FROM privacy_list WHERE server = ? AND username = ? AND name = ?")
    static let addList = SQLStatement("INSERT INTO privacy_list (server, username, name) VALUES (?, ?, ?)")
    static let removeList = SQLStatement("DELETE FROM privacy_list WHERE id = ?")
    static let readItems = SQLStatement(
        """
        SELECT t, value, action, ord, match_all, match_message, match_iq, match_presence_in, match_presence_out \
        FROM privacy_list_data WHERE id = ? ORDER BY ord
        """
    )
    static let addItem = SQLStatement(
        """
        INSERT INTO privacy_list_data (id, t, value, action, ord, \
        match_all, match_message, match_iq, match_presence_in, match_presence_out) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    )
    static let removeItems = SQLStatement("DELETE FROM privacy_list_data WHERE id = ?")
    static let listAccounts = SQLListing(
        "SELECT DISTINCT server, username FROM privacy_list",
        where: nil,
        orderedBy: ["server", "username"]
    )
    /// The items first: in a database of MongooseIM's they refer to their list.
    static func removals(where condition: String) -> [SQLStatement] {
        [
            SQLStatement("DELETE FROM privacy_list_data WHERE id IN (SELECT id FROM privacy_list WHERE \(condition))"),
            SQLStatement("DELETE FROM privacy_list WHERE \(condition)"),
            SQLStatement("DELETE FROM privacy_default_list WHERE \(condition)"),
        ]
    }
    static let removeAccount = removals(where: "server = ? AND username = ?")
    static let removeDomain = removals(where: "server = ?")

    let context: SQLStoreContext

    /// Makes the store of a database that has the schema.
    ///
    /// - Parameter logger: gets a warning for each row that cannot be read.
    public init(database: any SQLDatabase, logger: Logger) {
        context = SQLStoreContext(database: database, logger: logger)
    }

    /// The names of an account's lists, and which is the default.
    public func names(of account: BareJID, limit: Int) async throws(StorageError) -> PrivacyListNames {
        let key = account.key
        return try await context.database.read { transaction throws(StorageError) in
            var names: [String] = []
            let limit = SQLValue.integer(Int64(SQLStoreContext.rowCount(limit)))
            for row in try await transaction.query(Self.readNames, key + [limit]) { names.append(try row.text(0)) }
            // MongooseIM's tables may name a default list that is gone.
            var defaultName = try await Self.defaultName(key, in: transaction)
            if let name = defaultName, try await Self.number(of: name, key, in: transaction) == nil {
                defaultName = nil
            }
            return PrivacyListNames(defaultName: defaultName, names: names)
        }
    }

    /// A list with its items; nil when there is none of that name.
    public func list(named name: String, of account: BareJID) async throws(StorageError) -> PrivacyList? {
        let key = account.key
        return try await context.database.read { transaction throws(StorageError) in
            try await Self.list(named: name, key, in: transaction)
        }
    }

    /// The default list with its items; nil when there is none.
    public func defaultList(of account: BareJID) async throws(StorageError) -> PrivacyList? {
        let key = account.key
        // One statement for nearly all accounts, which have none.
        guard try await !context.database.query(Self.readDefault, key).isEmpty else { return nil }
        return try await context.database.read { transaction throws(StorageError) in
            guard let name = try await Self.defaultName(key, in: transaction) else { return nil }
            return try await Self.list(named: name, key, in: transaction)
        }
    }

    /// Stores a list in place of what had its name, in one transaction.
    public func set(
        _ list: PrivacyList, of account: BareJID, use: PrivacyListUse, listCountMax: Int?
    ) async throws(StorageError) {
        guard Set(list.items.map(\.order)).count == list.items.count else { throw .conflict }
        let key = account.key
        try await context.database.write { transaction throws(StorageError) in
            let number = try await Self.numberForWriting(list.name, key, listCountMax, in: transaction)
            try await transaction.execute(Self.removeItems, [number])
            for item in list.items { try await transaction.execute(Self.addItem, [number] + Self.columns(of: item)) }
            if use == .becomesDefault { try await transaction.execute(Self.writeDefault, key + [.text(list.name)]) }
        }
    }

    /// Removes a list.
    public func remove(listNamed name: String, of account: BareJID) async throws(StorageError) -> Bool {
        let key = account.key
        return try await context.database.write { transaction throws(StorageError) in
            guard let number = try await Self.number(of: name, key, in: transaction) else { return false }
            try await transaction.execute(Self.removeItems, [number])
            try await transaction.execute(Self.removeList, [number])
            if try await Self.defaultName(key, in: transaction) == name {
                try await transaction.execute(Self.removeDefault, key)
            }
            return true
        }
    }

    /// Makes a list the default list; nil for none.
    public func setDefault(
        _ name: String?, of account: BareJID
    ) async throws(StorageError) -> PrivacyDefaultChange {
        let key = account.key
        return try await context.database.write { transaction throws(StorageError) in
            guard let name else {
                try await transaction.execute(Self.removeDefault, key)
                return .done
            }
            guard try await Self.number(of: name, key, in: transaction) != nil else { return .listMissing }
            try await transaction.execute(Self.writeDefault, key + [.text(name)])
            return .done
        }
    }

    /// Lists the accounts that have lists, of every domain.
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

// MARK: - Rows

extension SQLPrivacyStore {
    private static func defaultName(
        _ account: [SQLValue], in transaction: any SQLTransaction
    ) async throws(StorageError) -> String? {
        try await transaction.query(readDefault, account).first?.text(0)
    }

    /// The number that a list's items refer to; nil when there is none of that name.
    private static func number(
        of name: String, _ account: [SQLValue], in transaction: any SQLTransaction
    ) async throws(StorageError) -> SQLValue? {
        guard let row = try await transaction.query(readNumber, account + [.text(name)]).first else { return nil }
        return .integer(try row.integer(0))
    }

    /// The number of a list that may have to be added first.
    private static func numberForWriting(
        _ name: String, _ account: [SQLValue], _ listCountMax: Int?, in transaction: any SQLTransaction
    ) async throws(StorageError) -> SQLValue {
        if let number = try await number(of: name, account, in: transaction) { return number }
        if let listCountMax {
            let count = try await transaction.query(countLists, account).first?.integer(0) ?? 0
            guard count < listCountMax else { throw .limitExceeded }
        }
        try await transaction.execute(addList, account + [.text(name)])
        guard let number = try await number(of: name, account, in: transaction) else {
            throw .corrupt(detail: "a list that was added is not there")
        }
        return number
    }

    private static func list(
        named name: String, _ account: [SQLValue], in transaction: any SQLTransaction
    ) async throws(StorageError) -> PrivacyList? {
        guard let number = try await number(of: name, account, in: transaction) else { return nil }
        var items: [PrivacyItem] = []
        for row in try await transaction.query(readItems, [number]) {
            if let item = try item(of: row) { items.append(item) }
        }
        return PrivacyList(name: name, items: items)
    }

    private static func columns(of item: PrivacyItem) -> [SQLValue] {
        let (code, value): (String, String) =
            switch item.subject {
            case .everybody: ("n", "")
            case .address(let address): ("j", address.description)
            case .group(let group): ("g", group)
            case .subscription(let subscription): ("s", subscription.rawValue)
            }
        let action =
            switch item.action {
            case .allow: "a"
            case .deny: "d"
            case .block: "b"
            }
        let kinds = [PrivacyItem.Kinds.message, .iq, .presenceIn, .presenceOut]
        return [.text(code), .text(value), .text(action), .integer(Int64(item.order)), .flag(item.kinds.isEmpty)]
            + kinds.map { .flag(item.kinds.contains($0)) }
    }

    /// The item of a row; nil for one about an address that is none, and so about nobody.
    private static func item(of row: SQLRow) throws(StorageError) -> PrivacyItem? {
        guard let subject = try subject(code: try row.text(0), value: try row.text(1)) else { return nil }
        var kinds: PrivacyItem.Kinds = []
        if try row.integer(4) == 0 {
            if try row.integer(5) != 0 { kinds.insert(.message) }
            if try row.integer(6) != 0 { kinds.insert(.iq) }
            if try row.integer(7) != 0 { kinds.insert(.presenceIn) }
            if try row.integer(8) != 0 { kinds.insert(.presenceOut) }
            guard !kinds.isEmpty else { throw .corrupt(detail: "an item of a privacy list is about no stanzas") }
        }
        guard let order = Int32(exactly: try row.integer(3)), order >= 0 else {
            throw .corrupt(detail: "the order of an item of a privacy list is out of range")
        }
        return PrivacyItem(
            order: order, subject: subject, action: try action(code: try row.text(2)), kinds: kinds)
    }

    private static func subject(code: String, value: String) throws(StorageError) -> PrivacyItem.Subject? {
        switch code {
        case "n": return .everybody
        case "g": return .group(value)
        case "j":
            // MongooseIM may have taken for an address what is none here: nobody can have it.
            do throws(JIDError) { return .address(try JID(value)) } catch { return nil }
        case "s":
            guard let subscription = RosterSubscription(rawValue: value) else {
                throw .corrupt(detail: "an item of a privacy list has no valid subscription")
            }
            return .subscription(subscription)
        default: throw .corrupt(detail: "unknown code of a privacy list's item")
        }
    }

    private static func action(code: String) throws(StorageError) -> PrivacyItem.Action {
        switch code {
        case "a": .allow
        case "d": .deny
        case "b": .block
        default: throw .corrupt(detail: "unknown code of a privacy list's action")
        }
    }
}
