// SPDX-License-Identifier: Apache-2.0
// Addresses and texts that a careless backend mixes up, cuts or runs.

import XMPPCore

enum Fixtures {
    static func juliet() throws -> BareJID { try BareJID("juliet@capulet.example") }
    static func romeo() throws -> BareJID { try BareJID("romeo@montague.example") }

    /// Letters and digits that no compression makes shorter, the same ones for each length.
    static func longName(_ count: Int) -> String {
        var numbers = SeededNumbers(seed: UInt64(count))
        let digits = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        return String((0..<count).map { _ in digits[Int(numbers.next() % UInt64(digits.count))] })
    }

    /// Accounts whose names are hard to store: what SQL, patterns and paths give a meaning to, what careless collations
    /// take for one letter, four bytes of UTF-8, right to left, the longest parts, names that begin with each other.
    static func hostileAccounts(_ limits: ConformanceLimits) throws -> [BareJID] {
        let most = limits.localpartCharacterCountMax
        let localparts = [
            "a", "aa", "a.b", "a-b", "ab", "a%", "a_", "%", "_", "\\", "\\\\", "a;--", "`a`", "$1", "?", "null", "0",
            "00", "..", "*", "[a]", "{a}", "a#b", "a,b", "(a)", "\u{10330}", "\u{10331}", "\u{10330}\u{10331}",
            "\u{5E9}\u{5DC}\u{5D5}\u{5DD}", "e", "\u{E9}", "\u{EA}", "o", "\u{F8}", "i", "\u{131}", "\u{6F22}\u{5B57}",
            "\u{304B}", "\u{304C}", "\u{30AB}", String(repeating: "a", count: most), longName(most),
            String(repeating: "\u{10330}", count: min(most, 1_023 / 4)),
        ]
        let label = String(repeating: "d", count: 60)
        let domains = [
            "capulet.example", "a.capulet.example", "capul\u{E9}t.example", "[::1]",
            [label, label, label, label].joined(separator: "."),
        ]
        var accounts: [BareJID] = []
        for localpart in localparts { accounts.append(try BareJID(localpart: localpart, domainpart: domains[0])) }
        for domain in domains.dropFirst() { accounts.append(try BareJID(localpart: "a", domainpart: domain)) }
        return accounts
    }

    /// Contacts that differ in little.
    static func hostileContacts(_ limits: ConformanceLimits) throws -> [JID] {
        let resources = [
            "Home", "home", "h\u{F4}me", "home home", "'\"; DROP TABLE rosterusers; --", "%", "_", "\\", "/", "@",
            "\u{1D11E}", "\u{10330}", "\u{5E9}\u{5DC}", "\u{304B}", "\u{304C}", "\u{30AB}", "I", "i", "\u{130}",
            "\u{131}", String(repeating: "r", count: min(1_023, limits.addressCharacterCountMax - 23)),
        ]
        let bare = ["romeo@montague.example", "montague.example", "a.montague.example", "montague.example/romeo"]
        let texts = bare + resources.map { "romeo@montague.example/\($0)" }
        return try texts.map { try JID($0) } + [longAddress(limits.addressCharacterCountMax)]
    }

    /// An address of so many characters, at most 3,071 and at least 30.
    static func longAddress(_ count: Int, endingIn end: Character = "z") throws -> JID {
        let domainCount = min(1_023, max(10, count - 2 * 1_024))
        let localCount = min(1_023, (count - domainCount - 2) / 2)
        let resource = longName(count - domainCount - localCount - 3) + String(end)
        return try JID("\(longName(localCount))@\(longName(domainCount))/\(resource)")
    }

    /// Texts that must come back byte for byte.
    static func hostileTexts(_ limits: ConformanceLimits) -> [String] {
        [
            "", " ", "  two  spaces  ", "'", "''", "\"", "`", "\\", "\\'", "%", "_", "?", "$1", ":a", "--", "/* */",
            ";", "'; DROP TABLE users; --", "NULL", "0", "1e3", "\u{7F}", "\t\r\n", "\u{E9}", "e\u{301}",
            "\u{1F600}", "\u{1D11E}\u{10FFFD}", "\u{202E}\u{5E9}\u{5DC}\u{5D5}\u{5DD}", "I", "i", "\u{130}", "\u{131}",
            "\u{DF}", "SS", "\u{FEFF}a", "\u{FFFD}", "<a xmlns='b'>&amp;</a>",
            String(repeating: "\u{1F600}", count: limits.textByteCountMax / 4),
        ]
    }

    /// Keys that compare as one under a careless collation, or that a careless backend trims or folds.
    static func hostileKeys(_ limits: ConformanceLimits) -> [String] {
        let most = limits.nameCharacterCountMax
        return [
            "a", "A", "\u{E4}", "a\u{308}", "a ", "a  ", " a", "a\t", "a\n", "a\u{A0}", "a\u{3000}", "\u{FF41}", "SS",
            "ss", "\u{DF}", "I", "i", "\u{130}", "\u{131}", "\u{3C3}", "\u{3C2}", "\u{3A3}", "ab", "a\u{AD}b",
            "a\u{200D}b", "a-b", "fi", "\u{FB01}", "2", "\u{B2}", "\u{304B}", "\u{304C}", "\u{30AB}", "\u{FF76}",
            "\u{2764}", "\u{2764}\u{FE0F}", "\u{1F600}", "\u{1F601}", "\u{1F44D}", "\u{1F44D}\u{1F3FD}", "\u{C5}",
            "\u{212B}", "%", "_", "'", "\"", "\\", "?", "'; DROP TABLE private_storage; --", "\u{5E9}\u{5DC}", "0",
            "00", "0.0", "1e0", "null", String(repeating: "k", count: most), longName(most),
            String(repeating: "\u{1F600}", count: most - 1) + "\u{1F601}", String(repeating: "\u{1F600}", count: most),
        ]
    }

    /// Reads a listing to its end.
    ///
    /// - Parameter pageCountMax: more pages than that mean that the listing does not end.
    static func all<Element: Sendable>(
        pageCountMax: Int = 2_000, line: UInt = #line,
        _ page: (PageCursor?) async throws -> Page<Element>
    ) async throws -> [Element] {
        var items: [Element] = []
        var cursor: PageCursor?
        for _ in 0..<pageCountMax {
            let next = try await page(cursor)
            items += next.items
            guard let after = next.next else { return items }
            // By their bytes: Swift takes two texts for equal that differ in how an accent is written.
            let keys = [cursor, after].map { $0?.key.map { Array($0.utf8) } }
            try expect(keys[0] != keys[1], "the listing's cursor does not move", line: line)
            cursor = after
        }
        throw ConformanceFailure(message: "the listing does not end", line: line)
    }

    /// Runs a body many times at once and returns what each returned.
    @discardableResult
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
