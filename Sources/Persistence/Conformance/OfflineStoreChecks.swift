// SPDX-License-Identifier: Apache-2.0
// The contract of OfflineStore.

public import XMPPCore

/// The checks of an offline message store.
public enum OfflineStoreChecks {
    /// Every check.
    public static let all: [ConformanceCheck<any OfflineStore>] = messages + removals + data.checks

    private static let data = AccountData<any OfflineStore>(
        put: { store, account, text in
            let message = OfflineMessage(
                from: account.jid, stanza: Array(text.utf8), receivedMicroseconds: Int64(text.utf8.count))
            try expectEqual(try await store.append(message, for: account, messageCountMax: nil), .stored)
        },
        get: { store, account in
            let stored = try await Fixtures.all { try await store.messages(for: account, at: 0, after: $0, limit: 100) }
            guard let message = stored.last?.message else { return nil }
            try expectEqual(message.from, account.jid)
            try expect(message.receivedMicroseconds == message.stanza.count, "half a message was found")
            return String(decoding: message.stanza, as: UTF8.self)
        },
        list: { try await $0.accounts(after: $1, limit: $2) },
        base: { $0 }
    )

    private static func message(_ text: String, at microseconds: Int64 = 0, expiry: Int64? = nil) throws
        -> OfflineMessage
    {
        OfflineMessage(
            from: try JID("romeo@montague.example/orchard"),
            stanza: Array(text.utf8),
            receivedMicroseconds: microseconds,
            expiryMicroseconds: expiry
        )
    }

    private static func texts(_ store: any OfflineStore, _ account: BareJID, at now: Int64 = 0) async throws -> [String]
    {
        try await Fixtures.all { try await store.messages(for: account, at: now, after: $0, limit: 3) }
            .map { String(decoding: $0.message.stanza, as: UTF8.self) }
    }

    private static let messages: [ConformanceCheck<any OfflineStore>] = [
        ConformanceCheck("absentMessagesAreEmpty", "What is absent is nil or empty, never an error.") { store in
            let juliet = try Fixtures.juliet()
            try expectEqual(try await store.messageCount(for: juliet), 0)
            try expectEqual(
                try await store.messages(for: juliet, at: 0, after: nil, limit: 10),
                Page(items: [], next: nil)
            )
            try expectEqual(try await store.accounts(after: nil, limit: 10), Page(items: [], next: nil))
            try expectEqual(try await store.remove([OfflineMessageID(1)], for: juliet), 0)
            try expectEqual(try await store.remove([], for: juliet), 0)
            try expectEqual(try await store.removeExpired(at: .max, limit: 10), 0)
        },
        ConformanceCheck("messagesComeBack", "A message comes back byte for byte, with sender and times.") {
            store, limits in
            let juliet = try Fixtures.juliet()
            var expected: [OfflineMessage] = []
            let texts = Fixtures.hostileTexts(limits).map { String("<m>\($0)</m>".prefix(limits.textByteCountMax / 4)) }
            for (index, text) in texts.enumerated() {
                for contact in try Fixtures.hostileContacts(limits).prefix(index == 0 ? .max : 1) {
                    let message = OfflineMessage(
                        from: contact,
                        stanza: Array(text.utf8),
                        receivedMicroseconds: 1_700_000_000_000_000 + Int64(index),
                        expiryMicroseconds: index % 2 == 0 ? nil : Int64.max - Int64(index)
                    )
                    expected.append(message)
                    try expectEqual(try await store.append(message, for: juliet, messageCountMax: nil), .stored)
                }
            }
            let found = try await Fixtures.all { try await store.messages(for: juliet, at: 0, after: $0, limit: 7) }
            try expectEqual(found.map(\.message), expected)
            try expectEqual(try await store.messageCount(for: juliet), expected.count)
        },
        ConformanceCheck("orderIsOfStoring", "Messages are read in the order in which they were stored.") { store in
            let juliet = try Fixtures.juliet()
            let romeo = try Fixtures.romeo()
            // Times that run backwards must not turn the order around.
            for index in 0..<50 {
                for account in [juliet, romeo] {
                    let message = try message("\(index)", at: Int64(1_000 - index))
                    try expectEqual(try await store.append(message, for: account, messageCountMax: nil), .stored)
                }
            }
            try expectEqual(try await texts(store, juliet), (0..<50).map { "\($0)" })
        },
        ConformanceCheck("readingLeavesMessages", "Reading leaves the messages where they are.") { store in
            let juliet = try Fixtures.juliet()
            for index in 0..<5 {
                try expectEqual(
                    try await store.append(try message("\(index)"), for: juliet, messageCountMax: nil), .stored)
            }
            let first = try await texts(store, juliet)
            try expectEqual(try await texts(store, juliet), first)
            try expectEqual(first.count, 5)
        },
        ConformanceCheck("messageCountMaxHolds", "Concurrent calls never exceed the bound of an account.") { store in
            let juliet = try Fixtures.juliet()
            let results = try await Fixtures.concurrently(30) { index in
                try await store.append(try message("\(index)"), for: juliet, messageCountMax: 10)
            }
            try expectEqual(results.count { $0 == .stored }, 10)
            try expectEqual(try await store.messageCount(for: juliet), 10)
            try expectEqual(try await store.append(try message("x"), for: juliet, messageCountMax: 0), .limitExceeded)
            try expectEqual(try await store.append(try message("x"), for: juliet, messageCountMax: 10), .limitExceeded)
            try expectEqual(try await store.append(try message("x"), for: juliet, messageCountMax: 11), .stored)
            let romeo = try Fixtures.romeo()
            try expectEqual(try await store.append(try message("x"), for: romeo, messageCountMax: 1), .stored)
            try expectEqual(try await store.append(try message("x"), for: romeo, messageCountMax: 1), .limitExceeded)
        },
        ConformanceCheck("pagesWhileMessagesCome", "An entry that comes while pages are read appears at most once.") {
            store in
            let juliet = try Fixtures.juliet()
            for index in 0..<6 {
                try expectEqual(
                    try await store.append(try message("\(index)"), for: juliet, messageCountMax: nil), .stored)
            }
            var found: [String] = []
            var cursor: PageCursor?
            for round in 0..<4 {
                let page = try await store.messages(for: juliet, at: 0, after: cursor, limit: 2)
                found += page.items.map { String(decoding: $0.message.stanza, as: UTF8.self) }
                try expectEqual(try await store.remove(page.items.map(\.id), for: juliet), page.items.count)
                let late = try message("late \(round)")
                try expectEqual(try await store.append(late, for: juliet, messageCountMax: nil), .stored)
                cursor = page.next
            }
            try expectEqual(found, ["0", "1", "2", "3", "4", "5", "late 0", "late 1"])
            try expectEqual(try await texts(store, juliet), ["late 2", "late 3"])
        },
    ]

