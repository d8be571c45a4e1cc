// SPDX-License-Identifier: Apache-2.0
// Rooms without presence in MongooseIM's tables `muc_light_rooms`, `muc_light_occupants`, `muc_light_config` and
// `muc_light_blocking`. What becomes of rooms when accounts are removed is in SQLRoomStore+Removal.swift.
//
// Codes: affiliation 1 owner, 2 member; what is blocked 1 a room, 2 a user.

public import Logging
public import XMPPCore

/// The rooms of a SQL database, and what accounts have blocked.
///
/// Whoever changes a room writes its row in `muc_light_rooms` first, so that two changes wait for each other there.
public struct SQLRoomStore: RoomStore {
    static let readRoom = SQLStatement("SELECT id, version FROM muc_light_rooms WHERE lserver = ? AND luser = ?")
    static let addRoom = SQLStatement("INSERT INTO muc_light_rooms (lserver, luser, version) VALUES (?, ?, ?)")
    static let setVersion = SQLStatement("UPDATE muc_light_rooms SET version = ? WHERE id = ? AND version = ?")
    static let removeRoom = SQLStatement("DELETE FROM muc_light_rooms WHERE id = ?")
    static let readOccupants = SQLStatement(
        "SELECT lserver, luser, aff FROM muc_light_occupants WHERE room_id = ? LIMIT ?")
    static let findOccupant = SQLStatement("SELECT 1 FROM muc_light_occupants WHERE room_id = ? LIMIT 1")
    static let addOccupant = SQLStatement(
        "INSERT INTO muc_light_occupants (room_id, lserver, luser, aff) VALUES (?, ?, ?, ?)")
    static let removeOccupant = SQLStatement(
        "DELETE FROM muc_light_occupants WHERE room_id = ? AND lserver = ? AND luser = ?")
    static let removeOccupants = SQLStatement("DELETE FROM muc_light_occupants WHERE room_id = ?")
    static let readFields = SQLStatement("SELECT opt, val FROM muc_light_config WHERE room_id = ? LIMIT ?")
    static let addField = SQLStatement("INSERT INTO muc_light_config (room_id, opt, val) VALUES (?, ?, ?)")
    static let removeField = SQLStatement("DELETE FROM muc_light_config WHERE room_id = ? AND opt = ?")
    static let removeFields = SQLStatement("DELETE FROM muc_light_config WHERE room_id = ?")
    static let readBlocks = SQLStatement(
        "SELECT what, who FROM muc_light_blocking WHERE lserver = ? AND luser = ? LIMIT ?")
    static let addBlock = SQLStatement(
        "INSERT INTO muc_light_blocking (lserver, luser, what, who) VALUES (?, ?, ?, ?)")
    static let removeBlock = SQLStatement(
        "DELETE FROM muc_light_blocking WHERE lserver = ? AND luser = ? AND what = ? AND who = ?")
    static let listRooms = SQLListing(
        "SELECT lserver, luser FROM muc_light_rooms", where: nil, orderedBy: ["lserver", "luser"])
    /// Without those that are rooms' addresses too, which the other listing has.
    static let listBlockers = SQLListing(
        "SELECT DISTINCT lserver, luser FROM muc_light_blocking",
        where: """
            NOT EXISTS (SELECT 1 FROM muc_light_rooms WHERE muc_light_rooms.lserver = muc_light_blocking.lserver \
            AND muc_light_rooms.luser = muc_light_blocking.luser)
            """,
        orderedBy: ["lserver", "luser"])

    let context: SQLStoreContext

    /// Makes the store of a database that has the schema.
    ///
    /// - Parameter logger: gets a warning for each row that cannot be read.
    public init(database: any SQLDatabase, logger: Logger) {
        context = SQLStoreContext(database: database, logger: logger)
    }

    // MARK: Rooms

    /// A room; nil when there is none.
    public func room(_ address: BareJID) async throws(StorageError) -> Room? {
        let (key, context) = (address.key, context)
        return try await context.database.read { transaction throws(StorageError) in
            guard let (number, version) = try await Self.number(key, in: transaction) else { return nil }
            let occupants = try await Self.occupants(of: number, context, in: transaction)
            guard !occupants.isEmpty else { return nil }
            return Room(
                address: address, version: version, configuration: try await Self.fields(of: number, in: transaction),
                occupants: occupants)
        }
    }

