// SPDX-License-Identifier: Apache-2.0
// Addresses (RFC 7622), prepared by stringprep (RFC 3920): what is one, what it becomes, and what is none.

import Testing

@testable import XMPPCore

private typealias Parts = (localpart: String?, domainpart: String, resourcepart: String?)

private func parts(_ text: String) -> Parts? {
    do {
        let jid = try JID(text)
        return (jid.localpart, jid.domainpart, jid.resourcepart)
    } catch {
        return nil
    }
}

private func error(_ text: String) -> JIDError? {
    do throws(JIDError) {
        let jid = try JID(text)
        Issue.record("\(text) became \(jid)")
        return nil
    } catch {
        return error
    }
}

private func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

@Suite struct JIDTests {
    /// RFC 7622 section 3.5, table 1, all valid there. Where stringprep differs from PRECIS, the line says how.
    @Test(arguments: [
        ("juliet@example.com", "juliet@example.com"),
        ("juliet@example.com/foo", "juliet@example.com/foo"),
        ("juliet@example.com/foo bar", "juliet@example.com/foo bar"),
        ("juliet@example.com/foo@bar", "juliet@example.com/foo@bar"),
        ("foo\\20bar@example.com", "foo\\20bar@example.com"),
        ("fussball@example.com", "fussball@example.com"),
        // PRECIS keeps the sharp s; nodeprep folds it.
        ("fu\u{DF}ball@example.com", "fussball@example.com"),
        ("\u{3C0}@example.com", "\u{3C0}@example.com"),
        ("\u{3A3}@example.com/foo", "\u{3C3}@example.com/foo"),
        ("\u{3C3}@example.com/foo", "\u{3C3}@example.com/foo"),
        // PRECIS keeps the final sigma; nodeprep folds it.
        ("\u{3C2}@example.com/foo", "\u{3C3}@example.com/foo"),
        ("king@example.com/\u{265A}", "king@example.com/\u{265A}"),
        ("example.com", "example.com"),
        ("example.com/foobar", "example.com/foobar"),
        ("a.example.com/b@example.net", "a.example.com/b@example.net"),
        // Table 2, invalid for PRECIS: symbols in the localpart. Nodeprep allows them.
        ("henry\u{2163}@example.com", "henryiv@example.com"),
        ("\u{265A}@example.com", "\u{265A}@example.com"),
    ])
    func examplesOfRFC7622(_ text: String, _ expected: String) throws {
        #expect(try JID(text).description == expected)
    }

    /// RFC 7622 section 3.5, table 2.
    @Test(arguments: [
        ("\"juliet\"@example.com", JIDError.localpart),
        ("foo bar@example.com", .localpart),
        ("juliet@example.com/ \u{0}", .resourcepart),
        ("@example.com/", .localpart),
        ("juliet@", .domainpart),
        ("/foobar", .domainpart),
    ])
    func wrongExamplesOfRFC7622(_ text: String, _ expected: JIDError) {
        #expect(error(text) == expected)
    }

    @Test(
        arguments: [
            ("a@b/c", ("a", "b", "c")),
            ("A@B/C", ("a", "b", "C")),
            ("b", (nil, "b", nil)),
            ("b/c", (nil, "b", "c")),
            ("b/c@d/e", (nil, "b", "c@d/e")),
            ("a@b/c@d/e", ("a", "b", "c@d/e")),
            ("a@b//", ("a", "b", "/")),
            ("a@b/@", ("a", "b", "@")),
            ("a@b/ c ", ("a", "b", " c ")),
            ("a@b.", ("a", "b", nil)),
            ("a@b./c", ("a", "b", "c")),
            ("a@[::1]", ("a", "[::1]", nil)),
            ("a@[2001:DB8::1]/c", ("a", "[2001:db8::1]", "c")),
            ("a@192.0.2.1", ("a", "192.0.2.1", nil)),
            ("a_b.c-d+e!#$%^*()=~`{}|\\;?,[]@b", ("a_b.c-d+e!#$%^*()=~`{}|\\;?,[]", "b", nil)),
            ("\u{C9}@\u{C9}.example/\u{C9}", ("\u{E9}", "\u{E9}.example", "\u{C9}")),
            // Combining accent: normalised to one character.
            ("e\u{301}@b/e\u{301}", ("\u{E9}", "b", "\u{E9}")),
            ("\u{FF21}@\u{FF22}/\u{FF23}", ("a", "b", "C")),
            // What the resource's characters normalise to delimits nothing.
            ("a@b/c\u{FF20}d\u{FF0F}e", ("a", "b", "c@d/e")),
            ("\u{5D0}\u{5D1}@b/\u{5D0}1\u{5D1}", ("\u{5D0}\u{5D1}", "b", "\u{5D0}1\u{5D1}")),
            ("a@b/\u{1F600}", ("a", "b", "\u{1F600}")),
            ("a@b/Gajim \u{1F9D1}\u{1F3FD}", ("a", "b", "Gajim \u{1F9D1}\u{1F3FD}")),
            ("a@b\u{3002}example", ("a", "b.example", nil)),
            ("a@b\u{FF0E}", ("a", "b", nil)),
            ("a@b\u{FF61}", ("a", "b", nil)),
        ] as [(String, (String?, String, String?))])
    func addressesHaveTheseParts(_ text: String, _ expected: (String?, String, String?)) throws {
        let found = try #require(parts(text))
        #expect(found == expected)
    }

