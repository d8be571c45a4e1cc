// SPDX-License-Identifier: Apache-2.0
// Software Version (XEP-0092), Entity Time (XEP-0202), Private XML Storage (XEP-0049), Last Activity (XEP-0012), and
// the options of stream management (XEP-0198).

import Testing
import XMPPCore

@testable import XMPPModules

struct SoftwareVersionTests {
    @Test func theServerTellsNameAndVersion() async throws {
        try await Verona.run(with: [ModuleConfiguration("mod_version")]) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send(
                "<iq type='get' to='example.com' id='version_1'><query xmlns='jabber:iq:version'/></iq>")
            try await juliet.receives(
                """
                <iq type='result' to='juliet@example.com/balcony' from='example.com' id='version_1'>
                  <query xmlns='jabber:iq:version'><name>mimd</name><version>\(mimdVersion)</version></query>
                </iq>
                """)
        }
    }

    @Test func theOperatingSystemIsToldOnlyIfConfigured() async throws {
        try await Verona.run(with: [ModuleConfiguration("mod_version", options: ["os_info": true])]) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<iq type='get' to='example.com' id='1'><query xmlns='jabber:iq:version'/></iq>")
            let result = try #require(await juliet.received().first)
            #expect(result.contains("<os>Linux "))
        }
    }
}

struct EntityTimeTests {
    @Test func theServerTellsItsTime() async throws {
        try await Verona.run(with: [ModuleConfiguration("mod_time")]) { verona, time in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<iq type='get' to='example.com' id='time_1'><time xmlns='urn:xmpp:time'/></iq>")
            let result = try #require(await juliet.received().first)
            #expect(result.contains("<utc>2001-09-09T01:46:40Z</utc>"))
            #expect(result.contains("<tzo>"))
        }
    }

    @Test(arguments: [(0, "Z"), (3_600, "+01:00"), (-12_600, "-03:30"), (20_700, "+05:45"), (-36_000, "-10:00")])
    func zonesAreThoseOfDateTimeProfiles(seconds: Int, text: String) {
        #expect(EntityTime.zoneOffset(seconds: seconds) == text)
    }
}

struct PrivateXMLStorageTests {
    static let modules = [ModuleConfiguration("mod_private")]

    @Test func whatIsStoredIsReturned() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/denmark")
            try await juliet.send(
                """
                <iq type="set" id="1001"><query xmlns="jabber:iq:private">
                <exodus xmlns="exodus:prefs"><defaultnick>Hamlet</defaultnick></exodus></query></iq>
                """)
            try await juliet.receives("<iq type='result' to='juliet@example.com/denmark' id='1001'/>")
            try await juliet.send(
                "<iq type='get' id='1002'><query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'/></query></iq>")
            try await juliet.receives(
                """
                <iq type='result' to='juliet@example.com/denmark' id='1002'><query xmlns='jabber:iq:private'>
                <exodus xmlns='exodus:prefs'><defaultnick>Hamlet</defaultnick></exodus></query></iq>
                """)
        }
    }

    @Test func whatIsNotStoredIsEmpty() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/denmark")
            try await juliet.send(
                "<iq type='get' id='1'><query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'/></query></iq>")
            try await juliet.receives(
                """
                <iq type='result' to='juliet@example.com/denmark' id='1'>
                <query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'/></query></iq>
                """)
        }
    }

    static let refused: [(stanza: String, condition: String)] = [
        ("type='set' to='nurse@example.com'><query xmlns='jabber:iq:private'><a xmlns='a:b'/></query>", "<forbidden"),
        ("type='get'><query xmlns='jabber:iq:private'/>", "<bad-request"),
        ("type='get'><query xmlns='jabber:iq:private'><a xmlns='a:b'/><c xmlns='c:d'/></query>", "<bad-request"),
        ("type='set'><query xmlns='jabber:iq:private'/>", "<not-acceptable"),
        ("type='set'><query xmlns='jabber:iq:private'><a/></query>", "<not-acceptable"),
        ("type='set'><query xmlns='jabber:iq:private'><a xmlns='a:b'/><b xmlns='a:b'/></query>", "<not-acceptable"),
    ]

    @Test(arguments: refused)
    func whatMakesNoSenseIsRefused(stanza: String, condition: String) async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/denmark")
            try await juliet.send("<iq id='1' \(stanza)</iq>")
            let answer = try #require(await juliet.received().first)
            #expect(answer.contains(condition))
        }
    }
}

struct LastActivityTests {
    static let modules = [ModuleConfiguration("mod_last")]
    static let query = "<query xmlns='jabber:iq:last'/>"

