// SPDX-License-Identifier: Apache-2.0
// Rosters and presence when the store cannot be reached, and what they ask of it when it can.

import Synchronization
import Testing
import XMPPCore

@testable import XMPPModules

struct RosterFaultTests {
    static let romeo = "romeo@example.net", juliet = "juliet@example.com"
    static let error =
        "<error type='wait'><internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>the store is unavailable</text></error>"

    /// A server whose roster store can be told to fail.
    private func run(_ body: (Verona, FailingStorage) async throws -> Void) async throws {
        var store: FailingStorage?
        try await Verona.run(
            storage: { storage in
                let failing = FailingStorage()
                store = failing
                var storage = storage
                storage.rosters = storage.decorated(by: failing).rosters
                return storage
            },
            { verona in try await body(verona, #require(store)) })
    }

    @Test func requestsAreAnsweredWithAnError() async throws {
        try await run { verona, store in
            // Without presence, which would have had the roster read.
            let juliet = try await verona.connect("juliet@example.com/balcony")
            store.setUnavailable(true)
            try await juliet.send("<iq id='1' type='get'><query xmlns='jabber:iq:roster'/></iq>")
            try await juliet.send(
                "<iq id='2' type='set'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query></iq>")
            try await juliet.send("<presence id='3' to='romeo@example.net' type='subscribe'/>")
            try await juliet.receives(
                "<iq id='1' to='juliet@example.com/balcony' type='error'>\(Self.error)</iq>",
                "<iq id='2' to='juliet@example.com/balcony' type='error'>\(Self.error)</iq>",
                "<presence id='3' from='romeo@example.net' to='juliet@example.com/balcony' type='error'>\(Self.error)</presence>"
            )
            store.setUnavailable(false)
            try await juliet.send("<presence to='romeo@example.net' type='subscribe'/>")
            #expect(try await verona.item(Self.romeo, in: Self.juliet)?.pending == .out)
        }
    }

    @Test func contactsAreToldOnceTheStoreIsBack() async throws {
        try await run { verona, store in
            try await verona.befriend(Self.romeo, Self.juliet)
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.connect("juliet@example.com/balcony")
            store.setUnavailable(true)
            try await juliet.send("<presence id='1'/>")
            try await juliet.receives(
                "<presence id='1' from='juliet@example.com/balcony' to='juliet@example.com'/>",
                "<presence id='1' to='juliet@example.com/balcony' type='error'>\(Self.error)</presence>")
            await romeo.receivesNothing()
            // Messages reach it all the same.
            try await romeo.send("<message id='2' to='juliet@example.com' type='chat'><body>hi</body></message>")
            #expect(await juliet.received().count == 1)
            store.setUnavailable(false)
            try await juliet.send("<presence id='3'/>")
            try await juliet.receives(
                "<presence from='romeo@example.net/orchard' to='juliet@example.com/balcony'/>",
                "<presence id='3' from='juliet@example.com/balcony' to='juliet@example.com'/>")
            try await romeo.receives("<presence id='3' from='juliet@example.com/balcony' to='romeo@example.net'/>")
        }
    }

    @Test func presenceAsksTheStoreOncePerLogin() async throws {
        try await run { verona, store in
            try await verona.befriend(Self.romeo, Self.juliet)
            let romeo = try await verona.online("romeo@example.net/orchard")
            let juliet = try await verona.online("juliet@example.com/balcony")
            let chamber = try await verona.connect("juliet@example.com/chamber")
            store.callCount.withLock { $0 = 0 }
            // Neither later presence, nor that of another resource, nor probes, nor the end.
            try await chamber.send("<presence/>")
            try await juliet.send("<presence><show>away</show></presence>")
            try await romeo.send("<presence to='juliet@example.com' type='probe'/>")
            try await juliet.send("<presence type='unavailable'/>")
            await chamber.close()
            #expect(store.callCount.withLock { $0 } == 0)
        }
    }

    /// What was read once is at hand until it changes, for every resource, and with a store that is down.
    @Test func aRosterGetAsksTheStoreOnceForEachChange() async throws {
        let get = "<iq id='1' type='get'><query xmlns='jabber:iq:roster'/></iq>"
        func result(_ items: String) -> String {
            let query =
                items.isEmpty ? "<query xmlns='jabber:iq:roster'/>" : "<query xmlns='jabber:iq:roster'>\(items)</query>"
            return "<iq id='1' to='juliet@example.com/balcony' type='result'>\(query)</iq>"
        }
        try await run { verona, store in
            try await verona.store(Self.romeo, in: Self.juliet, .from)
            let juliet = try await verona.online("juliet@example.com/balcony")
            let chamber = try await verona.online("juliet@example.com/chamber")
            await juliet.forget()
            store.callCount.withLock { $0 = 0 }
            store.setUnavailable(true)
            try await juliet.send(get)
            try await juliet.receives(result("<item jid='romeo@example.net' subscription='from'/>"))
            #expect(store.callCount.withLock { $0 } == 0)
            store.setUnavailable(false)
            try await chamber.send(
                "<iq id='2' type='set'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' name='R'/></query></iq>"
            )
            await juliet.forget()
            for _ in 0..<2 {
                try await juliet.send(get)
                try await juliet.receives(result("<item jid='romeo@example.net' name='R' subscription='from'/>"))
            }
            // One for the change, one for what follows it.
            #expect(store.callCount.withLock { $0 } == 2)
        }
    }

    /// What is too large to be kept is answered all the same.
    @Test func aLargeRosterIsReadEachTime() async throws {
        try await run { verona, store in
            let name = String(repeating: "n", count: 1_000)
            let account = try BareJID(Self.juliet)
            for number in 0..<(RosterMemory.rosterByteCountMax / 1_000) {
                let contact = try JID("contact\(number)@example.com")
                let change = try await verona.storage.rosters.update(contact, of: account, itemCountMax: nil) { _ in
                    RosterItem(contact: contact, name: name)
                }
                #expect(change.old == nil)
            }
            let juliet = try await verona.online("juliet@example.com/balcony")
            await juliet.forget()
            store.callCount.withLock { $0 = 0 }
            for number in 1...2 {
                try await juliet.send("<iq id='1' type='get'><query xmlns='jabber:iq:roster'/></iq>")
                let received = await juliet.received()
                #expect(
                    received.first.map { $0.split(separator: "<item ").count } == RosterMemory.rosterByteCountMax
                        / 1_000 + 1)
                #expect(store.callCount.withLock { $0 } == number)
            }
        }
    }

    @Test func subscriptionsAreForgottenWithTheLastSession() async throws {
        try await run { verona, store in
            let host = try #require(verona.server.host("example.com"))
            let roster = try #require(host.service((any RosterService).self))
            let account = try BareJID(Self.juliet)
            let juliet = try await verona.online("juliet@example.com/balcony")
            let chamber = try await verona.online("juliet@example.com/chamber")
            #expect(roster.subscriptionsInMemory(of: account) != nil)
            await juliet.close()
            #expect(roster.subscriptionsInMemory(of: account) != nil)
            await chamber.close()
            #expect(roster.subscriptionsInMemory(of: account) == nil)
            // Nobody online: read, not kept.
            try await verona.store(Self.romeo, in: Self.juliet, .from)
            #expect(try await roster.subscriptions(of: account).from == [BareJID(Self.romeo)])
            #expect(roster.subscriptionsInMemory(of: account) == nil)
        }
    }
}
