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
    /// The schema was never applied to the database, or only that of an older mimd.
    ///
    /// - Parameter found: the version that it has; 0 for none.
    case missing(found: Int)
    /// Tables that were there are not what the stores can use.
    case drifted([SchemaDrift])
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
        case .missing(0): "its tables were not made by mimd, or not yet"
        case .missing(let found): "its schema has version \(found), and this mimd needs version \(Schema.version)"
        case .drifted(let drifts): drifts.map(\.description).joined(separator: "; ")
        case .storage(let error): error.debugDescription
        }
    }
}

extension Schema {
    static let readVersions = SQLStatement("SELECT version, checksum FROM mimd_schema ORDER BY version")

    /// Makes the tables of an empty database, or upgrades those of an older one; see ``apply(_:)``.
    ///
    /// - Returns: the version that was found; 0 for an empty database.
    /// - Throws: ``SchemaError``; the database is as it was.
    public static func migrate(_ database: any SQLDatabase) async throws(SchemaError) -> Int {
        try await apply(database).foundVersion
    }

    static func migrate(
        _ database: any SQLDatabase, through migrations: [Migration]
    ) async throws(SchemaError) -> Int {
        try await apply(database, migrations).foundVersion
    }

    /// The checksums of the steps that the database has gone through, by version. It must have the table of versions.
    static func appliedSteps(in transaction: any SQLTransaction) async throws(StorageError) -> [Int: String] {
        var applied: [Int: String] = [:]
        for row in try await transaction.query(readVersions, []) {
            applied[Int(clamping: try row.integer(0))] = try row.text(1)
        }
        return applied
    }

    static func refusal(
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