    @Test func aContactLearnsWhenAnAccountLeftAndWhatItSaid() async throws {
        try await Verona.run(with: Self.modules) { verona, time in
            try await verona.store("romeo@example.net", in: "juliet@example.com", .from)
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await romeo.send("<iq id='last0' to='juliet@example.com' type='get'>\(Self.query)</iq>")
            try await romeo.receives(
                """
                <iq to='romeo@example.net/orchard' from='juliet@example.com' id='last0' type='result'>
                <query xmlns='jabber:iq:last' seconds='0'/></iq>
                """)
            try await juliet.send("<presence type='unavailable'><status>Heading Home</status></presence>")
            await juliet.close()
            time.advance(by: .seconds(903))
            try await romeo.send("<iq id='last1' to='juliet@example.com' type='get'>\(Self.query)</iq>")
            try await romeo.receives(
                """
                <iq to='romeo@example.net/orchard' from='juliet@example.com' id='last1' type='result'>
                <query xmlns='jabber:iq:last' seconds='903'>Heading Home</query></iq>
                """)
        }
    }

    @Test func aLostSessionIsRememberedToo() async throws {
        try await Verona.run(with: Self.modules) { verona, time in
            let juliet = try await verona.logIn("juliet@example.com/balcony")
            juliet.write("<presence/>")
            try await juliet.read(to: "<presence")
            await juliet.disconnect()
            let stored = try await verona.storage.lastActivity.lastActivity(of: BareJID("juliet@example.com"))
            #expect(stored == LastActivityRecord(seconds: time.wallTime.seconds, status: ""))
        }
    }

    static let refused = [
        ("nurse@example.com", "<forbidden"), ("nobody@example.com", "<forbidden"), ("", "<item-not-found"),
    ]

    @Test(arguments: refused)
    func strangersLearnNothing(account: String, condition: String) async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            let to = account.isEmpty ? "" : " to='\(account)'"
            try await juliet.send("<iq id='1'\(to) type='get'>\(Self.query)</iq>")
            let answer = try #require(await juliet.received().first)
            #expect(answer.contains(condition))
        }
    }

    @Test func theServerTellsHowLongItRuns() async throws {
        try await Verona.run(with: Self.modules) { verona, time in
            time.advance(by: .seconds(123_456))
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await romeo.send("<iq id='last3' to='example.com' type='get'>\(Self.query)</iq>")
            try await romeo.receives(
                """
                <iq to='romeo@example.net/orchard' from='example.com' id='last3' type='result'>
                <query xmlns='jabber:iq:last' seconds='123456'/></iq>
                """)
        }
    }

    @Test func nothingOfARemovedAccountComesBack() async throws {
        try await Verona.run(with: Self.modules) { verona, _ in
            let account = try BareJID("juliet@example.com")
            let juliet = try await verona.online("juliet@example.com/balcony")
            try await verona.server.host("example.com")?.removeAccount(account)
            await verona.settle()
            #expect(verona.server.router.registry.sessions(of: account).isEmpty)
            #expect(try await verona.storage.lastActivity.lastActivity(of: account) == nil)
            await juliet.close()
        }
    }
}

struct StreamManagementSettingsTests {
    static let cases: [(table: ConfigurationTable, options: StreamManagementOptions, severities: [String])] = [
        ([:], StreamManagementOptions(), []),
        (
            ["buffer": false, "ack": false, "resume_timeout": 60],
            StreamManagementOptions(
                bufferedStanzaCountMax: nil, acknowledgementFrequency: nil, resumptionTimeout: .seconds(60)), []
        ),
        (
            ["buffer_max": 500, "ack_freq": 5, "stale_h": ["enabled": true]],
            StreamManagementOptions(bufferedStanzaCountMax: 500, acknowledgementFrequency: 5), ["warning"]
        ),
        (
            ["buffer_max": "infinity"],
            StreamManagementOptions(
                bufferedStanzaCountMax: StreamManagementSettings.Options.bufferedStanzaCountCeiling), ["warning"]
        ),
        (["buffer_max": 0], StreamManagementOptions(), ["error"]),
    ]

    @Test(arguments: cases)
    func optionsAreRead(
        table: ConfigurationTable, options: StreamManagementOptions, severities: [String]
    ) {
        var diagnostics: [ConfigurationDiagnostic] = []
        let read = StreamManagementSettings.Options.reading(
            table, path: "modules.mod_stream_management", diagnostics: &diagnostics)
        #expect(read.settings == options)
        #expect(diagnostics.map(\.severity.rawValue) == severities)
    }
}