    /// Stores a room in place of the state of it that has a version, in one transaction.
    public func set(_ room: Room, basedOn version: String?) async throws(StorageError) {
        guard Set(room.configuration.map { Array($0.key.utf8) }).count == room.configuration.count,
            room.version != version
        else { throw .conflict }
        guard room.occupants.count <= Room.occupantCountMax, room.configuration.count <= Room.fieldCountMax,
            room.version.utf8.count <= Room.versionByteCountMax
        else { throw .limitExceeded }
        let context = context
        try await write { transaction throws(StorageError) in
            guard let version else {
                if room.occupants.isEmpty { return try await Self.checkAbsence(of: room.address.key, transaction) }
                return try await Self.add(room, in: transaction)
            }
            guard let (number, found) = try await Self.number(room.address.key, in: transaction), found == version,
                // A room without occupants, as another server may have left it, does not exist.
                try await !transaction.query(Self.findOccupant, [number]).isEmpty,
                try await transaction.execute(Self.setVersion, [.text(room.version), number, .text(version)]) == 1
            else { throw .conflict }
            guard !room.occupants.isEmpty else { return try await Self.remove(number, in: transaction) }
            let occupants = try await Self.occupants(of: number, context, in: transaction)
            try await Self.change(occupants, to: room.occupants, of: number, in: transaction)
            try await Self.change(
                try await Self.fields(of: number, in: transaction), to: room.configuration, of: number, in: transaction)
        }
    }

    /// Changes something in one transaction.
    ///
    /// - Throws: ``StorageError/limitExceeded`` when a column has no room for a text: in MongooseIM's tables some have not.
    private func write(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Void
    ) async throws(StorageError) {
        do throws(StorageError) {
            try await context.database.write(body)
        } catch .backend(let code, _) where code.hasPrefix("22001") {
            throw .limitExceeded
        }
    }

    private static func add(_ room: Room, in transaction: any SQLTransaction) async throws(StorageError) {
        let key = room.address.key
        var number: SQLValue
        if let (found, version) = try await Self.number(key, in: transaction) {
            guard try await transaction.query(findOccupant, [found]).isEmpty,
                try await transaction.execute(setVersion, [.text(room.version), found, .text(version)]) == 1
            else { throw .conflict }
            number = found
            try await transaction.execute(removeFields, [number])
        } else {
            try await transaction.execute(addRoom, key + [.text(room.version)])
            guard let (added, _) = try await Self.number(key, in: transaction) else {
                throw .corrupt(detail: "a room that was added is not there")
            }
            number = added
        }
        try await change([:], to: room.occupants, of: number, in: transaction)
        try await change([], to: room.configuration, of: number, in: transaction)
    }

    private static func checkAbsence(
        of key: [SQLValue], _ transaction: any SQLTransaction
    ) async throws(StorageError) {
        guard let (number, _) = try await number(key, in: transaction) else { return }
        guard try await transaction.query(findOccupant, [number]).isEmpty else { throw .conflict }
    }

    /// What refers to the room first: in a database of MongooseIM's it must.
    static func remove(_ number: SQLValue, in transaction: any SQLTransaction) async throws(StorageError) {
        for statement in [removeOccupants, removeFields, removeRoom] {
            try await transaction.execute(statement, [number])
        }
    }

    /// Rooms that an account is in.
    public func rooms(
        of account: BareJID, in domain: String?, _ span: RoomSpan, limit: Int
    ) async throws(StorageError) -> [RoomSummary] {
        let limit = SQLValue.integer(Int64(SQLStoreContext.rowCount(limit)))
        let (statement, bound): (SQLStatement, BareJID?) =
            switch span {
            case .first: (Self.firstRooms, nil)
            case .after(let address): (Self.roomsAfter, address)
            case .last: (Self.lastRooms, nil)
            case .before(let address): (Self.roomsBefore, address)
            }
        let parameters = Self.key(account, domain, bound, in: context.database.dialect) + [limit]
        let rows = try await context.database.query(statement, parameters)
        let rooms = context.items(of: rows) { row throws(StorageError) in
            try BareJID(server: row.text(0), username: row.text(1)).map { address throws(StorageError) in
                RoomSummary(address: address, version: try row.text(2), name: try row.optionalText(3))
            }
        }
        switch span {
        case .first, .after: return rooms
        case .last, .before: return rooms.reversed()
        }
    }

