// SPDX-License-Identifier: Apache-2.0
// Streams from their first byte to their last (RFC 6120): negotiation, SASL, binding, errors, shutdown, what remains.

import Testing
import XMPPPersistenceSQLite

@testable import XMPPCore

@Suite(.timeLimit(.minutes(1)))
struct StreamTests {
    static let start = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"

    @Test(
        arguments: [
            ("\(start) to='example.org'>", "unsupported-version"),
            ("\(start) to='example.org' version='0.9'>", "unsupported-version"),
            ("\(start) to='example.org' version='99999999999999999999.0'>", "unsupported-version"),
            ("\(start) version='1.0'>", "improper-addressing"),
            ("\(start) to='elsewhere.example' version='1.0'>", "host-unknown"),
            ("\(start) to='romeo@example.org' version='1.0'>", "host-unknown"),
            (
                "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>",
                "invalid-namespace"
            ),
            ("<a<b>", "not-well-formed"),
            ("\(start) to='example.org' version='1.0'><message/>", "not-authorized"),
            ("\(start) to='example.org' version='1.0'><nonsense/>", "unsupported-stanza-type"),
            ("\(start) to='example.org' version='1.0'><iq type='get' id='1'><x xmlns='y'/></iq>", "not-authorized"),
            ("\(start) to='example.org' version='1.0'><!-- x -->", "restricted-xml"),
        ]
    ) func answersWithTheErrorOfTheRFC(xml: String, condition: String) async throws {
        let test = try await TestServer()
        // The third and the fourth begin with a header that their loop knows.
        for _ in 0..<4 {
            let client = test.client()
            client.write(xml)
            let text = await client.rest()
            #expect(text.contains("<stream:stream"))
            #expect(text.contains("<\(condition) "), "\(text)")
            #expect(text.hasSuffix("</stream:stream>"))
        }
    }

    @Test func aHeaderThatIsKnownOpensTheSameStream() async throws {
        let test = try await TestServer()
        for round in 0..<6 {
            // Of each two on a loop, the second has the language that the first had, and none of the first's stanzas.
            let language = round < 4 ? "cs" : nil
            let client = try await test.authenticated("romeo", language: language)
            client.bind("\(round)")
            _ = try await client.until("</iq>")
            client.write("<presence id='\(round)'/>")
            let presence = try await client.until("<presence", ">")
            #expect(presence.contains("xml:lang='cs'") == (language != nil), "\(presence)")
            #expect(presence.contains("id='\(round)'"), "\(presence)")
            client.write("</stream:stream>")
            #expect(await client.rest().hasSuffix("</stream:stream>"))
        }
    }

    @Test func negotiatesByteByByte() async throws {
        let test = try await TestServer()
        let client = test.client()
        let header = "<?xml version='1.0'?>\(Self.start) to='example.org' version='1.0'>"
        for character in header { client.write(String(character)) }
        let features = try await client.until("</stream:features>")
        #expect(features.contains("<mechanism>PLAIN</mechanism>") && !features.contains("<starttls"))
        for character in XMLClient.plainAuth("romeo") { client.write(String(character)) }
        _ = try await client.until("<success", ">")
    }

    @Test func aRequestForTLSThatThereIsNotFails() async throws {
        let test = try await TestServer()
        let client = test.client()
        client.open()
        client.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        #expect(await client.rest().contains("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'"))
    }

    static let sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"

    @Test(
        arguments: [
            (XMLClient.plainAuth("romeo", password: "wrong"), "not-authorized"),
            (XMLClient.plainAuth("nobody"), "not-authorized"),
            ("<auth \(sasl) mechanism='PLAIN'>=a=</auth>", "incorrect-encoding"),
            ("<auth \(sasl) mechanism='PLAIN'>AA</auth>", "incorrect-encoding"),
            ("<auth \(sasl) mechanism='NONSENSE'/>", "invalid-mechanism"),
            ("<auth \(sasl)/>", "invalid-mechanism"),
            ("<auth \(sasl) mechanism='PLAIN'/><abort \(sasl)/>", "aborted"),
            ("<auth \(sasl) mechanism='SCRAM-SHA-1'>AAAA</auth>", "malformed-request"),
        ]
    ) func failsToAuthenticateAndMayTryAgain(xml: String, condition: String) async throws {
        let test = try await TestServer()
        let client = test.client()
        client.open()
        client.write(xml)
        let text = try await client.until("</failure>")
        #expect(text.contains("<\(condition)"), "\(text)")
        client.write(XMLClient.plainAuth("romeo"))
        _ = try await client.until("<success", ">")
    }

