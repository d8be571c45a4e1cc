// SPDX-License-Identifier: Apache-2.0
// The contract of AccountDataStore and of every listing: what holds of each store, whatever its data is.

import XMPPCore

/// How the checks that hold of every store put something into it and look at it.
struct AccountData<Store: Sendable>: Sendable {
    /// Stores a text for an account, in several parts if the store's data has several, so that half of it shows.
    let put: @Sendable (Store, BareJID, String) async throws -> Void
    /// The text that was stored last for an account; nil when there is nothing. Throws when it is not whole.
    let get: @Sendable (Store, BareJID) async throws -> String?
    /// A page of the accounts for which there is something.
    let list: @Sendable (Store, PageCursor?, Int) async throws -> Page<BareJID>
    /// The store as what every store is.
    let base: @Sendable (Store) -> any AccountDataStore

    /// The checks that hold of every store.
    var checks: [ConformanceCheck<Store>] { calls + values + listings }

    /// The checks with a closing between.
    var reopening: [ReopenCheck<Store>] {
        [
            ReopenCheck("changesAreDurable", "When a method that changes data returns, the change is durable.") {
                store, limits in
                for (index, account) in try Fixtures.hostileAccounts(limits).enumerated() {
                    try await put(store, account, "before")
                    try await put(store, account, "\(index)")
                }
            } verify: { store, limits in
                for (index, account) in try Fixtures.hostileAccounts(limits).enumerated() {
                    try expectEqual(try await get(store, account), "\(index)")
                }
            },
            ReopenCheck("removalIsDurable", "When a method that changes data returns, the change is durable.") {
                store, _ in
                for account in try Self.someAccounts(10) { try await put(store, account, "text") }
                try await base(store).removeAll(for: try Self.someAccounts(1)[0])
                let romeo = try Fixtures.romeo()
                try await put(store, romeo, "text")
                try await base(store).removeAll(domain: romeo.domainpart)
            } verify: { store, _ in
                for (index, account) in try Self.someAccounts(10).enumerated() {
                    try expectEqual(try await get(store, account), index == 0 ? nil : "text")
                }
                try expectEqual(try await get(store, try Fixtures.romeo()), nil)
            },
        ]
    }

    private static func someAccounts(_ count: Int) throws -> [BareJID] {
        try (0..<count).map { try BareJID("account\($0)@capulet.example") }
    }

