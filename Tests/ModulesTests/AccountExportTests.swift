// SPDX-License-Identifier: Apache-2.0
// An account as a document of XEP-0227: what its examples show, and nothing left out.

import Logging
import Testing
import XMPPCore
import XMPPPersistenceSQLite

@testable import XMPPModules

@Suite(.timeLimit(.minutes(1)))
struct AccountExportTests {
    private static func export(
        _ account: String, withCredentials: Bool = true, prepare: (Storage, BareJID) async throws -> Void
    ) async throws -> (text: String, document: Element, summary: AccountExport.Summary) {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let local = try await LocalStorage.open(.memory, logger: logger)
        let account = try BareJID(account)
        try await prepare(local.storage, account)
        var text = ""
        var export = AccountExport(account, storage: local.storage)
        export.includesCredentials = withCredentials
        let summary = try await export.write { text += $0 }
        await local.close()
        let declaration = "<?xml version='1.0' encoding='UTF-8'?>"
        #expect(text.hasPrefix(declaration))
        let document = try #require(Element(parsing: Array(text.dropFirst(declaration.count + 1).utf8)))
        return (text, document, summary)
    }

    @Test func everythingIsInTheDocument() async throws {
        let (_, document, summary) = try await Self.export("juliet@example.com") { storage, juliet in
            try await Self.fill(storage, juliet)
        }
        let user = try #require(document.child("host")?.child("user"))
        #expect(document.child("host")?["jid"] == "example.com")
        #expect(user["name"] == "juliet" && user["password"] == nil)
        let keys = user.children.filter { $0.isNamed("scram-credentials", "urn:xmpp:pie:0#scram") }
        #expect(keys.map { $0["mechanism"] } == ["SCRAM-SHA-1"])
        #expect(keys.first?.childText("iter-count") == "4096")
        #expect(keys.first?.childText("salt") == "AAECAwQFBgcICQoLDA0ODw==")
        let roster = try #require(user.child("query", .roster))
        #expect(
            roster.children.map(\.xml) == [
                "<item xmlns='jabber:iq:roster' jid='romeo@example.net' name='Romeo &amp; co' subscription='both'>"
                    + "<group>Friends</group></item>"
            ])
        let requests = user.children.filter { $0.isNamed("presence", .client) }
        #expect(requests.map { $0["from"] } == ["tybalt@example.com"])
        #expect(requests.first?["type"] == "subscribe")
        let messages = try #require(user.child("offline-messages"))
        #expect(messages.children.map { $0.child("body")?.text ?? "" } == (0..<250).map { "\($0)" })
        #expect(messages.children.first?.child("delay", .delay)?["stamp"] == "2023-11-14T22:13:20Z")
        let elements = try #require(user.child("query", "jabber:iq:private"))
        #expect(elements.children.map(\.xml) == ["<notes xmlns='urn:notes'>a &lt; b</notes>"])
        #expect(user.child("vCard", "vcard-temp")?.childText("FN") == "Juliet")
        let lists = try #require(user.child("query", "jabber:iq:privacy"))
        #expect(
            lists.children.map(\.xml) == [
                "<default xmlns='jabber:iq:privacy' name='public'/>",
                "<list xmlns='jabber:iq:privacy' name='public'><item type='jid' value='tybalt@example.com' action='deny'"
                    + " order='1'/></list>",
            ])
        let rooms = try #require(user.child("query", .discoItems))
        #expect(
            rooms.children.map(\.xml) == [
                "<item xmlns='http://jabber.org/protocol/disco#items' jid='coven@muclight.example.com' name='A Dark Cave'"
                    + " version='1'/>"
            ])
        let blocks = try #require(user.child("query", .mucLightBlocking))
        #expect(
            blocks.children.map(\.xml) == [
                "<user xmlns='urn:xmpp:muclight:0#blocking' action='deny'>tybalt@example.com</user>"
            ])
        let last = try #require(user.child("query", "jabber:iq:last"))
        #expect(last["last"] == "1700000000" && last.text == "Good night")
        let results = try #require(user.child("archive", "urn:xmpp:pie:0#mam")).children
        let names = results.map { $0["id"] ?? "" }
        #expect(names.count == 250 && names == names.sorted())
        #expect(results.first?["id"] == ArchiveID(1_700_000_001_000_000 << 8)?.text)

        let forwarded = try #require(results.first?.child("forwarded", .forward))
        #expect(forwarded.child("delay", .delay)?["stamp"] == "2023-11-14T22:13:21Z")
        #expect(forwarded.child("message", .client)?.child("body")?.text == "1")
        #expect(
            user.child("prefs", .archive)?.xml
                == "<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>romeo@example.net</jid></always>"
                + "<never><jid>tybalt@example.com/x</jid></never></prefs>")
        #expect(
            summary
                == AccountExport.Summary(
                    isRegistered: true, rosterItemCount: 2, offlineMessageCount: 250, privateElementCount: 1,
                    privacyListCount: 1, archivedMessageCount: 250, hasArchivePreferences: true,
                    hasLastActivity: true, hasVCard: true, roomCount: 1, roomBlockCount: 1, unreadableCount: 0))
    }

    private static func fill(_ storage: Storage, _ juliet: BareJID) async throws {
        let keys = "==SCRAM==,VDlbg2hiPs7Sz96xRXoDeVxwMPk=,4q9hLjotvo0hqzEIvTJY/oC5Boo=,AAECAwQFBgcICQoLDA0ODw==,4096"
        try await storage.accounts.create(
            juliet, credential: AccountCredential(passwordDetails: keys), accountCountMax: nil)
        let romeo = try JID("romeo@example.net"), tybalt = try JID("tybalt@example.com")
        try await storage.rosters.update(romeo, of: juliet, itemCountMax: nil) { _ in
            RosterItem(contact: romeo, name: "Romeo & co", groups: ["Friends"], subscription: .both)
        }
        try await storage.rosters.update(tybalt, of: juliet, itemCountMax: nil) { _ in
            RosterItem(contact: tybalt, pending: .in, requestText: "Let me in")
        }
        for number in 0..<250 {
            let stanza =
                "<message xmlns='jabber:client' from='romeo@example.net/orchard'><body>\(number)</body></message>"
            let message = OfflineMessage(
                from: romeo, stanza: Array(stanza.utf8), receivedMicroseconds: 1_700_000_000_000_000,
                expiryMicroseconds: 1)
            _ = try await storage.offlineMessages.append(message, for: juliet, messageCountMax: nil)  // there is room
        }
        let notes = PrivateElement(namespace: "urn:notes", xml: Array("<notes xmlns='urn:notes'>a &lt; b</notes>".utf8))
        try await storage.privateElements.set([notes], of: juliet, elementCountMax: nil)
        let item = PrivacyItem(order: 1, subject: .address(tybalt), action: .deny)
        try await storage.privacyLists.set(
            PrivacyList(name: "public", items: [item]), of: juliet, use: .becomesDefault, listCountMax: nil)
        try await storage.vCards.set(
            VCard(xml: Array("<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>".utf8)), of: juliet)
        let room = Room(
            address: try BareJID("coven@muclight.example.com"), version: "1",
            configuration: [RoomField(Room.nameKey, "A Dark Cave")], occupants: [juliet: .member])
        try await storage.rooms.set(room, basedOn: nil)
        try await storage.rooms.changeBlocks(of: juliet, adding: [.user(tybalt.bare)], removing: [])
        let archived = try (1...250).map { number in
            ArchivedMessage(
                id: try #require(ArchiveID((1_700_000_000_000_000 + Int64(number) * 1_000_000) << 8)),
                direction: .received, sender: romeo, peer: romeo,
                stanza: Array("<message xmlns='jabber:client'><body>\(number)</body></message>".utf8))
        }
        try await storage.messageArchive.append(archived.map { ArchiveEntry(archive: juliet, message: $0) })
        let exceptions = [romeo: true, try JID("tybalt@example.com/x"): false]
        try await storage.archivePreferences.set(
            ArchivePreferences(standard: .roster, exceptions: exceptions), of: juliet)
        let activity = LastActivityRecord(seconds: 1_700_000_000, status: "Good night")
        try await storage.lastActivity.setLastActivity(activity, of: juliet)
    }

    @Test(arguments: [true, false])
    func credentialsAreThereWhenTheyAreWanted(_ isWanted: Bool) async throws {
        for credential in [
            AccountCredential(password: "pencil"),
            try AccountCredential(
                StoredCredential.derive(
                    password: "pencil", hashes: [.sha1], iterationCount: 1)),
        ] {
            let (text, document, summary) = try await Self.export("juliet@example.com", withCredentials: isWanted) {
                try await $0.accounts.create($1, credential: credential, accountCountMax: nil)
            }
            let user = try #require(document.child("host")?.child("user"))
            #expect(user["password"] == (isWanted && credential.passwordDetails == nil ? "pencil" : nil))
            #expect(text.contains("stored-key") == (isWanted && credential.passwordDetails != nil))
            #expect(summary.isRegistered)
        }
    }

    @Test func whatCannotBeReadIsCounted() async throws {
        let (_, _, summary) = try await Self.export("juliet@example.com") { storage, juliet in
            let message = OfflineMessage(
                from: try JID("romeo@example.net"), stanza: Array("<message".utf8), receivedMicroseconds: 1)
            _ = try await storage.offlineMessages.append(message, for: juliet, messageCountMax: nil)  // there is room
            let element = PrivateElement(namespace: "urn:notes", xml: Array("notes".utf8))
            try await storage.privateElements.set([element], of: juliet, elementCountMax: nil)
        }
        #expect(summary == AccountExport.Summary(unreadableCount: 2))
        #expect(!summary.isEmpty)
    }

    @Test func anAccountThatNobodyKnowsIsEmpty() async throws {
        let (_, document, summary) = try await Self.export("anybody@example.com") { _, _ in }
        #expect(summary.isEmpty)
        #expect(document.child("host")?.child("user")?["name"] == "anybody")
    }
}
