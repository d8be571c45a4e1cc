// SPDX-License-Identifier: Apache-2.0
// Storages for the tests of copies: full of what is hard to store, written down whole, or failing at a given write.

import Synchronization
import XMPPCore

@testable import XMPPPersistenceConformance

/// Data in every store, and all of it as text.
enum StoreCopyFixtures {
    /// Fills every store: hostile accounts, keys and texts, lists longer than a page, more accounts than are under way
    /// at once, messages that are the same.
    ///
    /// - Parameter limits: the longest names that the storage holds, and those that it is copied to.
    static func fillHostile(_ storage: Storage, limits: ConformanceLimits = ConformanceLimits()) async throws {
        func isShort(_ text: String) -> Bool { text.unicodeScalars.count <= limits.nameCharacterCountMax }
        let accounts = try Fixtures.hostileAccounts(limits), contacts = try Fixtures.hostileContacts(limits)
        let texts = Fixtures.hostileTexts(limits)
        for (index, account) in accounts.enumerated() {
            let text = texts[index % texts.count]
            let credential = AccountCredential(passwordDetails: index % 2 == 0 ? nil : text, password: text)
            try await storage.accounts.create(account, credential: credential, accountCountMax: nil)
            let record = LastActivityRecord(seconds: Int64(index), status: text)
            try await storage.lastActivity.setLastActivity(record, of: account)
            try await storage.vCards.set(VCard(xml: Array(text.utf8)), of: account)
            let item = item(contacts[index % 3], text)
            let fields = [RoomField("a", text), RoomField(Room.nameKey, text)]
            let occupants: [BareJID: RoomAffiliation] = [account: .owner, try Fixtures.romeo(): .member]
            try await storage.rooms.set(
                Room(address: account, version: "\(index)", configuration: fields, occupants: occupants), basedOn: nil)
            if item.groups.allSatisfy(isShort) { try await add(item, to: account, storage) }
            try await append(text, to: account, storage)
        }
        let juliet = try Fixtures.juliet()
        for (index, contact) in contacts.enumerated() {
            let text = texts[index % texts.count]
            try await add(item(contact, text), to: juliet, storage)
        }
        for text in texts + texts { try await append(text, to: juliet, storage) }
        let elements = Fixtures.hostileKeys(limits).enumerated().map { index, key in
            PrivateElement(namespace: key, xml: Array(texts[index % texts.count].utf8))
        }
        try await storage.privateElements.set(elements, of: juliet, elementCountMax: nil)
        for (index, name) in Fixtures.hostileKeys(limits).enumerated() {
            let text = texts[index % texts.count]
            let group = PrivacyItem(order: Int32(index), subject: .group(text), action: .block)
            let contact = contacts[index % contacts.count]
            let address = PrivacyItem(order: .max, subject: .address(contact), action: .allow, kinds: .presenceOut)
            let use: PrivacyListUse = index == 3 ? .becomesDefault : .unchanged
            let list = PrivacyList(name: name, items: [group, address])
            try await storage.privacyLists.set(list, of: juliet, use: use, listCountMax: nil)
        }
        let bare = contacts.filter { $0.isBare && $0.description.count < 100 }.map(\.bare)
        let blocks = Set(bare.flatMap { [RoomBlock.room($0), .user($0)] })
        try await storage.rooms.changeBlocks(of: juliet, adding: blocks, removing: [])
        try await storage.rooms.changeBlocks(of: accounts[0], adding: [.user(juliet)], removing: [])
        let romeo = try Fixtures.romeo()
        for index in 0..<120 {
            try await append("\(index)", to: romeo, storage)
            try await add(item(try JID("contact\(index)@montague.example"), "\(index)"), to: romeo, storage)
        }
        try await fillArchives(storage, accounts + [juliet], contacts: contacts, texts: texts)
        for index in 0..<100 {
            let record = LastActivityRecord(seconds: 1, status: "")
            try await storage.lastActivity.setLastActivity(record, of: try BareJID("user\(index)@capulet.example"))
        }
    }

