// SPDX-License-Identifier: Apache-2.0
// A storage by the name that the configuration has for it: "local", or the tag of a pool.

import Glibc
import Logging
import Synchronization
import XMPPCore
import XMPPPersistenceSQL
import XMPPPersistenceSQLite

/// A storage that `mimd store` has open. Whoever opens it closes it.
struct NamedStorage {
    /// What a local store that is not there means.
    enum MissingStore {
        /// A mistake: there is nothing to be read.
        case refused
        /// There is one afterwards.
        case made
    }

    let storage: Storage
    /// Counts the rows that cannot be read.
    let unreadableRows: UnreadableRowCounter
    private let closing: @Sendable () async -> Void

    /// Opens the storage that a tag names.
    ///
    /// - Throws: what is in the way, with what to do about it.
    static func open(
        _ tag: String, of loaded: LoadedConfiguration, whenMissing: MissingStore
    ) async throws -> NamedStorage {
        guard let server = loaded.server else {
            throw SetUpError(loaded.diagnostics.map(\.description).joined(separator: "\n"))
        }
        let counter = UnreadableRowCounter()
        if tag == RelationalPool.localStoreTag {
            let path = ConfiguredAccounts.absolute(server.localStorePath)
            if whenMissing == .refused, access(path, F_OK) != 0, errno == ENOENT || errno == ENOTDIR {
                throw SetUpError(ConfiguredAccounts.missing(server.localStorePath, at: path))
            }
            let local = try await LocalStorage.open(
                .directory(path: server.dataDirectory), logger: counter.logger)
            return NamedStorage(storage: local.storage, unreadableRows: counter) { await local.close() }
        }
        var pools = loaded.pools
        guard pools[tag] != nil else {
            let known = [RelationalPool.localStoreTag] + pools.keys.sorted()
            throw SetUpError(
                "\(loaded.file) has no section [outgoing_pools.rdbms.\(tag)]; the stores are: "
                    + known.joined(separator: ", "))
        }
        // As many wait as are under way at once, however few the server may let wait.
        pools[tag]?.admit(requestCount: 2 * StoreCopy.accountCountAtOnce)
        let database = try await ConfiguredStores.open(
            tag, of: pools, file: loaded.file, Logger(label: "mimd"), .refused
        ).database
        let storage = Storage(database: database, logger: counter.logger)
        return NamedStorage(storage: storage, unreadableRows: counter) { await database.close() }
    }

    private init(
        storage: Storage, unreadableRows: UnreadableRowCounter, closing: @escaping @Sendable () async -> Void
    ) {
        self.storage = storage
        self.unreadableRows = unreadableRows
        self.closing = closing
    }

    /// Waits for what is under way, and closes it.
    func close() async { await closing() }
}

/// Counts the rows that stores cannot read: of each they log a warning. What else they log goes where all else does.
final class UnreadableRowCounter: Sendable {
    private let state = Mutex(0)

    /// How many there were so far; a row that is read twice counts twice.
    var count: Int { state.withLock { $0 } }

    /// The logger for the stores.
    var logger: Logger {
        Logger(label: "mimd") { label in Handler(counter: self, logger: Logger(label: label)) }
    }

    private struct Handler: LogHandler {
        let counter: UnreadableRowCounter
        var logger: Logger
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.warning

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            if event.level == .warning {
                counter.state.withLock { $0 += 1 }
            } else {
                logger.log(level: event.level, event.message, metadata: event.metadata)
            }
        }
    }
}
