// SPDX-License-Identifier: Apache-2.0
// What privacy lists and block lists do to presence, to groups and subscriptions, and when the store is asked.

import Synchronization
import Testing
import XMPPCore

@testable import XMPPModules

struct PrivacyEffectTests {
    private static let juliet = PrivacyFixture.juliet, romeo = PrivacyFixture.romeo
    private static let block =
        "<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='romeo@example.net'/></block></iq>"
    private static let unblock = "<iq type='set' id='2'><unblock xmlns='urn:xmpp:blocking'/></iq>"

    private static func run(_ body: (Verona) async throws -> Void) async throws {
        try await Verona.run(modules: PrivacyFixture.modules) { verona in
            try await verona.befriend(juliet, romeo)
            try await body(verona)
        }
    }

    @Test func contactsSeeTheEndAndTheReturnOfPresence() async throws {
        try await Self.run { verona in
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.online("romeo@example.net/orchard")
            await juliet.forget()
            try await juliet.send(Self.block)
            try await juliet.receives(
                "<iq type='result' to='juliet@example.com/balcony' id='1'/>",
                "<presence from='romeo@example.net/orchard' to='juliet@example.com/balcony' type='unavailable'/>",
                isOrdered: false)
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>")
            try await juliet.send("<presence><show>away</show></presence>")
            try await romeo.send("<presence><show>dnd</show></presence>")
            await romeo.forget()
            await juliet.forget()
            try await juliet.send(Self.unblock)
            try await juliet.receives(
                "<iq type='result' to='juliet@example.com/balcony' id='2'/>",
                """
                <presence to='juliet@example.com/balcony' from='romeo@example.net/orchard'><show>dnd</show></presence>
                """, isOrdered: false)
            try await romeo.receives(
                "<presence to='romeo@example.net' from='juliet@example.com/balcony'><show>away</show></presence>")
        }
    }

    @Test func whoComesLaterSeesNothingOfTheBlocked() async throws {
        try await Self.run { verona in
            let juliet = try await verona.online("juliet@example.com/balcony")
            try await juliet.send(Self.block)
            await juliet.forget()
            let romeo = try await verona.connect("romeo@example.net/orchard")
            try await romeo.send("<presence/>")
            try await romeo.receives("<presence to='romeo@example.net' from='romeo@example.net/orchard'/>")
            try await romeo.send("<presence to='juliet@example.com' type='probe'/>")
            await romeo.receivesNothing()
            await juliet.receivesNothing()
            let chamber = try await verona.connect("juliet@example.com/chamber")
            try await chamber.send("<presence/>")
            let seen = await chamber.received()
            #expect(!seen.contains { $0.contains("romeo") })
            await romeo.receivesNothing()
            await juliet.close()
            await romeo.receivesNothing()
        }
    }