    /// A stranger may send less than a client, and both are told how much (XEP-0478); with either profile of SASL, and
    /// whether or not the parser is one of the pool's.
    @Test(arguments: [false, true], [false, true])
    func strangersMaySendLess(isSASL2: Bool, hasUsualHeader: Bool) async throws {
        let test = try await TestServer()
        let settings = ClientStreamSettings()
        let (strangerMax, clientMax) = (settings.strangerStanzaByteCountMax, settings.limits.stanzaByteCountMax)
        let header = "\(Self.start)\(hasUsualHeader ? "" : " xmlns:x='urn:x'") to='example.org' version='1.0'>"
        func stanza(_ byteCount: Int) -> String {
            let (start, end) = ("<auth \(Self.sasl) mechanism='NONSENSE'>", "</auth>")
            return start + String(repeating: "A", count: byteCount - start.utf8.count - end.utf8.count) + end
        }
        let client = test.client()
        client.write(header)
        #expect(try await client.until("</stream:features>").contains("<max-bytes>\(strangerMax)<"))
        client.write(stanza(strangerMax))
        _ = try await client.until("<invalid-mechanism", "</failure>")
        if isSASL2 {
            client.write("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'>")
            client.write("<initial-response>\(XMLClient.plain("romeo"))</initial-response></authenticate>")
            _ = try await client.until("</success>")
        } else {
            client.write(XMLClient.plainAuth("romeo"))
            _ = try await client.until("<success", ">")
            client.write(header)
        }
        #expect(try await client.until("</stream:features>").contains("<max-bytes>\(clientMax)<"))
        client.bind("a")
        _ = try await client.until("</iq>")
        let (start, end) = ("<message to='romeo@example.org/a'><body>", "</body></message>")
        let text = String(repeating: "A", count: clientMax - start.utf8.count - end.utf8.count)
        client.write(start + text + end)
        #expect(try await client.until("</message>").contains(text))
        client.write(start + text + " " + end)
        #expect(await client.rest().contains("policy-violation"))

        let stranger = test.client()
        stranger.write(header)
        stranger.write(stanza(strangerMax + 1))
        #expect(await stranger.rest().contains("policy-violation"))
    }

    @Test func tooManyAttemptsEndTheStream() async throws {
        let test = try await TestServer()
        let client = test.client()
        client.open()
        for _ in 0..<9 { client.write("<auth \(Self.sasl) mechanism='NONSENSE'/>") }
        let text = await client.rest()
        #expect(text.ranges(of: "<failure").count == ClientStreamSettings().authenticationAttemptCountMax)
        #expect(text.contains("policy-violation"))
    }

    /// Who asks and asks does not stay for ever without logging in.
    @Test func tooManyRequestsOfAStrangerEndTheStream() async throws {
        let test = try await TestServer { $0.hosts[0].modules.append(ModuleConfiguration("mod_register")) }
        let client = test.client()
        client.open()
        for _ in 0..<20 { client.write("<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>") }
        let text = await client.rest()
        #expect(text.ranges(of: "</iq>").count == ClientStreamSettings().strangerRequestCountMax)
        #expect(text.contains("policy-violation"))
    }

    @Test func nothingButBindingComesFirst() async throws {
        let test = try await TestServer()
        let client = try await test.authenticated("romeo")
        client.write("<message to='juliet@example.org'/>")
        #expect(await client.rest().contains("not-authorized"))
    }

    @Test func malformedAddressesKeepTheStream() async throws {
        let test = try await TestServer()
        let romeo = try await test.bound("romeo", "a")
        romeo.write("<message to='@@' id='m'/><iq type='get' id='i' to='example.org/'/>")
        #expect(try await romeo.until("</message>").contains("jid-malformed"))
        #expect(try await romeo.until("</iq>").contains("type="))
        romeo.write("</stream:stream>")
        #expect(await romeo.rest().hasSuffix("</stream:stream>"))
    }

