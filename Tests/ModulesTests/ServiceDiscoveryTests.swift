// SPDX-License-Identifier: Apache-2.0
// Service Discovery (XEP-0030), contact addresses (XEP-0157) and Entity Capabilities (XEP-0115).

import Testing
import XMPPCore

@testable import XMPPModules

struct ServiceDiscoveryTests {
    static let modules = [
        ModuleConfiguration(
            "mod_disco",
            options: [
                "extra_domains": ["rooms.example.com"],
                "server_info": [
                    [
                        "name": "abuse-addresses",
                        "urls": ["mailto:abuse@shakespeare.lit", "xmpp:abuse@shakespeare.lit"],
                    ],
                    ["name": "admin-addresses", "urls": ["xmpp:admins@shakespeare.lit"], "modules": ["mod_muc"]],
                ],
            ]
        ),
        ModuleConfiguration("mod_caps"), ModuleConfiguration("mod_version"),
    ]
    static let balcony = "juliet@example.com/balcony"

    @Test func theHostTellsIdentityFeaturesAndContacts() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect(Self.balcony)
            try await juliet.send(
                "<iq id='1' type='get' to='example.com'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
            let result = try #require(await juliet.received().first)
            for part in [
                "<identity category='server' type='im' name='mimd'/>",
                "<feature var='http://jabber.org/protocol/disco#info'/>", "<feature var='jabber:iq:version'/>",
                "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>"
                    + "<value>http://jabber.org/network/serverinfo</value></field><field var='abuse-addresses'>"
                    + "<value>mailto:abuse@shakespeare.lit</value><value>xmpp:abuse@shakespeare.lit</value></field></x>",
            ] { #expect(result.contains(part)) }
            // That contact is for another module's answers.
            #expect(!result.contains("admin-addresses"))
        }
    }

    @Test func theHostListsExtraDomains() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect(Self.balcony)
            try await juliet.send(
                "<iq id='1' type='get' to='example.com'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>")
            try await juliet.receives(
                """
                <iq id='1' type='result' to='juliet@example.com/balcony' from='example.com'>
                  <query xmlns='http://jabber.org/protocol/disco#items'>
                    <item jid='rooms.example.com'/>
                  </query>
                </iq>
                """)
        }
    }

    static let errors: [(to: String, namespace: String, node: String, condition: String)] = [
        ("example.com", "info", " node='nowhere'", "<item-not-found"),
        ("example.com", "items", " node='nowhere'", "<item-not-found"),
        ("juliet@example.com", "info", " node='nowhere'", "<item-not-found"),
        ("juliet@example.com", "items", " node='nowhere'", "<item-not-found"),
        // XEP-0030 section 8: not there, and not to be seen, are the same.
        ("nobody@example.com", "info", "", "<service-unavailable"),
        ("nurse@example.com", "info", "", "<service-unavailable"),
        ("nurse@example.com", "info", " node='nowhere'", "<service-unavailable"),
    ]

    @Test(arguments: errors)
    func whatIsNotThereIsAnError(to: String, namespace: String, node: String, condition: String) async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect(Self.balcony)
            try await juliet.send(
                "<iq id='1' type='get' to='\(to)'>"
                    + "<query xmlns='http://jabber.org/protocol/disco#\(namespace)'\(node)/></iq>")
            let answer = try #require(await juliet.received().first)
            #expect(answer.contains(condition))
        }
    }

    @Test func anAccountTellsItselfAndThoseWhoSeeItsPresence() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            try await verona.store("juliet@example.com", in: "romeo@example.net", .from)
            _ = try await verona.online("romeo@example.net/orchard")
            _ = try await verona.connect("romeo@example.net/unavailable")
            let juliet = try await verona.connect(Self.balcony)
            try await juliet.send(
                "<iq id='1' type='get' to='romeo@example.net'>"
                    + "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
            let info = try #require(await juliet.received().first)
            #expect(info.contains("<identity category='account' type='registered'/>"))
            try await juliet.send(
                "<iq id='2' type='get' to='romeo@example.net'>"
                    + "<query xmlns='http://jabber.org/protocol/disco#items'/></iq>")
            try await juliet.receives(
                """
                <iq id='2' type='result' to='juliet@example.com/balcony' from='romeo@example.net'>
                  <query xmlns='http://jabber.org/protocol/disco#items'><item jid='romeo@example.net/orchard'/></query>
                </iq>
                """)
            let nurse = try await verona.connect("nurse@example.com/kitchen")
            try await nurse.send(
                "<iq id='3' type='get' to='romeo@example.net'>"
                    + "<query xmlns='http://jabber.org/protocol/disco#items'/></iq>")
            try await nurse.receives(
                """
                <iq id='3' type='result' to='nurse@example.com/kitchen' from='romeo@example.net'>
                  <query xmlns='http://jabber.org/protocol/disco#items'/>
                </iq>
                """)
        }
    }

    // MARK: capabilities

    /// XEP-0115 sections 5.2 and 5.3.
    @Test func verificationStringsAreThoseOfTheSpecification() {
        let features: Set = [
            "http://jabber.org/protocol/caps", "http://jabber.org/protocol/disco#info",
            "http://jabber.org/protocol/disco#items", "http://jabber.org/protocol/muc",
        ]
        let simple = DiscoInfo(
            identities: [DiscoIdentity(category: "client", type: "pc", name: "Exodus 0.9.1")], features: features)
        #expect(simple.verificationString == "QgayPKawpkPSDYmwT/WM94uAlu0=")
        let form = DiscoForm(
            type: Namespace("urn:xmpp:dataforms:softwareinfo"),
            fields: [
                .init("software_version", ["0.11"]), .init("ip_version", ["ipv6", "ipv4"]), .init("os", ["Mac"]),
                .init("os_version", ["10.5.1"]), .init("software", ["Psi"]),
            ])
        let complex = DiscoInfo(
            identities: [
                DiscoIdentity(category: "client", type: "pc", name: "Psi 0.11", language: "en"),
                DiscoIdentity(category: "client", type: "pc", name: "\u{3A8} 0.11", language: "el"),
            ], features: features, forms: [form])
        #expect(complex.verificationString == "q07IKJEyjvHSyhy//CH0CxmKi8w=")
    }

    @Test func theStreamOffersCapabilitiesThatDiscoveryConfirms() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let info = try #require(verona.server.host("example.com")).discoInfo(of: .host)
            let client = verona.openStream()
            let features = try await client.authenticate(BareJID("juliet@example.com"))
            #expect(
                features.contains(
                    "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='\(DiscoInfo.softwareNode)'"
                        + " ver='\(info.verificationString)'/>"))
            let juliet = try await verona.connect(Self.balcony)
            try await juliet.send(
                "<iq id='1' type='get' to='example.com'><query xmlns='http://jabber.org/protocol/disco#info'"
                    + " node='\(info.capabilitiesNode)'/></iq>")
            let result = try #require(await juliet.received().first)
            #expect(result.contains(info.element(node: info.capabilitiesNode).xml))
        }
    }

    @Test func optionsThatAreNoDomainsAreErrors() {
        var diagnostics: [ConfigurationDiagnostic] = []
        let options = ServiceDiscovery.Options.reading(
            ["extra_domains": ["a@b"], "users_can_see_hidden_services": false], path: "modules.mod_disco",
            diagnostics: &diagnostics)
        #expect(options.extraDomains == ["a@b"])
        #expect(diagnostics.map(\.severity) == [.error, .warning])
    }
}
