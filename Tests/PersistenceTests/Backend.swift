// SPDX-License-Identifier: Apache-2.0
// Storage for a test: each use has its own, and leaves nothing behind.

import Foundation
import Logging
import XMPPCore
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
    private var server: DatabaseServer? {
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

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Gives `body` an empty storage.
    func withStorage(_ body: (Storage) async throws -> Void) async throws {
        switch self {
        case .file:
            try await Self.withDirectory { directory in try await Self.withStorage(in: directory, body) }
        case .memory:
            try await Self.withStorage(at: .memory) { try await body($0.storage) }
        case .postgreSQL, .mariaDB, .mySQL:
            try await server?.withDatabase { database in
                _ = try await Schema.migrate(database)
                try await body(Storage(database: database, logger: Self.logger))
            }
        case .cockroachRules:
            try await server?.withDatabase { database in
                _ = try await Schema.migrate(database)
                try await CockroachRules.enforce(on: database)
                try await body(Storage(database: database, logger: Self.logger))
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
