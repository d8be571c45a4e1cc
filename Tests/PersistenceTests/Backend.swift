// SPDX-License-Identifier: Apache-2.0
// Storage for a test: each use has its own, and leaves nothing behind.

import Foundation
import Logging
import XMPPCore
import XMPPPersistenceConformance
import XMPPPersistenceSQL
import XMPPPersistenceSQLite

enum Backend: CaseIterable, CustomStringConvertible {
    case file
    case memory
    case postgreSQL
    case mariaDB
    case mySQL
    case cockroachRules

    var description: String {
        switch self {
        case .file: "SQLite file"
        case .memory: "SQLite memory"
        case .postgreSQL: "PostgreSQL"
        case .mariaDB: "MariaDB"
        case .mySQL: "MySQL"
        case .cockroachRules: "CockroachDB's rules"
        }
    }

    /// The server that it takes; nil for none.
    var server: DatabaseServer? {
        switch self {
        case .file, .memory: nil
        case .postgreSQL: .postgreSQL
        case .mariaDB: .mariaDB
        case .mySQL: .mySQL
        case .cockroachRules: .cockroachRules
        }
    }

    /// Those that can be had here: SQLite always, and each server that answers.
    static let available = allCases.filter { $0.server?.isThere ?? true }
    /// Those of them that are behind a network.
    static let servers = available.filter { $0.server != nil }

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Those of them whose data outlives their being closed.
    static let lasting = available.filter { $0 != .memory }

    /// The longest that each holds.
    var limits: ConformanceLimits {
        var limits = ConformanceLimits()
        switch self {
        case .file, .memory: break
        // An entry of an index has room for 2,704 bytes: the account, the contact and, where there is one, the group.
        case .postgreSQL, .cockroachRules: limits.addressCharacterCountMax = 1_500
        // The width of a column that is part of a key (docs/decisions/0011).
        case .mariaDB, .mySQL:
            limits.localpartCharacterCountMax = 250
            limits.addressCharacterCountMax = 250
            limits.nameCharacterCountMax = 250
        }
        return limits
    }

    /// Gives `body` an empty storage.
    func withStorage(_ body: @escaping (Storage) async throws -> Void) async throws {
        try await withStorage(openedFor: [body])
    }

    /// Opens an empty storage for the first body, and the same again for each that follows.
    func withStorage(openedFor bodies: [(Storage) async throws -> Void]) async throws {
        switch self {
        case .file:
            try await Self.withDirectory { directory in
                for body in bodies { try await Self.withStorage(in: directory, body) }
            }
        case .memory:
            for body in bodies { try await Self.withStorage(at: .memory) { try await body($0.storage) } }
        case .postgreSQL, .mariaDB, .mySQL, .cockroachRules:
            try await server?.withSettings { settings in
                for (index, body) in bodies.enumerated() {
                    try await server?.withDatabase(at: settings) { database in
                        _ = try await Schema.migrate(database)
                        if self == .cockroachRules, index == 0 { try await CockroachRules.enforce(on: database) }
                        try await body(Storage(database: database, logger: Self.logger))
                    }
                }
            }
        }
    }

    static func withStorage(in directory: String, _ body: (Storage) async throws -> Void) async throws {
        try await withStorage(at: .directory(path: directory)) { try await body($0.storage) }
    }

    static func withStorage(at location: LocalStorageLocation, _ body: (LocalStorage) async throws -> Void) async throws
    {
        let local = try await LocalStorage.open(location, logger: logger)
        do {
            try await body(local)
        } catch {
            await local.close()
            throw error
        }
        await local.close()
    }

    /// Gives `body` the path of a directory that is not there yet, and removes it afterwards.
    static func withDirectory(_ body: (String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("mimd-test-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }  // a test that failed early has made none
        try await body(path)
    }
}
