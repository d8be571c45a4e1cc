// SPDX-License-Identifier: Apache-2.0
// Addresses and texts that a careless backend mixes up, cuts or runs.

import XMPPCore

enum Fixtures {
    static func juliet() throws -> BareJID { try BareJID("juliet@capulet.example") }
    static func romeo() throws -> BareJID { try BareJID("romeo@montague.example") }

    /// Accounts whose names are hard to store: what SQL, patterns and paths give a meaning to, four bytes of UTF-8,
    /// right to left, the longest parts, names that begin with each other.
    static func hostileAccounts() throws -> [BareJID] {
        let localparts = [
            "a", "aa", "a.b", "a%", "a_", "%", "_", "\\", "\\\\", "a;--", "`a`", "$1", "?", "null", "0", "..", "*",
            "[a]",
            "{a}", "a#b", "a,b", "(a)", "\u{10330}\u{10331}", "\u{5E9}\u{5DC}\u{5D5}\u{5DD}", "\u{E9}",
            "\u{6F22}\u{5B57}",
            String(repeating: "a", count: 1_023),
        ]
        let label = String(repeating: "d", count: 60)
        let domains = [
            "capulet.example", "a.capulet.example", "[::1]", [label, label, label, label].joined(separator: "."),
        ]
        var accounts: [BareJID] = []
        for localpart in localparts { accounts.append(try BareJID(localpart: localpart, domainpart: domains[0])) }
        for domain in domains.dropFirst() { accounts.append(try BareJID(localpart: "a", domainpart: domain)) }
        return accounts
    }

    /// Contacts that differ in little.
    static func hostileContacts() throws -> [JID] {
        try [
            "romeo@montague.example", "romeo@montague.example/Home",
            "romeo@montague.example/home", "romeo@montague.example/'\"; DROP TABLE rosterusers; --",
            "romeo@montague.example/%", "romeo@montague.example/\\", "montague.example", "a.montague.example",
            "montague.example/romeo", "romeo@montague.example/\u{1D11E}", "romeo@montague.example/\u{5E9}\u{5DC}",
            "romeo@montague.example/" + String(repeating: "r", count: 1_023),
        ].map { try JID($0) }
    }

    /// Texts that must come back byte for byte.
    static let hostileTexts = [
        "", " ", "  two  spaces  ", "'", "''", "\"", "`", "\\", "\\'", "%", "_", "?", "$1", ":a", "--", "/* */", ";",
        "'; DROP TABLE users; --", "NULL", "0", "1e3", "\u{7F}", "\t\r\n", "\u{E9}", "e\u{301}", "\u{1F600}",
        "\u{1D11E}\u{10FFFD}", "\u{202E}\u{5E9}\u{5DC}\u{5D5}\u{5DD}", "I", "i", "\u{130}", "\u{131}", "\u{DF}", "SS",
        "<a xmlns='b'>&amp;</a>", String(repeating: "\u{1F600}", count: 16_384),
    ]

    /// Keys that compare as one under a careless collation.
    static let hostileKeys = [
        "a", "A", "\u{E4}", "a ", " a", "a\t", "SS", "ss", "I", "i", "\u{130}", "\u{131}", "%", "_", "'", "\"", "\\",
        "?",
        "'; DROP TABLE private_storage; --", "\u{1F600}", "\u{1F601}", "\u{5E9}\u{5DC}", "0", "00", "0.0",
        "1e0", "null", String(repeating: "k", count: 250),
    ]

    /// Reads a listing to its end.
    ///
    /// - Parameter pageCountMax: more pages than that mean that the listing does not end.
    static func all<Element: Sendable>(
        pageCountMax: Int = 1_000, line: UInt = #line,
        _ page: (PageCursor?) async throws -> Page<Element>
    ) async throws -> [Element] {
        var items: [Element] = []
        var cursor: PageCursor?
        for _ in 0..<pageCountMax {
            let next = try await page(cursor)
            items += next.items
            guard let after = next.next else { return items }
            try expect(after != cursor, "the listing's cursor does not move", line: line)
            cursor = after
        }
        throw ConformanceFailure(message: "the listing does not end", line: line)
    }

    /// Runs a body many times at once and returns what each returned.
    static func concurrently<Value: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: Value.self) { group in
            for index in 0..<count {
                group.addTask { try await body(index) }
            }
            var values: [Value] = []
            for try await value in group { values.append(value) }
            return values
        }
    }
}

/// What every listing promises, checked on a store that lists something for each account.
func checkListing<Element: Sendable>(
    of accounts: [BareJID], add: (BareJID) async throws -> Void, remove: (BareJID) async throws -> Void,
    page: (PageCursor?, Int) async throws -> Page<Element>, account: (Element) -> BareJID, line: UInt = #line
) async throws {
    for account in accounts { try await add(account) }
    for limit in [1, 2, 7, accounts.count, accounts.count + 1] {
        var longest = 0
        let listed = try await Fixtures.all { cursor in
            let page = try await page(cursor, limit)
            longest = max(longest, page.items.count)
            return page
        }
        try expect(longest <= limit, "a page of \(longest) entries for a limit of \(limit)", line: line)
        try expectEqual(listed.count, accounts.count, line: line)
        try expectEqual(Set(listed.map(account)), Set(accounts), line: line)
    }
    // An entry that goes meanwhile, the very one that the cursor stands on, does not end or repeat the listing.
    let first = try await page(nil, 3)
    try expectEqual(first.items.count, 3, line: line)
    if let gone = first.items.last { try await remove(account(gone)) }
    let rest = try await Fixtures.all { cursor in try await page(cursor ?? first.next, 3) }
    try expectEqual(Set((first.items + rest).map(account)), Set(accounts), line: line)
    try expectEqual(first.items.count + rest.count, accounts.count, line: line)
}

/// What removal promises, checked on a store that holds something for each account or does not.
func checkRemoval(
    _ store: any AccountDataStore, add: (BareJID) async throws -> Void, holds: (BareJID) async throws -> Bool
) async throws {
    let accounts = try [
        "juliet@capulet.example", "juliet2@capulet.example", "nurse@capulet.example", "juliet@a.capulet.example",
        "juliet@capulet.exampl", "juliet@capulet.example.net",
    ].map { try BareJID($0) }
    for account in accounts { try await add(account) }
    try await store.removeAll(for: accounts[0])
    for account in accounts { try expectEqual(try await holds(account), account != accounts[0]) }
    try await store.removeAll(for: accounts[0])
    try await store.removeAll(domain: "capulet.example")
    for account in accounts {
        try expectEqual(try await holds(account), account.domainpart != "capulet.example")
    }
    try await store.removeAll(domain: "capulet.example")
    try await store.removeAll(domain: "unknown.example")
    for account in accounts where account.domainpart == "capulet.example" {
        try await add(account)
        try expect(try await holds(account), "what was removed can be stored again")
    }
}
