// SPDX-License-Identifier: Apache-2.0
// The checks notice: stores that break one promise each fail the check that holds it.

import Testing
import XMPPCore
import XMPPPersistenceConformance

@Suite struct BrokenStoreTests {
    /// The names of the checks that a store fails, each run on an empty storage.
    private func failures<Store>(
        _ checks: [ConformanceCheck<Store>], _ store: @escaping @Sendable (Storage) -> Store
    ) async throws -> Set<String> {
        var names: Set<String> = []
        for check in checks {
            do {
                try await Backend.memory.withStorage { try await check.run(store($0)) }
            } catch {
                try #require(error is ConformanceFailure || error is StorageError)
                names.insert(check.name)
            }
        }
        return names
    }

    @Test(
        arguments: [
            (BrokenLastActivityStore.Fault.none, Set<String>()),
            (.foldsCase, ["recordComesBack"]),
            (.cutsText, ["recordComesBack"]),
            (.throwsForAbsent, ["absentRecordIsNil", "removal"]),
            (.keepsDomain, ["removal"]),
            (.removesSubdomains, ["removal"]),
            (.keepsAccount, ["removal"]),
            (.endsAfterOnePage, ["listing"]),
            (.repeatsPage, ["listing"]),
            (.ignoresLimit, ["listing"]),
            (.countsAfter, ["activeAccountsAreCounted"]),
        ] as [(BrokenLastActivityStore.Fault, Set<String>)])
    func lastActivityChecksNotice(_ fault: BrokenLastActivityStore.Fault, _ names: Set<String>) async throws {
        let failed = try await failures(LastActivityStoreChecks.all) { storage in
            BrokenLastActivityStore(base: storage.lastActivity, fault: fault)
        }
        #expect(failed.isSuperset(of: names))
        #expect(failed.isEmpty == names.isEmpty)
    }

    @Test(
        arguments: [
            (BrokenRosterStore.Fault.none, Set<String>()),
            (.readsThenWrites, ["concurrentUpdatesAllCount"]),
            (.repeatsVersion, ["versionsNeverRepeat"]),
            (.losesGroups, ["groupsAreApart"]),
            (.writesEqualItem, ["equalItemChangesNothing"]),
            (.ignoresItemCountMax, ["itemCountMaxHolds"]),
            (.addsWhatItCan, ["itemsAreAddedAllOrNone"]),
        ] as [(BrokenRosterStore.Fault, Set<String>)])
    func rosterChecksNotice(_ fault: BrokenRosterStore.Fault, _ names: Set<String>) async throws {
        let failed = try await failures(RosterStoreChecks.all) { storage in
            BrokenRosterStore(base: storage.rosters, fault: fault)
        }
        #expect(failed.isSuperset(of: names))
        #expect(failed.isEmpty == names.isEmpty)
    }
}

/// A store that breaks one promise.
struct BrokenLastActivityStore: LastActivityStore {
    enum Fault {
        case none, foldsCase, cutsText, throwsForAbsent, keepsDomain, removesSubdomains, keepsAccount, endsAfterOnePage
        case repeatsPage, ignoresLimit, countsAfter
    }

    let base: any LastActivityStore
    let fault: Fault

    func lastActivity(of account: BareJID) async throws(StorageError) -> LastActivityRecord? {
        let record = try await base.lastActivity(of: account)
        if fault == .throwsForAbsent, record == nil { throw .conflict }
        return record
    }

    func setLastActivity(_ record: LastActivityRecord, of account: BareJID) async throws(StorageError) {
        var record = record
        if fault == .foldsCase { record.status = record.status.lowercased() }
        if fault == .cutsText { record.status = String(record.status.prefix(250)) }
        try await base.setLastActivity(record, of: account)
    }

    func activeAccountCount(in domain: String, since seconds: Int64) async throws(StorageError) -> Int {
        let since = fault == .countsAfter && seconds < .max ? seconds + 1 : seconds
        return try await base.activeAccountCount(in: domain, since: since)
    }

    func entries(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<LastActivityEntry> {
        let start = fault == .repeatsPage && cursor != nil ? nil : cursor
        var page = try await base.entries(after: start, limit: fault == .ignoresLimit ? limit + 1 : limit)
        if fault == .repeatsPage, cursor != nil { page.next = nil }
        if fault == .endsAfterOnePage { page.next = nil }
        return page
    }

    func removeAll(for account: BareJID) async throws(StorageError) {
        if fault != .keepsAccount { try await base.removeAll(for: account) }
    }

    func removeAll(domain: String) async throws(StorageError) {
        if fault != .keepsDomain { try await base.removeAll(domain: domain) }
        if fault == .removesSubdomains { try await base.removeAll(domain: "a." + domain) }
    }
}

/// A store that breaks one promise.
struct BrokenRosterStore: RosterStore {
    enum Fault {
        case none, readsThenWrites, repeatsVersion, losesGroups, writesEqualItem, ignoresItemCountMax, addsWhatItCan
    }

    let base: any RosterStore
    let fault: Fault

    func roster(of account: BareJID, after cursor: PageCursor?, limit: Int) async throws(StorageError) -> RosterPage {
        try await base.roster(of: account, after: cursor, limit: limit)
    }

    func item(_ contact: JID, of account: BareJID) async throws(StorageError) -> RosterItem? {
        guard var item = try await base.item(contact, of: account) else { return nil }
        if fault == .losesGroups { item.groups = Set(item.groups.sorted().dropFirst()) }
        return item
    }

    func version(of account: BareJID) async throws(StorageError) -> RosterVersion? {
        try await base.version(of: account)
    }

    func update(
        _ contact: JID, of account: BareJID, itemCountMax: Int?,
        _ change: @escaping @Sendable (RosterItem?) -> RosterItem?
    ) async throws(StorageError) -> RosterChange {
        switch fault {
        case .readsThenWrites:
            let old = try await base.item(contact, of: account)
            // Between reading and writing, others get their turn.
            for _ in 0..<10 { await Task.yield() }
            let new = change(old)
            return try await base.update(contact, of: account, itemCountMax: itemCountMax) { _ in new }
        case .repeatsVersion:
            var change = try await base.update(contact, of: account, itemCountMax: itemCountMax, change)
            change.version = RosterVersion("1")
            return change
        case .writesEqualItem:
            let changed = try await base.update(contact, of: account, itemCountMax: nil) { _ in
                RosterItem(contact: contact, name: "in between")
            }
            return try await base.update(contact, of: account, itemCountMax: nil) { _ in change(changed.old) }
        case .ignoresItemCountMax:
            return try await base.update(contact, of: account, itemCountMax: nil, change)
        case .none, .losesGroups, .addsWhatItCan:
            return try await base.update(contact, of: account, itemCountMax: itemCountMax, change)
        }
    }

    func add(_ items: [RosterItem], to account: BareJID) async throws(StorageError) {
        guard fault == .addsWhatItCan else { return try await base.add(items, to: account) }
        for item in items { try await base.update(item.contact, of: account, itemCountMax: nil) { $0 ?? item } }
    }

    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await base.accounts(after: cursor, limit: limit)
    }

    func removeAll(for account: BareJID) async throws(StorageError) { try await base.removeAll(for: account) }
    func removeAll(domain: String) async throws(StorageError) { try await base.removeAll(domain: domain) }
}
