// SPDX-License-Identifier: Apache-2.0
// The backend of docs/backends.md, which shows all of this file from the first import on.

import Synchronization
import Testing
import XMPPCore
import XMPPPersistenceConformance

/// When accounts were last online, in the memory of the process.
final class MemoryLastActivityStore: LastActivityStore {
    private let records = Mutex<[BareJID: LastActivityRecord]>([:])

    func lastActivity(of account: BareJID) async throws(StorageError) -> LastActivityRecord? {
        records.withLock { $0[account] }
    }

    func setLastActivity(_ record: LastActivityRecord, of account: BareJID) async throws(StorageError) {
        records.withLock { $0[account] = record }
    }

    func activeAccountCount(in domain: String, since seconds: Int64) async throws(StorageError) -> Int {
        records.withLock { $0.count { $0.key.domainpart == domain && $0.value.seconds >= seconds } }
    }

    func entries(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<LastActivityEntry> {
        let limit = min(max(limit, 1), Page<LastActivityEntry>.itemCountMax)
        return records.withLock { records in
            let rest = records.keys.sorted { $0.description < $1.description }
                .filter { account in cursor.map { account.description > $0.key[0] } ?? true }
            let items = rest.prefix(limit).compactMap { account in
                records[account].map { LastActivityEntry(account: account, record: $0) }
            }
            guard rest.count > limit, let last = items.last else { return Page(items: items, next: nil) }
            return Page(items: items, next: PageCursor(key: [last.account.description]))
        }
    }

    func removeAll(for account: BareJID) async throws(StorageError) {
        records.withLock { $0[account] = nil }
    }

    func removeAll(domain: String) async throws(StorageError) {
        records.withLock { records in records = records.filter { $0.key.domainpart != domain } }
    }
}

@Suite struct MemoryLastActivityStoreTests {
    @Test(arguments: LastActivityStoreChecks.all)
    func keepsTheContract(_ check: ConformanceCheck<any LastActivityStore>) async throws {
        try await check.run(MemoryLastActivityStore())
    }
}
