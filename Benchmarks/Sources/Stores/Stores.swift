// SPDX-License-Identifier: Apache-2.0
// How fast the stores are: durable inserts by one caller and by a hundred, look-ups of an account, rosters of 200 items,
// archived messages in batches, pages of an archive.
//
//     Stores sqlite DIRECTORY [SECONDS]
//     Stores pgsql|mysql HOST PORT DATABASE USER PASSWORD [SECONDS]
//
// The directory and the database are to be empty. Each line of output is one workload. pqbench.c and mysqlbench.c
// in Benchmarks/xmppload do the same over one connection that blocks.

import Logging
import Synchronization
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
        try await runArchives()
    }

    private static let archiveCount = 2_000
    private static let pageMessageCount = 50

    /// Each message is of an archive, and with somebody, by chance.
    private func runArchives() async throws {
        let storage = storage
        let archives = try (0..<Self.archiveCount).map { try BareJID("user\($0)@capulet.example") }
        let peers = try (0..<20).map { try JID("peer\($0)@capulet.example/phone") }
        let names = Atomic<Int64>(1)
        for batch in [1, 32, 256] {
            try await measure("archive, batches of \(batch)", 1, weight: batch) {
                var entries: [ArchiveEntry] = []
                for _ in 0..<batch {
                    guard let id = ArchiveID(names.wrappingAdd(1, ordering: .relaxed).newValue << 8),
                        let archive = archives.randomElement(), let peer = peers.randomElement()
                    else { preconditionFailure("there are some") }
                    entries.append(
                        ArchiveEntry(
                            archive: archive,
                            message: ArchivedMessage(
                                id: id, direction: .received, sender: peer, peer: peer, stanza: Self.message,
                                originID: "0a1b2c3d-\(id.number)", searchText: "good night parting is such sweet sorrow"
                            )))
                }
                try await storage.messageArchive.append(entries)
            }
        }
        var query = ArchiveQuery()
        for (name, peer) in [("page of an archive", nil), ("page with a peer", peers[3])] {
            query.peer = peer
            try await measure(name, 8) { [query] in
                _ = try await storage.messageArchive.messages(
                    in: archives[7], matching: query, order: .descending, limit: Self.pageMessageCount)
            }
        }
    }

    private func measure(
        _ name: String, _ callers: Int, weight: Int = 1, _ body: @escaping @Sendable () async throws -> Void
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
        let rate = Double(count * weight) / ((ContinuousClock.now - start) / .seconds(1))
        print("{\"store\":\"\(name)\",\"callers\":\(callers),\"per_s\":\(Int(rate))}")
    }
}
