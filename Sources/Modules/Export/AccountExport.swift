// SPDX-License-Identifier: Apache-2.0
// All that is stored for an account, as a document of XEP-0227 1.1: for its owner, and for a move to another server.

public import XMPPCore

/// Writes down what the stores hold of one account, page by page.
///
/// The last activity, which XEP-0227 has no word for, is a `<query/>` of `jabber:iq:last` whose attribute `last` counts
/// seconds since 1970, as ejabberd writes it. What the account wants archived is a `<prefs/>` as XEP-0441 has it. Nor has it
/// words for rooms without presence: those that the account is in are items as its own service discovery lists them, what
/// it has blocked is as MUC Light lists it.
public struct AccountExport: Sendable {
    /// How much there was.
    public struct Summary: Hashable, Sendable {
        /// Whether the account is registered.
        public var isRegistered = false
        /// Items of the roster, those that only hold a contact's request included.
        public var rosterItemCount = 0
        /// Messages that waited.
        public var offlineMessageCount = 0
        /// Private XML elements.
        public var privateElementCount = 0
        /// Privacy lists, the block list among them.
        public var privacyListCount = 0
        /// Messages of the archive.
        public var archivedMessageCount = 0
        /// Whether the account has said what it wants archived.
        public var hasArchivePreferences = false
        /// Whether it is known when the account was last online.
        public var hasLastActivity = false
        /// Whether there is a vCard.
        public var hasVCard = false
        /// Rooms without presence that it is in.
        public var roomCount = 0
        /// Rooms and users that it does not let add it to a room.
        public var roomBlockCount = 0
        /// What is stored and is no XML, or no stanza: it is not in the document.
        public var unreadableCount = 0

        /// Whether nothing is stored for the account.
        public var isEmpty: Bool {
            let count =
                rosterItemCount + offlineMessageCount + privateElementCount + privacyListCount + archivedMessageCount
                + roomCount + roomBlockCount + unreadableCount
            return !isRegistered && count == 0 && !hasLastActivity && !hasVCard && !hasArchivePreferences
        }
    }

    /// Entries that are in memory at a time.
    private static let pageEntryCount = 100

    private let account: BareJID
    private let storage: Storage
    /// Whether the password, or the keys made from it, are in the document. Whoever has them can try passwords, or log in
    /// elsewhere as the account.
    public var includesCredentials = true

    /// An export of one account.
    public init(_ account: BareJID, storage: Storage) {
        self.account = account
        self.storage = storage
    }

    /// Writes the document.
    ///
    /// - Parameter sink: gets the next piece of it, some kilobytes at most but for one stored entry that is larger.
    /// - Returns: how much there was. An account that is not registered may have left something.
    /// - Throws: `StorageError`, or what `sink` throws; the document is not whole then.
    public func write(to sink: (String) throws -> Void) async throws -> Summary {
        var summary = Summary()
        let credential = try await storage.accounts.credential(of: account)
        summary.isRegistered = credential != nil
        try sink("<?xml version='1.0' encoding='UTF-8'?>\n")
        try sink(Self.startTag(Element("server-data", .serverData)))
        try sink(Self.startTag(Element("host", .serverData, ["jid": account.domainpart])))
        try sink(Self.startTag(user(credential, &summary)))
        if includesCredentials, let credential {
            for keys in Self.keys(of: credential) { try sink(keys.xml + "\n") }
        }
        try await writeRoster(to: sink, &summary)
        try await writeOfflineMessages(to: sink, &summary)
        try await writePrivateElements(to: sink, &summary)
        try await writeVCard(to: sink, &summary)
        try await writePrivacyLists(to: sink, &summary)
        try await writeRooms(to: sink, &summary)
        try await writeLastActivity(to: sink, &summary)
        try await writeArchive(to: sink, &summary)
        try await writeArchivePreferences(to: sink, &summary)
        try sink("</user>\n</host>\n</server-data>\n")
        return summary
    }

    // MARK: Parts

    /// XEP-0227 section 4.2.
    private func user(_ credential: AccountCredential?, _ summary: inout Summary) -> Element {
        let hasPassword =
            includesCredentials && credential?.passwordDetails == nil && credential?.password.isEmpty == false
        let password = hasPassword ? credential?.password : nil
        return Element("user", .serverData, ["name": account.localpart, "password": password])
    }

