// SPDX-License-Identifier: Apache-2.0
// Exchanging presence (RFC 6121 section 4), between accounts of two domains.

import Testing
import XMPPCore

@testable import XMPPModules

struct PresenceBroadcastTests {
    static let romeo = "romeo@example.net", juliet = "juliet@example.com"

    @Test func initialPresenceIsBroadcastAndBringsThatOfOthers() async throws {
        try await Verona.run { verona in
            try await verona.befriend(Self.romeo, Self.juliet)
            try await verona.store("mercutio@example.net", in: Self.juliet, .from)
            try await verona.store(Self.juliet, in: "mercutio@example.net", .to)
            try await verona.store("nurse@example.com", in: Self.juliet, .to)
            try await verona.store(Self.juliet, in: "nurse@example.com", .from)
            let romeo = try await verona.online("romeo@example.net/orchard")
            let mercutio = try await verona.online("mercutio@example.net/street")
            let nurse = try await verona.online("nurse@example.com/kitchen")
            let chamber = try await verona.online("juliet@example.com/chamber")
            for client in [romeo, mercutio, nurse] { await client.forget() }
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<presence><show>away</show><priority>5</priority></presence>")
            // Section 4.2.2: to itself as well; section 4.3: what probes bring.
            try await juliet.receives(
                "<presence from='juliet@example.com/chamber' to='juliet@example.com/balcony'/>",
                "<presence from='nurse@example.com/kitchen' to='juliet@example.com/balcony'/>",
                "<presence from='romeo@example.net/orchard' to='juliet@example.com/balcony'/>",
                "<presence from='juliet@example.com/balcony' to='juliet@example.com'><show>away</show><priority>5</priority></presence>"
            )
            try await chamber.receives(
                "<presence from='juliet@example.com/balcony' to='juliet@example.com'><show>away</show><priority>5</priority></presence>"
            )
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net'><show>away</show><priority>5</priority></presence>"
            )
            try await mercutio.receives(
                "<presence from='juliet@example.com/balcony' to='mercutio@example.net'><show>away</show><priority>5</priority></presence>"
            )
            await nurse.receivesNothing()
        }
    }

    @Test func laterPresenceIsBroadcastWithoutProbes() async throws {
        try await Verona.run { verona in
            try await verona.befriend(Self.romeo, Self.juliet)
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.online("juliet@example.com/balcony")
            await romeo.forget()
            // Section 4.4
            try await juliet.send("<presence xml:lang='en'><show>dnd</show></presence>")
            try await juliet.receives(
                "<presence from='juliet@example.com/balcony' to='juliet@example.com' xml:lang='en'><show>dnd</show></presence>"
            )
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net' xml:lang='en'><show>dnd</show></presence>"
            )
        }
    }

    @Test func theEndOfPresenceIsBroadcast() async throws {
        try await Verona.run { verona in
            try await verona.befriend(Self.romeo, Self.juliet)
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.online("juliet@example.com/balcony")
            let chamber = try await verona.online("juliet@example.com/chamber")
            for client in [romeo, juliet] { await client.forget() }
            // Section 4.5
            try await juliet.send("<presence type='unavailable'><status>gone home</status></presence>")
            let gone = { (to: String) in
                "<presence from='juliet@example.com/balcony' to='\(to)' type='unavailable'><status>gone home</status></presence>"
            }
            try await juliet.receives(gone(Self.juliet))
            try await chamber.receives(gone(Self.juliet))
            try await romeo.receives(gone(Self.romeo))
            // It hears no more of anybody, and nobody of its end a second time.
            try await romeo.send("<presence><show>away</show></presence>")
            await romeo.forget()
            await chamber.forget()
            await juliet.close()
            await romeo.receivesNothing()
            await chamber.receivesNothing()
            // Another initial presence brings everything again.
            try await chamber.send("<presence type='unavailable'/>")
            await chamber.forget()
            try await chamber.send("<presence/>")
            try await chamber.receives(
                "<presence from='romeo@example.net/orchard' to='juliet@example.com/chamber'><show>away</show></presence>",
                "<presence from='juliet@example.com/chamber' to='juliet@example.com'/>")
        }
    }

    @Test func aSessionThatEndsBecomesUnavailable() async throws {
        try await Verona.run { verona in
            try await verona.befriend(Self.romeo, Self.juliet)
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.online("juliet@example.com/balcony")
            await romeo.forget()
            await juliet.close()
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>")
        }
    }

    @Test func directedPresenceIsTakenBack() async throws {
        try await Verona.run { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.connect("juliet@example.com/balcony")
            // Section 4.6.3, without initial presence.
            try await juliet.send("<presence to='romeo@example.net/orchard'><status>here</status></presence>")
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net/orchard'><status>here</status></presence>"
            )
            await juliet.close()
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net/orchard' type='unavailable'/>")
            // With it; who has been told of the end directly is not told again.
            let nurse = try await verona.online("nurse@example.com/kitchen")
            try await nurse.send("<presence to='romeo@example.net/orchard'/>")
            try await nurse.send("<presence to='romeo@example.net/orchard' type='unavailable'/>")
            await romeo.forget()
            try await nurse.send("<presence><show>away</show></presence>")
            try await nurse.send("<presence type='unavailable'/>")
            await romeo.receivesNothing()
        }
    }

    @Test func whoGetsBroadcastsAndDirectedPresenceHearsOfTheEndOnce() async throws {
        try await Verona.run { verona in
            try await verona.befriend(Self.romeo, Self.juliet)
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<presence to='romeo@example.net/orchard'/>")
            try await juliet.send("<presence/>")
            try await juliet.send("<presence to='romeo@example.net'><show>chat</show></presence>")
            await romeo.forget()
            try await juliet.send("<presence type='unavailable'/>")
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>")
        }
    }

    @Test func directedPresenceIsBounded() async throws {
        try await Verona.run { verona in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            for number in 0..<PresenceBroadcast.directedPresenceCountMax {
                try await juliet.sendAtOnce("<presence to='room\(number)@example.net/juliet'/>")
            }
            await juliet.receivesNothing()
            try await juliet.send("<presence to='room0@example.net/juliet'/>")
            await juliet.receivesNothing()
            try await juliet.send("<presence id='1' to='romeo@example.net'/>")
            try await juliet.receives(
                """
                <presence id='1' from='romeo@example.net' to='juliet@example.com/balcony' type='error'>
                <error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>
                """)
        }
    }

    @Test func aProbeIsAnsweredToSubscribersOnly() async throws {
        try await Verona.run { verona in
            try await verona.store(Self.romeo, in: Self.juliet, .from)
            try await verona.store(Self.juliet, in: Self.romeo, .to)
            let romeo = try await verona.online("romeo@example.net/orchard")
            let probe = "<presence to='juliet@example.com' type='probe'/>"
            // Section 4.3.2: nobody there.
            try await romeo.send(probe)
            try await romeo.receives(
                "<presence from='juliet@example.com' to='romeo@example.net/orchard' type='unavailable'/>")
            let juliet = try await verona.online("juliet@example.com/balcony")
            let chamber = try await verona.online("juliet@example.com/chamber")
            try await chamber.send("<presence><show>xa</show></presence>")
            await romeo.forget()
            try await romeo.send(probe)
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net/orchard'/>",
                "<presence from='juliet@example.com/chamber' to='romeo@example.net/orchard'><show>xa</show></presence>")
            // Strangers learn nothing, and who believes to be subscribed learns that it is not.
            let tybalt = try await verona.online("tybalt@example.com/street")
            try await tybalt.send(probe)
            await tybalt.receivesNothing()
            try await verona.store(Self.juliet, in: "mercutio@example.net", .to)
            let mercutio = try await verona.connect("mercutio@example.net/street")
            try await mercutio.send("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>")
            await mercutio.forget()
            try await mercutio.send(probe)
            try await mercutio.receives(
                "<presence from='juliet@example.com' to='mercutio@example.net' type='unsubscribed'/>",
                SubscriptionTests.push(
                    "mercutio@example.net/street", "<item jid='juliet@example.com' subscription='none'/>"))
            await juliet.forget()
            try await juliet.send("<presence to='juliet@example.com' type='probe'/>")
            try await juliet.receives(
                "<presence from='juliet@example.com/balcony' to='juliet@example.com/balcony'/>",
                "<presence from='juliet@example.com/chamber' to='juliet@example.com/balcony'><show>xa</show></presence>"
            )
        }
    }

    @Test func whoIsNotSubscribedAnyMoreLearnsNothingAtLogin() async throws {
        try await Verona.run { verona in
            // Romeo's roster says "to"; Juliet's account was removed and registered anew.
            try await verona.store(Self.juliet, in: Self.romeo, .to)
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await romeo.send("<presence/>")
            try await romeo.receives("<presence from='romeo@example.net/orchard' to='romeo@example.net'/>")
            await juliet.receivesNothing()
        }
    }

    @Test func contactsOnServersThatAreNotServedAreLeftOut() async throws {
        try await Verona.run { verona in
            try await verona.store("rosaline@example.org", in: Self.romeo, .both)
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await romeo.send("<presence/>")
            try await romeo.receives("<presence from='romeo@example.net/orchard' to='romeo@example.net'/>")
        }
    }

    @Test func withoutRostersAnAccountStillSeesItself() async throws {
        try await Verona.run(modules: [ModuleConfiguration("mod_presence")]) { verona in
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<presence/>")
            try await juliet.receives("<presence from='juliet@example.com/balcony' to='juliet@example.com'/>")
            try await juliet.send("<presence type='unavailable'/>")
            try await juliet.receives(
                "<presence from='juliet@example.com/balcony' to='juliet@example.com' type='unavailable'/>")
        }
    }
}
