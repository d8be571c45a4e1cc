// SPDX-License-Identifier: Apache-2.0
// What is done to every store at once, and what every store refuses.

import Testing
import XMPPCore

@testable import XMPPPersistenceConformance

@Suite struct StorageTests {
    private static func fill(_ storage: Storage, _ account: BareJID) async throws {
        let contact = try JID("romeo@montague.example")
        let credential = AccountCredential(password: "p")
        try await storage.accounts.create(account, credential: credential, accountCountMax: nil)
        try await storage.rosters.update(contact, of: account, itemCountMax: nil) { _ in RosterItem(contact: contact) }
        let message = OfflineMessage(from: contact, stanza: [], receivedMicroseconds: 0)
        #expect(try await storage.offlineMessages.append(message, for: account, messageCountMax: nil) == .stored)
        let element = PrivateElement(namespace: "a", xml: [])
        try await storage.privateElements.set([element], of: account, elementCountMax: nil)
        let list = PrivacyList(name: "a", items: [PrivacyItem(order: 1, subject: .everybody, action: .deny)])
        try await storage.privacyLists.set(list, of: account, use: .becomesDefault, listCountMax: nil)
        try await storage.lastActivity.setLastActivity(LastActivityRecord(seconds: 0, status: ""), of: account)
        try await storage.vCards.set(VCard(xml: []), of: account)
        let room = Room(address: account, version: "1", configuration: [], occupants: [account: .owner])
        try await storage.rooms.set(room, basedOn: nil)
        try await storage.rooms.changeBlocks(of: account, adding: [.room(contact.bare)], removing: [])
        for (store, owners) in [(storage.messageArchive, ArchiveOwners.accounts), (storage.roomArchive, .rooms)] {
            try await store.append([owners.entry(1, in: account)])
        }
        try await storage.archivePreferences.set(ArchivePreferences(), of: account)
    }

    /// Which kinds of data each account has, by name.
    private static func contents(_ storage: Storage) async throws -> [String: [BareJID]] {
        [
            "accounts": try await storage.accounts.accounts(in: nil, after: nil, limit: 10).items.map(\.address),
            "rosters": try await storage.rosters.accounts(after: nil, limit: 10).items,
            "offline": try await storage.offlineMessages.accounts(after: nil, limit: 10).items,
            "private": try await storage.privateElements.accounts(after: nil, limit: 10).items,
            "vcards": try await storage.vCards.accounts(after: nil, limit: 10).items,
            "privacy": try await storage.privacyLists.accounts(after: nil, limit: 10).items,
            "rooms": try await storage.rooms.addresses(after: nil, limit: 10).items,
            "archive": try await storage.messageArchive.archives(after: nil, limit: 10).items,
            "archives of rooms": try await storage.roomArchive.archives(after: nil, limit: 10).items,
            "preferences": try await storage.archivePreferences.accounts(after: nil, limit: 10).items,
            "last": try await storage.lastActivity.entries(after: nil, limit: 10).items.map(\.account),
        ]
    }

    @Test func removalTakesEveryKindOfData() async throws {
        try await Backend.memory.withStorage { storage in
            let accounts = try ["a@x.example", "b@x.example", "a@y.example"].map { try BareJID($0) }
            for account in accounts { try await Self.fill(storage, account) }
            try await storage.removeAll(for: accounts[0])
            for (_, found) in try await Self.contents(storage) { #expect(found == [accounts[1], accounts[2]]) }
            try await storage.removeAll(domain: "x.example")
            for (_, found) in try await Self.contents(storage) { #expect(found == [accounts[2]]) }
            try await storage.removeAll(domain: "y.example")
            for (_, found) in try await Self.contents(storage) { #expect(found == []) }
        }
    }

    @Test func privacyListWithOneOrderTwiceIsRefused() async throws {
        try await Backend.memory.withStorage { storage in
            let account = try BareJID("a@x.example")
            let items = [PrivacyItem.Action.deny, .allow].map {
                PrivacyItem(order: 1, subject: .everybody, action: $0)
            }
            await #expect(throws: StorageError.conflict) {
                try await storage.privacyLists.set(
                    PrivacyList(name: "a", items: items), of: account, use: .becomesDefault, listCountMax: nil)
            }
            #expect(try await storage.privacyLists.names(of: account, limit: 10) == PrivacyListNames())
        }
    }

    @Test func cursorOfAnotherListingIsRefused() async throws {
        try await Backend.memory.withStorage { storage in
            let account = try BareJID("a@x.example")
            let cursor = PageCursor(key: ["a", "b", "c"])
            await #expect(throws: StorageError.self) {
                try await storage.accounts.accounts(in: nil, after: cursor, limit: 10)
            }
            await #expect(throws: StorageError.self) {
                try await storage.rosters.roster(of: account, after: cursor, limit: 10)
            }
            await #expect(throws: StorageError.self) {
                try await storage.rooms.addresses(after: cursor, limit: 10)
            }
            for cursor in [cursor, PageCursor(key: ["no number"])] {
                await #expect(throws: StorageError.self) {
                    try await storage.offlineMessages.messages(for: account, at: 0, after: cursor, limit: 10)
                }
            }
        }
    }

    @Test func limitsOutOfRangeReadAsTheNearest() async throws {
        try await Backend.memory.withStorage { storage in
            for index in 0..<3 { try await Self.fill(storage, try BareJID("a\(index)@x.example")) }
            for (limit, count) in [(.min, 1), (0, 1), (1, 1), (.max, 3)] as [(Int, Int)] {
                let page = try await storage.rosters.accounts(after: nil, limit: limit)
                #expect(page.items.count == count)
            }
        }
    }

    @Test func credentialsDoNotShowThemselves() {
        for credential in [AccountCredential(password: "secret"), AccountCredential(passwordDetails: "secret")] {
            var dumped = ""
            dump(credential, to: &dumped)
            for text in ["\(credential)", String(reflecting: credential), dumped, "\([credential])"] {
                #expect(!text.contains("secret"))
            }
        }
    }

    @Test(arguments: [StorageError.corrupt(detail: "secret"), .backend(code: "1", detail: "secret")])
    func errorsShowDetailsOnlyWhenDebugging(_ error: StorageError) {
        #expect(!error.description.contains("secret"))
        #expect(error.debugDescription.hasSuffix("secret"))
    }
}