    /// XEP-0227 section 4.3.
    private static func keys(of credential: AccountCredential) -> [Element] {
        // Keys that nobody can read are of use to nobody; a login with them is refused and logged.
        guard case .scram(let keys)? = try? StoredCredential(credential) else { return [] }
        return keys.hashes.compactMap { hash in
            keys[hash].map { key in
                Element("scram-credentials", .serverDataSCRAM, ["mechanism": "SCRAM-\(hash.name)"]) {
                    Element("iter-count", .serverDataSCRAM) { "\(keys.iterationCount)" }
                    Element("salt", .serverDataSCRAM) { Base64.encodeToString(key.salt) }
                    Element("server-key", .serverDataSCRAM) { Base64.encodeToString(key.serverKey) }
                    Element("stored-key", .serverDataSCRAM) { Base64.encodeToString(key.storedKey) }
                }
            }
        }
    }

    /// XEP-0227 sections 4.4 and 4.8: the roster as the client sees it, and the requests that await its answer.
    private func writeRoster(to sink: (String) throws -> Void, _ summary: inout Summary) async throws {
        try sink(Self.startTag(Element("query", .roster)))
        var cursor: PageCursor?
        var requests: [Presence] = []
        repeat {
            let page = try await storage.rosters.roster(of: account, after: cursor, limit: Self.pageEntryCount)
            for item in page.items {
                summary.rosterItemCount += 1
                if let request = item.request(to: account) { requests.append(request) }
                if !item.isHidden { try sink(item.asElement.xml + "\n") }
            }
            cursor = page.next
        } while cursor != nil
        try sink("</query>\n")
        for request in requests { try sink(request.stanza.asElement.xml + "\n") }
    }

    /// XEP-0227 section 4.5: with the note of when each was sent that its owner would have got with it.
    private func writeOfflineMessages(to sink: (String) throws -> Void, _ summary: inout Summary) async throws {
        try sink(Self.startTag(Element("offline-messages", .serverData)))
        let server = try BareJID(account.domainpart).jid
        var cursor: PageCursor?
        repeat {
            // Before any time that one could have expired at: what is stored is told.
            let page = try await storage.offlineMessages.messages(
                for: account, at: .min, after: cursor, limit: Self.pageEntryCount)
            for stored in page.items {
                guard let element = Element(parsing: stored.message.stanza), let stanza = Stanza(element) else {
                    summary.unreadableCount += 1
                    continue
                }
                summary.offlineMessageCount += 1
                let received = Timestamp(microseconds: stored.message.receivedMicroseconds)
                try sink(stanza.delayed(since: received, by: server, reason: "Offline Storage").asElement.xml + "\n")
            }
            cursor = page.next
        } while cursor != nil
        try sink("</offline-messages>\n")
    }

    /// XEP-0227 section 4.6.
    private func writePrivateElements(to sink: (String) throws -> Void, _ summary: inout Summary) async throws {
        try sink(Self.startTag(Element("query", .privateStorage)))
        var cursor: PageCursor?
        repeat {
            let page = try await storage.privateElements.elements(
                of: account, after: cursor, limit: Self.pageEntryCount)
            for stored in page.items {
                guard let element = Element(parsing: stored.xml) else {
                    summary.unreadableCount += 1
                    continue
                }
                summary.privateElementCount += 1
                try sink(element.xml + "\n")
            }
            cursor = page.next
        } while cursor != nil
        try sink("</query>\n")
    }

    /// XEP-0227 section 4.7.
    private func writeVCard(to sink: (String) throws -> Void, _ summary: inout Summary) async throws {
        guard let xml = try await storage.vCards.vCard(of: account) else { return }
        guard let element = Element(parsing: xml) else {
            summary.unreadableCount += 1
            return
        }
        summary.hasVCard = true
        try sink(element.xml + "\n")
    }

