// SPDX-License-Identifier: Apache-2.0
// Stream management on whole streams (XEP-0198): counting, resumption on the same and on another loop, expiry.

import Synchronization
import Testing

@testable import XMPPCore

@Suite(.timeLimit(.minutes(1)))
struct ManagementTests {
    static let h = "xmlns='urn:xmpp:sm:3' h="

    static func resume(_ id: String, h: Int = 0) -> String { "<resume xmlns='urn:xmpp:sm:3' previd='\(id)' h='\(h)'/>" }
    static func message(_ body: String, to: String) -> String {
        "<message type='chat' to='\(to)'><body>\(body)</body></message>"
    }

    @Test func stanzasAreCounted() async throws {
        let test = try await TestServer()
        let (romeo, _) = try await test.managed("romeo", "a")
        romeo.write("<presence/>")
        #expect(try await romeo.until("<r xmlns=", "/>").contains("<presence"))
        romeo.write("<r xmlns='urn:xmpp:sm:3'/>")
        let answer = try await romeo.until("<a ", "/>")
        #expect(XMLClient.attribute("h", answer) == "1")
    }

    /// The stanza that is being handled counts only once it is.
    @Test func aStanzaThatWaitsIsNotHandled() async throws {
        let test = try await TestServer()
        let (romeo, _) = try await test.managed("romeo", "a")
        let juliet = try await test.bound("juliet", "b")
        romeo.write(Gate.hold)
        romeo.write("<r xmlns='urn:xmpp:sm:3'/>")
        await test.settle()
        juliet.write(Gate.release)
        let text = try await romeo.until("<a ", "/>")
        #expect(text.contains("on=\"loop\"") || text.contains("on='loop'"), "\(text)")
        #expect(XMLClient.attribute("h", String(text[text.firstRange(of: "<a ")!.lowerBound...])) == "1")
    }

    static let underWay = "<message to='juliet@example.org/b'><under-way xmlns='\(Gate.namespace.uri)'/></message>"

    private static func acknowledged(_ client: XMLClient) async throws -> String? {
        XMLClient.attribute("h", try await client.until("<a ", "/>"))
    }

    private static func gate(_ test: TestServer) throws -> Gate.State {
        try #require(test.server.router.host(try JID("example.org"))?.service(Gate.State.self))
    }

    /// What somebody else is at holds nobody up, and counts when it is done; what came after it counts after it.
    @Test func aStanzaThatIsUnderWayIsNotHandled() async throws {
        let test = try await TestServer()
        let (romeo, _) = try await test.managed("romeo", "a")
        let juliet = try await test.bound("juliet", "b")
        romeo.write(Self.underWay + Self.underWay + Self.message("after", to: "juliet@example.org/b"))
        _ = try await juliet.until("after")
        romeo.write("<r xmlns='urn:xmpp:sm:3'/>")
        await test.settle()
        let underWay = try Self.gate(test).underWay.withLock { $0 }
        // The second alone changes nothing.
        underWay[1].complete()
        await test.settle()
        underWay[0].complete()
        #expect(try await Self.acknowledged(romeo) == "3")
        romeo.write("<r xmlns='urn:xmpp:sm:3'/>")
        #expect(try await Self.acknowledged(romeo) == "3")
    }

    /// The answer waits, but not for long; a second one tells that it is done.
    @Test func anAnswerIsNotLate() async throws {
        let test = try await TestServer()
        let (romeo, _) = try await test.managed("romeo", "a")
        romeo.write("<presence/>" + Self.underWay + "<r xmlns='urn:xmpp:sm:3'/>")
        await test.settle()
        test.time.advance(by: ResumableSession.answerDelayMax)
        #expect(try await Self.acknowledged(romeo) == "1")
        try Self.gate(test).underWay.withLock { $0 }[0].complete()
        #expect(try await Self.acknowledged(romeo) == "2")
    }

    /// Who comes back is told of what was done meanwhile, and sends what is not done again, which counts once.
    @Test(arguments: [true, false]) func resumptionWaitsForWhatIsUnderWay(isComplete: Bool) async throws {
        let test = try await TestServer()
        let (romeo, id) = try await test.managed("romeo", "a")
        romeo.write(Self.underWay)
        await test.settle()
        romeo.cut()
        await test.settle()
        let again = try await test.authenticated("romeo")
        again.write(Self.resume(id))
        await test.settle()
        let underWay = try Self.gate(test).underWay.withLock { $0 }
        if isComplete { underWay[0].complete() } else { test.time.advance(by: ResumableSession.answerDelayMax) }
        #expect(XMLClient.attribute("h", try await again.until("<resumed", "/>")) == (isComplete ? "1" : "0"))
        underWay[0].complete()
        again.write("<presence/><r xmlns='urn:xmpp:sm:3'/>")
        #expect(try await Self.acknowledged(again) == (isComplete ? "2" : "1"))
    }

