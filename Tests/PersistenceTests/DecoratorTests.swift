// SPDX-License-Identifier: Apache-2.0
// What is done around the calls of stores: measuring them, and making them fail.

import Testing
import XMPPCore
import XMPPPersistenceConformance
import XMPPPersistenceSQLite

@Suite struct DecoratorTests {
    static let juliet = "juliet@capulet.example"

    // MARK: MeasuredStorage

    /// Each call takes the time that is given.
    private struct SlowStorage: StorageDecorator {
        let time: ManualTime
        let duration: Duration

        func around<Value: Sendable>(
            _ method: StorageMethod, _ body: () async throws(StorageError) -> Value
        ) async throws(StorageError) -> Value {
            time.advance(by: duration)
            return try await body()
        }
    }

    private static func measurement(_ name: String, of measured: MeasuredStorage) -> StorageMeasurement? {
        measured.measurements.first { $0.key.description == name }?.value
    }

    @Test func callsAreCountedAndTimed() async throws {
        try await Backend.memory.withStorage { storage in
            let time = ManualTime()
            let measured = MeasuredStorage(time: time)
            let account = try BareJID(Self.juliet)
            #expect(measured.measurements.isEmpty)
            for (duration, count) in [(Duration.microseconds(3), 90), (.milliseconds(5), 9), (.seconds(60), 1)] {
                let slow = storage.decorated(by: SlowStorage(time: time, duration: duration)).decorated(by: measured)
                for _ in 0..<count { _ = try await slow.accounts.contains(account) }
            }
            let found = try #require(Self.measurement("accounts.contains(_:)", of: measured))
            #expect(found.callCount == 100)
            #expect(found.errorCounts.isEmpty)
            #expect(found.duration == .microseconds(270) + .milliseconds(45) + .seconds(60))
            #expect(found.durationMax == .seconds(60))
            #expect(found.callCountsByDuration.reduce(0, +) == 100)
            #expect(found.duration(ofShare: 0.5) == .microseconds(4))
            #expect(found.duration(ofShare: 0.99) == .microseconds(8_192))
            #expect(found.duration(ofShare: 1) == .seconds(60))
            #expect(measured.measurements.count == 1)
        }
    }

    @Test func errorsAreCountedByTheirKind() async throws {
        try await Backend.memory.withStorage { storage in
            let measured = MeasuredStorage()
            let faults = FaultyStorage(seed: 1, rates: .init(refused: 1, unacknowledged: 0, delayed: 0))
            let stores = storage.decorated(by: measured)
            let failing = storage.decorated(by: faults).decorated(by: measured)
            let account = try BareJID(Self.juliet)
            let credential = AccountCredential(password: "")
            try await stores.accounts.create(account, credential: credential, accountCountMax: nil)
            for _ in 0..<2 {
                await #expect(throws: StorageError.conflict) {
                    try await stores.accounts.create(account, credential: credential, accountCountMax: nil)
                }
            }
            await #expect(throws: StorageError.self) {
                try await failing.accounts.create(account, credential: credential, accountCountMax: nil)
            }
            let found = Self.measurement("accounts.create(_:credential:accountCountMax:)", of: measured)
            #expect(found?.callCount == 4)
            #expect(found?.errorCounts == ["conflict": 2, "unavailable": 1])
        }
    }

    @Test func decoratedStoresKeepTheContract() async throws {
        func check<Store>(
            _ checks: [ConformanceCheck<Store>], _ store: any KeyPath<Storage, Store> & Sendable
        ) async throws {
            for check in checks where check.name != "limitsOutOfRange" {
                try await Backend.memory.withStorage { storage in
                    let faults = FaultyStorage(seed: 1, rates: .init(refused: 0, unacknowledged: 0, delayed: 0.5))
                    let decorated = storage.decorated(by: MeasuredStorage()).decorated(by: faults)
                    try await check.run(decorated[keyPath: store])
                }
            }
        }
        try await check(AccountStoreChecks.all, \.accounts)
        try await check(RosterStoreChecks.all, \.rosters)
        try await check(OfflineStoreChecks.all, \.offlineMessages)
        try await check(PrivateStoreChecks.all, \.privateElements)
        try await check(PrivacyStoreChecks.all, \.privacyLists)
        try await check(LastActivityStoreChecks.all, \.lastActivity)
        try await check(VCardStoreChecks.all, \.vCards)
        try await check(RoomStoreChecks.all, \.rooms)
        try await check(ArchiveStoreChecks.ofAccounts.all, \.messageArchive)
        try await check(ArchiveStoreChecks.ofRooms.all, \.roomArchive)
        try await check(ArchivePreferencesStoreChecks.all, \.archivePreferences)
    }

    // MARK: FaultyStorage

    /// What becomes of calls that write, one after another: `refused`, `lost` for done and not acknowledged, or `done`.
    private static func story(seed: UInt64, _ rates: FaultyStorage.Rates, callCount: Int = 200) async throws -> [String]
    {
        var story: [String] = []
        let faults = FaultyStorage(seed: seed, rates: rates)
        let local = try await LocalStorage.open(.memory, logger: Backend.logger)
        let store = local.storage.decorated(by: faults).lastActivity
        for index in 0..<callCount {
            let account = try BareJID("account\(index)@capulet.example")
            var isAcknowledged = true
            do throws(StorageError) {
                try await store.setLastActivity(LastActivityRecord(seconds: 1, status: ""), of: account)
            } catch {
                guard case .unavailable = error else { throw error }
                isAcknowledged = false
            }
            let isDone = try await local.storage.lastActivity.lastActivity(of: account) != nil
            story.append(isAcknowledged ? "done" : isDone ? "lost" : "refused")
            #expect(isDone || !isAcknowledged)
        }
        #expect(faults.failedCallCount == story.count { $0 != "done" })
        await local.close()
        return story
    }

    @Test func oneSeedMakesOneStory() async throws {
        let rates = FaultyStorage.Rates()
        let story = try await Self.story(seed: 3, rates)
        let same = try await Self.story(seed: 3, rates)
        let other = try await Self.story(seed: 4, rates)
        #expect(same == story)
        #expect(other != story)
        // Of 200 calls, with rates of a tenth.
        #expect((8...40).contains(story.count { $0 == "refused" }))
        #expect((8...40).contains(story.count { $0 == "lost" }))
    }

    @Test func ratesAreKept() async throws {
        for (rates, fate) in [
            (FaultyStorage.Rates.none, "done"), (.init(refused: 1, unacknowledged: 1, delayed: 0), "refused"),
            (.init(refused: 0, unacknowledged: 1, delayed: 0), "lost"),
        ] {
            let story = try await Self.story(seed: 1, rates, callCount: 20)
            #expect(Set(story) == [fate])
        }
    }

    @Test func readingIsNotDoneWithoutAnAnswer() async throws {
        try await Backend.memory.withStorage { storage in
            let faults = FaultyStorage(seed: 1, rates: .init(refused: 0, unacknowledged: 1, delayed: 0))
            let count = try await storage.decorated(by: faults).accounts.accountCount(in: "capulet.example")
            #expect(count == 0)
        }
    }
}
