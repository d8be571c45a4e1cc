// SPDX-License-Identifier: Apache-2.0
// The checks notice: for each of them there is a store that fails it.

import Testing
import XMPPCore
import XMPPPersistenceConformance
import XMPPPersistenceSQL

@testable import XMPPPersistenceSQLite

/// A store that breaks a promise, and the checks that must notice.
struct BrokenStore: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let breakage: Breakage
    /// `rosters.listing`; with `*` for the store, the checks of that name of every store; with `~`, of every one that
    /// holds texts.
    let failed: [String]
    /// Puts something that is broken before a storage.
    let wrap: @Sendable (Storage) -> Storage

    init(
        _ description: String, _ breakage: Breakage = Breakage(), fails failed: [String],
        wrap: @escaping @Sendable (Storage) -> Storage = { $0 }
    ) {
        testDescription = description
        self.breakage = breakage
        self.failed = failed.flatMap { name in
            guard name.hasPrefix("*") || name.hasPrefix("~") else { return [name] }
            let kinds = StoreKind.allCases.filter { name.hasPrefix("*") || $0 != .archivePreferences }
            return kinds.map { "\($0)" + name.dropFirst() }
        }
        self.wrap = wrap
    }
}

@Suite(.timeLimit(.minutes(5)))
struct BrokenStoreTests {
    /// Every check by the name of its store and its own.
    private static let checks: [String: @Sendable (Storage) async throws -> Void] = {
        var checks: [String: @Sendable (Storage) async throws -> Void] = [:]
        func add<Store>(
            _ kind: StoreKind, _ store: any KeyPath<Storage, Store> & Sendable, _ all: [ConformanceCheck<Store>]
        ) {
            for check in all { checks["\(kind).\(check.name)"] = { try await check.run($0[keyPath: store]) } }
        }
        add(.accounts, \.accounts, AccountStoreChecks.all)
        add(.rosters, \.rosters, RosterStoreChecks.all)
        add(.offlineMessages, \.offlineMessages, OfflineStoreChecks.all)
        add(.privateElements, \.privateElements, PrivateStoreChecks.all)
        add(.privacyLists, \.privacyLists, PrivacyStoreChecks.all)
        add(.lastActivity, \.lastActivity, LastActivityStoreChecks.all)
        add(.vCards, \.vCards, VCardStoreChecks.all)
        add(.rooms, \.rooms, RoomStoreChecks.all)
        add(.messageArchive, \.messageArchive, ArchiveStoreChecks.ofAccounts.all)
        add(.roomArchive, \.roomArchive, ArchiveStoreChecks.ofRooms.all)
        add(.archivePreferences, \.archivePreferences, ArchivePreferencesStoreChecks.all)
        return checks
    }()

    private static func withStorage(_ store: BrokenStore, _ body: (Storage) async throws -> Void) async throws {
        let database = try await SQLiteDatabase.open(.memory)
        let broken = BrokenDatabase(database, store.breakage)
        _ = try await Schema.migrate(broken)
        let result = await Result {
            try await body(store.wrap(Storage(database: broken, logger: Backend.logger)))
        }
        await database.close()
        try result.get()
    }

    @Test(arguments: BrokenStore.all)
    func checkNotices(_ store: BrokenStore) async throws {
        for name in store.failed {
            let check = try #require(Self.checks[name], "there is no check \(name)")
            do {
                try await Self.withStorage(store, check)
                Issue.record("\(name) does not notice")
            } catch {
                #expect(error is ConformanceFailure || error is StorageError, "\(name): \(error)")
            }
        }
    }

    @Test func everyCheckCanFail() {
        #expect(Set(BrokenStore.all.flatMap(\.failed)) == Set(Self.checks.keys))
    }

    @Test func namesOfChecksAreNotUsedTwice() {
        let counts = [
            AccountStoreChecks.all.count, RosterStoreChecks.all.count, OfflineStoreChecks.all.count,
            PrivateStoreChecks.all.count, PrivacyStoreChecks.all.count, LastActivityStoreChecks.all.count,
            VCardStoreChecks.all.count,
            RoomStoreChecks.all.count,
            ArchiveStoreChecks.ofAccounts.all.count, ArchiveStoreChecks.ofRooms.all.count,
            ArchivePreferencesStoreChecks.all.count,
        ]
        #expect(Self.checks.count == counts.reduce(0, +))
    }

    /// Closed and opened again, a storage in memory is another.
    @Test func reopeningChecksNoticeWhatIsGone() async throws {
        func check<Store>(
            _ checks: [ReopenCheck<Store>], _ store: any KeyPath<Storage, Store> & Sendable
        ) async throws {
            for check in checks where check.name != "removedMessagesStayRemoved" {
                try await Backend.memory.withStorage { try await check.prepare($0[keyPath: store]) }
                await #expect(throws: ConformanceFailure.self, "\(check.name)") {
                    try await Backend.memory.withStorage { try await check.verify($0[keyPath: store]) }
                }
            }
        }
        try await check(AccountStoreChecks.reopening, \.accounts)
        try await check(RosterStoreChecks.reopening, \.rosters)
        try await check(OfflineStoreChecks.reopening, \.offlineMessages)
        try await check(PrivateStoreChecks.reopening, \.privateElements)
        try await check(PrivacyStoreChecks.reopening, \.privacyLists)
        try await check(LastActivityStoreChecks.reopening, \.lastActivity)
        try await check(VCardStoreChecks.reopening, \.vCards)
        try await check(RoomStoreChecks.reopening, \.rooms)
        try await check(ArchiveStoreChecks.ofAccounts.reopening, \.messageArchive)
        try await check(ArchiveStoreChecks.ofRooms.reopening, \.roomArchive)
        try await check(ArchivePreferencesStoreChecks.reopening, \.archivePreferences)
    }
}
