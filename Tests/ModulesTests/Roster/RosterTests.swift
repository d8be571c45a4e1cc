// SPDX-License-Identifier: Apache-2.0
// Roster gets, sets and pushes (RFC 6121 sections 2.1 to 2.6), with its examples.

import Testing
import XMPPCore

@testable import XMPPModules

struct RosterTests {
    static let versioned = [
        ModuleConfiguration("mod_roster", options: ["versioning": true]), ModuleConfiguration("mod_presence"),
    ]

    @Test func getReturnsTheItems() async throws {
        try await Verona.run { verona in
            try await verona.store(
                "romeo@example.net", in: "juliet@example.com", .both, name: "Romeo", groups: ["Friends"])
            try await verona.store("nurse@example.com", in: "juliet@example.com", .none, pending: .out)
            try await verona.store("tybalt@example.com", in: "juliet@example.com", .none, pending: .in)
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<iq id='bv1bs71f' type='get'><query xmlns='jabber:iq:roster'/></iq>")
            // Tybalt's request is the server's secret.
            try await juliet.receives(
                """
                <iq id='bv1bs71f' type='result' to='juliet@example.com/balcony'>
                  <query xmlns='jabber:iq:roster'>
                    <item jid='nurse@example.com' subscription='none' ask='subscribe'/>
                    <item jid='romeo@example.net' name='Romeo' subscription='both'><group>Friends</group></item>
                  </query>
                </iq>
                """)
        }
    }

    @Test func aRosterLongerThanAPageIsReadWhole() async throws {
        try await Verona.run { verona in
            let account = try BareJID("juliet@example.com")
            for number in 0..<(Page<RosterItem>.itemCountMax + 1) {
                let contact = try JID("contact\(number)@example.net")
                _ = try await verona.storage.rosters.update(contact, of: account, itemCountMax: nil) { _ in
                    RosterItem(contact: contact)
                }
            }
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<iq id='1' type='get'><query xmlns='jabber:iq:roster'/></iq>")
            let result = try #require(await juliet.received().first)
            #expect(result.split(separator: "<item ").count == Page<RosterItem>.itemCountMax + 2)
        }
    }

    @Test func addingAnItemIsPushedToEveryInterestedResource() async throws {
        try await Verona.run { verona in
            let balcony = try await verona.online("juliet@example.com/balcony")
            let chamber = try await verona.online("juliet@example.com/chamber")
            let garden = try await verona.connect("juliet@example.com/garden")
            try await garden.send("<presence/>")
            for client in [balcony, chamber, garden] { await client.forget() }
            try await balcony.send(
                """
                <iq id='ph1xaz53' type='set'>
                  <query xmlns='jabber:iq:roster'>
                    <item jid='nurse@example.com' name='Nurse'><group>Servants</group></item>
                  </query>
                </iq>
                """)
            try await balcony.receives(
                "<iq id='ph1xaz53' to='juliet@example.com/balcony' type='result'/>",
                """
                <iq from='juliet@example.com' to='juliet@example.com/balcony' type='set'>
                  <query xmlns='jabber:iq:roster'>
                    <item jid='nurse@example.com' name='Nurse' subscription='none'><group>Servants</group></item>
                  </query>
                </iq>
                """)
            try await chamber.receives(
                """
                <iq from='juliet@example.com' to='juliet@example.com/chamber' type='set'>
                  <query xmlns='jabber:iq:roster'>
                    <item jid='nurse@example.com' name='Nurse' subscription='none'><group>Servants</group></item>
                  </query>
                </iq>
                """)
            await garden.receivesNothing()
        }
    }

    @Test func anUpdateKeepsTheSubscription() async throws {
        try await Verona.run { verona in
            try await verona.store(
                "romeo@example.net", in: "juliet@example.com", .both, name: "Romeo", groups: ["Friends"])
            let juliet = try await verona.online("juliet@example.com/balcony")
            // Section 2.1.2: what a client says of the subscription does not count.
            try await juliet.send(
                """
                <iq id='hu2bac18' type='set'>
                  <query xmlns='jabber:iq:roster'>
                    <item jid='Romeo@example.NET' subscription='none' ask='subscribe'><group>Lovers</group></item>
                  </query>
                </iq>
                """)
            try await juliet.receives(
                "<iq id='hu2bac18' to='juliet@example.com/balcony' type='result'/>",
                """
                <iq from='juliet@example.com' to='juliet@example.com/balcony' type='set'>
                  <query xmlns='jabber:iq:roster'>
                    <item jid='romeo@example.net' subscription='both'><group>Lovers</group></item>
                  </query>
                </iq>
                """)
        }
    }