    /// Archives longer than a page, with names at both ends, and preferences.
    private static func fillArchives(
        _ storage: Storage, _ accounts: [BareJID], contacts: [JID], texts: [String]
    ) async throws {
        for (store, owners) in [(storage.messageArchive, ArchiveOwners.accounts), (storage.roomArchive, .rooms)] {
            for (index, account) in accounts.enumerated() {
                let ids = [Int64(index), .max] + (account == accounts.last ? 1_000..<1_120 : 0..<0)
                let entries = try ids.enumerated().map { place, id in
                    let contact = contacts[(index + place) % contacts.count]
                    let text = texts[(index + place) % texts.count]
                    return ArchiveEntry(
                        archive: account,
                        message: try owners.message(
                            id, in: account, from: contact, peer: contact, text: text,
                            originID: place % 2 == 0 ? nil : "\(place)", searchText: SearchText.stored(text),
                            isGroupchat: place % 3 == 0))
                }
                try await store.append(entries)
            }
        }
        let behaviours = ArchivePreferences.Behaviour.allCases
        for (index, account) in accounts.enumerated() {
            let exceptions = Dictionary(uniqueKeysWithValues: contacts.prefix(index % 7).map { ($0, index % 2 == 0) })
            let preferences = ArchivePreferences(
                standard: behaviours[index % behaviours.count], exceptions: exceptions)
            try await storage.archivePreferences.set(preferences, of: account)
        }
    }

    /// A copy that does not wait before it tries again.
    static func copy(_ source: Storage, _ target: Storage) -> StoreCopy {
        var copy = StoreCopy(from: source, to: target)
        copy.retryDelay = .zero
        return copy
    }

    /// A few entries in every store, of three accounts.
    static func fillFew(_ storage: Storage) async throws {
        for name in ["a", "b", "c"] {
            let account = try BareJID("\(name)@x.example")
            let credential = AccountCredential(password: name)
            try await storage.accounts.create(account, credential: credential, accountCountMax: nil)
            let record = LastActivityRecord(seconds: 1, status: name)
            try await storage.lastActivity.setLastActivity(record, of: account)
            try await storage.vCards.set(VCard(xml: Array("<vCard>\(name)</vCard>".utf8)), of: account)
            let room = Room(
                address: try BareJID("\(name)-room@x.example"), version: name, configuration: [RoomField("a", name)],
                occupants: [try BareJID("\(name)@y.example"): .owner, try BareJID("z@y.example"): .member])
            try await storage.rooms.set(room, basedOn: nil)
            try await storage.rooms.changeBlocks(of: account, adding: [.room(account), .user(account)], removing: [])
            let preferences = ArchivePreferences(
                standard: .never, exceptions: [try JID("\(name)@y.example"): true])
            try await storage.archivePreferences.set(preferences, of: account)
            for index in 0..<3 {
                let id = Int64(index)
                try await storage.messageArchive.append([ArchiveOwners.accounts.entry(id, in: account, text: name)])
                try await storage.roomArchive.append([ArchiveOwners.rooms.entry(id, in: account, text: name)])
                try await append("the same", to: account, storage)
                try await add(item(try JID("\(index)@y.example"), name), to: account, storage)
                let element = PrivateElement(namespace: "\(index)", xml: Array(name.utf8))
                try await storage.privateElements.set([element], of: account, elementCountMax: nil)
                let privacy = PrivacyItem(order: 1, subject: .group(name), action: .deny)
                let list = PrivacyList(name: "\(index)", items: [privacy])
                let use: PrivacyListUse = index == 1 ? .becomesDefault : .unchanged
                try await storage.privacyLists.set(list, of: account, use: use, listCountMax: nil)
            }
        }
    }

    static func item(_ contact: JID, _ text: String) -> RosterItem {
        RosterItem(
            contact: contact, name: text, groups: text.isEmpty ? [] : [text, text + "2"], subscription: .both,
            pending: .out, requestText: text)
    }

    static func add(_ item: RosterItem, to account: BareJID, _ storage: Storage) async throws {
        try await storage.rosters.update(item.contact, of: account, itemCountMax: nil) { _ in item }
    }

    static func append(_ text: String, to account: BareJID, _ storage: Storage) async throws {
        // Long expired: a copy takes it nevertheless.
        let message = OfflineMessage(
            from: try JID("romeo@montague.example/\u{1D11E}"), stanza: Array(text.utf8), receivedMicroseconds: 17,
            expiryMicroseconds: text.isEmpty ? nil : 18)
        let result = try await storage.offlineMessages.append(message, for: account, messageCountMax: nil)
        try expect(result == .stored, "no bound was given")
    }