    @Test func aForgedSenderEndsTheStream() async throws {
        let test = try await TestServer()
        let romeo = try await test.bound("romeo", "a")
        romeo.write("<message from='juliet@example.org' to='romeo@example.org'/>")
        #expect(await romeo.rest().contains("invalid-from"))
        await test.settle()
        #expect(try test.sessionCount("romeo") == 0)
    }

    /// Nothing follows the end tag, the session's own unavailable presence least of all.
    @Test func theEndTagIsTheLast() async throws {
        let test = try await TestServer()
        let romeo = try await test.bound("romeo", "a")
        romeo.write("<presence/>")
        _ = try await romeo.until("<presence", ">")
        romeo.write("</stream:stream>")
        #expect(await romeo.rest().hasSuffix("</stream:stream>"))
    }

    /// Other resources see the old connection leave before the new one comes; the same loop or another.
    @Test(arguments: [0, 1], [false, true]) func aNewConnectionTakesTheResource(skip: Int, isCut: Bool) async throws {
        let test = try await TestServer()
        let watcher = try await test.bound("romeo", "watcher")
        watcher.write("<presence/>")
        _ = try await watcher.until("<presence", ">")
        let (first, _) = try await test.managed("romeo", "a")
        first.write("<presence/>")
        _ = try await watcher.until("romeo@example.org/a", ">")
        if isCut {
            first.cut()
            await test.settle()
        }
        for _ in 0..<skip { _ = test.client() }
        let second = try await test.bound("romeo", "a")
        let seen = try await watcher.until("romeo@example.org/a", ">")
        #expect(seen.contains("unavailable"))
        let rest = await first.rest()
        #expect(isCut || rest.contains("<conflict"))
        #expect(try test.sessionCount("romeo") == 2)
        second.write("<message to='romeo@example.org/watcher' type='chat'><body>here</body></message>")
        #expect(try await watcher.until("</message>").contains("here"))
    }

    @Test func tooManySessionsAreRefused() async throws {
        let test = try await TestServer {
            $0.hosts[0].accessRules = AccessRules(["max_user_sessions": [AccessClause("all", .limit(1))]])
        }
        _ = try await test.bound("romeo", "a")
        let second = try await test.authenticated("romeo")
        second.bind("b")
        #expect(try await second.until("</iq>").contains("resource-constraint"))
        second.bind("a")
        #expect(try await second.until("</iq>").contains("romeo@example.org/a"))
    }

    /// Clients that bind on all loops at once get no more than the limit between them.
    @Test func theLimitOfSessionsHoldsOnAllLoops() async throws {
        let test = try await TestServer()
        let host = try #require(test.server.host("example.org")), registry = test.server.router.registry
        let account = try BareJID("romeo@example.org")
        let sessions = try (0..<64).map { number in
            Session(
                jid: try account.with(resourcepart: "\(number)"),
                host: host,
                loop: test.server.loops.loops[number % 2],
                peerAddress: ""
            )
        }
        let insertedCount = await withTaskGroup(of: Int.self) { group in
            for session in sessions {
                group.addTask {
                    guard case .inserted(nil) = registry.insert(session, sessionCountMax: 3) else { return 0 }
                    return 1
                }
            }
            return await group.reduce(0, +)
        }
        #expect(insertedCount == 3)
        let bound = registry.sessions(of: account).map(\.session)
        #expect(bound.count == 3)
        // One that takes a resource over is no more than there were.
        let successor = Session(jid: bound[0].jid, host: host, loop: bound[0].loop, peerAddress: "")
        guard case .inserted(let replaced?) = registry.insert(successor, sessionCountMax: 3) else {
            Issue.record("the successor was refused")
            return
        }
        #expect(replaced === bound[0])
        guard case .refused = registry.insert(bound[0], sessionCountMax: 2) else {
            Issue.record("there were two others")
            return
        }
        #expect(registry.session(successor.jid)?.session === successor)
    }

