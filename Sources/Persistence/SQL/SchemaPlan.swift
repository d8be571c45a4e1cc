// SPDX-License-Identifier: Apache-2.0
// What is to be done to a database before the stores can use it: one that is empty, one that an older mimd made, or one
// that MongooseIM has filled.

import XMPPCore

/// Where a database's tables differ from the schema.
public struct SchemaDrift: Hashable, Sendable, CustomStringConvertible {
    /// What differs.
    public enum Kind: Hashable, Sendable {
        /// The table is not there.
        case tableMissing
        /// The column is not there.
        case columnMissing(String)
        /// The column holds something else.
        case columnType(String, expected: String, found: String)
        /// The column's collation takes different texts for one.
        case columnCollation(String, found: String)
        /// A column that the stores leave out wants a value.
        case columnUnknown(String)
    }

    /// The table.
    public var table: String
    /// What differs in it.
    public var kind: Kind

    /// A sentence without a full stop.
    public var description: String {
        switch kind {
        case .tableMissing: "the table \(table) is missing"
        case .columnMissing(let column): "the column \(table).\(column) is missing"
        case .columnType(let column, let expected, let found):
            "the column \(table).\(column) is \(found), not \(expected)"
        case .columnCollation(let column, let found):
            "the column \(table).\(column) has the collation \(found), to which different names are one"
        case .columnUnknown(let column): "the column \(table).\(column) is not known here, and wants a value"
        }
    }
}

/// What brings a database to the schema of this library.
public struct SchemaPlan: Hashable, Sendable {
    /// The version that the database has; 0 when mimd has not been there.
    public var foundVersion: Int
    /// The tables that are there already, of MongooseIM's or made by hand, and are kept as they are.
    public var keptTables: [String]
    /// The statements; none when nothing is to be done.
    public var statements: [String]
    /// Where tables that are there are not what the stores can use. While there is one, nothing is done.
    public var drifts: [SchemaDrift]
}

extension Schema {
    /// What ``apply(_:)`` would do. Changes nothing.
    ///
    /// - Throws: ``SchemaError``.
    public static func plan(_ database: any SQLDatabase) async throws(SchemaError) -> SchemaPlan {
        let (dialect, migrations) = (database.dialect, migrations)
        let outcome: Result<SchemaPlan, SchemaError>
        do throws(StorageError) {
            outcome = try await database.read { transaction throws(StorageError) in
                try await plan(in: transaction, dialect, migrations)
            }
        } catch {
            throw .storage(error)
        }
        return try outcome.get()
    }

    /// Makes the tables that are missing and writes the version down, in one transaction. Two processes that do so at
    /// once do it one after the other.
    ///
    /// - Returns: what was done.
    /// - Throws: ``SchemaError``; the database is as it was. MySQL cannot undo the making of a table: there the next call
    ///   goes on where this one ended.
    public static func apply(_ database: any SQLDatabase) async throws(SchemaError) -> SchemaPlan {
        try await apply(database, migrations)
    }

    static func apply(_ database: any SQLDatabase, _ migrations: [Migration]) async throws(SchemaError) -> SchemaPlan {
        var attemptCount = 0
        while true {
            attemptCount += 1
            let outcome: Result<SchemaPlan, SchemaError>
            do throws(StorageError) {
                outcome = try await applyOnce(database, migrations)
            } catch {
                // Who waited for another to make the tables may still have seen the database without them.
                guard attemptCount < 3, error == .conflict || error.isOfExistingTable else { throw .storage(error) }
                continue
            }
            return try outcome.get()
        }
    }

    private static func applyOnce(
        _ database: any SQLDatabase, _ migrations: [Migration]
    ) async throws(StorageError) -> Result<SchemaPlan, SchemaError> {
        let dialect = database.dialect
        // A refusal is a value here, not an error: it has written nothing.
        return try await database.write { transaction throws(StorageError) in
            if let lock = dialect.schemaLock {
                guard try await transaction.query(lock, []).first?.optionalInteger(0) == 1 else {
                    throw .unavailable(detail: "another process is changing the schema")
                }
            }
            var outcome = try await plan(in: transaction, dialect, migrations)
            if case .success(let plan) = outcome {
                if plan.drifts.isEmpty {
                    for statement in plan.statements { try await transaction.execute(SQLStatement(statement), []) }
                } else {
                    outcome = .failure(.drifted(plan.drifts))
                }
            }
            if let unlock = dialect.schemaUnlock { _ = try await transaction.query(unlock, []) }  // says that it did
            return outcome
        }
    }

    /// Where the tables of a database differ from the schema; none for one that is as it should be.
    ///
    /// - Throws: ``SchemaError``; `.missing` when the schema was never applied.
    public static func verify(_ database: any SQLDatabase) async throws(SchemaError) -> [SchemaDrift] {
        let dialect = database.dialect
        let outcome: Result<[SchemaDrift], SchemaError>
        do throws(StorageError) {
            outcome = try await database.read { transaction throws(StorageError) in
                let existing = try await columns(in: transaction, dialect)
                let isMarked = existing[versionTable.name] != nil
                let applied = isMarked ? try await appliedSteps(in: transaction) : [:]
                if let refusal = refusal(of: applied, migrations, dialect) { return .failure(refusal) }
                guard applied.count == migrations.count else {
                    return .failure(.missing(found: applied.keys.max() ?? 0))
                }
                return .success(migrations.flatMap(\.tables).flatMap { drifts(of: $0, existing[$0.name], dialect) })
            }
        } catch {
            throw .storage(error)
        }
        return try outcome.get()
    }