    private static let removals: [ConformanceCheck<any OfflineStore>] = [
        ConformanceCheck("removeTakesOnlyNamed", "Removing takes the named messages of the account and no others.") {
            store in
            let juliet = try Fixtures.juliet()
            let romeo = try Fixtures.romeo()
            for index in 0..<6 {
                for account in [juliet, romeo] {
                    try expectEqual(
                        try await store.append(try message("\(index)"), for: account, messageCountMax: nil), .stored)
                }
            }
            let ids = try await store.messages(for: juliet, at: 0, after: nil, limit: 10).items.map(\.id)
            try expectEqual(try await store.remove([ids[0], ids[2], ids[0]], for: juliet), 2)
            try expectEqual(try await store.remove([ids[1]], for: romeo), 0)
            try expectEqual(try await texts(store, juliet), ["1", "3", "4", "5"])
            try expectEqual(try await texts(store, romeo).count, 6)
        },
        ConformanceCheck("idsAreNeverGivenAgain", "The name of a message is never given to another message.") { store in
            let juliet = try Fixtures.juliet()
            var seen: Set<OfflineMessageID> = []
            for index in 0..<5 {
                try expectEqual(
                    try await store.append(try message("\(index)"), for: juliet, messageCountMax: nil), .stored)
                let page = try await store.messages(for: juliet, at: 0, after: nil, limit: 10)
                for id in page.items.map(\.id) { try expect(seen.insert(id).inserted, "a name was given again") }
                if index % 2 == 0 {
                    try expectEqual(try await store.remove(page.items.map(\.id), for: juliet), 1)
                } else {
                    try await store.removeAll(for: juliet)
                }
            }
        },
        ConformanceCheck("concurrentRemovalsCountOnce", "A message that was removed never comes back.") { store in
            let juliet = try Fixtures.juliet()
            for index in 0..<20 {
                try expectEqual(
                    try await store.append(try message("\(index)"), for: juliet, messageCountMax: nil), .stored)
            }
            let ids = try await store.messages(for: juliet, at: 0, after: nil, limit: 20).items.map(\.id)
            let counts = try await Fixtures.concurrently(10) { _ in try await store.remove(ids, for: juliet) }
            try expectEqual(counts.reduce(0, +), 20)
            try expectEqual(try await store.messageCount(for: juliet), 0)
        },
        ConformanceCheck("expiredAreLeftOut", "Messages that have expired are left out, and removed when asked for.") {
            store in
            let juliet = try Fixtures.juliet()
            let expiries: [Int64?] = [nil, 99, 100, 101, nil]
            for (index, expiry) in expiries.enumerated() {
                let message = try message("\(index)", expiry: expiry)
                try expectEqual(try await store.append(message, for: juliet, messageCountMax: nil), .stored)
            }
            try expectEqual(try await texts(store, juliet, at: 98), ["0", "1", "2", "3", "4"])
            try expectEqual(try await texts(store, juliet, at: 100), ["0", "3", "4"])
            try expectEqual(try await store.messageCount(for: juliet), 5)
            try expectEqual(try await store.removeExpired(at: 100, limit: 1), 1)
            try expectEqual(try await store.removeExpired(at: 100, limit: 10), 1)
            try expectEqual(try await store.removeExpired(at: 100, limit: 10), 0)
            try expectEqual(try await texts(store, juliet), ["0", "3", "4"])
            try expectEqual(try await store.messageCount(for: juliet), 3)
        },
        ConformanceCheck("expiredOfAllAreRemoved", "Expired messages of any account are removed, the limit at a time.")
        {
            store in
            for index in 0..<12 {
                let account = try BareJID("account\(index % 4)@domain\(index % 3).example")
                let message = try message("\(index)", expiry: index < 10 ? 1 : nil)
                try expectEqual(try await store.append(message, for: account, messageCountMax: nil), .stored)
            }
            var counts: [Int] = []
            repeat { counts.append(try await store.removeExpired(at: 1, limit: 4)) } while counts.last == 4
            try expectEqual(counts.reduce(0, +), 10)
            try expectEqual(try await store.removeExpired(at: .max, limit: .max), 0)
            try expectEqual(try await store.accounts(after: nil, limit: 100).items.count, 2)
        },
        ConformanceCheck("removalIsOneStep", "Messages are removed all or none, also where calls are cancelled.") {
            store in
            let juliet = try Fixtures.juliet()
            for index in 0..<60 {
                try expectEqual(
                    try await store.append(try message("\(index)"), for: juliet, messageCountMax: nil), .stored)
            }
            let stored = try await Fixtures.all { try await store.messages(for: juliet, at: 0, after: $0, limit: 100) }
            let removed = await withTaskGroup(of: Range<Int>?.self) { group in
                for start in stride(from: 0, to: 60, by: 6) {
                    if start == 30 { group.cancelAll() }
                    group.addTask {
                        let range = start..<start + 6
                        // Any error of a cancelled call means no more than that nothing was promised.
                        do {
                            return try await store.remove(stored[range].map(\.id), for: juliet) == 6 ? range : nil
                        } catch { return nil }
                    }
                }
                return await group.reduce(into: Set<Range<Int>>()) { if let range = $1 { $0.insert(range) } }
            }
            let left = Set(try await texts(store, juliet).compactMap { Int($0) })
            for start in stride(from: 0, to: 60, by: 6) {
                let count = left.intersection(start..<start + 6).count
                try expect(count == 0 || count == 6, "\(count) of 6 messages are left")
                try expect(count == 0 || !removed.contains(start..<start + 6), "a message that was removed is there")
            }
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any OfflineStore>] =
        data.reopening + [
            ReopenCheck("removedMessagesStayRemoved", "What was removed never comes back.") { store, _ in
                let juliet = try Fixtures.juliet()
                for index in 0..<4 {
                    try expectEqual(
                        try await store.append(try message("\(index)"), for: juliet, messageCountMax: nil), .stored)
                }
                let ids = try await store.messages(for: juliet, at: 0, after: nil, limit: 4).items.map(\.id)
                try expectEqual(try await store.remove(Array(ids.dropFirst(2)), for: juliet), 2)
            } verify: { store, _ in
                let juliet = try Fixtures.juliet()
                try expectEqual(try await texts(store, juliet), ["0", "1"])
                let old =
                    try await store.messages(for: juliet, at: 0, after: nil, limit: 4).items.map(\.id.number).max() ?? 0
                try expectEqual(try await store.append(try message("new"), for: juliet, messageCountMax: nil), .stored)
                let new =
                    try await store.messages(for: juliet, at: 0, after: nil, limit: 4).items.map(\.id.number).max() ?? 0
                try expect(new > old + 2, "the name of a message that was removed was given again")
            }
        ]
}
