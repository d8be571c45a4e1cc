// SPDX-License-Identifier: Apache-2.0
// Reading a store account by account, some of them at once, and an account's entries page by page.

/// One of the two stores of a copy, with errors that say which.
struct StoreWalk<Records: StoreRecords>: Sendable {
    let records: Records
    let side: StoreSide
    let kind: StoreKind
    let retryDelay: Duration

    /// Calls `body` for each account, for up to ``StoreCopy/accountCountAtOnce`` of them at once, and `each` with what
    /// it returns, one at a time. Ends at the first error, when those that were under way have ended too.
    func forEachAccount<Value: Sendable>(
        _ body: @escaping @Sendable (AccountListing<Records.Entry>) async throws(StoreCopyError) -> Value,
        each: (Value) throws(StoreCopyError) -> Void
    ) async throws(StoreCopyError) {
        let result = await withTaskGroup(
            of: Result<Value, StoreCopyError>.self, returning: Result<Void, StoreCopyError>.self
        ) { group in
            do throws(StoreCopyError) {
                var runningCount = 0
                var cursor: PageCursor?
                repeat {
                    let page = try await page(of: cursor)
                    for listing in page.items {
                        if runningCount == StoreCopy.accountCountAtOnce, let result = await group.next() {
                            runningCount -= 1
                            try each(result.get())
                        }
                        guard !Task.isCancelled else { throw .cancelled }
                        runningCount += 1
                        group.addTask { await Result(catching: body, listing) }
                    }
                    cursor = page.next
                } while cursor != nil
                while let result = await group.next() { try each(result.get()) }
                return .success(())
            } catch {
                group.cancelAll()
                return .failure(error)
            }
        }
        try result.get()
    }

    /// How many accounts the store lists.
    func accountCount() async throws(StoreCopyError) -> Int {
        var count = 0
        var cursor: PageCursor?
        repeat {
            guard !Task.isCancelled else { throw .cancelled }
            let page = try await page(of: cursor)
            count += page.items.count
            cursor = page.next
        } while cursor != nil
        return count
    }

    private func page(of cursor: PageCursor?) async throws(StoreCopyError) -> Page<AccountListing<Records.Entry>> {
        try await reading { () async throws(StorageError) in try await records.accounts(after: cursor) }
    }

    /// Calls `body` for each page of an account's entries until it returns false.
    func forEachPage(
        of listing: AccountListing<Records.Entry>,
        _ body: ([PlacedEntry<Records.Entry>]) async throws(StoreCopyError) -> Bool
    ) async throws(StoreCopyError) {
        var place = 0
        var cursor: PageCursor?
        repeat {
            guard !Task.isCancelled else { throw .cancelled }
            let page = try await page(of: listing, after: cursor)
            var entries: [PlacedEntry<Records.Entry>] = []
            entries.reserveCapacity(page.items.count)
            for entry in page.items {
                entries.append(
                    PlacedEntry(place: place, entry: entry, digest: try digest(entry, at: place, of: listing.account)))
                place += 1
            }
            guard try await body(entries) else { return }
            cursor = page.next
        } while cursor != nil
    }

    private func page(
        of listing: AccountListing<Records.Entry>, after cursor: PageCursor?
    ) async throws(StoreCopyError) -> Page<Records.Entry> {
        if let entries = listing.entries { return Page(items: entries, next: nil) }
        return try await reading { () async throws(StorageError) in
            try await records.entries(of: listing.account, after: cursor)
        }
    }

    /// Reads something; when the store is unavailable, again.
    private func reading<Value>(
        _ body: () async throws(StorageError) -> Value
    ) async throws(StoreCopyError) -> Value {
        var attempt = 0
        while true {
            do throws(StorageError) {
                return try await body()
            } catch {
                attempt += 1
                try await wait(afterAttempt: attempt, error)
            }
        }
    }

    /// Waits until something may be tried again that the store was unavailable for.
    ///
    /// - Throws: the error, when it is another or has come ``StoreCopy/attemptCountMax`` times.
    func wait(afterAttempt attempt: Int, _ error: StorageError) async throws(StoreCopyError) {
        guard case .unavailable = error, attempt < StoreCopy.attemptCountMax else { throw .storage(error, side, kind) }
        do {
            try await Task.sleep(for: retryDelay * (1 << (attempt - 1)))
        } catch {
            throw .cancelled
        }
    }

    private func digest(
        _ entry: Records.Entry, at place: Int, of account: BareJID
    ) throws(StoreCopyError) -> EntryDigest {
        var encoding = EntryEncoding()
        encoding.append(account.description)
        Records.encode(entry, at: place, into: &encoding)
        do throws(CryptoError) { return try EntryDigest(encoding) } catch { throw .digest(error) }
    }

    /// Counts and digest of what an account has.
    func summary(of listing: AccountListing<Records.Entry>) async throws(StoreCopyError) -> StoreSummary {
        var summary = StoreSummary()
        try await forEachPage(of: listing) { entries in
            summary.entryCount += entries.count
            for entry in entries { summary.digest += entry.digest }
            return true
        }
        summary.accountCount = summary.entryCount > 0 ? 1 : 0
        return summary
    }
}

extension Result where Failure == StoreCopyError, Success: Sendable {
    fileprivate init<Argument>(
        catching body: (Argument) async throws(StoreCopyError) -> Success, _ argument: Argument
    ) async {
        do throws(StoreCopyError) {
            self = .success(try await body(argument))
        } catch {
            self = .failure(error)
        }
    }
}
