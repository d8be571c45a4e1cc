// SPDX-License-Identifier: Apache-2.0
// Databases of MySQL and MariaDB servers.

public import Logging
public import XMPPCore
public import XMPPPersistenceSQL

extension PooledDatabase {
    /// A database of a MySQL server (8.0.17 or later) or of a MariaDB server (10.6 or later). Begins to connect.
    ///
    /// - Parameter logger: gets an error when the server can no longer be reached, and a notice when it is reached again.
    /// - Throws: ``StorageError/unavailable(detail:)`` when the system gives no thread or descriptor.
    public static func mySQL(
        _ settings: DatabaseSettings, logger: Logger = Logger(label: "mimd.storage")
    ) throws(StorageError) -> PooledDatabase {
        // libmariadb connects without waiting only where the host is an address, against which no certificate can be
        // verified: each connection may have a thread for that.
        let threadCount = min(max(1, settings.connectionCount), MySQLConnection.connectingCountMax)
        return try PooledDatabase(settings, dialect: .mySQL, logger: logger, helperCount: threadCount) {
            loop, helpers, changed in
            MySQLConnection(loop, settings, helpers, changed)
        }
    }
}
