// SPDX-License-Identifier: Apache-2.0
// Every kind of data in one SQL database.

public import Logging
public import XMPPCore

extension Storage {
    /// Makes the stores of a database that has the schema; see ``Schema/migrate(_:)``.
    ///
    /// - Parameter logger: gets a warning for each row that cannot be read.
    public init(database: any SQLDatabase, logger: Logger) {
        self.init(
            accounts: SQLAccountStore(database: database, logger: logger),
            rosters: SQLRosterStore(database: database, logger: logger),
            offlineMessages: SQLOfflineStore(database: database, logger: logger),
            privateElements: SQLPrivateStore(database: database, logger: logger),
            privacyLists: SQLPrivacyStore(database: database, logger: logger),
            lastActivity: SQLLastActivityStore(database: database, logger: logger),
            vCards: SQLVCardStore(database: database, logger: logger),
            messageArchive: SQLArchiveStore.ofAccounts(database, logger: logger),
            roomArchive: SQLArchiveStore.ofRooms(database, logger: logger),
            archivePreferences: SQLArchivePreferencesStore(database: database, logger: logger),
            rooms: SQLRoomStore(database: database, logger: logger)
        )
    }
}
