// SPDX-License-Identifier: Apache-2.0
// In-Band Registration (XEP-0077).

import Testing

@testable import XMPPCore
@testable import XMPPModules

struct InBandRegistrationTests {
    static func modules(_ options: ConfigurationTable = [:]) -> [ModuleConfiguration] {
        [ModuleConfiguration("mod_register", options: options), ModuleConfiguration("mod_offline")]
    }
    static func registration(_ name: String, _ password: String, id: String = "reg2") -> String {
        "<iq type='set' id='\(id)'><query xmlns='jabber:iq:register'><username>\(name)</username>"
            + "<password>\(password)</password></query></iq>"
    }

    @Test func aStrangerRegistersAndLogsIn() async throws {
        try await Verona.run(with: Self.modules()) { verona, _ in
            let bill = verona.openStream()
            let features = try await bill.open("example.com")
            #expect(features.contains("<register xmlns='http://jabber.org/features/iq-register'/>"))
            bill.write("<iq type='get' id='reg1' to='example.com'><query xmlns='jabber:iq:register'/></iq>")
            let form = try await bill.read(to: "</iq>")
            #expect(form.contains("<username/><password/>"))
            bill.write(Self.registration("Bill", "Calliope"))
            #expect(try await bill.read(to: "id='reg2'/>").contains("type='result'"))
            // The name is prepared, and the password stored as keys.
            let account = try BareJID("bill@example.com")
            let stored = try await verona.storage.accounts.credential(of: account)
            #expect(stored?.passwordDetails?.hasPrefix("==MULTI_SCRAM==,1,") == true)
            try await verona.openStream().logIn("bill@example.com/globe", password: "Calliope")
        }
    }

    static let refused: [(content: String, condition: String)] = [
        ("<username>juliet</username><password>secret</password>", "<conflict"),
        ("<username>JULIET</username><password>secret</password>", "<conflict"),
        ("<username>bill</username>", "<not-acceptable"),
        ("<username>bill</username><password/>", "<not-acceptable"),
        ("<username/><password>secret</password>", "<not-acceptable"),
        ("<username>b@d</username><password>secret</password>", "<jid-malformed"),
        ("<username>blocked</username><password>secret</password>", "<forbidden"),
        ("<username>bill</username><password>a\u{E000}b</password>", "<not-acceptable"),
        ("<username>bill</username><password>\(String(repeating: "x", count: 1_024))</password>", "<not-acceptable"),
        ("<remove/>", "<unexpected-request"),
    ]

    @Test(arguments: refused)
    func whatCannotBeRegisteredIsRefused(content: String, condition: String) async throws {
        func configure(_ configuration: inout ServerConfiguration) {
            var pattern = AccessPattern()
            pattern.localpart = [.equal("blocked")]
            configuration.hosts[0].accessControlLists = AccessControlLists(["blocked": [pattern]])
            configuration.hosts[0].accessRules = AccessRules([
                "register": [AccessClause("blocked", .deny), AccessClause("all", .allow)]
            ])
            configuration.hosts[1].accessRules = AccessRules(["register": [AccessClause("all", .allow)]])
        }
        try await Verona.run(with: Self.modules(["access": "register"]), configure: configure) { verona, _ in
            let bill = verona.openStream()
            try await bill.open("example.com")
            bill.write("<iq type='set' id='1'><query xmlns='jabber:iq:register'>\(content)</query></iq>")
            let answer = try await bill.read(to: "</iq>")
            #expect(answer.contains(condition))
            #expect(try await !verona.storage.accounts.contains(BareJID("bill@example.com")))
            // Nothing came of it, so nobody has to wait.
            bill.write(Self.registration("will", "secret"))
            #expect(try await bill.read(to: "id='reg2'/>").contains("type='result'"))
        }
    }

