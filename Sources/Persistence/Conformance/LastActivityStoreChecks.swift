// SPDX-License-Identifier: Apache-2.0
// The contract of LastActivityStore.

public import XMPPCore

/// The checks of a last activity store.
public enum LastActivityStoreChecks {
    /// Every check.
    public static let all: [ConformanceCheck<any LastActivityStore>] = [
        ConformanceCheck("absentRecordIsNil", "What is absent is nil or empty, never an error.") { store in
            try expectEqual(try await store.lastActivity(of: try Fixtures.juliet()), nil)
            try expectEqual(try await store.activeAccountCount(in: "capulet.example", since: 0), 0)
            try expectEqual(try await store.entries(after: nil, limit: 10), Page(items: [], next: nil))
        },
        ConformanceCheck("recordComesBack", "The record is the one that was last stored.") { store in
            let juliet = try Fixtures.juliet()
            for (index, text) in Fixtures.hostileTexts.enumerated() {
                let record = LastActivityRecord(seconds: 1_700_000_000 + Int64(index), status: text)
                try await store.setLastActivity(record, of: juliet)
                let found = try await store.lastActivity(of: juliet)
                try expectEqual(found?.seconds, record.seconds)
                try expectEqual(found.map { Array($0.status.utf8) }, Array(text.utf8))
            }
            try expectEqual(try await store.entries(after: nil, limit: 10).items.count, 1)
        },
        ConformanceCheck("hostileAccountsAreApart", "Two accounts are the same only if their bytes are.") { store in
            let accounts = try Fixtures.hostileAccounts()
            for (index, account) in accounts.enumerated() {
                try await store.setLastActivity(LastActivityRecord(seconds: Int64(index), status: ""), of: account)
            }
            for (index, account) in accounts.enumerated() {
                try expectEqual(try await store.lastActivity(of: account)?.seconds, Int64(index))
            }
        },
        ConformanceCheck("activeAccountsAreCounted", "Counted are the accounts of the domain at or after the time.") {
            store in
            for seconds in Int64(0)..<10 {
                for domain in ["capulet.example", "a.capulet.example"] {
                    let account = try BareJID("account\(seconds)@\(domain)")
                    try await store.setLastActivity(LastActivityRecord(seconds: seconds, status: ""), of: account)
                }
            }
            for (since, count) in [(0, 10), (4, 6), (9, 1), (10, 0), (.max, 0)] as [(Int64, Int)] {
                try expectEqual(try await store.activeAccountCount(in: "capulet.example", since: since), count)
            }
        },
        ConformanceCheck("concurrentRecordsLeaveOne", "Concurrent calls leave one whole record.") { store in
            let juliet = try Fixtures.juliet()
            let results = try await Fixtures.concurrently(50) { index in
                let record = LastActivityRecord(seconds: Int64(index), status: "\(index)")
                try await store.setLastActivity(record, of: juliet)
                return record
            }
            let found = try await store.lastActivity(of: juliet)
            try expect(results.contains { $0 == found }, "the record is none of those that were stored")
        },
        ConformanceCheck("listing", "A listing has every record once, in pages of at most the limit.") { store in
            try await checkListing(
                of: try Fixtures.hostileAccounts(),
                add: { try await store.setLastActivity(LastActivityRecord(seconds: 1, status: "\($0)"), of: $0) },
                remove: { try await store.removeAll(for: $0) },
                page: { try await store.entries(after: $0, limit: $1) },
                account: { $0.account }
            )
        },
        ConformanceCheck("removal", "Removal removes the records of an account, or a domain, and nothing else.") {
            store in
            try await checkRemoval(
                store,
                add: { try await store.setLastActivity(LastActivityRecord(seconds: 1, status: ""), of: $0) },
                holds: { try await store.lastActivity(of: $0) != nil }
            )
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any LastActivityStore>] = [
        ReopenCheck("recordsAreDurable", "When a method that changes data returns, the change is durable.") { store in
            for (index, account) in try Fixtures.hostileAccounts().enumerated() {
                try await store.setLastActivity(LastActivityRecord(seconds: Int64(index), status: "s"), of: account)
            }
        } verify: { store in
            for (index, account) in try Fixtures.hostileAccounts().enumerated() {
                let record = LastActivityRecord(seconds: Int64(index), status: "s")
                try expectEqual(try await store.lastActivity(of: account), record)
            }
        }
    ]
}