    // MARK: Planning

    private static func plan(
        in transaction: any SQLTransaction, _ dialect: Dialect, _ migrations: [Migration]
    ) async throws(StorageError) -> Result<SchemaPlan, SchemaError> {
        let existing = try await columns(in: transaction, dialect)
        let isMarked = existing[versionTable.name] != nil
        let applied = isMarked ? try await appliedSteps(in: transaction) : [:]
        if let refusal = refusal(of: applied, migrations, dialect) { return .failure(refusal) }
        var plan = SchemaPlan(foundVersion: applied.keys.max() ?? 0, keptTables: [], statements: [], drifts: [])
        if !isMarked { plan.statements += dialect.statements(for: versionTable) }
        let indexes = try await indexes(in: transaction, dialect)
        for migration in migrations {
            let isApplied = applied[migration.version] != nil
            for table in migration.tables {
                guard let columns = existing[table.name] else {
                    if !isApplied { plan.statements += dialect.statements(for: table) }
                    continue
                }
                let drifts = drifts(of: table, columns, dialect)
                if let statement = dialect.exactCollation(of: table), drifts.contains(where: \.isOfCollation) {
                    plan.statements.append(statement)
                }
                guard !isApplied else { continue }
                plan.keptTables.append(table.name)
                plan.drifts += drifts.filter { !$0.isOfCollation }
                // An index of words could not hold any text that is there, and takes long to make.
                for index in dialect.indexes(of: table) where index.kind != .words {
                    let names = [dialect.name(of: index, of: table), index.otherName].compactMap(\.self)
                    guard !names.contains(where: { indexes.contains("\(table.name).\($0)") }) else { continue }
                    plan.statements.append(
                        dialect.statement(for: index, of: table, unlessThere: dialect.indexListing == nil))
                }
            }
            if !isApplied { plan.statements.append(migration.record(in: dialect)) }
        }
        return .success(plan)
    }

    private static func drifts(of table: Table, _ found: [FoundColumn]?, _ dialect: Dialect) -> [SchemaDrift] {
        guard let found else { return [SchemaDrift(table: table.name, kind: .tableMissing)] }
        let byName = Dictionary(found.map { ($0.name, $0) }) { first, _ in first }
        var drifts: [SchemaDrift] = []
        for column in table.columns {
            guard let there = byName[column.name] else {
                drifts.append(SchemaDrift(table: table.name, kind: .columnMissing(column.name)))
                continue
            }
            guard !dialect.types(of: column).contains(there.type) else {
                if let found = there.collation, dialect.isKey(column, of: table),
                    dialect.exactCollations?.contains(found) == false
                {
                    drifts.append(SchemaDrift(table: table.name, kind: .columnCollation(column.name, found: found)))
                }
                continue
            }
            let expected = dialect.types(of: column).first ?? ""
            drifts.append(
                SchemaDrift(table: table.name, kind: .columnType(column.name, expected: expected, found: there.type)))
        }
        let names = table.columns.map(\.name)
        for column in found where column.wantsValue && !names.contains(column.name) {
            drifts.append(SchemaDrift(table: table.name, kind: .columnUnknown(column.name)))
        }
        return drifts
    }

    /// A column as it is in a database.
    private struct FoundColumn {
        let name: String
        let type: String
        /// Whether a row that leaves it out is refused.
        let wantsValue: Bool
        /// Nil for one that compares bytes, or is no text.
        let collation: String?
    }

    /// The indexes that are there, as `table.index`; none where the dialect need not know.
    private static func indexes(
        in transaction: any SQLTransaction, _ dialect: Dialect
    ) async throws(StorageError) -> Set<String> {
        guard let listing = dialect.indexListing else { return [] }
        var indexes: Set<String> = []
        for row in try await transaction.query(listing, []) { indexes.insert("\(try row.text(0)).\(try row.text(1))") }
        return indexes
    }

    private static func columns(
        in transaction: any SQLTransaction, _ dialect: Dialect
    ) async throws(StorageError) -> [String: [FoundColumn]] {
        var tables: [String: [FoundColumn]] = [:]
        for row in try await transaction.query(dialect.columnListing, []) {
            let column = FoundColumn(
                name: try row.text(1), type: try row.text(2).lowercased(), wantsValue: try row.integer(3) == 1,
                collation: try row.optionalText(4))
            tables[try row.text(0), default: []].append(column)
        }
        return tables
    }
}

extension Migration {
    /// The statement that writes down that this step was done.
    func record(in dialect: Dialect) -> String {
        "INSERT INTO mimd_schema (version, checksum) VALUES (\(version), '\(checksum(in: dialect))')"
    }
}

extension SchemaDrift {
    /// Whether it is of a kind that ``Schema/apply(_:)`` mends.
    fileprivate var isOfCollation: Bool { if case .columnCollation = kind { true } else { false } }
}

extension StorageError {
    /// duplicate_table, and what catalogues say when two make the same at once.
    fileprivate var isOfExistingTable: Bool {
        if case .backend(let code, _) = self { code == "42P07" || code == "42S01/1050" } else { false }
    }
}
