// SPDX-License-Identifier: Apache-2.0
// The kinds of database servers, by the names that `[outgoing_pools.rdbms]` has for them.

import Logging
import XMPPCore
import XMPPPersistenceMySQL
import XMPPPersistencePostgreSQL
import XMPPPersistenceSQL

/// A value of `outgoing_pools.rdbms.<tag>.connection.driver`.
enum DatabaseDriver: String, CaseIterable {
    case pgsql, mysql, cockroachdb

    var dialect: Dialect {
        switch self {
        case .pgsql: .postgreSQL
        case .mysql: .mySQL
        case .cockroachdb: .cockroachDB
        }
    }

    /// The port where such a server listens when nobody says otherwise.
    var port: Int {
        switch self {
        case .pgsql: 5432
        case .mysql: 3306
        case .cockroachdb: 26_257
        }
    }

    /// What the client library takes for trusted when it is not told.
    var trustedAuthorities: String {
        switch self {
        case .pgsql, .cockroachdb: "~/.postgresql/root.crt"
        case .mysql: "the system's authorities, and must name the host"
        }
    }

    /// Begins to connect. Whoever opens a database closes it.
    func open(_ settings: DatabaseSettings, logger: Logger) throws(StorageError) -> PooledDatabase {
        switch self {
        case .pgsql, .cockroachdb: try .postgreSQL(settings, dialect: dialect, logger: logger)
        case .mysql: try .mySQL(settings, logger: logger)
        }
    }
}
