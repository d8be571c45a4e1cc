// SPDX-License-Identifier: Apache-2.0
// The PostgreSQL server that tests may use, and databases of it that are one test's own.

import Foundation
import Logging
import Testing
import XMPPCore
import XMPPPersistencePostgreSQL
import XMPPPersistenceSQL

/// A server that is named by `MIMD_TEST_POSTGRESQL`, as `host:port:role:password`; the role may make databases.
enum PostgreSQLServer {
    private static let place: [String] = {
        let text = ProcessInfo.processInfo.environment["MIMD_TEST_POSTGRESQL"] ?? ""
        return text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }()

    static var isThere: Bool { place.count == 4 }

    /// The file of its certificate, which names `localhost`; nil where it has none or it is not known.
    static let certificatePath = ProcessInfo.processInfo.environment["MIMD_TEST_POSTGRESQL_CERTIFICATE"]

    static func settings(database: String = "postgres") -> PostgreSQLSettings {
        var settings = PostgreSQLSettings(host: place[0], database: database, username: place[2])
        settings.port = Int(place[1]) ?? 5432
        settings.password = place[3]
        settings.connectionCount = 4
        return settings
    }

    /// A server takes a hundred connections, and tests run side by side.
    private static let turns = Turns(turnCount)
    private static let turnCount = 8

    /// Gives `body` an empty database, and removes it afterwards.
    static func withDatabase(
        _ change: (inout PostgreSQLSettings) -> Void = { _ in }, _ body: (PostgreSQLDatabase) async throws -> Void
    ) async throws {
        try await withSettings { settings in
            var settings = settings
            change(&settings)
            try await withDatabase(at: settings, body)
        }
    }

    /// Opens a database and closes it afterwards.
    static func withDatabase(
        at settings: PostgreSQLSettings, _ body: (PostgreSQLDatabase) async throws -> Void
    ) async throws {
        let database = try PostgreSQLDatabase(settings, logger: Backend.logger)
        let result = await Result { try await body(database) }
        await database.close()
        try result.get()
    }

    /// Makes an empty database, gives `body` what it takes to open it, and removes it afterwards.
    ///
    /// - Parameter isAlone: whether nobody else uses the server meanwhile; for one caller at a time. A serializable
    ///   transaction that is held open keeps the locks of all others, of which a server has room for a few thousand.
    static func withSettings(
        isAlone: Bool = false, _ body: (PostgreSQLSettings) async throws -> Void
    ) async throws {
        let count = isAlone ? turnCount : 1
        for _ in 0..<count { await turns.begin() }
        defer { for _ in 0..<count { turns.end() } }
        let name = "mimd_test_" + UUID().uuidString.lowercased().replacing("-", with: "")
        var control = settings()
        control.connectionCount = 1
        // A database is made and removed with a checkpoint, which may take its time.
        control.answerTimeout = .seconds(60)
        let server = try PostgreSQLDatabase(control, logger: Backend.logger)
        try await server.execute(SQLStatement("CREATE DATABASE \(name)"), [])
        let result = await Result { try await body(settings(database: name)) }
        try await server.execute(SQLStatement("DROP DATABASE \(name) WITH (FORCE)"), [])
        await server.close()
        try result.get()
    }
}

/// Where the environment says that no backend may be missing (`MIMD_REQUIRE_BACKENDS`), a missing one is a failure, not a
/// skip.
@Suite struct RequiredBackendTests {
    @Test(.enabled(if: ProcessInfo.processInfo.environment["MIMD_REQUIRE_BACKENDS"] != nil))
    func allAreThere() {
        #expect(Backend.available.count == Backend.allCases.count)
        #expect(PostgreSQLServer.certificatePath != nil)
    }
}

extension Result where Failure == any Error {
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// Lets so many in at a time.
final class Turns: Sendable {
    private let stream: AsyncStream<Void>
    private let free: AsyncStream<Void>.Continuation

    init(_ count: Int) {
        (stream, free) = AsyncStream.makeStream()
        for _ in 0..<count { free.yield() }
    }

    func begin() async { for await _ in stream { return } }
    func end() { free.yield() }
}