    @Test func oneAddressWaitsBetweenRegistrations() async throws {
        try await Verona.run(with: Self.modules()) { verona, time in
            let bill = verona.openStream()
            try await bill.open("example.com")
            bill.write(Self.registration("bill", "secret", id: "1"))
            try await bill.read(to: "id='1'/>")
            bill.write(Self.registration("will", "secret", id: "2"))
            #expect(try await bill.read(to: "</iq>").contains("<resource-constraint"))
            time.advance(by: .seconds(600))
            bill.write(Self.registration("will", "secret", id: "3"))
            #expect(try await bill.read(to: "id='3'/>").contains("type='result'"))
        }
    }

    @Test func whoWatchesAndWhoIsNewGetMessages() async throws {
        let options: ConfigurationTable = [
            "welcome_message": ["subject": "Welcome", "body": "Hail"], "registration_watchers": ["nurse@example.com"],
        ]
        try await Verona.run(with: Self.modules(options)) { verona, _ in
            let nurse = try await verona.online("nurse@example.com/kitchen")
            let bill = verona.openStream()
            try await bill.open("example.com")
            bill.write(Self.registration("bill", "secret"))
            try await bill.read(to: "id='reg2'/>")
            let told = await nurse.received()
            #expect(told.map { $0.contains("bill@example.com was registered") } == [true])
            let waiting = try await verona.storage.offlineMessages.messages(
                for: BareJID("bill@example.com"), at: 0, after: nil, limit: 10)
            let welcome = try #require(waiting.items.first)
            #expect(String(decoding: welcome.message.stanza, as: UTF8.self).contains("<subject>Welcome</subject>"))
        }
    }

