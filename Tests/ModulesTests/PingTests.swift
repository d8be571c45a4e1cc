// SPDX-License-Identifier: Apache-2.0
// XMPP Ping (XEP-0199).

import Testing
import XMPPCore

@testable import XMPPModules

struct PingTests {
    @Test(arguments: ["", " to='example.com'", " to='juliet@example.com'"])
    func theServerAnswersPings(to: String) async throws {
        try await Verona.run(with: [ModuleConfiguration("mod_ping")]) { verona, _ in
            let juliet = try await verona.logIn("juliet@example.com/balcony")
            let from = to.isEmpty ? "" : to.replacing(" to=", with: " from=")
            try await juliet.request(
                "<iq\(to) id='s2c1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
                "<iq to='juliet@example.com/balcony'\(from) type='result' id='s2c1'/>")
        }
    }

    @Test func anothersAccountDoesNotAnswer() async throws {
        try await Verona.run(with: [ModuleConfiguration("mod_ping")]) { verona, _ in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            for account in ["nurse@example.com", "nobody@example.com"] {
                try await juliet.send("<iq to='\(account)' id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")
                let answer = try #require(await juliet.received().first)
                #expect(answer.contains("<forbidden"))
            }
        }
    }

    static let pinging: ConfigurationTable = [
        "send_pings": true, "ping_interval": 60, "ping_req_timeout": 30, "timeout_action": "kill",
    ]

    @Test func aSilentClientIsPingedAndThenDisconnected() async throws {
        try await Verona.run(with: [ModuleConfiguration("mod_ping", options: Self.pinging)]) { verona, time in
            let juliet = try await verona.logIn("juliet@example.com/balcony")
            let ping =
                "<iq to='juliet@example.com/balcony' from='example.com' type='get' id='ping1'>"
                + "<ping xmlns='urn:xmpp:ping'/></iq>"
            time.advance(by: .seconds(60))
            #expect(try await juliet.read(to: ping) == ping)
            try await juliet.request(
                "<iq type='result' id='ping1' to='example.com'/>"
                    + "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
                "<iq to='juliet@example.com/balcony' type='result' id='1'/>")
            time.advance(by: .seconds(30))
            time.advance(by: .seconds(30))
            try await juliet.read(to: "id='ping2'><ping xmlns='urn:xmpp:ping'/></iq>")
            time.advance(by: .seconds(30))
            #expect(await juliet.readToEnd().contains("<connection-timeout"))
        }
    }

    @Test func theScheduleCountsFromTheLastStanza() {
        var options = Ping.Options()
        options.interval = .seconds(60)
        options.answerTimeout = .seconds(32)
        var schedule = PingSchedule(options, now: .zero)
        schedule.stanzaReceived(now: .seconds(20))
        #expect(schedule.timerFired(now: .seconds(60)) == .wait(.seconds(20)))
        #expect(schedule.timerFired(now: .seconds(80)) == .ping(number: 1, wait: .seconds(32)))
        #expect(schedule.timerFired(now: .seconds(112)) == .unanswered(wait: .seconds(60)))
        #expect(schedule.timerFired(now: .seconds(172)) == .ping(number: 2, wait: .seconds(32)))
        schedule.stanzaReceived(now: .seconds(173))
        #expect(schedule.timerFired(now: .seconds(204)) == .wait(.seconds(29)))
    }
}
