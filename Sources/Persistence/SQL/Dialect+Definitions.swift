// SPDX-License-Identifier: Apache-2.0
// How databases define tables, and what they say of tables that are there.

extension Dialect {
    // MARK: What is there

    /// The types of ``columnListing`` that a column may have: those that a table of mimd's has, and MongooseIM's.
    func types(of column: Column) -> [String] {
        switch self {
        case .sqlite:
            switch column.type {
            case .text, .code, .creationTime: ["text"]
            case .integer, .bigInteger, .serial, .flag, .smallInteger: ["integer"]
            case .bytes: ["blob"]
            }
        case .postgreSQL, .cockroachDB:
            switch column.type {
            case .text: ["text", "character varying"]
            // MongooseIM has types of its own for some.
            case .code: ["character", "character varying", "text", "user-defined"]
            case .creationTime: ["timestamp without time zone", "timestamp with time zone"]
            case .integer, .serial: ["integer", "bigint"]
            case .bigInteger: ["bigint"]
            case .smallInteger: ["smallint", "integer", "bigint"]
            case .bytes: ["bytea"]
            case .flag: ["boolean"]
            }
        case .mySQL:
            switch column.type {
            case .text: ["varchar", "mediumtext", "text", "longtext", "tinytext", "varbinary"]
            case .code: ["char", "varchar", "enum"]
            case .creationTime: ["timestamp", "datetime"]
            case .integer, .serial: ["int", "bigint"]
            case .bigInteger: ["bigint"]
            case .smallInteger: ["smallint", "tinyint", "int"]
            case .bytes: ["mediumblob", "blob", "longblob", "tinyblob"]
            case .flag: ["tinyint"]
            }
        }
    }

    /// The collations of ``columnListing`` under which two texts are the same only if their bytes are; nil where all
    /// are such. MySQL's `utf8mb4_bin` is none: to it "a" and "a " are one.
    var exactCollations: [String]? {
        switch self {
        case .sqlite, .postgreSQL, .cockroachDB: nil
        case .mySQL: ["utf8mb4_0900_bin", "utf8mb4_nopad_bin"]
        }
    }

    /// The statement after which a table's texts have one of ``exactCollations``.
    func exactCollation(of table: Table) -> String? {
        switch self {
        case .sqlite, .postgreSQL, .cockroachDB: nil
        case .mySQL: "ALTER TABLE \(table.name) CONVERT TO \(Self.exactCharacters)"
        }
    }

    /// Each of the servers reads its own word for a collation that compares bytes, and pads nothing.
    private static let exactCharacters =
        "CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */"

    // MARK: Definitions

    /// The statements that make a table and its indexes.
    func statements(for table: Table) -> [String] {
        var lines = table.columns.map { text(of: $0, in: table) }
        if !hasRoom(forKeyOf: table) {
            lines.append("row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY")
        } else if !table.hasSerialKey {
            lines.append("PRIMARY KEY (\(table.primaryKey.joined(separator: ", ")))")
        }
        let body = lines.map { "    " + $0 }.joined(separator: ",\n")
        return sequences(of: table) + ["CREATE TABLE \(table.name) (\n\(body)\n)" + options(of: table)]
            + indexes(of: table).map { statement(for: $0, of: table) }
    }

    /// Each index that a table has beside its primary key.
    func indexes(of table: Table) -> [Index] {
        let indexes = table.indexes.filter { index in
            (self != .sqlite || !index.isOmittedBySQLite) && (index.kind != .words || findsWordsByIndex)
        }
        return hasRoom(forKeyOf: table) ? indexes : indexes + [Index(table.primaryKey.dropLast())]
    }

    /// The name of an index.
    func name(of index: Index, of table: Table) -> String {
        index.name ?? "i_\(table.name)_\(index.columns.joined(separator: "_"))"
    }

    /// The statement that makes an index.
    ///
    /// - Parameter unlessThere: whether one that is there may stay; only where there is no ``indexListing``.
    func statement(for index: Index, of table: Table, unlessThere: Bool = false) -> String {
        let columns = index.columns + (self == .sqlite ? index.coveredColumns : [])
        let kind = index.kind == .unique ? "UNIQUE " : ""
        let place = "\(unlessThere ? "IF NOT EXISTS " : "")\(name(of: index, of: table)) ON \(table.name)"
        if index.kind == .words {
            return "CREATE INDEX \(place) USING GIN (\(columns.map(words(of:)).joined(separator: ", ")))"
        }
        let texts = columns.map { text(ofIndexed: $0, of: table) }
        return "CREATE \(kind)INDEX \(place) (\(texts.joined(separator: ", ")))"
    }