    /// How many rooms an account is in.
    public func roomCount(
        of account: BareJID, in domain: String?, before address: BareJID?
    ) async throws(StorageError) -> Int {
        let parameters = Self.key(account, domain, address, in: context.database.dialect)
        let statement = address == nil ? Self.countRooms : Self.countRoomsBefore
        return Int(clamping: try await context.database.query(statement, parameters).first?.integer(0) ?? 0)
    }

    // MARK: Blocks

    /// What an account has blocked.
    public func blocks(of account: BareJID) async throws(StorageError) -> Set<RoomBlock> {
        let limit = SQLValue.integer(Int64(RoomBlock.countMax))
        let rows = try await context.database.query(Self.readBlocks, account.key + [limit])
        return Set(context.items(of: rows, Self.block))
    }

    /// Changes what an account has blocked, in one transaction.
    public func changeBlocks(
        of account: BareJID, adding added: Set<RoomBlock>, removing removed: Set<RoomBlock>
    ) async throws(StorageError) {
        let key = account.key
        let limit = SQLValue.integer(Int64(RoomBlock.countMax) + 1)
        let context = context
        try await write { transaction throws(StorageError) in
            let rows = try await transaction.query(Self.readBlocks, key + [limit])
            let blocks = Set(context.items(of: rows, Self.block))
            let new = added.subtracting(removed).subtracting(blocks)
            let left = blocks.subtracting(removed).union(new)
            guard new.isEmpty || left.count <= RoomBlock.countMax else { throw .limitExceeded }
            for block in removed { try await transaction.execute(Self.removeBlock, key + Self.values(of: block)) }
            for block in new { try await transaction.execute(Self.addBlock, key + Self.values(of: block)) }
        }
    }

    /// Which of these accounts have blocked any of `blocks`.
    public func accounts(
        among accounts: Set<BareJID>, thatHaveBlocked blocks: Set<RoomBlock>
    ) async throws(StorageError) -> Set<BareJID> {
        guard !accounts.isEmpty, !blocks.isEmpty else { return [] }
        var blockers: Set<BareJID> = []
        // Whoever asks has two blocks in mind: the room, and who adds.
        for block in blocks {
            blockers.formUnion(
                try await Self.accounts(among: accounts, Self.findBlockers, Self.values(of: block), context))
        }
        return blockers
    }

    /// Which of these accounts are in at least so many rooms.
    public func accounts(
        among accounts: Set<BareJID>, thatAreInRooms countMin: Int, in domain: String?
    ) async throws(StorageError) -> Set<BareJID> {
        let domain = SQLValue.text(domain ?? "")
        return try await Self.accounts(
            among: accounts, Self.findBusy, [domain, domain, .integer(Int64(countMin))], context)
    }

    /// Runs a statement that finds accounts, for so many at a time.
    private static func accounts(
        among accounts: Set<BareJID>, _ statement: SQLStatement, _ parameters: [SQLValue], _ context: SQLStoreContext
    ) async throws(StorageError) -> Set<BareJID> {
        var rest = Array(accounts.prefix(Room.occupantCountMax))[...]
        var found: Set<BareJID> = []
        while let last = rest.last {
            var part = Array(rest.prefix(accountCountOfStatement))
            rest = rest.dropFirst(accountCountOfStatement)
            // Always as many, so that there is one statement to prepare.
            part += Array(repeating: last, count: accountCountOfStatement - part.count)
            let rows = try await context.database.query(statement, part.flatMap(\.key) + parameters)
            found.formUnion(
                context.items(of: rows) { row throws(StorageError) in
                    BareJID(server: try row.text(0), username: try row.text(1))
                })
        }
        return found
    }

    // MARK: Listing and removal

