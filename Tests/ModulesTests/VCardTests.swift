// SPDX-License-Identifier: Apache-2.0
// vCards (XEP-0054), the user directory (XEP-0055) with its service domain, and avatar hashes (XEP-0153).

import Testing
import XMPPCore

@testable import XMPPModules

struct VCardTests {
    static let modules = [ModuleConfiguration("mod_vcard"), ModuleConfiguration("mod_disco")]
    static let card =
        "<vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN><N><GIVEN>Juliet</GIVEN></N><X-OWN a='b'/></vCard>"

    @Test func everybodyReadsWhatItsOwnerStored() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await juliet.send("<iq type='set' id='v2'>\(Self.card)</iq>")
            try await juliet.receives("<iq type='result' id='v2' to='juliet@example.com/balcony'/>")
            try await romeo.send("<iq type='get' id='v3' to='juliet@example.com'><vCard xmlns='vcard-temp'/></iq>")
            try await romeo.receives(
                "<iq type='result' id='v3' from='juliet@example.com' to='romeo@example.net/orchard'>\(Self.card)</iq>")
        }
    }

    @Test func whatIsNotStoredIsEmptyForItsOwner() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            let card = "<vCard xmlns='vcard-temp'/>"
            try await juliet.send("<iq type='get' id='v1'>\(card)</iq>")
            try await juliet.receives("<iq type='result' id='v1' to='juliet@example.com/balcony'>\(card)</iq>")
        }
    }

    static let refused: [(stanza: String, condition: String)] = [
        ("type='set' to='romeo@example.net'><vCard xmlns='vcard-temp'><FN>Not me</FN></vCard>", "<forbidden"),
        ("type='set' to='nobody@example.com'><vCard xmlns='vcard-temp'/>", "<forbidden"),
        ("type='set' to='example.com'><vCard xmlns='vcard-temp'/>", "<forbidden"),
        ("type='set' to='vjud.example.com'><vCard xmlns='vcard-temp'/>", "<forbidden"),
        ("type='set'><vCard xmlns='vcard'/>", "<service-unavailable"),
        ("type='set'><vCard/>", "<service-unavailable"),
        ("type='set'><vcard xmlns='vcard-temp'/>", "<service-unavailable"),
        (
            "type='set'><vCard xmlns='vcard-temp'><FN>\(String(repeating: "a", count: VCardTemp.byteCountMax))</FN></vCard>",
            "<not-acceptable"
        ),
        // XEP-0054 section 3.3: the same for an account without a vCard and for no account.
        ("type='get' to='romeo@example.net'><vCard xmlns='vcard-temp'/>", "<service-unavailable"),
        ("type='get' to='nobody@example.net'><vCard xmlns='vcard-temp'/>", "<service-unavailable"),
        (
            "type='set' to='vjud.example.com'><query xmlns='jabber:iq:search'><x xmlns='jabber:x:data'/></query>",
            "<bad-req"
        ),
        ("type='set' to='romeo@vjud.example.com'><query xmlns='jabber:iq:search'/>", "<service-unavailable"),
        ("type='get' to='vjud.example.com'><query xmlns='jabber:iq:roster'/>", "<service-unavailable"),
        ("type='get' to='other.example.com'><vCard xmlns='vcard-temp'/>", "<remote-server-not-found"),
    ]

    @Test(arguments: refused)
    func whatMakesNoSenseIsRefusedAndNotStored(stanza: String, condition: String) async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<iq id='1' \(stanza)</iq>")
            let answers = await juliet.received()
            #expect(answers.count == 1)
            #expect(answers.first?.contains(condition) == true, "\(answers)")
            let stored = try await verona.storage.vCards.accounts(after: nil, limit: 10)
            #expect(stored.items.isEmpty)
        }
    }

    @Test func aVCardOfTheGreatestLengthIsStored() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            let (start, end) = ("<vCard xmlns='vcard-temp'><DESC>", "</DESC></vCard>")
            let count = VCardTemp.byteCountMax - start.utf8.count - end.utf8.count
            for (isStored, count) in [(true, count), (false, count + 1)] {
                let text = String(repeating: "a", count: count)
                try await juliet.send("<iq type='set' id='1'>\(start)\(text)\(end)</iq>")
                let answer = try #require(await juliet.received().first)
                #expect(answer.contains("not-acceptable") == !isStored)
            }
        }
    }

    @Test func theServerHasAVCardItself() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            for service in ["example.com", "vjud.example.com"] {
                try await juliet.send("<iq type='get' id='1' to='\(service)'><vCard xmlns='vcard-temp'/></iq>")
                let answer = try #require(await juliet.received().first)
                #expect(answer.contains("<FN>"))
            }
        }
    }
}

