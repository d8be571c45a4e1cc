// SPDX-License-Identifier: Apache-2.0
// Databases of PostgreSQL servers, and of those that speak their protocol.

public import Logging
public import XMPPCore
public import XMPPPersistenceSQL

extension PooledDatabase {
    /// A database of a PostgreSQL server, or of a CockroachDB cluster. Begins to connect.
    ///
    /// - Parameters:
    ///   - dialect: `.postgreSQL` or `.cockroachDB`.
    ///   - logger: gets an error when the server can no longer be reached, and a notice when it is reached again.
    /// - Throws: ``StorageError/unavailable(detail:)`` when the system gives no thread or descriptor.
    public static func postgreSQL(
        _ settings: DatabaseSettings, dialect: Dialect = .postgreSQL, logger: Logger = Logger(label: "mimd.storage")
    ) throws(StorageError) -> PooledDatabase {
        try PooledDatabase(settings, dialect: dialect, logger: logger, helperCount: 1) { loop, helpers, changed in
            PostgreSQLConnection(loop, settings, dialect, helpers, changed)
        }
    }
}