    @Test func theOwnerSeesTheRegistrationAndChangesThePassword() async throws {
        try await Verona.run(with: Self.modules()) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>")
            try await juliet.receives(
                """
                <iq to='juliet@example.com/balcony' type='result' id='1'><query xmlns='jabber:iq:register'>
                <registered/><username>juliet</username><password/></query></iq>
                """)
            try await juliet.send(
                """
                <iq type='set' to='example.com' id='change1'><query xmlns='jabber:iq:register'>
                <username>Juliet</username><password>newpass</password></query></iq>
                """)
            try await juliet.receives(
                "<iq to='juliet@example.com/balcony' from='example.com' type='result' id='change1'/>")
            try await verona.openStream().logIn("juliet@example.com/chamber", password: "newpass")
        }
    }

    static let refusedChanges: [(content: String, condition: String)] = [
        ("<username>juliet</username><password/>", "<bad-request"),
        ("<password>newpass</password>", "<bad-request"),
        ("<username>nurse</username><password>newpass</password>", "<not-allowed"),
        ("<username>juliet</username><password>weak</password>", "<not-acceptable"),
        ("<remove/><username>juliet</username>", "<bad-request"),
    ]

    @Test(arguments: refusedChanges)
    func whatCannotBeChangedIsRefused(content: String, condition: String) async throws {
        try await Verona.run(with: Self.modules(["password_strength": 30])) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<iq type='set' id='1'><query xmlns='jabber:iq:register'>\(content)</query></iq>")
            let answer = try #require(await juliet.received().first)
            #expect(answer.contains(condition))
            let stored = try await verona.storage.accounts.credential(of: BareJID("juliet@example.com"))
            #expect(stored == AccountCredential(password: "secret"))
        }
    }

    /// XEP-0077 section 3.2: first the result, then the end of every stream.
    @Test func aRemovedAccountGetsTheResultBeforeItsStreamsEnd() async throws {
        try await Verona.run(with: Self.modules()) { verona, _ in
            let balcony = try await verona.logIn("juliet@example.com/balcony")
            let chamber = try await verona.logIn("juliet@example.com/chamber")
            balcony.write("<iq type='set' id='unreg1'><query xmlns='jabber:iq:register'><remove/></query></iq>")
            let end = await balcony.readToEnd()
            #expect(end.hasPrefix("<iq to='juliet@example.com/balcony' type='result' id='unreg1'/><stream:error>"))
            #expect(end.contains("<not-authorized"))
            #expect(await chamber.readToEnd().contains("<not-authorized"))
            #expect(try await !verona.storage.accounts.contains(BareJID("juliet@example.com")))
        }
    }

    // MARK: parts

    static let networks: [(address: String, network: String, isInside: Bool)] = [
        ("192.0.2.7", "192.0.2.0/24", true), ("192.0.3.7", "192.0.2.0/24", false), ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.8", "192.0.2.7", false), ("10.1.2.3", "0.0.0.0/0", true), ("::ffff:192.0.2.7", "192.0.2.0/24", true),
        ("2001:db8::1", "2001:db8::/32", true), ("2001:db9::1", "2001:db8::/32", false), ("::1", "0.0.0.0/0", false),
        ("10.1.2.3", "10.1.2.2/31", true), ("10.1.2.4", "10.1.2.2/31", false),
    ]

    @Test(arguments: networks)
    func networksHoldAddresses(address: String, network: String, isInside: Bool) throws {
        let peer = try #require(IPAddress(address))
        #expect(try #require(IPNetwork(network)).contains(peer) == isInside)
    }

    @Test(arguments: [
        "", "/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2/24", "::/129", "a.example", "::1/", "1.2.3.4/a",
    ])
    func textsThatAreNoNetworks(text: String) { #expect(IPNetwork(text) == nil) }

    static let ranking: [(address: String, isAllowed: Bool)] = [
        ("127.0.0.1", true), ("10.0.0.5", true), ("10.0.0.6", false), ("192.0.2.1", false), ("::1", true), ("", true),
    ]

    @Test(arguments: ranking)
    func theFirstNetworkDecides(address: String, isAllowed: Bool) {
        var diagnostics: [ConfigurationDiagnostic] = []
        let options = RegistrationOptions.reading(
            [
                "ip_access": [
                    ["address": "127.0.0.0/8", "policy": "allow"], ["address": "10.0.0.5", "policy": "allow"],
                    ["address": "0.0.0.0/0", "policy": "deny"],
                ]
            ], path: "modules.mod_register", diagnostics: &diagnostics)
        #expect(diagnostics.isEmpty)
        #expect(options.allows(address) == isAllowed)
    }

    @Test func wrongOptionsAreErrors() {
        var diagnostics: [ConfigurationDiagnostic] = []
        let options = RegistrationOptions.reading(
            [
                "ip_access": [["address": "everywhere", "policy": "maybe"]], "registration_watchers": ["a/b"],
                "password_strength": -1,
            ], path: "modules.mod_register", diagnostics: &diagnostics)
        #expect(options.watchers.isEmpty)
        #expect(diagnostics.filter { $0.severity == .error }.count == 4)
    }

    static let strengths: [(password: String, bits: Double)] = [
        ("", 0), ("aaaaaaaa", 37.6), ("Aa1!", 26.3), ("1234", 13.3), ("h\u{E9}", 14.5), ("    ", 20.2),
    ]

    @Test(arguments: strengths)
    func strengthCountsKindsOfCharacters(password: String, bits: Double) {
        #expect(abs(PasswordStrength.bits(of: password) - bits) < 0.1)
    }

    @Test func intervalsHoldForAddressesAndTheirNetworks() {
        let intervals = RegistrationIntervals(.seconds(10))
        #expect(intervals.enter("192.0.2.1", now: .zero))
        #expect(!intervals.enter("192.0.2.1", now: .seconds(9)))
        #expect(intervals.enter("192.0.2.2", now: .zero))
        #expect(intervals.enter("2001:db8::1", now: .zero))
        #expect(!intervals.enter("2001:db8::2", now: .zero))
        #expect(intervals.enter("2001:db8:0:1::1", now: .zero))
        #expect(intervals.enter("192.0.2.1", now: .seconds(10)))
        intervals.leave("192.0.2.1")
        #expect(intervals.enter("192.0.2.1", now: .seconds(10)))
    }

    @Test func intervalsRememberABoundedNumberOfAddresses() {
        let intervals = RegistrationIntervals(.seconds(10))
        for number in 0..<RegistrationIntervals.addressCountMax {
            #expect(intervals.enter("10.0.\(number / 256).\(number % 256)", now: .zero))
        }
        #expect(!intervals.enter("192.0.2.1", now: .zero))
        #expect(intervals.enter("192.0.2.1", now: .seconds(10)))
    }
}
