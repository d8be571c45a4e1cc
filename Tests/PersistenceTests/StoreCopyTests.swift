// SPDX-License-Identifier: Apache-2.0
// Copies between storages: whole, begun again after every step, and with a target that has something else.

import Glibc
import Testing
import XMPPCore
import XMPPPersistenceSQL
import XMPPPersistenceSQLite

@testable import XMPPPersistenceConformance

/// A copy from one backend to another.
struct BackendPair: CustomStringConvertible, Sendable {
    let source: Backend
    let target: Backend

    var description: String { "\(source) to \(target)" }

    /// Each backend to and from SQLite, and one server to another. No pair has two databases of one server: tests that
    /// have one and wait for a second could wait for each other.
    static let available: [BackendPair] = {
        let pairs = Backend.allCases.flatMap { backend in
            [BackendPair(source: .memory, target: backend), BackendPair(source: backend, target: .memory)]
        }
        let others = [BackendPair(source: .file, target: .file), BackendPair(source: .postgreSQL, target: .mariaDB)]
        return (pairs.dropFirst() + others).filter { pair in
            Backend.available.contains(pair.source) && Backend.available.contains(pair.target)
        }
    }()

    func withStorages(_ body: @escaping (Storage, Storage) async throws -> Void) async throws {
        try await source.withStorage { source in
            try await target.withStorage { target in try await body(source, target) }
        }
    }

    /// The longest that both hold.
    var limits: ConformanceLimits {
        let both = [source.limits, target.limits]
        var limits = ConformanceLimits()
        limits.localpartCharacterCountMax = both.map(\.localpartCharacterCountMax).min() ?? 0
        limits.addressCharacterCountMax = both.map(\.addressCharacterCountMax).min() ?? 0
        limits.nameCharacterCountMax = both.map(\.nameCharacterCountMax).min() ?? 0
        return limits
    }

    static let memory = BackendPair(source: .memory, target: .memory)
}

@Suite struct StoreCopyTests {
    private typealias Fill = StoreCopyFixtures

    /// Copies all stores.
    @discardableResult
    private static func copyAll(_ source: Storage, _ target: Storage) async throws -> [StoreKind: StoreCopyReport] {
        let copy = Fill.copy(source, target)
        var reports: [StoreKind: StoreCopyReport] = [:]
        for kind in StoreKind.allCases { reports[kind] = try await copy.copy(kind) }
        return reports
    }

    private static func expectEqual(
        _ source: Storage, _ target: Storage, sourceLocation: Testing.SourceLocation = #_sourceLocation
    ) async throws {
        let copy = Fill.copy(source, target)
        for kind in StoreKind.allCases {
            let comparison = try await copy.compare(kind)
            #expect(comparison.isEqual, "\(kind)", sourceLocation: sourceLocation)
            let differences = try await copy.differences(in: kind)
            #expect(differences == StoreDifferences(), "\(kind)", sourceLocation: sourceLocation)
        }
        let contents = try await (Fill.contents(source), Fill.contents(target))
        for kind in StoreKind.allCases {
            #expect(contents.0[kind] == contents.1[kind], "\(kind)", sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: BackendPair.available)
    func everythingArrivesAndIsNotWrittenTwice(_ pair: BackendPair) async throws {
        try await pair.withStorages { source, target in
            try await Fill.fillHostile(source, limits: pair.limits)
            let contents = try await Fill.contents(source)
            let first = try await Self.copyAll(source, target)
            for kind in StoreKind.allCases {
                let report = try #require(first[kind])
                #expect(report.copiedEntryCount == contents[kind]?.count)
                #expect(report.presentEntryCount == 0)
                #expect(report.differing.count == 0)
                #expect(report.refused.count == 0)
            }
            try await Self.expectEqual(source, target)
            // Nothing may be written any more.
            let second = try await Self.copyAll(source, target.decorated(by: WriteBudget(0, .before)))
            for kind in StoreKind.allCases {
                let report = try #require(second[kind])
                #expect(report.copiedEntryCount == 0)
                #expect(report.presentEntryCount == contents[kind]?.count)
            }
        }
    }

    @Test(arguments: [WriteFault.before, .after])
    func aCopyThatBreaksOffAtAnyWriteGoesOn(_ fault: WriteFault) async throws {
        try await Backend.memory.withStorage { source in
            try await Fill.fillFew(source)
            var writeCount = 0
            try await Backend.memory.withStorage { target in
                let budget = WriteBudget(1_000, .before)
                try await Self.copyAll(source, target.decorated(by: budget))
                writeCount = WriteBudget.count(budget, of: 1_000)
            }
            // Three accounts with a page of items, three messages, a page of elements, three privacy lists, a record,
            // a vCard, archived messages of accounts and of rooms, preferences, a room, blocks and a credential.
            #expect(writeCount == 48)
            // When the last write is done and only its answer is lost, the copy finds that by looking again.
            for count in 0..<(fault == .after ? writeCount - 1 : writeCount) {
                try await Backend.memory.withStorage { target in
                    await #expect(throws: StoreCopyError.self) {
                        try await Self.copyAll(source, target.decorated(by: WriteBudget(count, fault)))
                    }
                    try await Self.copyAll(source, target)
                    try await Self.expectEqual(source, target)
                }
            }
        }
    }

    @Test(arguments: BackendPair.available.filter { ![.memory, .file].contains($0.target) })
    func aCopyToADatabaseThatBreaksOffGoesOn(_ pair: BackendPair) async throws {
        try await pair.withStorages { source, target in
            try await Fill.fillHostile(source, limits: pair.limits)
            // Each goes on where the one before it ended, and all of them do not come to the end.
            for index in 0..<3 {
                let budget = WriteBudget(45, index % 2 == 0 ? .before : .after)
                await #expect(throws: StoreCopyError.self) {
                    try await Self.copyAll(source, target.decorated(by: budget))
                }
            }
            try await Self.copyAll(source, target)
            try await Self.expectEqual(source, target)
        }
    }

