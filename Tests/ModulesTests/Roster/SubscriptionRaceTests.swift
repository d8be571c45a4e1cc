// SPDX-License-Identifier: Apache-2.0
// Resources of one account on several loops: whatever the order, everybody ends with what is true.

import Testing
import XMPPCore

@testable import XMPPModules

struct SubscriptionRaceTests {
    static let romeo = "romeo@example.net", juliet = "juliet@example.com"

    /// What a client was told last of each resource: nil for unavailable.
    private func lastPresence(_ stanzas: [String]) -> [String: String] {
        var last: [String: String] = [:]
        for text in stanzas {
            guard let stanza = Stanza.literal(text), let presence = Presence(stanza),
                let from = presence.from?.full?.resourcepart
            else { continue }
            switch presence.type {
            case .available: last[from] = presence.status ?? ""
            case .unavailable: last[from] = nil
            default: break
            }
        }
        return last
    }

    @Test func presenceThatChangesWhileItIsApprovedAndCancelledEndsRight() async throws {
        try await Verona.run(loopCount: 4) { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            let clients = try await [
                verona.online("juliet@example.com/one"), verona.online("juliet@example.com/two"),
                verona.online("juliet@example.com/three"),
            ]
            var seen: [String: String] = [:]
            for round in 0..<100 {
                try await romeo.sendAtOnce("<presence to='juliet@example.com' type='subscribe'/>")
                let stream = clients[0]
                let busy = try clients[1...].map { client in
                    try client.task(sending: (0..<5).map { "<presence><status>\(round)-\($0)</status></presence>" })
                }
                try await stream.sendAtOnce("<presence to='romeo@example.net' type='subscribed'/>")
                for task in busy { await task.value }
                seen.merge(lastPresence(await romeo.received())) { $1 }
                #expect(seen["one"] == "")
                #expect(seen["two"] == "\(round)-4")
                #expect(seen["three"] == "\(round)-4")
                let ending = try clients[1...].map { client in
                    try client.task(sending: (0..<5).map { "<presence><status>\(round)+\($0)</status></presence>" })
                }
                try await stream.sendAtOnce("<presence to='romeo@example.net' type='unsubscribed'/>")
                for task in ending { await task.value }
                let last = await romeo.received()
                #expect(lastPresence(last) == [:], "round \(round)")
                seen = [:]
                for client in clients { await client.forget() }
            }
            #expect(try await verona.item(Self.juliet, in: Self.romeo)?.subscription == RosterSubscription.none)
            #expect(try await verona.item(Self.romeo, in: Self.juliet)?.subscription == RosterSubscription.none)
        }
    }

    @Test func twoAccountsThatChangeTheirSubscriptionsAtOnceDoNotWaitForEachOther() async throws {
        try await Verona.run(loopCount: 4) { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.online("juliet@example.com/balcony")
            let types = ["subscribe", "subscribed", "unsubscribe", "unsubscribed"]
            let tasks = try [
                romeo.task(sending: (0..<200).map { "<presence to='\(Self.juliet)' type='\(types[$0 % 4])'/>" }),
                juliet.task(
                    sending: (0..<200).map { "<presence to='\(Self.romeo)' type='\(types[($0 / 4 + $0) % 4])'/>" }),
            ]
            for task in tasks { await task.value }
            await romeo.forget()
            await juliet.forget()
            // From whatever they have come to, both ways of asking and approving lead to "both".
            for _ in 0..<2 {
                for client in [(romeo, Self.juliet), (juliet, Self.romeo)] {
                    try await client.0.send("<presence to='\(client.1)' type='subscribe'/>")
                }
                for client in [(romeo, Self.juliet), (juliet, Self.romeo)] {
                    try await client.0.send("<presence to='\(client.1)' type='subscribed'/>")
                }
            }
            #expect(try await verona.item(Self.juliet, in: Self.romeo)?.subscription == .both)
            #expect(try await verona.item(Self.romeo, in: Self.juliet)?.subscription == .both)
        }
    }

    @Test func whoComesOnlineTogetherSeesEachOther() async throws {
        try await Verona.run(loopCount: 4) { verona in
            try await verona.befriend(Self.romeo, Self.juliet)
            for round in 0..<100 {
                let romeo = try await verona.connect("romeo@example.net/orchard")
                let juliet = try await verona.connect("juliet@example.com/balcony")
                let tasks = try [romeo, juliet].map { try $0.task(sending: ["<presence/>"]) }
                for task in tasks { await task.value }
                #expect(lastPresence(await romeo.received()) == ["orchard": "", "balcony": ""], "round \(round)")
                #expect(lastPresence(await juliet.received()) == ["orchard": "", "balcony": ""], "round \(round)")
                let ends = [romeo, juliet].map { $0.closing() }
                for task in ends { await task.value }
                await verona.settle()
            }
        }
    }
}