    /// Lists the addresses of rooms, then those of accounts that have blocked something.
    public func addresses(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        // The cursor says first which of the two listings it is in, and no more at its beginning.
        let part = cursor?.key.first ?? Self.roomsPart
        let inner = cursor.flatMap { $0.key.count > 1 ? PageCursor(key: Array($0.key.dropFirst())) : nil }
        let page: Page<BareJID>
        switch part {
        case Self.roomsPart: page = try await context.accounts(Self.listRooms, after: inner, limit: limit)
        case Self.blockersPart: page = try await context.accounts(Self.listBlockers, after: inner, limit: limit)
        default: throw .backend(code: "cursor", detail: "the cursor is of another listing")
        }
        let end = part == Self.roomsPart ? PageCursor(key: [Self.blockersPart]) : nil
        return Page(items: page.items, next: page.next.map { PageCursor(key: [part] + $0.key) } ?? end)
    }

    private static let roomsPart = "rooms"
    private static let blockersPart = "blocks"

    /// Takes an account out of its rooms, and removes what it has blocked.
    public func removeAll(for account: BareJID) async throws(StorageError) {
        try await Self.ofAccount.run(account.key, on: context.database)
    }

    /// Takes the accounts of a domain out of their rooms, removes what they have blocked, and the domain's own rooms.
    public func removeAll(domain: String) async throws(StorageError) {
        try await Self.ofDomain.run([.text(domain)], on: context.database)
    }
}

// MARK: - Rows

extension SQLRoomStore {
    /// The number and version of a room; nil when it has no row.
    private static func number(
        _ key: [SQLValue], in transaction: any SQLTransaction
    ) async throws(StorageError) -> (SQLValue, String)? {
        guard let row = try await transaction.query(readRoom, key).first else { return nil }
        return (.integer(try row.integer(0)), try row.text(1))
    }

    private static func occupants(
        of number: SQLValue, _ context: SQLStoreContext, in transaction: any SQLTransaction
    ) async throws(StorageError) -> [BareJID: RoomAffiliation] {
        let limit = SQLValue.integer(Int64(Room.occupantCountMax) + 1)
        let rows = try await transaction.query(readOccupants, [number, limit])
        guard rows.count <= Room.occupantCountMax else { throw .corrupt(detail: "a room has too many occupants") }
        var occupants: [BareJID: RoomAffiliation] = [:]
        occupants.reserveCapacity(rows.count)
        for row in rows {
            guard let account = BareJID(server: try row.text(0), username: try row.text(1)) else {
                context.logger.warning("a stored row is left out: it has no valid address")
                continue
            }
            let affiliation = try affiliation(code: try row.integer(2))
            // MongooseIM's table does not keep an account from being there twice.
            if occupants[account] != .owner { occupants[account] = affiliation }
        }
        return occupants
    }

    private static func affiliation(code: Int64) throws(StorageError) -> RoomAffiliation {
        switch code {
        case 1: .owner
        case 2: .member
        default: throw .corrupt(detail: "unknown code of an affiliation with a room")
        }
    }

    static func code(of affiliation: RoomAffiliation) -> SQLValue {
        switch affiliation {
        case .owner: .integer(1)
        case .member: .integer(2)
        }
    }

    private static func change(
        _ old: [BareJID: RoomAffiliation], to new: [BareJID: RoomAffiliation], of number: SQLValue,
        in transaction: any SQLTransaction
    ) async throws(StorageError) {
        for (account, affiliation) in old where new[account] != affiliation {
            try await transaction.execute(removeOccupant, [number] + account.key)
        }
        for (account, affiliation) in new where old[account] != affiliation {
            try await transaction.execute(addOccupant, [number] + account.key + [code(of: affiliation)])
        }
    }

    private static func fields(
        of number: SQLValue, in transaction: any SQLTransaction
    ) async throws(StorageError) -> [RoomField] {
        let rows = try await transaction.query(readFields, [number, .integer(Int64(Room.fieldCountMax) + 1)])
        guard rows.count <= Room.fieldCountMax else { throw .corrupt(detail: "a room has too many fields") }
        var fields: [RoomField] = []
        for row in rows { fields.append(RoomField(try row.text(0), try row.text(1))) }
        return fields.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }

    private static func change(
        _ old: [RoomField], to new: [RoomField], of number: SQLValue, in transaction: any SQLTransaction
    ) async throws(StorageError) {
        // By their bytes: Swift takes two texts for equal that differ in how an accent is written.
        func bytes(_ field: RoomField) -> [[UInt8]] { [Array(field.key.utf8), Array(field.value.utf8)] }
        let (before, after) = (Set(old.map(bytes)), Set(new.map(bytes)))
        for field in old where !after.contains(bytes(field)) {
            try await transaction.execute(removeField, [number, .text(field.key)])
        }
        for field in new where !before.contains(bytes(field)) {
            try await transaction.execute(addField, [number, .text(field.key), .text(field.value)])
        }
    }