    @Test func directedPresenceIsTakenBack() async throws {
        try await Verona.run(modules: PrivacyFixture.modules) { verona in
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await juliet.send("<presence to='romeo@example.net/orchard'/>")
            await romeo.forget()
            try await juliet.send(Self.block)
            try await romeo.receives(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net/orchard' type='unavailable'/>")
            try await juliet.send("<presence to='romeo@example.net/orchard' id='p'/>")
            await romeo.receivesNothing()
            let got = await juliet.received()
            #expect(got.contains { $0.contains("not-acceptable") && $0.contains("<blocked ") })
        }
    }

    @Test func groupsAndSubscriptionsAreThoseOfTheRosterNow() async throws {
        try await Self.run { verona in
            try await verona.store(Self.romeo, in: Self.juliet, .both, groups: ["Enemies"])
            let juliet = try await verona.online("juliet@example.com/balcony")
            let romeo = try await verona.online("romeo@example.net/orchard")
            try await juliet.send(
                PrivacyFixture.list(
                    "l", "<item type='group' value='Enemies' action='deny' order='4'><message/></item>"))
            try await juliet.send(
                "<iq type='set' id='a'><query xmlns='jabber:iq:privacy'><active name='l'/></query></iq>")
            await juliet.forget()
            await romeo.forget()
            let message = "<message to='juliet@example.com' type='chat' id='m'><body>Hi</body></message>"
            try await romeo.send(message)
            let error = PrivacyFixture.error("service-unavailable", "cancel")
            try await romeo.receives(
                "<message to='romeo@example.net/orchard' from='juliet@example.com' type='error' id='m'>\(error)</message>"
            )
            try await juliet.send(
                """
                <iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net'>
                <group>Friends</group></item></query></iq>
                """)
            await juliet.forget()
            try await romeo.send(message)
            let got = await juliet.received()
            #expect(got.count == 1 && got[0].contains("<body>Hi</body>"))
        }
    }

    @Test func offlineAccountsAskTheRoster() async throws {
        try await Self.run { verona in
            let account = try BareJID(Self.juliet)
            let item = PrivacyItem(order: 1, subject: .subscription(.none), action: .deny)
            let list = PrivacyList(name: "friends", items: [item])
            try await verona.storage.privacyLists.set(list, of: account, use: .becomesDefault, listCountMax: nil)
            let romeo = try await verona.connect("romeo@example.net/orchard")
            let tybalt = try await verona.connect("tybalt@example.com/street")
            for client in [romeo, tybalt] {
                try await client.send("<message to='juliet@example.com' type='chat' id='m'><body>Hi</body></message>")
            }
            await romeo.receivesNothing()
            let got = await tybalt.received()
            #expect(got.count == 1 && got[0].contains("service-unavailable"))
            let count = try await verona.storage.offlineMessages.messageCount(for: account)
            #expect(count == 1)
        }
    }

    /// The aim: what has no list costs one look for each session, and one for an account that is away.
    @Test func listsAreReadOnceForEachSession() async throws {
        let calls = Mutex<CountingPrivacyStore?>(nil)
        try await Verona.run(
            modules: PrivacyFixture.modules,
            storage: { storage in
                let counting = CountingPrivacyStore(storage.privacyLists)
                calls.withLock { $0 = counting }
                var storage = storage
                storage.privacyLists = counting
                return storage
            },
            { verona in
                let store = try #require(calls.withLock { $0 })
                let juliet = try await verona.online("juliet@example.com/balcony")
                let romeo = try await verona.online("romeo@example.net/orchard")
                #expect(store.readCount == 2)
                for _ in 0..<10 {
                    try await romeo.send("<message to='juliet@example.com' type='chat'><body>Hi</body></message>")
                    try await juliet.send("<message to='nurse@example.com' type='chat'><body>Hi</body></message>")
                }
                #expect(store.readCount == 3)
                // Nothing passes while it is not known whether it may, and an error says so.
                store.isUnavailable.withLock { $0 = true }
                try await romeo.send("<message to='tybalt@example.com' type='chat' id='e'><body>Hi</body></message>")
                let got = await romeo.received()
                #expect(got.count == 1 && got[0].contains("internal-server-error"))
            })
    }

    @Test func theListsOfARemovedAccountGo() async throws {
        try await Self.run { verona in
            let juliet = try await verona.online("juliet@example.com/balcony")
            try await juliet.send(Self.block)
            let account = try BareJID(Self.juliet)
            let host = try #require(verona.server.router.host(account.jid))
            try await host.removeAccount(account)
            let names = try await verona.storage.privacyLists.names(of: account, limit: 10)
            #expect(names == PrivacyListNames())
        }
    }
}

/// Counts how often the default list was read, and can be told to fail.
private final class CountingPrivacyStore: PrivacyStore {
    private let base: any PrivacyStore
    private let reads = Mutex(0)
    let isUnavailable = Mutex(false)

    init(_ base: any PrivacyStore) { self.base = base }

    var readCount: Int { reads.withLock { $0 } }

    func defaultList(of account: BareJID) async throws(StorageError) -> PrivacyList? {
        reads.withLock { $0 += 1 }
        if isUnavailable.withLock({ $0 }) { throw .unavailable(detail: "told to") }
        return try await base.defaultList(of: account)
    }
    func names(of account: BareJID, limit: Int) async throws(StorageError) -> PrivacyListNames {
        try await base.names(of: account, limit: limit)
    }
    func list(named name: String, of account: BareJID) async throws(StorageError) -> PrivacyList? {
        try await base.list(named: name, of: account)
    }
    func set(
        _ list: PrivacyList, of account: BareJID, use: PrivacyListUse, listCountMax: Int?
    ) async throws(StorageError) {
        try await base.set(list, of: account, use: use, listCountMax: listCountMax)
    }
    func remove(listNamed name: String, of account: BareJID) async throws(StorageError) -> Bool {
        try await base.remove(listNamed: name, of: account)
    }
    func setDefault(_ name: String?, of account: BareJID) async throws(StorageError) -> PrivacyDefaultChange {
        try await base.setDefault(name, of: account)
    }
    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await base.accounts(after: cursor, limit: limit)
    }
    func removeAll(for account: BareJID) async throws(StorageError) { try await base.removeAll(for: account) }
    func removeAll(domain: String) async throws(StorageError) { try await base.removeAll(domain: domain) }
}