    /// Copies from one directory to another, and kills its own process at a write.
    @Sendable private static func copyUntilKilled(_ directory: String, after count: Int) async throws {
        let budget = WriteBudget(count, .before)
        try await Backend.withStorage(in: directory + "/source") { source in
            try await Backend.withStorage(in: directory + "/target") { target in
                do {
                    try await copyAll(source, target.decorated(by: budget))
                } catch {
                    kill(getpid(), SIGKILL)
                }
            }
        }
    }

    @Test(arguments: [0, 5, 33, 200, 400])
    func aKilledCopyGoesOn(_ count: Int) async throws {
        try await Backend.withDirectory { directory in
            try await Backend.withStorage(in: directory + "/source") { try await Fill.fillHostile($0) }
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [directory = directory as String, count = count as Int] in
                try await Self.copyUntilKilled(directory, after: count)
            }
            try await Backend.withStorage(in: directory + "/source") { source in
                try await Backend.withStorage(in: directory + "/target") { target in
                    try await Self.copyAll(source, target)
                    try await Self.expectEqual(source, target)
                }
            }
        }
    }

    @Test(arguments: [WriteFault.before, .after], [0, 1, 7, 20])
    func whatIsUnavailableForAMomentIsTriedAgain(_ fault: WriteFault, _ count: Int) async throws {
        try await BackendPair.memory.withStorages { source, target in
            try await Fill.fillFew(source)
            for kind in StoreKind.allCases {
                // As many as may fail even if one account has them all.
                let budget = WriteBudget(count, fault, failureCount: StoreCopy.attemptCountMax - 1)
                let report = try await Fill.copy(source, target.decorated(by: budget)).copy(kind)
                #expect(report.differing.count == 0)
                #expect(report.refused.count == 0)
            }
            try await Self.expectEqual(source, target)
        }
    }

    @Test func twoCopiesAtOnceStoreNothingTwice() async throws {
        for pair in BackendPair.available where pair.source == .memory {
            try await pair.withStorages { source, target in
                try await Fill.fillHostile(source, limits: pair.limits)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 {
                        group.addTask { _ = try await Fill.copy(source, target).copy(.offlineMessages) }
                    }
                    try await group.waitForAll()
                }
                try await Self.copyAll(source, target)
                try await Self.expectEqual(source, target)
            }
        }
    }

    @Test func aCancelledCopyEndsAndGoesOn() async throws {
        try await BackendPair.memory.withStorages { source, target in
            try await Fill.fillFew(source)
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await Fill.copy(source, target).copy(.rosters)
            }
            await #expect(throws: StoreCopyError.cancelled) { try await task.value }
            try await Self.copyAll(source, target)
            try await Self.expectEqual(source, target)
        }
    }

    @Test func progressCountsAccountsAndEntries() async throws {
        try await BackendPair.memory.withStorages { source, target in
            try await Fill.fillFew(source)
            let copy = Fill.copy(source, target)
            var counts: [Int] = []
            var last = StoreProgress()
            _ = try await copy.copy(.rosters) {
                counts.append($0.accountCount)
                last = $0
            }
            #expect(counts == [1, 2, 3])
            #expect(last.entryCount == 9)
            let total = try await copy.accountCount(of: .rosters, on: .target)
            #expect(total == 3)
        }
    }
}

@Suite struct StoreCopyConflictTests {
    private typealias Fill = StoreCopyFixtures
    private static func account(_ name: String) throws -> BareJID { try BareJID("\(name)@x.example") }

