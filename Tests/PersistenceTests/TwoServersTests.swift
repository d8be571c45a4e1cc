// SPDX-License-Identifier: Apache-2.0
// What the stores promise of concurrent calls holds when they come from two servers on one database.

import Testing
import XMPPCore
import XMPPPersistenceSQL

@Suite(.enabled(if: !DatabaseServer.available.isEmpty), .timeLimit(.minutes(5)))
struct TwoServersTests {
    private static func withTwo(
        _ server: DatabaseServer, _ body: (Storage, Storage) async throws -> Void
    ) async throws {
        var settings: DatabaseSettings?
        try await server.withDatabase({ settings = $0 }) { first in
            _ = try await Schema.apply(first)  // what it did is not the point
            let second = try server.open(try #require(settings))
            let result = await Result {
                try await body(
                    Storage(database: first, logger: Backend.logger), Storage(database: second, logger: Backend.logger))
            }
            await second.close()
            try result.get()
        }
    }

    @Test(arguments: DatabaseServer.available)
    func bothTogetherKeepTheBoundOfMessages(_ server: DatabaseServer) async throws {
        try await Self.withTwo(server) { first, second in
            let juliet = try BareJID("juliet@capulet.example")
            let message = OfflineMessage(
                from: try JID("romeo@montague.example"), stanza: Array("<message/>".utf8), receivedMicroseconds: 1)
            let stored = try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<60 {
                    group.addTask {
                        let store = index % 2 == 0 ? first.offlineMessages : second.offlineMessages
                        return try await store.append(message, for: juliet, messageCountMax: 20) == .stored
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(stored == 20)
            let count = try await first.offlineMessages.messageCount(for: juliet)
            #expect(count == 20)
        }
    }

    @Test(arguments: DatabaseServer.available)
    func neitherLosesTheOthersChangeOfARoster(_ server: DatabaseServer) async throws {
        try await Self.withTwo(server) { first, second in
            let juliet = try BareJID("juliet@capulet.example"), romeo = try JID("romeo@montague.example")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<30 {
                    group.addTask {
                        let store = index % 2 == 0 ? first.rosters : second.rosters
                        try await store.update(romeo, of: juliet, itemCountMax: nil) { item in
                            var item = item ?? RosterItem(contact: romeo)
                            item.groups.insert("group \(index)")
                            return item
                        }
                    }
                }
                try await group.waitForAll()
            }
            let item = try await second.rosters.item(romeo, of: juliet)
            #expect(item?.groups.count == 30)
        }
    }

    @Test(arguments: DatabaseServer.available)
    func bothTogetherKeepTheBoundOfAccounts(_ server: DatabaseServer) async throws {
        try await Self.withTwo(server) { first, second in
            let created = try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        let store = index % 2 == 0 ? first.accounts : second.accounts
                        let account = try BareJID("account\(index)@capulet.example")
                        do throws(StorageError) {
                            let credential = AccountCredential(password: "p")
                            try await store.create(account, credential: credential, accountCountMax: 10)
                            return true
                        } catch .limitExceeded {
                            return false
                        }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(created == 10)
            let count = try await first.accounts.accountCount(in: "capulet.example")
            #expect(count == 10)
        }
    }
}
