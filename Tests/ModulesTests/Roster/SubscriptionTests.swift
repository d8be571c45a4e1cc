// SPDX-License-Identifier: Apache-2.0
// Managing presence subscriptions (RFC 6121 section 3), between accounts of two domains.

import Testing
import XMPPCore

@testable import XMPPModules

struct SubscriptionTests {
    static let romeo = "romeo@example.net", juliet = "juliet@example.com"

    /// A push of one item.
    static func push(_ to: String, _ item: String) -> String {
        let bare = to.prefix { $0 != "/" }
        return "<iq from='\(bare)' to='\(to)' type='set'><query xmlns='jabber:iq:roster'>\(item)</query></iq>"
    }

    @Test func aRequestIsMadeAndApprovedInBothDirections() async throws {
        try await Verona.run { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.online("juliet@example.com/balcony")
            // Section 3.1: Romeo asks.
            try await romeo.send("<presence id='xk3h1v69' to='juliet@example.com' type='subscribe'/>")
            try await romeo.receives(
                Self.push(
                    "romeo@example.net/orchard",
                    "<item jid='juliet@example.com' subscription='none' ask='subscribe'/>")
            )
            // Section 3.1.3: no push for a request.
            try await juliet.receives(
                "<presence id='xk3h1v69' from='romeo@example.net' to='juliet@example.com' type='subscribe'/>")
            // Section 3.1.4 to 3.1.6: Juliet approves.
            try await juliet.send("<presence id='h4v1c4kj' to='romeo@example.net' type='subscribed'/>")
            try await juliet.receives(
                Self.push("juliet@example.com/balcony", "<item jid='romeo@example.net' subscription='from'/>"))
            try await romeo.receives(
                "<presence id='h4v1c4kj' from='juliet@example.com' to='romeo@example.net' type='subscribed'/>",
                Self.push("romeo@example.net/orchard", "<item jid='juliet@example.com' subscription='to'/>"),
                "<presence from='juliet@example.com/balcony' to='romeo@example.net'/>")
            // Section 3.1 once more, the other way round.
            try await juliet.send("<presence to='romeo@example.net' type='subscribe'/>")
            try await romeo.send("<presence to='juliet@example.com' type='subscribed'/>")
            try await juliet.receives(
                Self.push(
                    "juliet@example.com/balcony",
                    "<item jid='romeo@example.net' subscription='from' ask='subscribe'/>"),
                "<presence from='romeo@example.net' to='juliet@example.com' type='subscribed'/>",
                Self.push("juliet@example.com/balcony", "<item jid='romeo@example.net' subscription='both'/>"),
                "<presence from='romeo@example.net/orchard' to='juliet@example.com'/>")
            #expect(try await verona.item(Self.juliet, in: Self.romeo)?.subscription == .both)
            #expect(try await verona.item(Self.romeo, in: Self.juliet)?.subscription == .both)
        }
    }

    @Test func aRequestComesAgainWhenAResourceBecomesAvailableUntilItIsAnswered() async throws {
        try await Verona.run { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await romeo.send(
                "<presence to='juliet@example.com/balcony' type='subscribe'><status>Arise, fair sun</status></presence>"
            )
            let request =
                "<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'><status>Arise, fair sun</status></presence>"
            for resource in ["balcony", "chamber"] {
                let juliet = try await verona.connect("juliet@example.com/\(resource)")
                try await juliet.send("<presence/>")
                let seen = await juliet.received()
                #expect(seen.filter { $0.contains("subscribe") } == [try #require(Stanza.literal(request)).description])
                // Only initial presence brings it.
                try await juliet.send("<presence><show>away</show></presence>")
                #expect(await juliet.received().contains { $0.contains("subscribe") } == false)
            }
            // A request that was made again is not delivered again (appendix A.3.1).
            let garden = try await verona.online("juliet@example.com/garden")
            try await romeo.send("<presence to='juliet@example.com' type='subscribe'/>")
            await garden.receivesNothing()
            try await garden.send("<presence to='romeo@example.net' type='unsubscribed'/>")
            let late = try await verona.connect("juliet@example.com/late")
            try await late.send("<presence/>")
            #expect(await late.received().contains { $0.contains("subscribe") } == false)
        }
    }