    /// Changes what a target has of accounts a and b, and expects that a copy leaves them, and brings c.
    private func expectLeft(
        _ kind: StoreKind, differing: [String], onlyInTarget: [String] = [],
        _ change: @escaping (Storage) async throws -> Void
    ) async throws {
        try await BackendPair.memory.withStorages { source, target in
            let (expected, others) = (try differing.map(Self.account), try onlyInTarget.map(Self.account))
            try await Fill.fillFew(source)
            try await change(target)
            let before = try await Fill.contents(target)[kind] ?? []
            let copy = Fill.copy(source, target)
            let report = try await copy.copy(kind)
            #expect(report.differing.named == expected)
            let after = try await Fill.contents(target)[kind] ?? []
            #expect(Set(after).isSuperset(of: before))
            for name in differing {
                let account = try Self.account(name).description
                #expect(after.filter { $0.contains(account) } == before.filter { $0.contains(account) })
            }
            #expect(after.contains { $0.contains("c@x.example") })
            let comparison = try await copy.compare(kind)
            #expect(!comparison.isEqual)
            let differences = try await copy.differences(in: kind)
            #expect(differences.differing.named == expected)
            #expect(differences.onlyInTarget.named == others)
            #expect(differences.onlyInSource.count == 0)
        }
    }

    @Test func aDifferentCredentialStays() async throws {
        try await expectLeft(.accounts, differing: ["a"], onlyInTarget: ["other"]) { target in
            for name in ["a", "other"] {
                let credential = AccountCredential(password: "changed")
                try await target.accounts.create(
                    try Self.account(name), credential: credential, accountCountMax: nil)
            }
        }
    }

    @Test func aRosterWithSomethingElseStays() async throws {
        try await expectLeft(.rosters, differing: ["a", "b"]) { target in
            let (first, other) = (try JID("0@y.example"), try JID("other@y.example"))
            try await Fill.add(Fill.item(first, "changed"), to: try Self.account("a"), target)
            // One that the source has too, and one that it has not.
            try await Fill.add(Fill.item(first, "b"), to: try Self.account("b"), target)
            try await Fill.add(Fill.item(other, "b"), to: try Self.account("b"), target)
        }
    }

    @Test(arguments: BackendPair.available) func aRosterThatIsPartlyThereGetsTheRest(_ pair: BackendPair) async throws {
        try await pair.withStorages { source, target in
            try await Fill.fillFew(source)
            try await Fill.add(Fill.item(try JID("1@y.example"), "a"), to: try Self.account("a"), target)
            let report = try await Fill.copy(source, target).copy(.rosters)
            #expect(report.copiedEntryCount == 8)
            #expect(report.presentEntryCount == 1)
            let contents = try await (Fill.contents(source)[.rosters], Fill.contents(target)[.rosters])
            #expect(contents.0 == contents.1)
        }
    }

    @Test func messagesThatAreNoBeginningStay() async throws {
        try await expectLeft(.offlineMessages, differing: ["a", "b"]) { target in
            try await Fill.append("another", to: try Self.account("a"), target)
            for text in ["the same", "the same", "the same", "one more"] {
                try await Fill.append(text, to: try Self.account("b"), target)
            }
        }
    }

    @Test func privateElementsThatDifferStay() async throws {
        try await expectLeft(.privateElements, differing: ["a"]) { target in
            let element = PrivateElement(namespace: "1", xml: Array("changed".utf8))
            try await target.privateElements.set([element], of: try Self.account("a"), elementCountMax: nil)
        }
    }

    @Test func aVCardThatDiffersStays() async throws {
        try await expectLeft(.vCards, differing: ["a"]) { target in
            try await target.vCards.set(VCard(xml: Array("changed".utf8)), of: try Self.account("a"))
        }
    }

    @Test func privacyListsThatDifferStay() async throws {
        try await expectLeft(.privacyLists, differing: ["a", "b"]) { target in
            let item = PrivacyItem(order: 1, subject: .group("a"), action: .allow)
            let list = PrivacyList(name: "1", items: [item])
            let (a, b) = (try Self.account("a"), try Self.account("b"))
            try await target.privacyLists.set(list, of: a, use: .unchanged, listCountMax: nil)
            // The same list, which is the default here.
            let same = PrivacyItem(order: 1, subject: .group("b"), action: .deny)
            let other = PrivacyList(name: "2", items: [same])
            try await target.privacyLists.set(other, of: b, use: .becomesDefault, listCountMax: nil)
        }
    }

    @Test func roomsAndBlocksThatDifferStay() async throws {
        try await expectLeft(.rooms, differing: ["a", "b-room"]) { target in
            let a = try Self.account("a"), room = try Self.account("b-room")
            try await target.rooms.changeBlocks(of: a, adding: [.user(room)], removing: [])
            let other = Room(address: room, version: "b", configuration: [], occupants: [room: .owner])
            try await target.rooms.set(other, basedOn: nil)
        }
    }