    @Test(arguments: [
        ("", "bad-request", "modify"),
        ("<item/>", "bad-request", "modify"),
        ("<item jid='a@example.com'/><item jid='b@example.com'/>", "bad-request", "modify"),
        ("<thing jid='a@example.com'/>", "bad-request", "modify"),
        ("<item jid='a@@example.com'/>", "jid-malformed", "modify"),
        ("<item jid='a@example.com'><group>A</group><group>A</group></item>", "bad-request", "modify"),
        ("<item jid='a@example.com'><group/></item>", "not-acceptable", "modify"),
        (
            "<item jid='a@example.com'><group>\(String(repeating: "g", count: 1_024))</group></item>", "not-acceptable",
            "modify"
        ),
        ("<item jid='a@example.com' name='\(String(repeating: "n", count: 1_024))'/>", "not-acceptable", "modify"),
        ("<item jid='juliet@example.com'/>", "not-allowed", "cancel"),
        ("<item jid='a@example.com' subscription='remove'/>", "item-not-found", "cancel"),
    ])
    func aSetThatIsWrongIsAnsweredWithItsError(_ items: String, _ condition: String, _ type: String) async throws {
        try await Verona.run { verona in
            let juliet = try await verona.online("juliet@example.com/balcony")
            try await juliet.send("<iq id='1' type='set'><query xmlns='jabber:iq:roster'>\(items)</query></iq>")
            try await juliet.receives(
                """
                <iq id='1' to='juliet@example.com/balcony' type='error'>
                  <error type='\(type)'><\(condition) xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
                </iq>
                """)
            #expect(
                try await verona.storage.rosters.roster(of: BareJID("juliet@example.com"), after: nil, limit: 9).items
                    == [])
        }
    }

    @Test func aSetAtTheLimitsIsStored() async throws {
        let name = String(repeating: "n", count: RosterSet.nameByteCountMax)
        let groups = Set((0..<RosterItem.groupCountMax).map { "group \($0)" })
        let elements = groups.map { "<group>\($0)</group>" }.joined()
        try await Verona.run { verona in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send(
                """
                <iq id='1' type='set'><query xmlns='jabber:iq:roster'>
                <item jid='nurse@example.com' name='\(name)'>\(elements)</item></query></iq>
                """)
            try await juliet.receives("<iq id='1' to='juliet@example.com/balcony' type='result'/>")
            let item = try #require(try await verona.item("nurse@example.com", in: "juliet@example.com"))
            #expect(item.name == name && item.groups == groups)
            try await juliet.send(
                """
                <iq id='2' type='set'><query xmlns='jabber:iq:roster'>
                <item jid='nurse@example.com'><group>one more</group>\(elements)</item></query></iq>
                """)
            let error = try #require(await juliet.received().first)
            #expect(error.contains("not-acceptable"))
        }
    }

    @Test func theRosterOfAnotherIsForbidden() async throws {
        try await Verona.run { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await romeo.send(
                "<iq to='juliet@example.com' id='1' type='get'><query xmlns='jabber:iq:roster'/></iq>")
            try await romeo.receives(
                """
                <iq id='1' from='juliet@example.com' to='romeo@example.net/orchard' type='error'>
                  <error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
                </iq>
                """)
        }
    }

    @Test func aVersionThatIsCurrentIsAnsweredWithNothing() async throws {
        try await Verona.run(modules: Self.versioned) { verona in
            try await verona.store("nurse@example.com", in: "juliet@example.com", .none)
            let version = try #require(try await verona.storage.rosters.version(of: BareJID("juliet@example.com"))).text
            let juliet = try await verona.connect("juliet@example.com/balcony")
            let whole = { (id: String, version: String) in
                """
                <iq id='\(id)' to='juliet@example.com/balcony' type='result'>
                  <query xmlns='jabber:iq:roster' ver='\(version)'>
                    <item jid='nurse@example.com' subscription='none'/>
                  </query>
                </iq>
                """
            }
            try await juliet.send("<iq id='1' type='get'><query xmlns='jabber:iq:roster' ver=''/></iq>")
            try await juliet.send("<iq id='2' type='get'><query xmlns='jabber:iq:roster' ver='\(version)'/></iq>")
            try await juliet.send("<iq id='3' type='get'><query xmlns='jabber:iq:roster' ver='unknown'/></iq>")
            try await juliet.send("<iq id='4' type='get'><query xmlns='jabber:iq:roster'/></iq>")
            try await juliet.receives(
                whole("1", version), "<iq id='2' to='juliet@example.com/balcony' type='result'/>", whole("3", version),
                whole("4", version))
            // Section 2.6.3: pushes carry the version that they lead to.
            try await juliet.send(
                "<iq id='5' type='set'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com' name='N'/></query></iq>"
            )
            let next = try #require(try await verona.storage.rosters.version(of: BareJID("juliet@example.com"))).text
            #expect(next != version)
            try await juliet.receives(
                "<iq id='5' to='juliet@example.com/balcony' type='result'/>",
                """
                <iq from='juliet@example.com' to='juliet@example.com/balcony' type='set'>
                  <query xmlns='jabber:iq:roster' ver='\(next)'>
                    <item jid='nurse@example.com' name='N' subscription='none'/>
                  </query>
                </iq>
                """)
        }
    }

    @Test func aRosterThatNeverChangedHasNoVersionThatAClientCouldHave() async throws {
        try await Verona.run(modules: Self.versioned) { verona in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<iq id='1' type='get'><query xmlns='jabber:iq:roster' ver=''/></iq>")
            try await juliet.receives(
                "<iq id='1' to='juliet@example.com/balcony' type='result'><query xmlns='jabber:iq:roster' ver=''/></iq>"
            )
        }
    }

    @Test func removingAnItemCancelsBothSubscriptions() async throws {
        try await Verona.run { verona in
            try await verona.befriend("juliet@example.com", "romeo@example.net")
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.online("romeo@example.net/orchard")
            await juliet.forget()
            try await juliet.send(
                """
                <iq id='hm4hs97y' type='set'><query xmlns='jabber:iq:roster'>
                <item jid='romeo@example.net' subscription='remove'/></query></iq>
                """)
            // Section 2.5.2, and what follows from Romeo's side of section 3.3.3 and 3.2.3.
            try await juliet.receives(
                """
                <iq from='juliet@example.com' to='juliet@example.com/balcony' type='set'>
                <query xmlns='jabber:iq:roster'><item jid='romeo@example.net' subscription='remove'/></query></iq>
                """,
                "<presence from='romeo@example.net/orchard' to='juliet@example.com' type='unavailable'/>",
                "<iq id='hm4hs97y' to='juliet@example.com/balcony' type='result'/>", isOrdered: false)
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>",
                "<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribe'/>",
                """
                <iq from='romeo@example.net' to='romeo@example.net/orchard' type='set'>
                <query xmlns='jabber:iq:roster'><item jid='juliet@example.com' subscription='to'/></query></iq>
                """,
                "<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed'/>",
                """
                <iq from='romeo@example.net' to='romeo@example.net/orchard' type='set'>
                <query xmlns='jabber:iq:roster'><item jid='juliet@example.com' subscription='none'/></query></iq>
                """)
            #expect(try await verona.item("romeo@example.net", in: "juliet@example.com") == nil)
        }
    }

    @Test func aRequestThatOnlyTheServerKnowsOfCannotBeRemoved() async throws {
        try await Verona.run { verona in
            try await verona.store("romeo@example.net", in: "juliet@example.com", .none, pending: .in)
            let juliet = try await verona.online("juliet@example.com/balcony")
            try await juliet.send(
                """
                <iq id='1' type='set'><query xmlns='jabber:iq:roster'>
                <item jid='romeo@example.net' subscription='remove'/></query></iq>
                """)
            let error = try #require(await juliet.received().first)
            #expect(error.contains("item-not-found"))
            #expect(try await verona.item("romeo@example.net", in: "juliet@example.com")?.pending == .in)
        }
    }
}