    private static func values(of block: RoomBlock) -> [SQLValue] {
        switch block {
        case .room(let address): [.integer(1), .text(address.description)]
        case .user(let address): [.integer(2), .text(address.description)]
        }
    }

    /// The block of a row; nil for one of an address that is none.
    private static func block(_ row: SQLRow) throws(StorageError) -> RoomBlock? {
        let code = try row.integer(0), text = try row.text(1)
        let address: BareJID
        do throws(JIDError) { address = try BareJID(text) } catch { return nil }
        switch code {
        case 1: return .room(address)
        case 2: return .user(address)
        default: throw .corrupt(detail: "unknown code of what an account has blocked")
        }
    }
}

// MARK: - The rooms of an account

extension SQLRoomStore {
    private static let tables = """
        FROM muc_light_occupants AS o INNER JOIN muc_light_rooms AS r ON r.id = o.room_id
        """
    private static let condition = "WHERE o.lserver = ? AND o.luser = ? AND (? = '' OR r.lserver = ?)"

    // An account is in a room once, but in MongooseIM's tables only because nobody adds it twice.
    private static func selection(_ bound: String, mySQL: String, _ order: String) -> SQLStatement {
        let head = """
            SELECT r.lserver, r.luser, r.version, MAX(c.val) \(tables) \
            LEFT JOIN muc_light_config AS c ON c.room_id = r.id AND c.opt = '\(Room.nameKey)' \(condition)
            """
        let tail = " GROUP BY r.lserver, r.luser, r.version ORDER BY r.lserver \(order), r.luser \(order) LIMIT ?"
        return SQLStatement(head + bound + tail, mySQL: head + mySQL + tail)
    }

    private static let after = " AND (r.lserver, r.luser) > (?, ?)"
    private static let before = " AND (r.lserver, r.luser) < (?, ?)"
    private static let afterSpelledOut = " AND (r.lserver > ? OR (r.lserver = ? AND r.luser > ?))"
    private static let beforeSpelledOut = " AND (r.lserver < ? OR (r.lserver = ? AND r.luser < ?))"

    static let firstRooms = selection("", mySQL: "", "ASC")
    static let roomsAfter = selection(after, mySQL: afterSpelledOut, "ASC")
    static let lastRooms = selection("", mySQL: "", "DESC")
    static let roomsBefore = selection(before, mySQL: beforeSpelledOut, "DESC")

    private static let count = "SELECT count(DISTINCT r.id) \(tables) \(condition)"
    /// How many accounts a statement looks at.
    private static let accountCountOfStatement = 100

    private static func oneOfAccounts(_ table: String) -> String {
        let mark = "(\(table).lserver = ? AND \(table).luser = ?)"
        return "(" + Array(repeating: mark, count: accountCountOfStatement).joined(separator: " OR ") + ")"
    }

    static let findBlockers = SQLStatement(
        "SELECT b.lserver, b.luser FROM muc_light_blocking AS b WHERE \(oneOfAccounts("b")) AND b.what = ? AND b.who = ?"
    )
    static let findBusy = SQLStatement(
        """
        SELECT o.lserver, o.luser \(tables) WHERE \(oneOfAccounts("o")) AND (? = '' OR r.lserver = ?) \
        GROUP BY o.lserver, o.luser HAVING count(DISTINCT r.id) >= ?
        """)

    static let countRooms = SQLStatement(count)
    static let countRoomsBefore = SQLStatement(count + before, mySQL: count + beforeSpelledOut)

    /// The values for the marks of a condition, and of a bound if there is one.
    private static func key(
        _ account: BareJID, _ domain: String?, _ bound: BareJID?, in dialect: Dialect
    ) -> [SQLValue] {
        let key = account.key + [.text(domain ?? ""), .text(domain ?? "")]
        guard let bound = bound?.key else { return key }
        return key + (dialect == .mySQL ? [bound[0]] + bound : bound)
    }
}
