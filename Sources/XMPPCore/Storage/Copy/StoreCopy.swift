// SPDX-License-Identifier: Apache-2.0
// Copying stores from one storage to another, account by account. What holds them against each other is in
// StoreComparison.swift; the rule of conflicts is docs/decisions/0012.

/// Copies stores from one storage to another, of whatever backends, and compares them.
///
/// A copy only adds. An account whose data in the target is part of what the source has gets the rest; one of which the
/// target has anything else stays as it is, and is reported. So a copy that was broken off, at any moment, is begun
/// again and goes on; what is there already is not written again.
///
/// Nothing else may write to either store meanwhile. If it does, what a copy does not see is found by
/// ``compare(_:progress:)``.
///
/// Memory is taken for ``accountCountAtOnce`` accounts: a page of entries of each, and less than 100 bytes for each
/// entry that the target has of them.
public struct StoreCopy: Sendable {
    /// How many accounts are under way at once: backends share a commit among those who wait for it.
    public static let accountCountAtOnce = 64
    /// A copy ends when the target has refused so many accounts of a store.
    public static let refusedAccountCountMax = 100
    /// How often something is tried that a store was unavailable for, before the copy ends.
    public static let attemptCountMax = 6

    /// How long to wait before something is tried again; twice as long each further time. A database that is busy, or
    /// starts anew, is there again by then.
    public var retryDelay = Duration.milliseconds(200)

    let source: Storage
    let target: Storage

    /// Makes a copy, which does nothing yet.
    public init(from source: Storage, to target: Storage) {
        self.source = source
        self.target = target
    }

    /// Copies a store.
    ///
    /// - Parameter progress: is called after each account, never twice at once.
    /// - Returns: what was copied, and which accounts were not.
    /// - Throws: ``StoreCopyError``. A side that stays unavailable ends the copy; what else the target refuses concerns
    ///   one account, and is reported with it.
    public func copy(
        _ kind: StoreKind, progress: (StoreProgress) -> Void = { _ in }
    ) async throws(StoreCopyError) -> StoreCopyReport {
        try await copy(kind, kind.records, progress)
    }

    private func copy<Records: StoreRecords>(
        _ kind: StoreKind, _ records: Records.Type, _ progress: (StoreProgress) -> Void
    ) async throws(StoreCopyError) -> StoreCopyReport {
        let transfer = AccountTransfer(source: walk(kind, records, .source), target: walk(kind, records, .target))
        var report = StoreCopyReport()
        var done = StoreProgress()
        try await transfer.source.forEachAccount {
            (listing) async throws(StoreCopyError) in
            try await transfer.copy(listing)
        } each: { (outcome: AccountOutcome) throws(StoreCopyError) in
            report.add(outcome)
            done.accountCount += 1
            done.entryCount += outcome.entryCount
            progress(done)
            if case .refused(let error) = outcome.end, report.refused.count >= Self.refusedAccountCountMax {
                throw .refusedTooOften(error, kind)
            }
        }
        return report
    }

    /// How many accounts a store lists, which is read from its listing alone.
    public func accountCount(of kind: StoreKind, on side: StoreSide) async throws(StoreCopyError) -> Int {
        try await accountCount(kind, kind.records, side)
    }

    private func accountCount<Records: StoreRecords>(
        _ kind: StoreKind, _ records: Records.Type, _ side: StoreSide
    ) async throws(StoreCopyError) -> Int {
        try await walk(kind, records, side).accountCount()
    }

    func walk<Records: StoreRecords>(
        _ kind: StoreKind, _ records: Records.Type, _ side: StoreSide
    ) -> StoreWalk<Records> {
        let storage = side == .source ? source : target
        return StoreWalk(records: Records(storage), side: side, kind: kind, retryDelay: retryDelay)
    }
}

/// How far a copy or a comparison of a store has come.
public struct StoreProgress: Hashable, Sendable {
    /// How many accounts are done.
    public var accountCount = 0
    /// How many entries these have.
    public var entryCount = 0

    /// The beginning.
    public init() {}
}

/// What a copy of a store did.
public struct StoreCopyReport: Hashable, Sendable {
    /// How many entries the target did not have, and has now.
    public var copiedEntryCount = 0
    /// How many entries the target had already, of accounts that are equal now.
    public var presentEntryCount = 0
    /// The accounts of which the target has something that the source does not: they were left as they were.
    public var differing = AccountSample()
    /// The accounts that the target refused, or a part of them.
    public var refused = AccountSample()
    /// Why it refused the first of them; nil when it refused none.
    public var refusal: StorageError?

