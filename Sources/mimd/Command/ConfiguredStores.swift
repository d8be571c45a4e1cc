// SPDX-License-Identifier: Apache-2.0
// The databases that a configuration names, opened, and the stores of each host in them.

import Logging
import XMPPCore
import XMPPModules
import XMPPPersistenceSQL
import XMPPPersistenceSQLite

/// The stores of a configuration. Whoever opens them closes them.
struct ConfiguredStores: Sendable {
    private let configuration: ServerConfiguration
    private let local: LocalStorage?
    private let database: PooledDatabase?
    private let databaseStorage: Storage?
    /// What is to be done while the server runs: nil when nothing is.
    let schemaCheck: SchemaCheck?

    /// What an unreachable database means.
    enum Outage {
        /// The stores answer with errors until it is reached.
        case awaited
        /// Nothing is opened.
        case refused
    }

    /// Opens what the configuration names: the local store, the database, or both.
    ///
    /// - Throws: what is in the way, with what to do about it.
    static func open(
        _ configuration: ServerConfiguration, _ pools: [String: RelationalPool], file: String, logger: Logger,
        whenUnreachable: Outage
    ) async throws -> ConfiguredStores {
        let usesDatabase = configuration.usesDatabase
        let local =
            configuration.usesLocalStore
            ? try await LocalStorage.open(.directory(path: configuration.dataDirectory), logger: logger) : nil
        do {
            let opened =
                usesDatabase
                ? try await open(RelationalPool.defaultTag, of: pools, file: file, logger, whenUnreachable) : nil
            return ConfiguredStores(
                configuration: configuration, local: local, database: opened?.database,
                databaseStorage: opened.map { Storage(database: $0.database, logger: logger) },
                schemaCheck: opened?.rest)
        } catch {
            await local?.close()
            throw error
        }
    }

    /// Opens a database that has the schema.
    ///
    /// - Parameter tag: of its pool.
    /// - Returns: the database, and the check of its schema when that is still to be done.
    /// - Throws: what is in the way, with what to do about it.
    static func open(
        _ tag: String, of pools: [String: RelationalPool], file: String, _ logger: Logger, _ whenUnreachable: Outage
    ) async throws -> (database: PooledDatabase, rest: SchemaCheck?) {
        guard let pool = pools[tag] else {
            throw SetUpError("there is no section [outgoing_pools.rdbms.\(tag)]")
        }
        let database = try pool.driver.open(pool.settings, logger: logger)
        let check = SchemaCheck(database: database, place: pool.place, file: file, tag: tag)
        do {
            try await check.perform()
        } catch StorageError.unavailable where whenUnreachable == .awaited {
            // A database that is down must not keep those from their chat who need none of it.
            return (database, check)
        } catch {
            await database.close()
            throw error
        }
        return (database, nil)
    }

    /// The stores of a host: each lies where the configuration of its module says.
    func storage(of host: HostConfiguration) -> Storage {
        let accounts = host.authentication.methods.compactMap(\.backend).first { $0.lifetime == .persistent }
        var storage = storage(on: accounts)
        storage.rosters = self.storage(on: host.backend(of: "mod_roster")).rosters
        storage.offlineMessages = self.storage(on: host.backend(of: "mod_offline")).offlineMessages
        storage.privateElements = self.storage(on: host.backend(of: "mod_private")).privateElements
        storage.privacyLists = self.storage(on: host.backend(of: "mod_privacy")).privacyLists
        storage.lastActivity = self.storage(on: host.backend(of: "mod_last")).lastActivity
        storage.vCards = self.storage(on: host.backend(of: "mod_vcard")).vCards
        let archives = host.modules.first { $0.name == MessageArchive.manifest.name }
        storage.messageArchive = messageArchive(on: archives?.parts["pm"], archives)
        storage.roomArchive = self.storage(on: archives?.parts["muc"]).roomArchive
        storage.archivePreferences = self.storage(on: archives?.parts["prefs"]).archivePreferences
        storage.rooms = self.storage(on: host.backend(of: "mod_muc_light")).rooms
        return storage
    }

    /// The archives of accounts, with addresses as the module's options say.
    private func messageArchive(on backend: BackendSelection?, _ module: ModuleConfiguration?) -> any ArchiveStore {
        let archive = storage(on: backend).messageArchive
        // What is wrong with the options was reported when they were read.
        guard let options = try? module?.options(MessageArchive.Options.self),
            let format = options.accounts?.addressFormat.flatMap({ ArchiveAddressFormat(rawValue: $0.rawValue) }),
            let store = archive as? SQLArchiveStore
        else { return archive }
        return store.written(in: format)
    }

    /// The stores of each host by its domain.
    var byHost: [String: Storage] {
        Dictionary(uniqueKeysWithValues: configuration.hosts.map { ($0.domain, storage(of: $0)) })
    }

    /// All that is open, each once.
    var all: [Storage] { [local?.storage, databaseStorage].compactMap(\.self) }

    /// Where what is configured nowhere lies: where anything does.
    private func storage(on backend: BackendSelection?) -> Storage {
        let named = backend?.name == BackendSelection.databaseName ? databaseStorage : local?.storage
        guard let storage = named ?? local?.storage ?? databaseStorage else {
            preconditionFailure("`open` opens one at least")
        }
        return storage
    }

    /// Waits for what is under way, and closes all.
    func close() async {
        await local?.close()
        await database?.close()
    }
}

extension BackendSelection {
    /// MongooseIM's name for a database that speaks SQL.
    static let databaseName = "rdbms"
}

extension ServerConfiguration {
    /// Whether anything lies in a database that speaks SQL.
    var usesDatabase: Bool { backends.contains { $0.name == BackendSelection.databaseName } }
    /// Whether anything lies in the local store; where there is no other, all does.
    var usesLocalStore: Bool { !usesDatabase || backends.contains(where: \.isLocalStore) }
}

extension HostConfiguration {
    fileprivate func backend(of module: String) -> BackendSelection? {
        modules.first { $0.name == module }?.backend
    }
}
