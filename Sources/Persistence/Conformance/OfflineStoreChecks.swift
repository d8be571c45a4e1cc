// SPDX-License-Identifier: Apache-2.0
// The contract of OfflineStore.

public import XMPPCore

/// The checks of an offline message store.
public enum OfflineStoreChecks {
    /// Every check.
    public static let all: [ConformanceCheck<any OfflineStore>] = messages + removals

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
        ConformanceCheck("messagesComeBack", "A message comes back byte for byte, with sender and times.") { store in
            let juliet = try Fixtures.juliet()
            var expected: [OfflineMessage] = []
            let texts = Fixtures.hostileTexts.map { "<message><body>\($0)</body></message>" }
            for (index, text) in texts.enumerated() {
                for contact in try Fixtures.hostileContacts().prefix(index == 0 ? .max : 1) {
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
        ConformanceCheck("listing", "A listing has every account with messages once, in pages of at most the limit.") {
            store in
            try await checkListing(
                of: try Fixtures.hostileAccounts(),
                add: { account in
                    for _ in 0..<2 {
                        try expectEqual(
                            try await store.append(try message("m"), for: account, messageCountMax: nil), .stored)
                    }
                },
                remove: { try await store.removeAll(for: $0) },
                page: { try await store.accounts(after: $0, limit: $1) },
                account: { $0 }
            )
        },
        ConformanceCheck("removal", "Removal removes the messages of an account, or a domain, and nothing else.") {
            store in
            try await checkRemoval(
                store,
                add: { account in
                    try expectEqual(
                        try await store.append(try message("m"), for: account, messageCountMax: nil), .stored)
                },
                holds: { try await store.messageCount(for: $0) > 0 }
            )
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any OfflineStore>] = [
        ReopenCheck("messagesAreDurable", "When a method that changes data returns, the change is durable.") { store in
            for account in try Fixtures.hostileAccounts() {
                for index in 0..<3 {
                    try expectEqual(
                        try await store.append(try message("\(index)"), for: account, messageCountMax: nil), .stored)
                }
            }
        } verify: { store in
            for account in try Fixtures.hostileAccounts() {
                try expectEqual(try await texts(store, account), ["0", "1", "2"])
            }
        },
        ReopenCheck("removedMessagesStayRemoved", "What was removed never comes back.") { store in
            let juliet = try Fixtures.juliet()
            for index in 0..<4 {
                try expectEqual(
                    try await store.append(try message("\(index)"), for: juliet, messageCountMax: nil), .stored)
            }
            let ids = try await store.messages(for: juliet, at: 0, after: nil, limit: 4).items.map(\.id)
            try expectEqual(try await store.remove(Array(ids.dropFirst(2)), for: juliet), 2)
        } verify: { store in
            let juliet = try Fixtures.juliet()
            try expectEqual(try await texts(store, juliet), ["0", "1"])
            let old =
                try await store.messages(for: juliet, at: 0, after: nil, limit: 4).items.map(\.id.number).max() ?? 0
            try expectEqual(try await store.append(try message("new"), for: juliet, messageCountMax: nil), .stored)
            let new =
                try await store.messages(for: juliet, at: 0, after: nil, limit: 4).items.map(\.id.number).max() ?? 0
            try expect(new > old + 2, "the name of a message that was removed was given again")
        },
    ]
}