    @Test func aLaterActivityStays() async throws {
        try await expectLeft(.lastActivity, differing: ["b"], onlyInTarget: ["other"]) { target in
            for name in ["b", "other"] {
                let record = LastActivityRecord(seconds: 2, status: "b")
                try await target.lastActivity.setLastActivity(record, of: try Self.account(name))
            }
        }
    }

    @Test func textsThatOnlyUnicodeTakesForTheSameDiffer() async throws {
        try await expectLeft(.rosters, differing: ["a"]) { target in
            let account = try Self.account("a")
            for index in 0..<3 {
                let item = Fill.item(try JID("\(index)@y.example"), index == 0 ? "e\u{301}" : "a")
                try await Fill.add(item, to: account, target)
            }
        }
        try await BackendPair.memory.withStorages { source, target in
            let (account, contact) = (try Self.account("a"), try JID("0@y.example"))
            try await Fill.add(Fill.item(contact, "e\u{301}"), to: account, source)
            try await Fill.add(Fill.item(contact, "\u{E9}"), to: account, target)
            let comparison = try await Fill.copy(source, target).compare(.rosters)
            #expect(!comparison.isEqual)
        }
    }

    @Test func aRefusedAccountDoesNotEndTheCopy() async throws {
        try await BackendPair.memory.withStorages { source, target in
            try await Fill.fillFew(source)
            let copy = Fill.copy(source, target.decorated(by: WriteBudget(2, .refused)))
            let report = try await copy.copy(.accounts)
            #expect(report.copiedEntryCount == 2)
            #expect(report.refused.count == 1)
            #expect(report.refusal == .backend(code: "22001", detail: "too long"))
            let differences = try await copy.differences(in: .accounts)
            #expect(differences.onlyInSource == report.refused)
        }
    }

    @Test(arguments: BackendPair.available.filter { [.mySQL, .mariaDB].contains($0.target) })
    func namesThatTheTargetHasNoRoomForAreNotLostInSilence(_ pair: BackendPair) async throws {
        try await pair.withStorages { source, target in
            try await Fill.fillHostile(source, limits: pair.source.limits)
            let copy = Fill.copy(source, target)
            let report = try await copy.copy(.accounts)
            let accounts = try Fixtures.hostileAccounts(pair.source.limits)
            let long = accounts.filter { ($0.localpart ?? "").count > 250 }
            #expect(report.refused.named == long)
            #expect(report.copiedEntryCount == accounts.count - long.count)
            let differences = try await copy.differences(in: .accounts)
            #expect(differences.onlyInSource.named == long)
            #expect(differences.differing.count == 0)
        }
    }

    @Test func aTargetThatRefusesEverythingEndsIt() async throws {
        try await BackendPair.memory.withStorages { source, target in
            for index in 0..<StoreCopy.refusedAccountCountMax + 100 {
                let record = LastActivityRecord(seconds: 1, status: "")
                try await source.lastActivity.setLastActivity(record, of: try Self.account("\(index)"))
            }
            let copy = Fill.copy(source, target.decorated(by: WriteBudget(0, .refused)))
            let refusal = StorageError.backend(code: "22001", detail: "too long")
            await #expect(throws: StoreCopyError.refusedTooOften(refusal, .lastActivity)) {
                try await copy.copy(.lastActivity)
            }
        }
    }

    @Test func whatCannotBeReadIsLeftOutAndNeverOverwritten() async throws {
        try await Backend.withStorage(at: .memory) { source in
            try await Backend.withStorage(at: .memory) { target in
                let damage = SQLStatement("UPDATE rosterusers SET subscription = 'X' WHERE username = ? AND jid = ?")
                try await Fill.fillFew(source.storage)
                try await source.database.execute(damage, [.text("a"), .text("0@y.example")])
                // In the target it stands where the source has an item that can be read.
                let contact = try JID("1@y.example")
                try await Fill.add(Fill.item(contact, "b"), to: try Self.account("b"), target.storage)
                try await target.database.execute(damage, [.text("b"), .text("1@y.example")])
                let copy = Fill.copy(source.storage, target.storage)
                let report = try await copy.copy(.rosters)
                #expect(report.differing.named == [try Self.account("b")])
                let comparison = try await copy.compare(.rosters)
                #expect(comparison.source.entryCount == 8)
                let rows = try await target.database.query(
                    SQLStatement("SELECT count(*) FROM rosterusers WHERE subscription = 'X'"), [])
                #expect(try rows.first?.integer(0) == 1)
            }
        }
    }
}