    /// RFC 6120 section 8.1.5: what says no language of its own is in that of its stream.
    @Test(
        arguments: [
            (nil, "<message to='juliet@example.org/b'><body>x</body></message>", nil),
            ("cs", "<message to='juliet@example.org/b'><body>x</body></message>", "cs"),
            ("cs", "<message to='juliet@example.org/b' xml:lang='de'><body>x</body></message>", "de"),
            ("cs", "<presence to='juliet@example.org/b'><status>x</status></presence>", "cs"),
            ("cs", "<iq to='juliet@example.org/b' type='get' id='1'><query xmlns='urn:x'/></iq>", nil),
            ("", "<message to='juliet@example.org/b'><body>x</body></message>", nil),
            (
                "x-\(String(repeating: "a", count: 33))", "<presence to='juliet@example.org/b'><status/></presence>",
                "x-\(String(repeating: "a", count: 33))"
            ),
            ("x-\(String(repeating: "a", count: 34))", "<presence to='juliet@example.org/b'><status/></presence>", nil),
        ] as [(String?, String, String?)]
    ) func stanzasGetTheLanguageOfTheirStream(language: String?, stanza: String, expected: String?) async throws {
        let test = try await TestServer()
        let juliet = try await test.bound("juliet", "b")
        let romeo = try await test.authenticated("romeo", language: language)
        romeo.bind("a")
        _ = try await romeo.until("</iq>")
        romeo.write(stanza)
        let name = String(stanza.dropFirst().prefix { $0 != " " })
        #expect(XMLClient.attribute("xml:lang", try await juliet.until("<\(name)", "</\(name)>")) == expected)
    }

    @Test func shutdownTellsEverybodyAndKeepsWhatIsLeft() async throws {
        let test = try await TestServer()
        let running = Task { [server = test.server] in try await server.run() }
        let silent = test.client()
        let juliet = try await test.bound("juliet", "b")
        let (romeo, _) = try await test.managed("romeo", "a")
        romeo.cut()
        await test.settle()
        juliet.write(ManagementTests.message("keep this", to: "romeo@example.org/a"))
        await test.settle()
        running.cancel()
        try await running.value
        #expect(await juliet.rest().contains("system-shutdown"))
        #expect(await silent.rest().contains("system-shutdown"))
        let kept = try await test.storage.storage.offlineMessages.messageCount(for: BareJID("romeo@example.org"))
        #expect(kept == 1)
    }

    @Test func twoServersInOneProcess() async throws {
        let one = try await TestServer(), other = try await TestServer()
        let romeo = try await one.bound("romeo", "a"), namesake = try await other.bound("romeo", "a")
        #expect(try one.sessionCount("romeo") == 1)
        romeo.write("</stream:stream>")
        _ = await romeo.rest()
        await one.settle()
        #expect(try one.sessionCount("romeo") == 0)
        #expect(try other.sessionCount("romeo") == 1)
        namesake.write("<presence/>")
        _ = try await namesake.until("<presence", ">")
    }

    /// Sessions and streams are gone once they have ended, however they ended.
    @Test(arguments: ["</stream:stream>", "<nonsense/>", "cut"]) func nothingRemains(ending: String) async throws {
        let test = try await TestServer()
        let (romeo, _) = try await test.managed("romeo", "a")
        weak let session = test.server.router.registry.all.first
        weak let outlet = test.server.router.registry.all.first?.outlet
        #expect(session != nil)
        if ending == "cut" { romeo.cut() } else { romeo.write(ending) }
        _ = await romeo.rest()
        await test.settle()
        #expect(outlet == nil)
        test.time.advance(by: .seconds(601))
        await test.settle()
        #expect(session == nil)
    }

    /// A listener may allow fewer methods than the host has.
    @Test func aListenerLimitsTheMethods() async throws {
        let test = try await TestServer()
        let host = try #require(test.server.host("example.org"))
        let authenticator = Authenticator(host, decoySecret: Array(repeating: 7, count: 32))
        #expect(authenticator.mechanisms(allowed: nil).contains(.plain))
        #expect(authenticator.mechanisms(allowed: [.internal]).contains(.plain))
        #expect(authenticator.mechanisms(allowed: [.anonymous]).isEmpty)
        #expect(authenticator.mechanisms(allowed: []).isEmpty)
    }
}
