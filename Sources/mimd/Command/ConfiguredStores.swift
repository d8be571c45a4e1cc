// SPDX-License-Identifier: Apache-2.0
// The databases that a configuration names, opened, and the stores of each host in them.

import Logging
import XMPPCore
import XMPPPersistenceSQL
import XMPPPersistenceSQLite

/// The stores of a configuration. Whoever opens them closes them.
struct ConfiguredStores: Sendable {
    private let configuration: ServerConfiguration
    private let local: LocalStorage?
    private let database: PooledDatabase?
    private let databaseStorage: Storage?

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
            let database = usesDatabase ? try await open(pools, file: file, logger, whenUnreachable) : nil
            return ConfiguredStores(
                configuration: configuration, local: local, database: database,
                databaseStorage: database.map { Storage(database: $0, logger: logger) })
        } catch {
            await local?.close()
            throw error
        }
    }

    private static func open(
        _ pools: [String: RelationalPool], file: String, _ logger: Logger, _ whenUnreachable: Outage
    ) async throws -> PooledDatabase {
        guard let pool = pools[RelationalPool.defaultTag] else {
            throw SetUpError("there is no section [outgoing_pools.rdbms.default]")
        }
        let database = try pool.driver.open(pool.settings, logger: logger)
        do throws(SchemaError) {
            let drifts = try await Schema.verify(database)
            guard drifts.isEmpty else { throw .drifted(drifts) }
        } catch {
            // A database that is down must not keep those from their chat who need none of it.
            if case .storage(.unavailable) = error, whenUnreachable == .awaited { return database }
            await database.close()
            throw SetUpError("the database \(pool.place) cannot be used: \(error)\(advice(on: error, file))")
        }
        return database
    }

    private static func advice(on error: SchemaError, _ file: String) -> String {
        switch error {
        case .missing: "; to set it up, run: mimd schema apply --config \(file)"
        case .drifted: "; to see what differs, run: mimd schema verify --config \(file)"
        case .newer, .differs, .storage: ""
        }
    }

    /// The stores of a host: each lies where the configuration of its module says.
    func storage(of host: HostConfiguration) -> Storage {
        let accounts = host.authentication.methods.compactMap(\.backend).first { $0.lifetime == .persistent }
        var storage = storage(on: accounts)
        storage.rosters = self.storage(on: host.backend(of: "mod_roster")).rosters
        storage.offlineMessages = self.storage(on: host.backend(of: "mod_offline")).offlineMessages
        storage.privateElements = self.storage(on: host.backend(of: "mod_private")).privateElements
        storage.lastActivity = self.storage(on: host.backend(of: "mod_last")).lastActivity
        return storage
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
