// SPDX-License-Identifier: Apache-2.0
// The contract of LastActivityStore.

public import XMPPCore

/// The checks of a last activity store.
public enum LastActivityStoreChecks {
    /// Every check.
    public static let all: [ConformanceCheck<any LastActivityStore>] = own + data.checks

    private static let data = AccountData<any LastActivityStore>(
        put: { store, account, text in
            let record = LastActivityRecord(seconds: Int64(text.utf8.count), status: text)
            try await store.setLastActivity(record, of: account)
        },
        get: { store, account in
            let record = try await store.lastActivity(of: account)
            try expect(
                record.map { $0.seconds == $0.status.utf8.count } ?? true, "half a record was found")
            return record?.status
        },
        list: { store, cursor, limit in
            let page = try await store.entries(after: cursor, limit: limit)
            return Page(items: page.items.map(\.account), next: page.next)
        },
        base: { $0 }
    )

    private static let own: [ConformanceCheck<any LastActivityStore>] = [
        ConformanceCheck("absentRecordIsNil", "What is absent is nil or empty, never an error.") { store in
            try expectEqual(try await store.lastActivity(of: try Fixtures.juliet()), nil)
            try expectEqual(try await store.activeAccountCount(in: "capulet.example", since: 0), 0)
            try expectEqual(try await store.entries(after: nil, limit: 10), Page(items: [], next: nil))
        },
        ConformanceCheck("recordComesBack", "The record is the one that was last stored.") { store, limits in
            let juliet = try Fixtures.juliet()
            for (index, text) in Fixtures.hostileTexts(limits).enumerated() {
                let record = LastActivityRecord(seconds: 1_700_000_000 + Int64(index), status: text)
                try await store.setLastActivity(record, of: juliet)
                let found = try await store.lastActivity(of: juliet)
                try expectEqual(found?.seconds, record.seconds)
                try expectEqual(found.map { Array($0.status.utf8) }, Array(text.utf8))
            }
            try expectEqual(try await store.entries(after: nil, limit: 10).items.count, 1)
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
        ConformanceCheck("secondsComeBack", "Seconds come back; later ones than 2038 may be the column's greatest.") {
            store in
            let juliet = try Fixtures.juliet()
            for seconds in [0, 1, Int64(Int32.max), Int64(Int32.max) + 1, 1 << 40] {
                try await store.setLastActivity(LastActivityRecord(seconds: seconds, status: ""), of: juliet)
                let found = try await store.lastActivity(of: juliet)?.seconds
                let most = seconds > Int64(Int32.max) ? Int64(Int32.max) : seconds
                try expect(found == seconds || found == most, "\(seconds) became \(found ?? -1)")
                try expectEqual(try await store.activeAccountCount(in: juliet.domainpart, since: most), 1)
            }
        },
        ConformanceCheck("entriesHaveTheirRecords", "A listing has each account with its own record.") { store in
            for index in 0..<20 {
                let record = LastActivityRecord(seconds: Int64(index), status: "\(index)")
                try await store.setLastActivity(record, of: try BareJID("account\(index)@capulet.example"))
            }
            for entry in try await Fixtures.all({ try await store.entries(after: $0, limit: 3) }) {
                try expectEqual(entry.account.localpart, "account\(entry.record.status)")
                try expectEqual("\(entry.record.seconds)", entry.record.status)
            }
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any LastActivityStore>] = data.reopening
}