    /// XEP-0227 section 4.7.
    private func writePrivacyLists(to sink: (String) throws -> Void, _ summary: inout Summary) async throws {
        try sink(Self.startTag(Element("query", .privacy)))
        // An account has no more than so many, unless another server has stored them.
        let names = try await storage.privacyLists.names(of: account, limit: Self.privacyListCountMax)
        if let name = names.defaultName { try sink(Element("default", .privacy, ["name": name]).xml + "\n") }
        for name in names.names {
            do {
                guard let list = try await storage.privacyLists.list(named: name, of: account) else { continue }
                summary.privacyListCount += 1
                for list in list.query.children { try sink(list.xml + "\n") }
            } catch StorageError.corrupt {
                summary.unreadableCount += 1
            }
        }
        try sink("</query>\n")
    }
    private static let privacyListCountMax = 1_000

    private func writeRooms(to sink: (String) throws -> Void, _ summary: inout Summary) async throws {
        try sink(Self.startTag(Element("query", .discoItems)))
        var span = RoomSpan.first
        while true {
            let rooms = try await storage.rooms.rooms(of: account, in: nil, span, limit: Self.pageEntryCount)
            for room in rooms { try sink(room.item.xml + "\n") }
            summary.roomCount += rooms.count
            guard let last = rooms.last else { break }
            span = .after(last.address)
        }
        try sink("</query>\n")
        let blocks = try await storage.rooms.blocks(of: account).map(\.element.xml).sorted()
        try sink(Self.startTag(Element("query", .mucLightBlocking)))
        for block in blocks { try sink(block + "\n") }
        try sink("</query>\n")
        summary.roomBlockCount = blocks.count
    }

    private func writeLastActivity(to sink: (String) throws -> Void, _ summary: inout Summary) async throws {
        guard let activity = try await storage.lastActivity.lastActivity(of: account) else { return }
        summary.hasLastActivity = true
        let element = Element("query", .lastActivity, ["last": "\(activity.seconds)"]) { activity.status }
        try sink(element.xml + "\n")
    }

    /// XEP-0227 section 4.9: in chronological order.
    private func writeArchive(to sink: (String) throws -> Void, _ summary: inout Summary) async throws {
        var query = ArchiveQuery()
        try sink(Self.startTag(Element("archive", .serverDataArchive)))
        while true {
            let messages = try await storage.messageArchive.messages(
                in: account, matching: query, order: .ascending, limit: Self.pageEntryCount)
            for message in messages {
                guard let stanza = Element(parsing: message.stanza) else {
                    summary.unreadableCount += 1
                    continue
                }
                summary.archivedMessageCount += 1
                let result = Element("result", .archive, ["id": message.id.text]) {
                    Element("forwarded", .forward) {
                        Element("delay", .delay, ["stamp": message.id.time.dateTime])
                        stanza
                    }
                }
                try sink(result.xml + "\n")
            }
            guard messages.count == Self.pageEntryCount, let last = messages.last?.id, last < query.ids.upperBound,
                let next = ArchiveID(last.number + 1)
            else { break }
            query.ids = next...query.ids.upperBound
        }
        try sink("</archive>\n")
    }

    private func writeArchivePreferences(to sink: (String) throws -> Void, _ summary: inout Summary) async throws {
        guard let preferences = try await storage.archivePreferences.preferences(of: account) else { return }
        summary.hasArchivePreferences = true
        var builder = ElementBuilder()
        builder.open("prefs", .archive)
        builder.attribute("default", preferences.standard.rawValue)
        for (name, isArchived) in [("always", true), ("never", false)] {
            builder.open(name, .archive)
            for address in preferences.exceptions.filter({ $0.value == isArchived }).keys.map(\.description).sorted() {
                builder.element("jid", .archive, text: address)
            }
            builder.close()
        }
        builder.close()
        try sink(builder.finish().xml + "\n")
    }

    /// The tag that opens an element without content.
    private static func startTag(_ element: Element) -> String { element.xml.dropLast(2) + ">\n" }
}

extension RosterItem {
    /// The item as clients see it.
    fileprivate var asElement: Element {
        var builder = ElementBuilder()
        write(to: &builder)
        return builder.finish()
    }
}

extension Namespace {
    /// The import and export of accounts (XEP-0227).
    static let serverData: Namespace = "urn:xmpp:pie:0"
    /// Their SCRAM keys (XEP-0227 section 4.3).
    static let serverDataSCRAM: Namespace = "urn:xmpp:pie:0#scram"
    /// Their message archives (XEP-0227 section 4.9).
    static let serverDataArchive: Namespace = "urn:xmpp:pie:0#mam"
}