    /// Stores something that the store may refuse, and checks that it is refused whole, or there.
    ///
    /// - Returns: whether it was stored.
    private func putIfItHolds(_ store: Store, _ account: BareJID, _ text: String, line: UInt = #line) async throws
        -> Bool
    {
        try await isAccepted { try await put(store, account, text) }
    }

    // MARK: Calls

    private var calls: [ConformanceCheck<Store>] {
        [
            ConformanceCheck("callerIsNotBlocked", "A call does not block the caller's executor.") { store in
                let account = try Fixtures.juliet()
                try await put(store, account, "before")
                try await checkCallerIsNotBlocked { try await put(store, account, "text") }
                try await checkCallerIsNotBlocked { try expectEqual(try await get(store, account), "text") }
            },
            ConformanceCheck("laterCallsSeeChanges", "When a call returns, its change is seen by every later call.") {
                store in
                try await Fixtures.concurrently(16) { writer in
                    let account = try BareJID("writer\(writer)@capulet.example")
                    for round in 0..<8 {
                        try await put(store, account, "\(round)")
                        try expectEqual(try await get(store, account), "\(round)")
                    }
                    try await base(store).removeAll(for: account)
                    try expectEqual(try await get(store, account), nil)
                }
            },
            ConformanceCheck("concurrentCallsLeaveOneWhole", "Concurrent calls for one account leave a whole change.") {
                store in
                let account = try Fixtures.juliet()
                try await put(store, account, "before")
                try expectEqual(try await get(store, account), "before")
                let texts = try await Fixtures.concurrently(50) { index in
                    try await put(store, account, "\(index)")
                    return "\(index)"
                }
                let found = try await get(store, account)
                try expect(texts.contains { $0 == found }, "found \(found ?? "nothing"), which nobody stored last")
            },
            ConformanceCheck("cancellingLeavesNoHalf", "Cancelling does not undo a change, nor leave half of one.") {
                store in
                let accounts = try Self.someAccounts(40)
                for account in accounts { try await put(store, account, "before") }
                let acknowledged = await withTaskGroup(of: BareJID?.self) { group in
                    for (index, account) in accounts.enumerated() {
                        // Half of them are under way then, or will be when they notice.
                        if index == 20 { group.cancelAll() }
                        group.addTask {
                            // Any error of a cancelled call means no more than that nothing was promised.
                            do { try await put(store, account, "after") } catch { return nil }
                            return account
                        }
                    }
                    return await group.reduce(into: Set<BareJID>()) { if let account = $1 { $0.insert(account) } }
                }
                for account in accounts {
                    let found = try await get(store, account)
                    try expect(found == "after" || found == "before", "half a change is left")
                    try expect(found == "after" || !acknowledged.contains(account), "an acknowledged change is gone")
                }
            },
            ConformanceCheck("removal", "Removal removes the data of an account, or of a domain, and nothing else.") {
                store in try await checkRemoval(store)
            },
        ]
    }

    private func checkRemoval(_ store: Store) async throws {
        let accounts = try [
            "juliet@capulet.example", "juli_t@capulet.example", "%@capulet.example", "juliet2@capulet.example",
            "julie@capulet.example", "juli\u{E9}t@capulet.example", "nurse@capulet.example",
            "juliet@a.capulet.example", "juliet@capulet.exampl", "juliet@capulet.example.net",
            "juliet@xcapulet.example", "juliet@capuletxexample", "juliet@capul\u{E9}t.example",
        ].map { try BareJID($0) }
        for account in accounts { try await put(store, account, "text") }
        var removed: Set<BareJID> = []
        for account in [accounts[2], accounts[1], accounts[0], accounts[0]] {
            try await base(store).removeAll(for: account)
            removed.insert(account)
            for account in accounts {
                try expectEqual(try await get(store, account), removed.contains(account) ? nil : "text")
            }
        }
        for domain in ["capulet.example", "capulet.example", "unknown.example"] {
            try await base(store).removeAll(domain: domain)
            for account in accounts {
                try expectEqual(try await get(store, account), account.domainpart == "capulet.example" ? nil : "text")
            }
        }
        for account in accounts where account.domainpart == "capulet.example" {
            try await put(store, account, "again")
            try expectEqual(try await get(store, account), "again")
        }
    }

    // MARK: Names and texts

    private var values: [ConformanceCheck<Store>] {
        [
            ConformanceCheck("hostileAccountsAreApart", "Two accounts are the same only if their bytes are.") {
                store, limits in
                let accounts = try Fixtures.hostileAccounts(limits)
                for (index, account) in accounts.enumerated() {
                    try expectEqual(try await get(store, account), nil)
                    try await put(store, account, "\(index)")
                }
                for (index, account) in accounts.enumerated() {
                    try expectEqual(try await get(store, account), "\(index)")
                }
            },
            ConformanceCheck(
                "longAccountsAreKeptOrRefused",
                "What a store cannot hold it refuses; it cuts nothing, and mixes nothing up."
            ) { store, limits in
                let most = limits.localpartCharacterCountMax
                for count in Set([most, most + 1, 2 * most, 1_023]) where count <= 1_023 {
                    let name = Fixtures.longName(count - 1)
                    let accounts = try ["x", "y"].map {
                        try BareJID(localpart: name + $0, domainpart: "capulet.example")
                    }
                    for account in accounts {
                        if try await putIfItHolds(store, account, "text of \(account)") { continue }
                        try expect(count > most, "a localpart of \(count) characters is refused")
                    }
                    for account in accounts {
                        let found = try await valueIfItHolds { try await get(store, account) }
                        try expect(found == nil || found == "text of \(account)", "another account's data was found")
                    }
                    for count in [most, most - 1] {
                        let cut = try BareJID(localpart: String(name.prefix(count)), domainpart: "capulet.example")
                        if cut.localpart != name { try expectEqual(try await get(store, cut), nil) }
                    }
                }
            },
            ConformanceCheck(
                "hostileTextsAreKeptOrRefused",
                "What a store cannot hold it refuses; it cuts nothing, and mixes nothing up."
            ) { store, limits in
                let account = try Fixtures.juliet()
                let long = String(repeating: "\u{1F600}", count: limits.textByteCountMax / 4)
                for text in ["\u{0}", "a\u{0}b", "a\u{0}", "\u{0}a", long + "a", long + long + "b"] {
                    try await put(store, account, "before")
                    let isStored = try await putIfItHolds(store, account, text)
                    let found = try await get(store, account)
                    try expect(
                        found.map { Array($0.utf8) } == Array((isStored ? text : "before").utf8),
                        "a text that \(isStored ? "was stored" : "was refused") left something else")
                }
            },
        ]
    }

    // MARK: Listings

    private var listings: [ConformanceCheck<Store>] {
        [
            ConformanceCheck("listing", "A listing has every account once, in one order, in pages of the limit.") {
                store, limits in
                let accounts = try Fixtures.hostileAccounts(limits)
                for account in accounts { try await put(store, account, "text") }
                var order: [BareJID]?
                for limit in [1, 2, 7, accounts.count, accounts.count + 1] {
                    let listed = try await Fixtures.all { cursor in
                        let page = try await list(store, cursor, limit)
                        try expect(page.items.count <= limit, "\(page.items.count) entries for a limit of \(limit)")
                        return page
                    }
                    try expectEqual(listed.count, accounts.count)
                    try expectEqual(Set(listed), Set(accounts))
                    if let order { try expectEqual(listed, order) }
                    order = listed
                }
                // An entry that goes meanwhile, the very one that the cursor stands on, does not end or repeat it.
                let first = try await list(store, nil, 3)
                if let gone = first.items.last { try await base(store).removeAll(for: gone) }
                let rest = try await Fixtures.all { try await list(store, $0 ?? first.next, 3) }
                try expectEqual(first.items + rest, order ?? [])
            },
            ConformanceCheck(
                "pagesWhileAccountsComeAndGo",
                "An entry that is there throughout appears once; one that comes or goes, at most once."
            ) { store in
                let accounts = try Self.someAccounts(60)
                for (index, account) in accounts.enumerated() where index % 3 != 2 {
                    try await put(store, account, "text")
                }
                var round = 0
                let listed = try await Fixtures.all { cursor in
                    let page = try await list(store, cursor, 4)
                    // Some go, and others come, before the cursor and behind it.
                    for index in [3 * round + 1, 58 - 3 * round] where accounts.indices.contains(index) {
                        try await base(store).removeAll(for: accounts[index])
                    }
                    for index in [3 * round + 2, 59 - 3 * round] where accounts.indices.contains(index) {
                        try await put(store, accounts[index], "text")
                    }
                    round += 1
                    return page
                }
                try expectEqual(Set(listed).count, listed.count)
                let steady = accounts.indices.filter { $0 % 3 == 0 }.map { accounts[$0] }
                try expect(Set(listed).isSuperset(of: steady), "an entry that was there throughout is missing")
            },
            ConformanceCheck("limitsOutOfRange", "A limit that is out of range reads as the nearest one in it.") {
                store in
                let most = Page<BareJID>.itemCountMax
                let writerCount = 20
                try await Fixtures.concurrently(writerCount) { writer in
                    for index in stride(from: writer, to: most + 1, by: writerCount) {
                        try await put(store, try BareJID("account\(index)@capulet.example"), "text")
                    }
                }
                for (limit, count) in [(.min, 1), (0, 1), (.max, most), (most + 1, most)] as [(Int, Int)] {
                    let page = try await list(store, nil, limit)
                    try expect(page.items.count <= count, "\(page.items.count) entries for a limit of \(limit)")
                    try expect(page.next != nil, "the first page of a limit of \(limit) is the last")
                }
            },
        ]
    }
}

/// Whether a store takes what it may refuse: with any error but "unavailable", which would have the caller try again.
func isAccepted(_ body: () async throws -> Void) async throws -> Bool {
    do { try await body() } catch let error as StorageError {
        if case .unavailable = error { throw error }
        return false
    }
    return true
}

/// What a store finds under a name that it may refuse; nil when it does.
func valueIfItHolds<Value>(_ body: () async throws -> Value?) async throws -> Value? {
    var value: Value?
    return try await isAccepted { value = try await body() } ? value : nil
}
