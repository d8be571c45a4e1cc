// SPDX-License-Identifier: Apache-2.0
// Everything in which databases write SQL differently. A new database is a new case here, and the compiler then names
// each place that has to know it.

/// A way of writing SQL.
public enum Dialect: String, Hashable, Sendable, CaseIterable {
    /// SQLite 3.37 or later, for STRICT tables.
    case sqlite

    /// Counts the tables that are named as the one which holds the schema's version: 0 or 1.
    var versionTableCount: SQLStatement {
        switch self {
        case .sqlite:
            SQLStatement("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'mimd_schema'")
        }
    }

    func upsert(into table: String, key: [String], columns: [String]) -> String {
        let names = (key + columns).joined(separator: ", ")
        let marks = Array(repeating: "?", count: key.count + columns.count).joined(separator: ", ")
        let changes = columns.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        switch self {
        case .sqlite:
            return "INSERT INTO \(table) (\(names)) VALUES (\(marks))"
                + " ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET \(changes)"
        }
    }

    /// The statements that make a table and its indexes.
    func statements(for table: Table) -> [String] {
        let columns = table.columns.map { "    " + text(of: $0) }
        let constraint = "    PRIMARY KEY (\(table.primaryKey.joined(separator: ", ")))"
        let lines = table.hasSerialKey ? columns : columns + [constraint]
        let create = "CREATE TABLE \(table.name) (\n" + lines.joined(separator: ",\n") + "\n)" + options(of: table)
        let indexes = table.indexes.map { index in
            "CREATE INDEX i_\(table.name)_\(index.joined(separator: "_"))"
                + " ON \(table.name) (\(index.joined(separator: ", ")))"
        }
        return [create] + indexes
    }

    private func text(of column: Column) -> String {
        var text = "\(column.name) \(type(of: column))"
        if column.type == .serial { return text }
        if column.presence == .required { text += " NOT NULL" }
        if column.type == .creationTime { text += " DEFAULT CURRENT_TIMESTAMP" }
        return text
    }

    private func type(of column: Column) -> String {
        switch (self, column.type) {
        case (.sqlite, .text), (.sqlite, .code), (.sqlite, .creationTime): "TEXT"
        case (.sqlite, .integer), (.sqlite, .bigInteger): "INTEGER"
        case (.sqlite, .bytes): "BLOB"
        // AUTOINCREMENT, for a number must never name a second row.
        case (.sqlite, .serial): "INTEGER PRIMARY KEY AUTOINCREMENT"
        }
    }

    private func options(of table: Table) -> String {
        switch self {
        // STRICT: what MongooseIM's types would refuse is refused here too. WITHOUT ROWID: rows lie in the order of
        // the key, so a roster is read from neighbouring pages; large rows would leave no room for keys on them.
        case .sqlite: table.hasSerialKey || table.rowSize == .large ? " STRICT" : " STRICT, WITHOUT ROWID"
        }
    }
}
