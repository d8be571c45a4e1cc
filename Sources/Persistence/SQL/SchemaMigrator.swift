// SPDX-License-Identifier: Apache-2.0
// Brings a database to the schema that this library knows, in one transaction.

public import XMPPCore

/// Why a database is not opened.
public enum SchemaError: Error, Hashable, Sendable {
    /// A later mimd has upgraded the database. This one could only harm it.
    case newer(found: Int, known: Int)
    /// The step of this number is not the one that this library has: the database is of a build that was never
    /// released, or of another program.
    case differs(version: Int)
    /// The database could not be read or written.
    case storage(StorageError)
}

extension SchemaError: CustomStringConvertible {
    /// The error for the operator, with the details of the database.
    public var description: String {
        switch self {
        case .newer(let found, let known):
            "its schema has version \(found), and this mimd knows versions up to \(known): it takes a later mimd"
        case .differs(let version): "its schema differs from this mimd's in step \(version)"
        case .storage(let error): error.debugDescription
        }
    }
}

extension Schema {
    static let readVersions = SQLStatement("SELECT version, checksum FROM mimd_schema ORDER BY version")
    static let writeVersion = SQLStatement("INSERT INTO mimd_schema (version, checksum) VALUES (?, ?)")

    /// Makes the tables of an empty database, or upgrades those of an older one. Two processes that do so at once do it
    /// one after the other.
    ///
    /// - Returns: the version that was found; 0 for an empty database.
    /// - Throws: ``SchemaError``; the database is as it was.
    public static func migrate(_ database: any SQLDatabase) async throws(SchemaError) -> Int {
        try await migrate(database, through: migrations)
    }

    static func migrate(
        _ database: any SQLDatabase, through migrations: [Migration]
    ) async throws(SchemaError) -> Int {
        let dialect = database.dialect
        let outcome: Result<Int, SchemaError>
        do throws(StorageError) {
            // A refusal is a value here, not an error: it has written nothing.
            outcome = try await database.write { transaction throws(StorageError) in
                let applied = try await appliedSteps(in: transaction, dialect)
                if let refusal = refusal(of: applied, migrations, dialect) { return .failure(refusal) }
                for migration in migrations where applied[migration.version] == nil {
                    for statement in migration.statements(in: dialect) {
                        try await transaction.execute(SQLStatement(statement), [])
                    }
                    try await transaction.execute(
                        writeVersion,
                        [.integer(Int64(migration.version)), .text(migration.checksum(in: dialect))]
                    )
                }
                return .success(applied.keys.max() ?? 0)
            }
        } catch {
            throw .storage(error)
        }
        return try outcome.get()
    }

    /// The checksums of the steps that the database has gone through, by version.
    private static func appliedSteps(
        in transaction: any SQLTransaction, _ dialect: Dialect
    ) async throws(StorageError) -> [Int: String] {
        let tables = try await transaction.query(dialect.versionTableCount, [])
        if try tables.first?.integer(0) == 0 {
            for statement in dialect.statements(for: versionTable) {
                try await transaction.execute(SQLStatement(statement), [])
            }
            return [:]
        }
        var applied: [Int: String] = [:]
        for row in try await transaction.query(readVersions, []) {
            applied[Int(clamping: try row.integer(0))] = try row.text(1)
        }
        return applied
    }

    private static func refusal(
        of applied: [Int: String], _ migrations: [Migration], _ dialect: Dialect
    ) -> SchemaError? {
        let known = migrations.last?.version ?? 0
        if let found = applied.keys.max(), found > known { return .newer(found: found, known: known) }
        for migration in migrations {
            if let checksum = applied[migration.version], checksum != migration.checksum(in: dialect) {
                return .differs(version: migration.version)
            }
        }
        return nil
    }
}