    @Test func aDeniedRequestLeavesNothingBehind() async throws {
        try await Verona.run { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.online("juliet@example.com/balcony")
            try await romeo.send("<presence to='juliet@example.com' type='subscribe'/>")
            await romeo.forget()
            await juliet.forget()
            try await juliet.send("<presence to='romeo@example.net' type='unsubscribed'/>")
            await juliet.receivesNothing()
            try await romeo.receives(
                "<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed'/>",
                Self.push("romeo@example.net/orchard", "<item jid='juliet@example.com' subscription='none'/>"))
            #expect(try await verona.item(Self.romeo, in: Self.juliet) == nil)
        }
    }

    @Test func aRequestOfWhoIsSubscribedIsAnsweredByTheServer() async throws {
        try await Verona.run { verona in
            try await verona.store(Self.romeo, in: Self.juliet, .from)
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.online("juliet@example.com/balcony")
            await romeo.forget()
            try await romeo.send("<presence to='juliet@example.com' type='subscribe'/>")
            await juliet.receivesNothing()
            try await romeo.receives(
                Self.push(
                    "romeo@example.net/orchard",
                    "<item jid='juliet@example.com' subscription='none' ask='subscribe'/>"),
                "<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>",
                Self.push("romeo@example.net/orchard", "<item jid='juliet@example.com' subscription='to'/>"),
                "<presence from='juliet@example.com/balcony' to='romeo@example.net'/>")
        }
    }

