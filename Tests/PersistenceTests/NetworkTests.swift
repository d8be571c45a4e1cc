// SPDX-License-Identifier: Apache-2.0
// The storage contract on each server that there is, through a proxy that cuts connections and holds answers back.

import Synchronization
import Testing
import XMPPCore
import XMPPPersistenceConformance
import XMPPPersistenceSQL

/// A proxy as the checks of the contract want it, and what the settings of the database say of waiting.
private struct DatabaseNetwork: ConformanceNetwork {
    let proxy: LoopbackProxy
    let callDurationMax: Duration
    let excessiveCallCount: Int? = 1_000

    func holdAnswers() async { await proxy.holdAnswers() }
    func answersAreHeld() async { await proxy.answersAreHeld() }
    func releaseAnswers() async { await proxy.releaseAnswers() }
    func cut() async { await proxy.cut() }

    /// Runs a check on an empty database behind a proxy.
    ///
    /// - Parameters:
    ///   - answerTimeout: of the database; waiting for a connection may take as long.
    ///   - margin: by how much longer a call may take: the machine is busy with other tests.
    ///   - wrap: puts something before the storage.
    static func run(
        _ check: NetworkCheck, on server: DatabaseServer, answerTimeout: Duration = .seconds(1),
        margin: Duration = .seconds(20),
        _ breakage: Breakage = Breakage(), wrap: (Storage) -> Storage = { $0 }
    ) async throws {
        try await server.withSettings(isAlone: true) { settings in
            try await server.withDatabase(at: settings) { _ = try await Schema.migrate($0) }
            let proxy = try LoopbackProxy(host: settings.host, port: settings.port)
            var settings = settings
            settings.port = proxy.port
            settings.connectionCount = 3
            settings.answerTimeout = answerTimeout
            settings.waitMax = answerTimeout
            settings.requestCountMax = 100
            let network = DatabaseNetwork(proxy: proxy, callDurationMax: answerTimeout * 2 + margin)
            let result = await Result {
                try await server.withDatabase(at: settings) { database in
                    let broken = BrokenDatabase(database, breakage)
                    try await check.run(wrap(Storage(database: broken, logger: Backend.logger)), over: network)
                }
            }
            await proxy.end()
            try result.get()
        }
    }
}

@Suite(.enabled(if: !Backend.servers.isEmpty), .serialized, .timeLimit(.minutes(5)))
struct NetworkTests {
    @Test(arguments: Backend.servers, NetworkChecks.all)
    func keepsItsPromises(_ backend: Backend, _ check: NetworkCheck) async throws {
        let server = try #require(backend.server)
        try await ConformanceRecord.note(check.name, of: "(behind a network)", on: backend) {
            try await DatabaseNetwork.run(check, on: server)
        }
    }

    // MARK: The checks notice

    private static func expectNotice(
        _ name: String, _ breakage: Breakage = Breakage(), wrap: (Storage) -> Storage = { $0 }
    ) async throws {
        let check = try #require(NetworkChecks.all.first { $0.name == name })
        await #expect(throws: ConformanceFailure.self, "\(name)") {
            try await DatabaseNetwork.run(
                check, on: try #require(Backend.servers.first?.server), answerTimeout: .milliseconds(500),
                margin: .seconds(1), breakage, wrap: wrap)
        }
    }

    @Test func acknowledgingFirstIsNoticed() async throws {
        try await Self.expectNotice("acknowledgedIsKeptWhenCut", Breakage(way: .acknowledgesFirst))
    }

    @Test func halfAnItemIsNoticed() async throws {
        try await Self.expectNotice("itemsAreWholeWhenCut", Breakage(way: .withoutTransactions))
    }

    @Test func tryingAgainIsNoticed() async throws {
        try await Self.expectNotice("unacknowledgedIsNotRepeated") { $0.decorated(by: BadClient(habit: .triesAgain)) }
    }

    @Test(arguments: ["stallIsAnOutage", "everyCallerGetsAnAnswer"])
    func waitingForEverIsNoticed(_ name: String) async throws {
        try await Self.expectNotice(name) { $0.decorated(by: BadClient(habit: .waitsForEver)) }
    }

    @Test func givingUpIsNoticed() async throws {
        try await Self.expectNotice("worksAgainByItself") { $0.decorated(by: BadClient(habit: .givesUp)) }
    }
}

/// What clients of databases do wrong when the network fails them.
private final class BadClient: StorageDecorator {
    enum Habit {
        case triesAgain, waitsForEver, givesUp
    }

    private let habit: Habit
    private let hasGivenUp = Mutex(false)

    init(habit: Habit) { self.habit = habit }

    func around<Value: Sendable>(
        _ method: StorageMethod, _ body: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let failure: StorageError
        do throws(StorageError) {
            if hasGivenUp.withLock({ $0 }) { throw .unavailable(detail: "given up") }
            return try await body()
        } catch {
            failure = error
        }
        switch habit {
        case .givesUp: hasGivenUp.withLock { $0 = true }
        case .triesAgain:
            while true {
                do throws(StorageError) { return try await body() } catch { await Task.yield() }
            }
        case .waitsForEver:
            // Until it is cancelled, so that no test leaves it behind.
            while !Task.isCancelled { await Task.yield() }
        }
        throw failure
    }
}