    @Test(arguments: [
        ("", JIDError.domainpart), ("@", .localpart), ("/", .domainpart), ("@b", .localpart), ("a@", .domainpart),
        ("a@/c", .domainpart), ("a@b/", .resourcepart), ("b/", .resourcepart), ("a@@b", .domainpart),
        ("a@b@c", .domainpart), ("a@.", .domainpart), ("a@..", .domainpart), ("a@b..", .domainpart),
        ("a@b..c", .domainpart), ("a@.b", .domainpart), ("a@b\u{3002}\u{3002}", .domainpart),
        ("a b@c", .localpart), ("a\"@b", .localpart), ("a&@b", .localpart), ("a'@b", .localpart), ("a:@b", .localpart),
        ("a<@b", .localpart), ("a>@b", .localpart), ("a\u{7F}@b", .localpart), ("a\n@b", .localpart),
        ("a@b c", .domainpart), ("a@b\u{7F}", .domainpart), ("a@b!", .domainpart), ("a@b/c\n", .resourcepart),
        ("a@b/c\u{7F}", .resourcepart), ("a@b/\t", .resourcepart),
        // Characters that normalise to those that delimit or are forbidden.
        ("a\u{FF20}b@c", .localpart), ("a\u{FF0F}b@c", .localpart), ("a\u{FF1A}b@c", .localpart),
        ("a\u{FF02}b@c", .localpart), ("a\u{FF1C}b@c", .localpart), ("a@b\u{FF20}c", .domainpart),
        ("a@b\u{FF0F}c", .domainpart), ("a@b\u{2047}", .domainpart), ("a\u{A0}b@c", .localpart),
        ("a\u{2000}b@c", .localpart), ("a\u{2100}b@c", .localpart),
        // NUL ends no text early.
        ("\u{0}@b", .localpart), ("a\u{0}@b", .localpart), ("\u{E9}\u{0}@b", .localpart),
        ("a@b\u{0}", .domainpart), ("a@\u{E9}\u{0}c", .domainpart), ("a@b/\u{0}", .resourcepart),
        ("a@b/\u{E9}\u{0}evil", .resourcepart), ("a@b/\u{0}\u{E9}", .resourcepart),
        // RFC 3454 section 6: right-to-left text neither mixes with left-to-right nor ends otherwise.
        ("\u{5D0}a@b", .localpart), ("\u{5D0}1@b", .localpart), ("a@b/\u{5D0}a", .resourcepart),
        // Controls, private use, non-characters, tags.
        ("\u{202E}a@b", .localpart), ("a@b/\u{202E}c", .resourcepart), ("a@b/\u{E000}", .resourcepart),
        ("a@b/\u{FFFE}", .resourcepart), ("a@b/\u{FFFD}", .resourcepart), ("a@b/\u{E0001}", .resourcepart),
        // Only deletable characters: nothing is left.
        ("\u{AD}@b", .localpart), ("a@\u{AD}", .domainpart), ("a@b/\u{AD}", .resourcepart),
        // Literals of IPv6 are in brackets, and nothing else is.
        ("a@::1", .domainpart), ("a@b:5222", .domainpart), ("a@[::1", .domainpart), ("a@::1]", .domainpart),
        ("a@[]", .domainpart), ("a@[b]", .domainpart), ("a@[::1].b", .domainpart), ("a@b[", .domainpart),
        ("a@[::1]:5222", .domainpart),
    ])
    func theseAreNoAddresses(_ text: String, _ expected: JIDError) {
        #expect(error(text) == expected)
    }

    @Test(arguments: [1022, 1023, 1024, 5000])
    func eachPartMayHave1023Bytes(_ count: Int) {
        let long = repeated("a", count)
        let isAllowed = count <= 1023
        #expect((parts("\(long)@b") != nil) == isAllowed)
        #expect((parts("a@\(long)") != nil) == isAllowed)
        #expect((parts("a@b/\(long)") != nil) == isAllowed)
        // Without the dot that is dropped.
        #expect((parts("a@\(long).") != nil) == isAllowed)
        // Beyond ASCII: the last character takes two bytes.
        #expect((parts("a@b/\(repeated("a", count - 2))\u{E9}") != nil) == isAllowed)
        if !isAllowed {
            #expect(error("\(long)@b") == .localpart)
            #expect(error("a@\(long)") == .domainpart)
            #expect(error("a@b/\(long)") == .resourcepart)
        }
    }

    @Test func theLimitHoldsAfterPreparation() throws {
        // U+0390 folds to three characters of two bytes each; U+FDFA normalises to 18, 33 bytes.
        #expect(try JID("\(repeated("\u{390}", 511))@b").localpart?.utf8.count == 1022)
        #expect(error("a@b/\(repeated("\u{FDFA}", 100))") == .resourcepart)
        #expect(error("a@b/\(repeated("\u{FDFA}", 341))") == .resourcepart)
        // Longer than the limit as it is written: refused, though it would shrink.
        #expect(error("a@b/\(repeated("\u{FF21}", 342))") == .resourcepart)
    }

