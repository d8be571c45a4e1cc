// SPDX-License-Identifier: Apache-2.0
// Everything in which databases write SQL differently. A new database is a new case here, and the compiler then names
// each place that has to know it.

/// A way of writing SQL. The raw value is the name of the schema's file in `priv/`.
public enum Dialect: String, Hashable, Sendable, CaseIterable {
    /// SQLite 3.37 or later, for STRICT tables.
    case sqlite
    /// PostgreSQL 12 or later.
    case postgreSQL = "pg"
    /// CockroachDB 22 or later.
    case cockroachDB = "cockroachdb"

    /// Lists the columns of all tables: table, name, type, and 1 for one that refuses rows which leave it out.
    var columnListing: SQLStatement {
        switch self {
        case .sqlite:
            SQLStatement(
                """
                SELECT m.name, p.name, p.type, CASE WHEN p."notnull" = 1 AND p.dflt_value IS NULL THEN 1 ELSE 0 END \
                FROM sqlite_schema AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table'
                """
            )
        case .postgreSQL, .cockroachDB:
            SQLStatement(
                """
                SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT), \
                CASE WHEN is_nullable = 'NO' AND column_default IS NULL THEN 1 ELSE 0 END \
                FROM information_schema.columns WHERE table_schema = current_schema()
                """
            )
        }
    }

    /// The types of ``columnListing`` that a column may have: those that a table of mimd's has, and MongooseIM's.
    func types(of column: Column) -> [String] {
        switch self {
        case .sqlite:
            switch column.type {
            case .text, .code, .creationTime: ["text"]
            case .integer, .bigInteger, .serial: ["integer"]
            case .bytes: ["blob"]
            }
        case .postgreSQL, .cockroachDB:
            switch column.type {
            case .text: ["text", "character varying"]
            case .code: ["character", "character varying", "text"]
            case .creationTime: ["timestamp without time zone", "timestamp with time zone"]
            case .integer, .serial: ["integer", "bigint"]
            case .bigInteger: ["bigint"]
            case .bytes: ["bytea"]
            }
        }
    }

    /// Lets one process at a time change the schema; nil where writing does.
    var schemaLock: SQLStatement? {
        switch self {
        // The number is any that nobody else takes: the letters of "mimd".
        case .postgreSQL: SQLStatement("SELECT 1 FROM pg_advisory_xact_lock(1835625828)")
        case .sqlite, .cockroachDB: nil
        }
    }

    /// A statement's text as this dialect has it, made from one with `?` for each parameter and `BIGINT` for the type of
    /// 64 bits.
    func text(_ text: String) -> String {
        switch self {
        case .sqlite: return text
        case .postgreSQL, .cockroachDB:
            var number = 0
            // No text of a store has a question mark elsewhere.
            return text.split(separator: "?", omittingEmptySubsequences: false).reduce(into: "") { text, part in
                text += number == 0 ? part : "$\(number)" + part
                number += 1
            }
        }
    }

    func upsert(into table: String, key: [String], columns: [String]) -> String {
        let names = (key + columns).joined(separator: ", ")
        let marks = Array(repeating: "?", count: key.count + columns.count).joined(separator: ", ")
        let changes = columns.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        switch self {
        case .sqlite, .postgreSQL, .cockroachDB:
            return text(
                "INSERT INTO \(table) (\(names)) VALUES (\(marks))"
                    + " ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET \(changes)"
            )
        }
    }

    /// The statements that make a table and its indexes.
    func statements(for table: Table) -> [String] {
        let columns = table.columns.map { "    " + text(of: $0, in: table) }
        let constraint = "    PRIMARY KEY (\(table.primaryKey.joined(separator: ", ")))"
        let lines = table.hasSerialKey ? columns : columns + [constraint]
        let create = "CREATE TABLE \(table.name) (\n" + lines.joined(separator: ",\n") + "\n)" + options(of: table)
        return sequences(of: table) + [create] + indexStatements(for: table)
    }

    /// The statements that make a table's indexes.
    ///
    /// - Parameter unlessThere: whether one that is there may stay.
    func indexStatements(for table: Table, unlessThere: Bool = false) -> [String] {
        table.indexes.map { index in
            "CREATE INDEX \(unlessThere ? "IF NOT EXISTS " : "")i_\(table.name)_\(index.joined(separator: "_"))"
                + " ON \(table.name) (\(index.joined(separator: ", ")))"
        }
    }

    private func text(of column: Column, in table: Table) -> String {
        var text = "\(column.name) \(type(of: column, in: table))"
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
            case .integer, .bigInteger: "INTEGER"
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
            case .bytes: "BYTEA"
            case .serial where self == .cockroachDB:
                "INTEGER PRIMARY KEY DEFAULT nextval('\(Self.sequence(of: column, in: table))')"
            case .serial: "SERIAL PRIMARY KEY"
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
        }
    }
}
