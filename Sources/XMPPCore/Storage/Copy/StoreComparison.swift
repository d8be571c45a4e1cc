// SPDX-License-Identifier: Apache-2.0
// Holding the stores of two storages against each other: counts and digests, and which accounts differ.

/// What a store holds, in numbers.
public struct StoreSummary: Hashable, Sendable {
    /// How many accounts have entries.
    public var accountCount = 0
    /// How many entries they have.
    public var entryCount = 0
    /// The sum of the digests of the entries. That of few accounts tells something about their credentials: it is to be
    /// compared, not to be shown.
    public var digest = EntryDigest()

    /// An empty store.
    public init() {}

    static func += (sum: inout StoreSummary, part: StoreSummary) {
        sum.accountCount += part.accountCount
        sum.entryCount += part.entryCount
        sum.digest += part.digest
    }
}

/// Two stores of one kind, each in numbers.
public struct StoreComparison: Hashable, Sendable {
    /// What is copied from.
    public var source: StoreSummary
    /// What is copied to.
    public var target: StoreSummary

    /// Whether both hold the same: as many accounts and entries, and the same digest.
    public var isEqual: Bool { source == target }
}

/// In which accounts two stores differ.
public struct StoreDifferences: Hashable, Sendable {
    /// Accounts of which both have something, and not the same.
    public var differing = AccountSample()
    /// Accounts of which only the source has something.
    public var onlyInSource = AccountSample()
    /// Accounts of which only the target has something.
    public var onlyInTarget = AccountSample()

    /// No differences.
    public init() {}
}

extension StoreCopy {
    /// Reads both stores whole, page by page, the source first.
    ///
    /// - Parameter progress: is called after each account with the side that is read, never twice at once.
    /// - Throws: ``StoreCopyError``.
    public func compare(
        _ kind: StoreKind, progress: (StoreSide, StoreProgress) -> Void = { _, _ in }
    ) async throws(StoreCopyError) -> StoreComparison {
        let source = try await summary(kind, kind.records, .source) { progress(.source, $0) }
        let target = try await summary(kind, kind.records, .target) { progress(.target, $0) }
        return StoreComparison(source: source, target: target)
    }

    private func summary<Records: StoreRecords>(
        _ kind: StoreKind, _ records: Records.Type, _ side: StoreSide, _ progress: (StoreProgress) -> Void
    ) async throws(StoreCopyError) -> StoreSummary {
        let walk = walk(kind, records, side)
        var sum = StoreSummary()
        var done = StoreProgress()
        try await walk.forEachAccount {
            (listing) async throws(StoreCopyError) in
            try await walk.summary(of: listing)
        } each: { (part: StoreSummary) throws(StoreCopyError) in
            sum += part
            done.accountCount += 1
            done.entryCount += part.entryCount
            progress(done)
        }
        return sum
    }

    /// Finds the accounts in which two stores differ; worth the time when ``compare(_:progress:)`` says that they do.
    ///
    /// - Throws: ``StoreCopyError``.
    public func differences(in kind: StoreKind) async throws(StoreCopyError) -> StoreDifferences {
        try await differences(kind, kind.records)
    }

    private func differences<Records: StoreRecords>(
        _ kind: StoreKind, _ records: Records.Type
    ) async throws(StoreCopyError) -> StoreDifferences {
        let source = walk(kind, records, .source)
        let target = walk(kind, records, .target)
        var found = StoreDifferences()
        try await source.forEachAccount { (listing) async throws(StoreCopyError) in
            let theirs = try await target.readableSummary(of: listing.account)
            return (listing.account, try await source.summary(of: listing), theirs)
        } each: { (account: BareJID, ours: StoreSummary, theirs: StoreSummary?) throws(StoreCopyError) in
            if theirs?.entryCount == 0 {
                if ours.entryCount > 0 { found.onlyInSource.add(account) }
            } else if theirs != ours {
                found.differing.add(account)
            }
        }
        try await target.forEachAccount { (listing) async throws(StoreCopyError) in
            (listing.account, try await source.readableSummary(of: listing.account))
        } each: { (account: BareJID, ours: StoreSummary?) throws(StoreCopyError) in
            if ours?.entryCount == 0 { found.onlyInTarget.add(account) }
        }
        return found
    }
}

extension StoreWalk {
    /// What a store has of an account, empty where that is nothing; nil when it cannot be read.
    fileprivate func readableSummary(of account: BareJID) async throws(StoreCopyError) -> StoreSummary? {
        do throws(StoreCopyError) {
            return try await summary(of: AccountListing(account: account))
        } catch .storage(.corrupt, _, _) {
            return nil
        }
    }
}