struct UserDirectoryTests {
    static func card(_ given: String, _ family: String, email: String = "") -> String {
        """
        <vCard xmlns='vcard-temp'><N><GIVEN>\(given)</GIVEN><FAMILY>\(family)</FAMILY></N>\
        <EMAIL><USERID>\(email)</USERID></EMAIL></vCard>
        """
    }

    /// A directory in which Juliet, the nurse and Tybalt are, and Romeo of another host.
    static func run(
        _ options: ConfigurationTable = [:], _ body: (Verona, Client) async throws -> Void
    ) async throws {
        let modules = [ModuleConfiguration("mod_vcard", options: options), ModuleConfiguration("mod_disco")]
        try await Verona.run(with: modules) { verona, _ in
            let cards = [
                ("juliet@example.com/a", card("Juliet", "Capulet", email: "juliet@shakespeare.lit")),
                ("nurse@example.com/a", card("Angelica", "")), ("tybalt@example.com/a", card("Tybalt", "Capulet")),
                ("romeo@example.net/a", card("Romeo", "Montague")),
            ]
            for (address, card) in cards {
                let client = try await verona.connect(address)
                try await client.send("<iq type='set' id='1'>\(card)</iq>")
                await client.forget()
                await client.close()
            }
            try await body(verona, try await verona.connect("juliet@example.com/balcony"))
        }
    }

    static func search(_ content: String, type: String = "set", to: String = "vjud.example.com") -> String {
        "<iq type='\(type)' id='s' to='\(to)'><query xmlns='jabber:iq:search'>\(content)</query></iq>"
    }

    @Test func peopleAreFoundByPlainFields() async throws {
        try await Self.run { _, juliet in
            try await juliet.send(Self.search("<last>capulet</last>"))
            try await juliet.receives(
                """
                <iq type='result' id='s' from='vjud.example.com' to='juliet@example.com/balcony'>
                <query xmlns='jabber:iq:search'>
                <item jid='juliet@example.com'><first>Juliet</first><last>Capulet</last><nick/>
                <email>juliet@shakespeare.lit</email></item>
                <item jid='tybalt@example.com'><first>Tybalt</first><last>Capulet</last><nick/><email/></item>
                </query></iq>
                """)
            for nobody in [
                "<last>Montague</last>", "", "<last/>", "<last> </last>", "<last>Cap</last>", "<user>juliet</user>",
            ] {
                try await juliet.send(Self.search(nobody))
                try await juliet.receives(
                    """
                    <iq type='result' id='s' from='vjud.example.com' to='juliet@example.com/balcony'>
                    <query xmlns='jabber:iq:search'/></iq>
                    """)
            }
        }
    }

    @Test func peopleAreFoundByAForm() async throws {
        try await Self.run { _, juliet in
            try await juliet.send(Self.search("", type: "get"))
            let form = try #require(await juliet.received().first)
            for part in ["<first/><last/><nick/><email/>", "type='form'", "var='orgunit'", "<value>jabber:iq:search<"] {
                #expect(form.contains(part))
            }
            let terms = "<field var='last'><value>C*</value></field><field var='user'><value>TY*</value></field>"
            try await juliet.send(
                Self.search("<x xmlns='jabber:x:data' type='submit'>\(terms)<field var='x-gender'/><field/></x>"))
            let result = try #require(await juliet.received().first)
            #expect(result.contains("<field var='jid'><value>tybalt@example.com</value></field>"))
            #expect(result.contains("<field var='user'><value>tybalt</value></field>"))
            #expect(!result.contains("juliet@example.com<"))
        }
    }

    @Test(arguments: [(0, 0), (1, 1), (30, 3), (nil, 3)] as [(Int?, Int)])
    func noMoreThanConfiguredAreFound(matches: Int?, count: Int) async throws {
        let value: ConfigurationValue = matches.map { .init(integerLiteral: $0) } ?? "infinity"
        try await Self.run(["matches": value]) { _, juliet in
            try await juliet.send(Self.search("<first>*</first>"))
            let result = try #require(await juliet.received().first)
            #expect(result.split(separator: "<item ").count - 1 == count)
        }
    }

    @Test func theDirectoryIsDiscovered() async throws {
        try await Self.run(["host": "people.@HOST@"]) { _, juliet in
            try await juliet.send(
                "<iq type='get' id='1' to='example.com'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>")
            try await juliet.receives(
                """
                <iq type='result' id='1' from='example.com' to='juliet@example.com/balcony'>
                <query xmlns='http://jabber.org/protocol/disco#items'>
                <item jid='people.example.com' name='User Search'/></query></iq>
                """)
            try await juliet.send(
                "<iq type='get' id='2' to='people.example.com'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
            )
            let info = try #require(await juliet.received().first)
            for part in ["category='directory' type='user'", "var='jabber:iq:search'", "var='vcard-temp'"] {
                #expect(info.contains(part))
            }
            try await juliet.send("<message to='people.example.com' id='3'><body>Hello</body></message>")
            let bounced = try #require(await juliet.received().first)
            #expect(bounced.contains("<service-unavailable"))
            try await juliet.send("<presence to='people.example.com'/>")
            await juliet.receivesNothing()
        }
    }

