// SPDX-License-Identifier: Apache-2.0
// How fast the stores are: durable inserts by one caller and by a hundred, look-ups of an account, rosters of 200 items.
//
//     Stores sqlite DIRECTORY [SECONDS]
//     Stores pgsql|mysql HOST PORT DATABASE USER PASSWORD [SECONDS]
//
// The directory and the database are to be empty. Each line of output is one workload. pqbench.c and mysqlbench.c
// in Benchmarks/xmppload do the same over one connection that blocks.

import Logging
import XMPPCore
import XMPPPersistenceMySQL
import XMPPPersistencePostgreSQL
import XMPPPersistenceSQL
import XMPPPersistenceSQLite

@main
struct Stores {
    static let callerCount = 100
    static let rosterItemCount = 200
    static let message = [UInt8](
        "<message xmlns='jabber:client' to='juliet@capulet.example'><body>\(String(repeating: "x", count: 200))</body></message>"
            .utf8)

    let storage: Storage
    let seconds: Double

    static func main() async throws {
        var arguments = CommandLine.arguments.dropFirst()
        let logger = Logger(label: "benchmark")
        switch arguments.popFirst() {
        case "sqlite":
            guard let directory = arguments.popFirst() else { return usage() }
            let local = try await LocalStorage.open(.directory(path: directory), logger: logger)
            try await Stores(storage: local.storage, seconds: arguments.first.flatMap(Double.init) ?? 3).run()
            await local.close()
        case let driver? where driver == "pgsql" || driver == "mysql":
            let place = Array(arguments)
            guard place.count >= 5, let port = Int(place[1]) else { return usage() }
            var settings = DatabaseSettings(
                host: place[0], port: port, database: place[2], username: place[3])
            settings.password = place[4]
            let database: PooledDatabase =
                try driver == "pgsql" ? .postgreSQL(settings, logger: logger) : .mySQL(settings, logger: logger)
            _ = try await Schema.apply(database)
            let storage = Storage(database: database, logger: logger)
            try await Stores(storage: storage, seconds: place.dropFirst(5).first.flatMap(Double.init) ?? 3).run()
            await database.close()
        default: usage()
        }
    }

    private static func usage() {
        print("Stores sqlite DIRECTORY [SECONDS] | pgsql|mysql HOST PORT DATABASE USER PASSWORD [SECONDS]")
    }

    private func run() async throws {
        let juliet = try BareJID("juliet@capulet.example"), romeo = try JID("romeo@montague.example/orchard")
        let storage = storage
        try await storage.accounts.create(juliet, credential: AccountCredential(password: "x"), accountCountMax: nil)
        for number in 0..<Self.rosterItemCount {
            let contact = try JID("contact\(number)@montague.example")
            let item = RosterItem(contact: contact, name: "Contact \(number)", groups: ["Friends"], subscription: .both)
            try await storage.rosters.update(contact, of: juliet, itemCountMax: nil) { _ in item }
        }
        let message = OfflineMessage(
            from: romeo, stanza: Self.message, receivedMicroseconds: 1, expiryMicroseconds: nil)
        for callers in [1, Self.callerCount] {
            try await measure("insert", callers) {
                _ = try await storage.offlineMessages.append(message, for: juliet, messageCountMax: nil)
            }
            try await measure("select", callers) { _ = try await storage.accounts.credential(of: juliet) }
        }
        try await measure("roster of \(Self.rosterItemCount)", 8) {
            _ = try await storage.rosters.roster(of: juliet, after: nil, limit: Self.rosterItemCount + 1)
        }
    }

    private func measure(
        _ name: String, _ callers: Int, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    var count = 0
                    while ContinuousClock.now < end {
                        try await body()
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        let rate = Double(count) / ((ContinuousClock.now - start) / .seconds(1))
        print("{\"store\":\"\(name)\",\"callers\":\(callers),\"per_s\":\(Int(rate))}")
    }
}