    /// Streams are spread over two loops: with `skip`, the second stream begins on the other one.
    @Test(arguments: [0, 1]) func resumes(skip: Int) async throws {
        let test = try await TestServer()
        let juliet = try await test.bound("juliet", "b")
        let (romeo, id) = try await test.managed("romeo", "a")
        romeo.cut()
        await test.settle()
        juliet.write(Self.message("while away", to: "romeo@example.org/a"))
        for _ in 0..<skip { _ = test.client() }
        let again = try await test.authenticated("romeo")
        again.write(Self.resume(id))
        let text = try await again.until("</message>")
        #expect(text.contains("<resumed"))
        #expect(text.contains("while away"))
        // Everything works on the loop where the session is.
        again.write(Self.message("back", to: "juliet@example.org/b"))
        #expect(try await juliet.until("</message>").contains("back"))
        again.write(Gate.hold)
        await test.settle()
        juliet.write(Gate.release)
        let held = try await again.until("<held", ">")
        #expect(XMLClient.attribute("on", held) == "loop")
        again.write("</stream:stream>")
        #expect(await again.rest().contains("</stream:stream>"))
        await test.settle()
        #expect(try test.sessionCount("romeo") == 0)
    }

    /// What follows `<resume/>` in the same bytes is handled after it, on the session's loop.
    @Test(arguments: [0, 1]) func resumesWithMoreBehind(skip: Int) async throws {
        let test = try await TestServer()
        let juliet = try await test.bound("juliet", "b")
        let (romeo, id) = try await test.managed("romeo", "a")
        romeo.cut()
        for _ in 0..<skip { _ = test.client() }
        let again = try await test.authenticated("romeo")
        again.write(Self.resume(id) + Self.message("at once", to: "juliet@example.org/b"))
        _ = try await again.until("<resumed", "/>")
        #expect(try await juliet.until("</message>").contains("at once"))
    }

    /// The stream that has the session ends with `<conflict/>` (XEP-0198 section 5).
    @Test(arguments: [0, 1]) func takesOverALiveStream(skip: Int) async throws {
        let test = try await TestServer()
        let (romeo, id) = try await test.managed("romeo", "a")
        for _ in 0..<skip { _ = test.client() }
        let again = try await test.authenticated("romeo")
        again.write(Self.resume(id))
        _ = try await again.until("<resumed", "/>")
        #expect(await romeo.rest().contains("<conflict"))
        #expect(try test.sessionCount("romeo") == 1)
    }

    /// A stanza that the first stream still handles is waited for, so that it is counted exactly once.
    @Test func waitsForWhatIsBeingHandled() async throws {
        let test = try await TestServer()
        let juliet = try await test.bound("juliet", "b")
        let (romeo, id) = try await test.managed("romeo", "a")
        romeo.write(Gate.hold)
        await test.settle()
        let again = try await test.authenticated("romeo")
        again.write(Self.resume(id))
        await test.settle()
        juliet.write(Gate.release)
        let resumed = try await again.until("<resumed", "/>")
        #expect(XMLClient.attribute("h", resumed) == "1")
        #expect(try await again.until("</iq>").contains("held"))
        again.write("<r xmlns='urn:xmpp:sm:3'/>")
        #expect(XMLClient.attribute("h", try await again.until("<a ", "/>")) == "1")
    }

    @Test func refusesWhatWasNeverSent() async throws {
        let test = try await TestServer()
        let (romeo, id) = try await test.managed("romeo", "a")
        romeo.cut()
        let again = try await test.authenticated("romeo")
        again.write(Self.resume(id, h: 7))
        #expect(await again.rest().contains("handled-count-too-high"))
    }

    @Test func refusesAStrangersSession() async throws {
        let test = try await TestServer()
        let (romeo, id) = try await test.managed("romeo", "a")
        let juliet = try await test.authenticated("juliet")
        juliet.write(Self.resume(id))
        #expect(try await juliet.until("</failed>").contains("item-not-found"))
        juliet.bind("b")
        #expect(try await juliet.until("</iq>").contains("juliet@example.org/b"))
        romeo.write("<r xmlns='urn:xmpp:sm:3'/>")
        _ = try await romeo.until("<a ", "/>")
    }

    /// What its client did not acknowledge goes to the account's other resource once the time is up.
    @Test func expires() async throws {
        let test = try await TestServer()
        let juliet = try await test.bound("juliet", "b")
        let other = try await test.bound("romeo", "other")
        other.write("<presence/>")
        _ = try await other.until("<presence", ">")
        let (romeo, id) = try await test.managed("romeo", "a")
        romeo.cut()
        await test.settle()
        juliet.write(Self.message("lost?", to: "romeo@example.org/a"))
        await test.settle()
        #expect(try test.sessionCount("romeo") == 2)
        test.time.advance(by: .seconds(601))
        #expect(try await other.until("</message>").contains("lost?"))
        #expect(try test.sessionCount("romeo") == 1)
        let again = try await test.authenticated("romeo")
        again.write(Self.resume(id))
        #expect(try await again.until("</failed>").contains("item-not-found"))
    }

