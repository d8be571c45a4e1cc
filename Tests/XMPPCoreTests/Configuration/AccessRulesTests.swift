// SPDX-License-Identifier: Apache-2.0
// Classes and access rules, by the parts of a JID.

import Testing
import XMPPCore

private let juliet = AccessSubject(localpart: "juliet", domainpart: "capulet.example", resourcepart: "balcony")
private let romeo = AccessSubject(localpart: "romeo", domainpart: "montague.example")
private let capulet = AccessSubject(localpart: nil, domainpart: "capulet.example")
private let hosted = ["capulet.example", "verona.example"]

private func contains(_ pattern: AccessPattern, _ subject: AccessSubject, on host: String = "capulet.example") -> Bool {
    AccessControlLists(["class": [pattern]]).contains(subject, in: "class", on: host, hosted: hosted)
}

@Suite struct AccessControlListTests {
    @Test(arguments: [
        (AccessPattern.DomainMatch.currentDomain, juliet, "capulet.example", true),
        (.currentDomain, juliet, "verona.example", false),
        (.anyHostedDomain, juliet, "verona.example", true),
        (.anyHostedDomain, romeo, "verona.example", false),
        (.all, romeo, "verona.example", true),
        (.none, juliet, "capulet.example", false),
    ])
    func thePatternConsidersSomeDomains(
        match: AccessPattern.DomainMatch, subject: AccessSubject, host: String, expected: Bool
    ) {
        #expect(contains(AccessPattern(match: match), subject, on: host) == expected)
    }

    @Test func everythingThatAPatternNamesMustMatch() {
        let pattern = AccessPattern(
            localpart: [.equal("juliet")], domainpart: [.glob("*.example")], resourcepart: [.equal("balcony")])
        #expect(contains(pattern, juliet))
        #expect(!contains(pattern, AccessSubject(localpart: "juliet", domainpart: "capulet.example")))
        #expect(!contains(pattern, AccessSubject(localpart: "nurse", domainpart: "capulet.example")))
    }

    @Test func anAbsentPartCountsAsEmpty() throws {
        #expect(contains(AccessPattern(localpart: [.equal("")]), capulet))
        #expect(contains(AccessPattern(localpart: [try .regularExpression("")]), capulet))
        #expect(!contains(AccessPattern(localpart: [.glob("?*")]), capulet))
    }

    @Test func aClassHoldsWhoMatchesAnyOfItsPatterns() {
        let lists = AccessControlLists([
            "lovers": [
                AccessPattern(match: .all, localpart: [.equal("romeo")]),
                AccessPattern(match: .all, localpart: [.equal("juliet")]),
            ]
        ])
        for (subject, expected) in [(romeo, true), (juliet, true), (capulet, false)] {
            #expect(lists.contains(subject, in: "lovers", on: "verona.example", hosted: hosted) == expected)
        }
        #expect(lists.contains(capulet, in: "all", on: "verona.example", hosted: hosted))
        #expect(!lists.contains(juliet, in: "nobody", on: "capulet.example", hosted: hosted))
    }

    @Test(arguments: [
        ("*", "", true), ("*", "anything", true), ("?", "", false), ("a?c", "abc", true), ("a?c", "ac", false),
        ("a*b*c", "aXXbYYbZc", true), ("a*b*c", "aXXbYYbZ", false), ("*.example", "x.example", true),
        ("test_[0-9]*", "test_7x", true), ("test_[0-9]*", "test_x", false), ("[!a-c]", "d", true),
        ("[!a-c]", "b", false), ("[]]", "]", true), ("[abc", "[abc", true), ("[a-]", "-", true), ("abc", "ABC", false),
        ("?", "\u{E9}", true), ("a+b", "a+b", true), ("**", "x", true), ("", "", true), ("", "x", false),
    ])
    func globsMatchTheWholeText(pattern: String, text: String, expected: Bool) {
        #expect(TextCondition.glob(pattern).isSatisfied(by: text) == expected)
    }

    @Test func aGlobOfManyStarsStaysCheap() {
        let pattern = String(repeating: "a*", count: 200) + "b"
        #expect(!TextCondition.glob(pattern).isSatisfied(by: String(repeating: "a", count: 1_000)))
    }

    @Test(arguments: [
        ("^test", "test_1", true), ("^test", "a_test", false), ("test", "a_test_1", true), ("^a|b$", "xb", true),
        ("^[a-z]+\\d{2,}$", "ab12", true), ("^[a-z]+\\d{2,}$", "ab1", false), ("(?i)JULIET", "juliet", true),
    ])
    func regularExpressionsAreSearchedFor(pattern: String, text: String, expected: Bool) throws {
        #expect(try TextCondition.regularExpression(pattern).isSatisfied(by: text) == expected)
    }

    @Test func anInvalidRegularExpressionIsRefused() {
        let error = #expect(throws: InvalidPattern.self) { try TextCondition.regularExpression("a(") }
        #expect(error?.reason == "expected ')'")
    }
}

@Suite struct AccessRulesTests {
    private let lists = AccessControlLists([
        "blocked": [AccessPattern(match: .all, localpart: [.equal("romeo")])],
        "local": [AccessPattern()],
    ])

    private func value(_ rules: AccessRules, _ name: String, _ subject: AccessSubject) -> AccessValue {
        rules.value(of: name, for: subject, on: "capulet.example", hosted: hosted, lists: lists)
    }

    @Test func theFirstClauseThatMatchesDecides() {
        let rules = AccessRules([
            "c2s": [.init("blocked", .deny), .init("all", .allow)],
            "max_user_sessions": [.init("local", .limit(10)), .init("missing", .unlimited)],
            "c2s_shaper": [.init("local", .name("normal"))],
        ])
        #expect(value(rules, "c2s", romeo) == .deny)
        #expect(value(rules, "c2s", juliet) == .allow)
        #expect(value(rules, "max_user_sessions", juliet) == .limit(10))
        #expect(value(rules, "c2s_shaper", juliet) == .name("normal"))
    }

    @Test func whoMatchesNothingIsDenied() {
        let rules = AccessRules(["register": [.init("missing", .allow), .init("local", .allow)]])
        #expect(value(rules, "register", romeo) == .deny)
        #expect(value(rules, "undefined", juliet) == .deny)
        #expect(value(rules, "all", romeo) == .allow)
        #expect(value(rules, "none", juliet) == .deny)
    }

    @Test func aHostsClausesComeBeforeTheOneForAll() {
        let general = AccessRules([
            "c2s": [.init("blocked", .deny), .init("all", .allow)], "register": [.init("local", .allow)],
        ])
        let own = AccessRules([
            "c2s": [.init("local", .deny)], "register": [.init("all", .deny)], "muc": [.init("all", .allow)],
        ])
        let merged = general.merging(hostRules: own)
        #expect(merged.rules["c2s"] == [.init("blocked", .deny), .init("local", .deny), .init("all", .allow)])
        #expect(merged.rules["register"] == [.init("local", .allow), .init("all", .deny)])
        #expect(merged.rules["muc"] == [.init("all", .allow)])
    }

    @Test func theServerKnowsItsHosts() throws {
        var configuration = ServerConfiguration(domain: "capulet.example")
        configuration.hosts[0].accessControlLists = lists
        configuration.hosts[0].accessRules = AccessRules(["c2s": [.init("local", .allow)]])
        let jid = AccessSubject(try JID("juliet@capulet.example/balcony"))
        #expect(jid == juliet)
        #expect(configuration.access("c2s", of: jid, on: "capulet.example") == .allow)
        #expect(configuration.access("c2s", of: jid, on: "montague.example") == .deny)
    }
}