    @Test(
        arguments: [
            [0x80], [0x61, 0xC3], [0xC3, 0x28], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF],
        ] as [[UInt8]])
    func whatIsNoUTF8IsNoAddress(_ bytes: [UInt8]) {
        let at: [UInt8] = [0x40]
        for text in [bytes + at + [0x62], [0x61] + at + bytes, [0x61] + at + [0x62, 0x2F] + bytes] {
            #expect(throws: JIDError.self) { try text.withUnsafeBufferPointer { try JID(utf8: $0) } }
        }
    }

    /// Equal addresses have equal bytes only if what was prepared is prepared.
    @Test func preparingTwiceIsPreparingOnce() {
        // Without ideographs and Hangul, which preparation leaves alone.
        let ranges: [ClosedRange<UInt32>] = [0...0x33FF, 0xA000...0xABFF, 0xF900...0xFFFF, 0x1D400...0x1D7FF]
        for value in ranges.joined() {
            guard let scalar = Unicode.Scalar(value), scalar != "@", scalar != "/" else { continue }
            for text in ["\(scalar)@b", "a\(scalar)@b", "a@b\(scalar)c", "a@b/\(scalar)"] {
                guard let once = try? JID(text) else { continue }  // what is no address is not the subject here
                let twice = try? JID(once.description)  // nil fails the comparison
                if twice != once {
                    Issue.record("U+\(String(value, radix: 16)): \(once), then \(String(describing: twice))")
                }
            }
        }
    }

    @Test func theThreeTypesAgree() throws {
        let jid = try JID("Juliet@Example.com/Balcony")
        let full = try FullJID("juliet@example.com/Balcony")
        let bare = try BareJID("juliet@example.com")
        #expect(jid.full == full && full.jid == jid && full.bare == bare && jid.bare == bare && bare.jid.isBare)
        #expect(jid.bare.hashValue == bare.hashValue && jid.hashValue == full.jid.hashValue)
        #expect(try bare.with(resourcepart: "Balcony") == full)
        #expect(try BareJID(localpart: "JULIET", domainpart: "EXAMPLE.COM.") == bare)
        #expect(try FullJID("juliet@example.com/balcony") != full)
        #expect(bare.jid.full == nil && !jid.isBare)
        #expect(bare.domain.jid.isDomain && bare.domain.description == "example.com" && !bare.jid.isDomain)
        #expect(Set([jid, full.jid, try JID("JULIET@example.com/Balcony")]).count == 1)
        #expect(Set([bare, full.bare, bare.domain]).count == 2)
        // The same bytes, other parts.
        #expect(try JID("a.b/c@d") != JID("a.b/c@e"))
    }

    @Test func theTypesDemandTheirForm() throws {
        #expect(throws: JIDError.form) { try BareJID("a@b/c") }
        #expect(throws: JIDError.form) { try FullJID("a@b") }
        #expect(throws: JIDError.localpart) { try BareJID(localpart: "", domainpart: "b") }
        #expect(throws: JIDError.localpart) { try BareJID(localpart: "a@b", domainpart: "c") }
        #expect(throws: JIDError.localpart) { try BareJID(localpart: "a/b", domainpart: "c") }
        #expect(throws: JIDError.domainpart) { try BareJID(localpart: "a", domainpart: "b/c") }
        #expect(throws: JIDError.resourcepart) { try BareJID("a@b").with(resourcepart: "") }
        #expect(try BareJID("b").with(resourcepart: "c").localpart == nil)
    }
}

@Suite struct JIDCacheTests {
    private func jid(_ text: String, _ cache: inout JIDCache) throws -> JID {
        try Array(text.utf8).withUnsafeBufferPointer { try cache.jid($0) }
    }

    @Test func aTextIsPreparedOnce() throws {
        var cache = JIDCache()
        let first = try jid("Juliet@example.com/balcony", &cache)
        #expect(try jid("Juliet@example.com/balcony", &cache).storage === first.storage)
        #expect(try jid("juliet@example.com/balcony", &cache) == first)
        #expect(throws: JIDError.self) { try jid("juliet@", &cache) }
        #expect(throws: JIDError.self) { try jid("", &cache) }
    }

    @Test func moreTextsThanPlaces() throws {
        var cache = JIDCache()
        for _ in 0..<2 {
            for number in 0..<(JIDCache.entryCountMax * 2) {
                let text = "user\(number)@example.com/r"
                #expect(try jid(text, &cache).description == text)
            }
        }
    }

    @Test(arguments: [JIDCache.byteCountMax, JIDCache.byteCountMax + 1])
    func longAddressesAreParsedEachTime(_ count: Int) throws {
        var cache = JIDCache()
        let text = "a@" + repeated("b", count - 2)
        let first = try jid(text, &cache)
        let second = try jid(text, &cache)
        #expect(first == second)
        #expect((first.storage === second.storage) == (count <= JIDCache.byteCountMax))
    }
}