    /// A client that reads and never acknowledges costs memory until it has got so much.
    @Test func whoDoesNotAcknowledgeLongStanzasLosesTheSession() async throws {
        let test = try await TestServer()
        let juliet = try await test.bound("juliet", "b")
        let (romeo, _) = try await test.managed("romeo", "a")
        let body = "<body>\(String(repeating: "x", count: 200_000))</body>"
        let fittingCount = ClientStream.unacknowledgedByteCountMax / 200_500
        for number in 0..<(fittingCount + 10) {
            juliet.write("<message type='headline' id='m\(number)' to='romeo@example.org/a'>\(body)</message>")
        }
        let received = await romeo.rest()
        #expect(received.contains("resource-constraint"))
        #expect(received.contains("id='m\(fittingCount - 1)'"))
        #expect(!received.contains("id='m\(fittingCount + 5)'"))
        await test.settle()
        #expect(try test.sessionCount("romeo") == 0)
    }

    /// A message that goes to another resource, or to where messages for absent accounts go, is the one that was
    /// filtered and announced before.
    @Test(arguments: [true, false]) func redeliveryGoesPastTheFilters(hasOther: Bool) async throws {
        let test = try await TestServer()
        let state = try #require(test.server.host("example.org")?.service(Gate.State.self))
        let juliet = try await test.bound("juliet", "b")
        let other = try await test.bound("romeo", "other")
        if hasOther {
            other.write("<presence/>")
            _ = try await other.until("<presence", ">")
        }
        let (romeo, _) = try await test.managed("romeo", "a")
        romeo.cut()
        await test.settle()
        juliet.write(Self.message("lost?", to: "romeo@example.org/a"))
        await test.settle()
        #expect(state.filteredMessageCount.load(ordering: .relaxed) == 1)
        #expect(state.deliveredMessageCount.load(ordering: .relaxed) == 1)
        test.time.advance(by: .seconds(601))
        await test.settle()
        if !hasOther { other.write("<presence/>") }
        #expect(try await other.until("</message>").contains("lost?"))
        #expect(state.filteredMessageCount.load(ordering: .relaxed) == 1)
        #expect(state.deliveredMessageCount.load(ordering: .relaxed) == 1)
    }

    /// The client is asked after the time of silence, and gets the time that the settings give it to answer.
    @Test func aSilentClientIsAsked() async throws {
        let test = try await TestServer()
        let juliet = try await test.bound("juliet", "b")
        let (romeo, _) = try await test.managed("romeo", "a")
        test.time.advance(by: .seconds(299))
        await test.settle()
        juliet.write(Self.message("hello", to: "romeo@example.org/a"))
        _ = try await romeo.until("<r ", "/>")
        test.time.advance(by: .seconds(2))
        await test.settle()
        // It was asked two seconds ago.
        romeo.write("<a xmlns='urn:xmpp:sm:3' h='1'/><r xmlns='urn:xmpp:sm:3'/>")
        _ = try await romeo.until("<a ", "/>")
        test.time.advance(by: .seconds(301))
        _ = try await romeo.until("<r ", "/>")
        test.time.advance(by: .seconds(61))
        _ = await romeo.rest()
    }

    /// All that came before the connection broke is handled.
    @Test func whatCameBeforeTheEndIsHandled() async throws {
        let test = try await TestServer()
        let juliet = try await test.bound("juliet", "b")
        let romeo = try await test.bound("romeo", "a")
        romeo.write(Gate.hold)
        await test.settle()
        romeo.write(Self.message("last words", to: "juliet@example.org/b"))
        romeo.cut()
        await test.settle()
        juliet.write(Gate.release)
        #expect(try await juliet.until("</message>").contains("last words"))
    }

    @Test func resumesInline() async throws {
        let test = try await TestServer()
        let (romeo, id) = try await test.managed("romeo", "a")
        romeo.cut()
        let again = test.client()
        again.open()
        _ = try await again.until("</stream:features>")
        again.write(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>\(XMLClient.plain("romeo"))"
                + "</initial-response>\(Self.resume(id))<bind xmlns='urn:xmpp:bind:0'><tag>x</tag></bind></authenticate>"
        )
        let text = try await again.until("</success>")
        #expect(text.contains("<resumed") && !text.contains("<bound"))
        #expect(try await again.until("</stream:features>").contains("<stream:features"))
        #expect(try test.sessionCount("romeo") == 1)
    }

    @Test func bindsWhenThereIsNothingToResume() async throws {
        let test = try await TestServer()
        let client = test.client()
        client.open()
        _ = try await client.until("</stream:features>")
        client.write(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>\(XMLClient.plain("romeo"))"
                + "</initial-response>\(Self.resume("nobody"))<bind xmlns='urn:xmpp:bind:0'><tag>x</tag>"
                + "<enable xmlns='urn:xmpp:sm:3' resume='true'/></bind></authenticate>"
        )
        let text = try await client.until("</success>")
        for part in ["item-not-found", "<bound", "<enabled", "romeo@example.org/x."] { #expect(text.contains(part)) }
    }
}