    /// A column in the definition of an index. PostgreSQL finds ranges of bytes only in one that is made for them.
    private func text(ofIndexed column: String, of table: Table) -> String {
        switch self {
        case .sqlite, .cockroachDB, .mySQL: name(ofColumn: column)
        case .postgreSQL:
            table.byteOrderedColumns.contains(column)
                ? "\(name(ofColumn: column)) text_pattern_ops" : name(ofColumn: column)
        }
    }

    /// Whether a table's primary key fits into the database's. Where it does not, rows have a number, and an index on
    /// the key without its last column, which then must be one that rows of a key are written and removed together with.
    func hasRoom(forKeyOf table: Table) -> Bool {
        switch self {
        case .sqlite, .postgreSQL, .cockroachDB: return true
        case .mySQL:
            let texts = table.columns.filter { column in
                if case .text = column.type { table.primaryKey.contains(column.name) } else { false }
            }
            return texts.count * Self.keyCharacterCountMax <= Self.indexCharacterCountMax
        }
    }

    /// Whether rows are told apart, or found, by a column.
    func isKey(_ column: Column, of table: Table) -> Bool {
        let primaryKey = hasRoom(forKeyOf: table) ? table.primaryKey : []
        return ([primaryKey] + indexes(of: table).map(\.columns)).contains { $0.contains(column.name) }
    }

    /// MySQL's bound of 3,072 bytes, at four bytes a character.
    private static let indexCharacterCountMax = 768
    /// The longest text in a key of MySQL's; MongooseIM's width.
    private static let keyCharacterCountMax = 250

    private func text(of column: Column, in table: Table) -> String {
        var text = "\(name(ofColumn: column.name)) \(type(of: column, in: table))"
        if column.type == .serial { return text }
        if column.presence == .required { text += " NOT NULL" }
        if column.type == .creationTime { text += " DEFAULT CURRENT_TIMESTAMP" }
        return text
    }

    private func type(of column: Column, in table: Table) -> String {
        switch self {
        case .sqlite:
            switch column.type {
            case .text, .code, .creationTime: "TEXT"
            case .integer, .bigInteger, .flag, .smallInteger: "INTEGER"
            case .bytes: "BLOB"
            // AUTOINCREMENT, for a number must never name a second row.
            case .serial: "INTEGER PRIMARY KEY AUTOINCREMENT"
            }
        case .postgreSQL, .cockroachDB:
            switch column.type {
            // Wider than MongooseIM's VARCHAR(250), which has no room for all addresses; either is read and written.
            case .text: "TEXT"
            case .code: "CHAR(1)"
            case .creationTime: "TIMESTAMP"
            case .integer: "INTEGER"
            case .bigInteger: "BIGINT"
            case .smallInteger: "SMALLINT"
            case .bytes: "BYTEA"
            case .flag: "BOOLEAN"
            case .serial where self == .cockroachDB:
                "INTEGER PRIMARY KEY DEFAULT nextval('\(Self.sequence(of: column, in: table))')"
            case .serial: "SERIAL PRIMARY KEY"
            }
        case .mySQL:
            switch column.type {
            case .text where isKey(column, of: table): "VARCHAR(\(Self.keyCharacterCountMax))"
            // 16 MiB, where TEXT would hold 64 KiB.
            case .text: "MEDIUMTEXT"
            case .code: "CHAR(1)"
            case .creationTime: "TIMESTAMP"
            case .integer: "INTEGER"
            case .bigInteger: "BIGINT"
            case .smallInteger: "SMALLINT"
            case .bytes: "MEDIUMBLOB"
            case .flag: "BOOLEAN"
            case .serial: "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY"
            }
        }
    }

    /// CockroachDB's own SERIAL gives numbers of 64 bits that are in no order, and offline messages are read in theirs.
    private func sequences(of table: Table) -> [String] {
        guard self == .cockroachDB else { return [] }
        return table.columns.filter { $0.type == .serial }.map { "CREATE SEQUENCE \(Self.sequence(of: $0, in: table))" }
    }

    private static func sequence(of column: Column, in table: Table) -> String { "\(table.name)_\(column.name)_seq" }

    private func options(of table: Table) -> String {
        switch self {
        // STRICT: what MongooseIM's types would refuse is refused here too. WITHOUT ROWID: rows lie in the order of
        // the key, so a roster is read from neighbouring pages; large rows would leave no room for keys on them.
        case .sqlite: table.hasSerialKey || table.rowSize == .large ? " STRICT" : " STRICT, WITHOUT ROWID"
        case .postgreSQL, .cockroachDB: ""
        case .mySQL: " ENGINE=InnoDB ROW_FORMAT=DYNAMIC \(Self.exactCharacters)"
        }
    }
}