    /// A copy that has not begun.
    public init() {}

    fileprivate mutating func add(_ outcome: AccountOutcome) {
        copiedEntryCount += outcome.copiedEntryCount
        switch outcome.end {
        case .equal: presentEntryCount += outcome.entryCount - outcome.copiedEntryCount
        case .differs: differing.add(outcome.account)
        case .refused(let error):
            refused.add(outcome.account)
            refusal = refusal ?? error
        }
    }
}

/// Any number of accounts, some of them by name.
public struct AccountSample: Hashable, Sendable {
    /// Most accounts that are held by name.
    public static let namedCountMax = 10

    /// How many accounts they are.
    public private(set) var count = 0
    /// Those whose addresses come first in the order of their bytes, ``namedCountMax`` at most, in this order.
    public private(set) var named: [BareJID] = []

    /// None.
    public init() {}

    mutating func add(_ account: BareJID) {
        count += 1
        let bytes = account.description.utf8
        let index = named.firstIndex { bytes.lexicographicallyPrecedes($0.description.utf8) } ?? named.count
        guard index < Self.namedCountMax else { return }
        named.insert(account, at: index)
        if named.count > Self.namedCountMax { named.removeLast() }
    }
}

/// What became of an account.
private struct AccountOutcome: Sendable {
    enum End {
        /// The target has what the source has.
        case equal
        /// The target has something else, or something that cannot be read.
        case differs
        /// The target did not take a part of it; not known is which, when it was unavailable.
        case refused(StorageError)
    }

    var account: BareJID
    /// How many entries of the source were looked at.
    var entryCount = 0
    var copiedEntryCount = 0
    var end = End.equal
}

/// Copies one account after the other of a store.
private struct AccountTransfer<Records: StoreRecords>: Sendable {
    let source: StoreWalk<Records>
    let target: StoreWalk<Records>

    /// Copies an account. What the target has of it is looked at anew whenever it was unavailable: then nobody knows
    /// what it has stored.
    func copy(_ listing: AccountListing<Records.Entry>) async throws(StoreCopyError) -> AccountOutcome {
        var copiedEntryCount = 0
        var attempt = 0
        while true {
            var outcome = try await copyOnce(listing)
            outcome.copiedEntryCount += copiedEntryCount
            guard case .refused(.unavailable(let detail)) = outcome.end else { return outcome }
            attempt += 1
            try await target.wait(afterAttempt: attempt, .unavailable(detail: detail))
            copiedEntryCount = outcome.copiedEntryCount
        }
    }

    private func copyOnce(_ listing: AccountListing<Records.Entry>) async throws(StoreCopyError) -> AccountOutcome {
        var outcome = AccountOutcome(account: listing.account)
        guard let present = try await digests(of: listing.account) else {
            outcome.end = .differs
            return outcome
        }
        if !present.isEmpty {
            var matchCount = 0
            try await source.forEachPage(of: listing) { entries in
                outcome.entryCount += entries.count
                matchCount += entries.count { present.contains($0.digest) }
                return true
            }
            if matchCount != present.count { outcome.end = .differs }
            if matchCount != present.count || matchCount == outcome.entryCount { return outcome }
        }
        try await add(listing, without: present, &outcome)
        return outcome
    }

    /// What the target has of an account; nil when it cannot be read.
    private func digests(of account: BareJID) async throws(StoreCopyError) -> Set<EntryDigest>? {
        var digests: Set<EntryDigest> = []
        do throws(StoreCopyError) {
            try await target.forEachPage(of: AccountListing(account: account)) { entries in
                for entry in entries { digests.insert(entry.digest) }
                return true
            }
        } catch .storage(.corrupt, _, _) {
            return nil
        }
        return digests
    }

    private func add(
        _ listing: AccountListing<Records.Entry>, without present: Set<EntryDigest>, _ outcome: inout AccountOutcome
    ) async throws(StoreCopyError) {
        var copiedEntryCount = 0
        var entryCount = 0
        var end = AccountOutcome.End.equal
        try await source.forEachPage(of: listing) { (entries) async throws(StoreCopyError) in
            entryCount += entries.count
            let missing = entries.filter { !present.contains($0.digest) }
            guard !missing.isEmpty else { return true }
            do throws(StorageError) {
                guard try await target.records.add(missing, to: listing.account) else {
                    end = .differs
                    return false
                }
            } catch {
                end = .refused(error)
                return false
            }
            copiedEntryCount += missing.count
            return true
        }
        (outcome.copiedEntryCount, outcome.entryCount, outcome.end) = (copiedEntryCount, entryCount, end)
    }
}
