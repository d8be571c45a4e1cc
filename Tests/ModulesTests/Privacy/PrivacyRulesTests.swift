// SPDX-License-Identifier: Apache-2.0
// Which rule of a privacy list matches what (XEP-0016 section 2.1).

import Testing
import XMPPCore

@testable import XMPPModules

struct PrivacyRulesTests {
    private static func rules(_ items: PrivacyItem...) throws -> PrivacyRules {
        PrivacyRules(PrivacyList(name: "a", items: items), of: try BareJID("juliet@example.com"), roster: nil)
    }

    @Test(arguments: [
        ("a@b.example/c", ["a@b.example/c"], ["a@b.example/d", "a@b.example", "b.example", "b.example/c"]),
        (
            "a@b.example", ["a@b.example/c", "a@b.example"],
            ["c@b.example", "b.example", "b.example/a", "a@c.b.example"]
        ),
        ("b.example/c", ["b.example/c"], ["b.example", "a@b.example/c", "a@b.example", "b.example/d"]),
        ("b.example", ["b.example", "b.example/c", "a@b.example", "a@b.example/c"], ["c.b.example", "example"]),
    ])
    func addressesMatchInFourForms(_ address: String, matching: [String], others: [String]) throws {
        let rules = try Self.rules(PrivacyItem(order: 1, subject: .address(JID(address)), action: .deny))
        for peer in matching { #expect(rules.verdict(on: .message, try JID(peer)) == .denied, "\(peer)") }
        for peer in others { #expect(rules.verdict(on: .message, try JID(peer)) == .allowed, "\(peer)") }
    }

    @Test func kindsAreToldApart() throws {
        let peer = try JID("romeo@example.net")
        let all: [StanzaPassage] = [.message, .iq, .presenceIn, .presenceOut, .other]
        let kinds: [(PrivacyItem.Kinds, [StanzaPassage])] = [
            ([], all), (.message, [.message]), (.iq, [.iq]), (.presenceIn, [.presenceIn]),
            (.presenceOut, [.presenceOut]), ([.iq, .presenceOut], [.iq, .presenceOut]),
        ]
        for (kind, denied) in kinds {
            let rules = try Self.rules(PrivacyItem(order: 1, subject: .everybody, action: .deny, kinds: kind))
            for passage in all {
                #expect((rules.verdict(on: passage, peer) == .denied) == denied.contains(passage))
            }
        }
    }

    @Test func theFirstThatMatchesDecides() throws {
        let peer = try JID("romeo@example.net/orchard")
        let rules = try Self.rules(
            PrivacyItem(order: 1, subject: .address(JID("mercutio@example.net")), action: .deny),
            PrivacyItem(order: 2, subject: .address(JID("romeo@example.net")), action: .allow, kinds: .message),
            PrivacyItem(order: 3, subject: .address(JID("example.net")), action: .block),
            PrivacyItem(order: 4, subject: .everybody, action: .deny))
        #expect(rules.verdict(on: .message, peer) == .allowed)
        #expect(rules.verdict(on: .iq, peer) == .blocked)
        #expect(rules.verdict(on: .iq, try JID("tybalt@example.com")) == .denied)
        #expect(try Self.rules().verdict(on: .iq, peer) == .allowed)
    }

    @Test func whoIsInNoRosterHasNoSubscription() throws {
        let peer = try JID("romeo@example.net/orchard")
        for subscription in RosterSubscription.allCases {
            let rules = try Self.rules(PrivacyItem(order: 1, subject: .subscription(subscription), action: .deny))
            #expect((rules.verdict(on: .message, peer) == .denied) == (subscription == .none))
        }
    }
}
