// SPDX-License-Identifier: Apache-2.0
// Everything in which databases write SQL differently, but for the definitions of tables (Dialect+Definitions.swift). A
// new database is a new case here, and the compiler then names each place that has to know it.

/// A way of writing SQL. The raw value is the name of the schema's file in `priv/`.
public enum Dialect: String, Hashable, Sendable, CaseIterable {
    /// SQLite 3.37 or later, for STRICT tables.
    case sqlite
    /// PostgreSQL 12 or later.
    case postgreSQL = "pg"
    /// CockroachDB 22 or later.
    case cockroachDB = "cockroachdb"
    /// MySQL 8.0.17 or later, and MariaDB 10.6 or later.
    case mySQL = "mysql"

    /// A statement's text as this dialect has it, made from one with `?` for each parameter and `BIGINT` for the type of
    /// 64 bits.
    func text(_ text: String) -> String {
        switch self {
        case .sqlite: return text
        case .mySQL: return text.replacing("AS BIGINT)", with: "AS SIGNED)")
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
        let columns = columns.map(name(ofColumn:))
        let names = (key + columns).joined(separator: ", ")
        let marks = Array(repeating: "?", count: key.count + columns.count).joined(separator: ", ")
        let insert = "INSERT INTO \(table) (\(names)) VALUES (\(marks))"
        switch self {
        case .sqlite, .postgreSQL, .cockroachDB:
            let changes = columns.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
            return text(insert + " ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET \(changes)")
        case .mySQL:
            // MySQL has another way by now, which MariaDB has not.
            let changes = columns.map { "\($0) = VALUES(\($0))" }.joined(separator: ", ")
            return insert + " ON DUPLICATE KEY UPDATE \(changes)"
        }
    }

    /// A column's name as statements have it: quoted where a database takes it for a word of its own, as CockroachDB does
    /// with "family".
    func name(ofColumn name: String) -> String {
        switch self {
        case .sqlite, .postgreSQL, .cockroachDB: name == "family" ? "\"\(name)\"" : name
        case .mySQL: name
        }
    }

    /// The operators "not before" and "before" that compare texts by their bytes, whatever the collation. PostgreSQL's
    /// own do so only where the database's collation does.
    var byteComparisons: (least: String, below: String) {
        switch self {
        case .sqlite, .cockroachDB, .mySQL: (">=", "<")
        case .postgreSQL: ("~>=~", "~<~")
        }
    }

    // MARK: Catalogues

    /// Lists the columns of all tables: table, name, type, 1 for one that refuses rows which leave it out, and the
    /// collation of one whose texts it matters for, else NULL.
    var columnListing: SQLStatement {
        switch self {
        case .sqlite:
            SQLStatement(
                """
                SELECT m.name, p.name, p.type, CASE WHEN p."notnull" = 1 AND p.dflt_value IS NULL THEN 1 ELSE 0 END, NULL \
                FROM sqlite_schema AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table'
                """
            )
        case .postgreSQL, .cockroachDB:
            SQLStatement(
                """
                SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT), \
                CASE WHEN is_nullable = 'NO' AND column_default IS NULL THEN 1 ELSE 0 END, CAST(NULL AS TEXT) \
                FROM information_schema.columns WHERE table_schema = current_schema()
                """
            )
        case .mySQL:
            SQLStatement(
                """
                SELECT table_name, column_name, data_type, CASE WHEN is_nullable = 'NO' AND column_default IS NULL \
                AND extra NOT LIKE '%auto_increment%' THEN 1 ELSE 0 END, collation_name \
                FROM information_schema.columns WHERE table_schema = DATABASE()
                """
            )
        }
    }

    /// Lists the indexes of all tables: table and name. Nil where an index is only made when it is not there.
    var indexListing: SQLStatement? {
        switch self {
        case .sqlite, .postgreSQL, .cockroachDB: nil
        case .mySQL:
            SQLStatement(
                """
                SELECT DISTINCT table_name, index_name FROM information_schema.statistics WHERE table_schema = DATABASE()
                """
            )
        }
    }

    // MARK: Locks

    /// Lets one process at a time change the schema, and has a row with the number 1 when that is granted; nil where
    /// writing does.
    var schemaLock: SQLStatement? {
        switch self {
        // The number is any that nobody else takes: the letters of "mimd".
        case .postgreSQL: SQLStatement("SELECT 1 FROM pg_advisory_xact_lock(1835625828)")
        // Its locks are the server's, and their names have 64 characters.
        case .mySQL: SQLStatement("SELECT GET_LOCK(CONCAT('mimd.', SHA2(DATABASE(), 224)), 10)")
        case .sqlite, .cockroachDB: nil
        }
    }

    /// Gives ``schemaLock`` back; nil where the end of the transaction does.
    var schemaUnlock: SQLStatement? {
        switch self {
        case .mySQL: SQLStatement("SELECT RELEASE_LOCK(CONCAT('mimd.', SHA2(DATABASE(), 224)))")
        case .sqlite, .postgreSQL, .cockroachDB: nil
        }
    }

    /// Whether a transaction undoes the making of tables. Where it does not, what was made before something failed is
    /// found, and kept, the next time.
    var undoesDefinitions: Bool {
        switch self {
        case .sqlite, .postgreSQL, .cockroachDB: true
        case .mySQL: false
        }
    }
}