    /// All that a storage holds, a line for each entry, read without the code that is tested.
    static func contents(_ storage: Storage) async throws -> [StoreKind: [String]] {
        var lines: [StoreKind: [String]] = [:]
        for account in try await Fixtures.all({ try await storage.accounts.accounts(in: nil, after: $0, limit: 9) }) {
            let credential = account.credential
            lines[.accounts, default: []].append(
                "\(account.address) \(credential?.passwordDetails ?? "nil") \(credential?.password ?? "nil")")
        }
        for entry in try await Fixtures.all({ try await storage.lastActivity.entries(after: $0, limit: 9) }) {
            lines[.lastActivity, default: []].append("\(entry)")
        }
        for account in try await Fixtures.all({ try await storage.rosters.accounts(after: $0, limit: 9) }) {
            let items = try await Fixtures.all {
                let page = try await storage.rosters.roster(of: account, after: $0, limit: 9)
                return Page(items: page.items, next: page.next)
            }
            for item in items {
                let fields = "\(item.contact) \(item.name) \(item.groups.sorted()) \(item.subscription)"
                lines[.rosters, default: []].append("\(account) \(fields) \(item.pending) \(item.requestText)")
            }
        }
        for account in try await Fixtures.all({ try await storage.offlineMessages.accounts(after: $0, limit: 9) }) {
            let messages = try await Fixtures.all {
                try await storage.offlineMessages.messages(for: account, at: .min, after: $0, limit: 9)
            }
            for (index, stored) in messages.enumerated() {
                lines[.offlineMessages, default: []].append("\(account) \(index) \(stored.message)")
            }
        }
        for account in try await Fixtures.all({ try await storage.privateElements.accounts(after: $0, limit: 9) }) {
            let elements = try await Fixtures.all {
                try await storage.privateElements.elements(of: account, after: $0, limit: 9)
            }
            for element in elements { lines[.privateElements, default: []].append("\(account) \(element)") }
        }
        for account in try await Fixtures.all({ try await storage.vCards.accounts(after: $0, limit: 9) }) {
            let vCard = try await storage.vCards.vCard(of: account)
            lines[.vCards, default: []].append("\(account) \(vCard ?? [])")
        }
        for account in try await Fixtures.all({ try await storage.privacyLists.accounts(after: $0, limit: 9) }) {
            let names = try await storage.privacyLists.names(of: account, limit: 1_000)
            for name in names.names {
                let list = try await storage.privacyLists.list(named: name, of: account)
                lines[.privacyLists, default: []].append(
                    "\(account) \(String(describing: list)) \(name == names.defaultName)")
            }
        }
        for address in try await Fixtures.all({ try await storage.rooms.addresses(after: $0, limit: 9) }) {
            if let room = try await storage.rooms.room(address) {
                let occupants = room.occupants.map { "\($0.key) \($0.value)" }.sorted()
                lines[.rooms, default: []].append("\(address) \(room.version) \(room.configuration) \(occupants)")
            }
            for block in try await storage.rooms.blocks(of: address) {
                lines[.rooms, default: []].append("\(address) \(block)")
            }
        }
        for (kind, store) in [(StoreKind.messageArchive, storage.messageArchive), (.roomArchive, storage.roomArchive)] {
            for archive in try await Fixtures.all({ try await store.archives(after: $0, limit: 9) }) {
                let messages = try await store.messages(
                    in: archive, matching: ArchiveQuery(), order: .descending, limit: 1_000)
                for message in messages { lines[kind, default: []].append("\(archive) \(message)") }
            }
        }
        for account in try await Fixtures.all({ try await storage.archivePreferences.accounts(after: $0, limit: 9) }) {
            guard let preferences = try await storage.archivePreferences.preferences(of: account) else { continue }
            let exceptions = preferences.exceptions.map { "\($0) \($1)" }.sorted()
            lines[.archivePreferences, default: []].append("\(account) \(preferences.standard) \(exceptions)")
        }
        // Backends list in orders of their own.
        return lines.mapValues { $0.sorted() }
    }
}

/// What happens at a write that is not to succeed.
enum WriteFault: CaseIterable {
    /// The store is not asked.
    case before
    /// The store does it, and nobody learns that it did; the next ones it is not asked for.
    case after
    /// The store refuses it.
    case refused
}

/// Lets so many writes succeed, and no more.
final class WriteBudget: StorageDecorator {
    private let remaining: Mutex<Int>
    private let fault: WriteFault
    private let failureCount: Int

    /// - Parameter failureCount: how many writes fail before the store has recovered.
    init(_ count: Int, _ fault: WriteFault, failureCount: Int = .max) {
        remaining = Mutex(count)
        self.fault = fault
        self.failureCount = failureCount
    }

    /// How many writes were asked for so far, of a budget that was not exceeded.
    static func count(_ budget: WriteBudget, of count: Int) -> Int { count - budget.remaining.withLock { $0 } }

    func around<Value: Sendable>(
        _ method: StorageMethod, _ body: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        guard method.changesData else { return try await body() }
        let left = remaining.withLock { remaining in
            remaining -= 1
            return remaining
        }
        if left >= 0 || -left > failureCount { return try await body() }
        switch fault {
        case .before: break
        case .after: if left == -1 { _ = try await body() }  // what it returned is lost
        case .refused: throw .backend(code: "22001", detail: "too long")
        }
        throw .unavailable(detail: "the budget is spent")
    }
}