    @Test func aCancelledSubscriptionEndsThePresence() async throws {
        try await Verona.run { verona in
            try await verona.befriend(Self.romeo, Self.juliet)
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.online("romeo@example.net/orchard")
            await juliet.forget()
            // Section 3.2
            try await juliet.send("<presence id='ij5b1v7g' to='romeo@example.net' type='unsubscribed'/>")
            try await juliet.receives(
                Self.push("juliet@example.com/balcony", "<item jid='romeo@example.net' subscription='to'/>"))
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>",
                "<presence id='ij5b1v7g' from='juliet@example.com' to='romeo@example.net' type='unsubscribed'/>",
                Self.push("romeo@example.net/orchard", "<item jid='juliet@example.com' subscription='from'/>"))
            try await juliet.send("<presence><show>away</show></presence>")
            await romeo.receivesNothing()
        }
    }

    @Test func unsubscribingEndsThePresence() async throws {
        try await Verona.run { verona in
            try await verona.befriend(Self.romeo, Self.juliet)
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.online("romeo@example.net/orchard")
            await juliet.forget()
            // Section 3.3
            try await romeo.send("<presence id='ul4bs71n' to='juliet@example.com' type='unsubscribe'/>")
            try await romeo.receives(
                Self.push("romeo@example.net/orchard", "<item jid='juliet@example.com' subscription='from'/>"),
                "<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>")
            try await juliet.receives(
                "<presence id='ul4bs71n' from='romeo@example.net' to='juliet@example.com' type='unsubscribe'/>",
                Self.push("juliet@example.com/balcony", "<item jid='romeo@example.net' subscription='to'/>"))
        }
    }

    @Test func anApprovalThatNobodyAskedForIsDropped() async throws {
        try await Verona.run { verona in
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.online("romeo@example.net/orchard")
            for type in ["subscribed", "unsubscribed"] {
                try await juliet.send("<presence to='romeo@example.net' type='\(type)'/>")
                await juliet.receivesNothing()
                await romeo.receivesNothing()
            }
            #expect(try await verona.item(Self.romeo, in: Self.juliet) == nil)
            #expect(try await verona.item(Self.juliet, in: Self.romeo) == nil)
        }
    }

    @Test func aRequestToNobodyLeavesNothingBehind() async throws {
        try await Verona.run { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await romeo.send("<presence to='rosaline@example.com' type='subscribe'/>")
            try await romeo.receives(
                Self.push(
                    "romeo@example.net/orchard",
                    "<item jid='rosaline@example.com' subscription='none' ask='subscribe'/>"))
            #expect(try await verona.item(Self.romeo, in: "rosaline@example.com") == nil)
        }
    }

    @Test func aRequestToAServerThatCannotBeReachedIsAnsweredWithAnError() async throws {
        try await Verona.run { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await romeo.send("<presence id='1' to='rosaline@example.org' type='subscribe'/>")
            try await romeo.receives(
                """
                <presence id='1' from='rosaline@example.org' to='romeo@example.net/orchard' type='error'>
                <error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>
                """,
                Self.push(
                    "romeo@example.net/orchard",
                    "<item jid='rosaline@example.org' subscription='none' ask='subscribe'/>"))
        }
    }

    @Test func nobodySubscribesToItself() async throws {
        try await Verona.run { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await romeo.send("<presence to='romeo@example.net' type='subscribe'/>")
            await romeo.receivesNothing()
            #expect(try await verona.item(Self.romeo, in: Self.romeo) == nil)
        }
    }

    @Test func anItemThatTheAccountWroteIsSeenWhileARequestWaits() async throws {
        try await Verona.run { verona in
            try await verona.store(Self.romeo, in: Self.juliet, .none, name: "Romeo")
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await romeo.send("<presence to='juliet@example.com' type='subscribe'/>")
            try await juliet.receives("<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'/>")
            try await juliet.send("<presence to='romeo@example.net' type='unsubscribed'/>")
            await juliet.receivesNothing()
            #expect(try await verona.item(Self.romeo, in: Self.juliet)?.name == "Romeo")
        }
    }

    @Test func requestsOfStrangersLeaveRoomForTheAccountsOwnContacts() async throws {
        try await Verona.run { verona in
            let account = try BareJID(Self.juliet)
            for number in 0..<Roster.itemCountMaxForRequests {
                let contact = try JID("contact\(number)@example.net")
                _ = try await verona.storage.rosters.update(contact, of: account, itemCountMax: nil) { _ in
                    RosterItem(contact: contact, pending: .in)
                }
            }
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await romeo.send("<presence to='juliet@example.com' type='subscribe'/>")
            #expect(try await verona.item(Self.romeo, in: Self.juliet) == nil)
            let juliet = try await verona.connect("juliet@example.com/balcony")
            try await juliet.send("<presence to='romeo@example.net' type='subscribe'/>")
            #expect(try await verona.item(Self.romeo, in: Self.juliet)?.pending == .out)
        }
    }

    @Test func contactsOfAnAccountThatIsRemovedLoseIt() async throws {
        try await Verona.run { verona in
            try await verona.befriend(Self.romeo, Self.juliet)
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await verona.server.host("example.com")?.removeAccount(BareJID(Self.juliet))
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>",
                "<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribe'/>",
                Self.push("romeo@example.net/orchard", "<item jid='juliet@example.com' subscription='to'/>"),
                "<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed'/>",
                Self.push("romeo@example.net/orchard", "<item jid='juliet@example.com' subscription='none'/>"))
            #expect(try await verona.item(Self.juliet, in: Self.romeo)?.subscription == RosterSubscription.none)
            #expect(await juliet.received() == [])
        }
    }

    @Test func aRequestTooLongToKeepIsKeptWithoutItsText() throws {
        let account = try BareJID(Self.juliet), contact = try JID(Self.romeo)
        for byteCount in [100, RosterItem.requestByteCountMax] {
            let request = Presence(to: account.jid, from: contact, type: .subscribe) {
                Element("status", .client) { String(repeating: "a", count: byteCount) }
            }
            let item = RosterItem.item(nil, of: contact, in: SubscriptionState(.none, .in), request: request)
            let kept = try #require(item?.request(to: account))
            #expect(kept.type == .subscribe && kept.from == contact && kept.to == account.jid)
            #expect((kept.status == nil) == (byteCount == RosterItem.requestByteCountMax))
        }
    }

    @Test func aRequestStoredByMongooseIMAsItsStatusIsDelivered() throws {
        let item = RosterItem(contact: try JID(Self.romeo), pending: .in, requestText: "Arise")
        let request = try #require(item.request(to: BareJID(Self.juliet)))
        #expect(request.status == "Arise" && request.type == .subscribe)
    }
}