    @Test func thereNeedBeNoDirectory() async throws {
        try await Self.run(["search": false]) { _, juliet in
            try await juliet.send(Self.search("<first>*</first>"))
            let answer = try #require(await juliet.received().first)
            #expect(answer.contains("<remote-server-not-found"))
        }
    }

    @Test(arguments: ["example.com", "people.example", "juliet@@HOST@", ""])
    func aDomainThatCannotBeServedKeepsTheServerFromStarting(host: String) async throws {
        await #expect(throws: (any Error).self) {
            try await Verona.run(with: [ModuleConfiguration("mod_vcard", options: ["host": .init(stringLiteral: host)])]
            ) {
                _, _ in
            }
        }
    }
}

struct AvatarHashTests {
    static let photo = "<PHOTO><TYPE>image/png</TYPE><BINVAL>\n  aGVs\n  bG8=\n</BINVAL></PHOTO>"
    /// SHA-1 of "hello".
    static let hash = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"

    static func update(_ photo: String) -> String {
        "<x xmlns='vcard-temp:x:update'>\(photo)</x>"
    }

    static func card(_ content: String) -> String {
        "<iq type='set' id='v'><vCard xmlns='vcard-temp'>\(content)</vCard></iq>"
    }

    static func run(_ body: (Verona, Client, Client) async throws -> Void) async throws {
        try await Verona.run(with: VCardTests.modules) { verona, _ in
            try await verona.befriend("juliet@example.com", "romeo@example.net")
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await body(verona, try await verona.connect("juliet@example.com/balcony"), romeo)
        }
    }

    private static func presence(_ content: String, to: String = "romeo@example.net") -> String {
        "<presence from='juliet@example.com/balcony' to='\(to)'>\(content)</presence>"
    }

    @Test func presenceWithoutTheHashGetsIt() async throws {
        try await Self.run { verona, juliet, romeo in
            try await juliet.send(Self.card(Self.photo))
            try await juliet.send("<presence><show>away</show></presence>")
            let photo = "<photo>\(Self.hash)</photo>"
            try await romeo.receives(Self.presence("<show>away</show>\(Self.update(photo))"))
            // Directed, too: XEP-0153 section 4.1.
            try await juliet.send("<presence to='romeo@example.net/orchard'/>")
            try await romeo.receives(Self.presence(Self.update(photo), to: "romeo@example.net/orchard"))
            // It is read from the store at the next log-in.
            await juliet.close()
            await romeo.forget()
            let again = try await verona.connect("juliet@example.com/balcony")
            try await again.send("<presence/>")
            try await romeo.receives(Self.presence(Self.update(photo)))
        }
    }

    @Test func aNewAvatarIsAnnounced() async throws {
        try await Self.run { _, juliet, romeo in
            try await juliet.send("<presence><show>dnd</show></presence>")
            // Without a vCard there is nothing to say.
            try await romeo.receives(Self.presence("<show>dnd</show>"))
            try await juliet.send(Self.card(Self.photo))
            try await romeo.receives(
                Self.presence("<show>dnd</show>\(Self.update("<photo>\(Self.hash)</photo>"))"))
            try await juliet.send(Self.card("<FN>Juliet</FN>\(Self.photo)"))
            await romeo.receivesNothing()
            try await juliet.send(Self.card("<FN>Juliet</FN>"))
            try await romeo.receives(Self.presence("<show>dnd</show>\(Self.update("<photo/>"))"))
        }
    }

    @Test(arguments: ["", "<photo/>", "<photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo>"])
    func aClientsOwnWordStays(photo: String) async throws {
        try await Self.run { _, juliet, romeo in
            try await juliet.send(Self.card(Self.photo))
            try await juliet.send("<presence>\(Self.update(photo))</presence>")
            try await romeo.receives(Self.presence(Self.update(photo)))
            // The client says itself what it has set.
            try await juliet.send(Self.card(""))
            await romeo.receivesNothing()
        }
    }

    @Test(arguments: [
        "", "<PHOTO/>", "<PHOTO><BINVAL/></PHOTO>", "<PHOTO><BINVAL>!</BINVAL></PHOTO>",
        "<PHOTO><EXTVAL>https://example.com/a.png</EXTVAL></PHOTO>",
    ])
    func whatIsNoImageHasNoHash(content: String) throws {
        let vCard = try #require(Element(parsing: Array("<vCard xmlns='vcard-temp'>\(content)</vCard>".utf8)))
        #expect(AvatarHash(ofVCard: vCard).text == "")
    }
}
