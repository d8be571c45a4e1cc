// SPDX-License-Identifier: Apache-2.0
// Answers queries: XEP-0313 1.1 sections 4.2 and 4.3.

import Logging
import XMPPCore

/// The messages that answer a query.
struct ArchivePage: Sendable {
    /// Most bytes of stanzas in a page: what one client's output has room for. The rest is the next page's.
    static let byteCountMax = 1_048_576
    /// Messages that are read at a time: those beyond what the page has room for are read for nothing.
    private static let stepMessageCount = 64

    /// In the order of the archive.
    private(set) var messages: [ArchivedMessage] = []
    /// Whether there are no more in this direction.
    private(set) var isComplete = true
    /// How many messages there are in all; nil where nobody asked.
    private(set) var count: Int?
    private var byteCount = 0

    /// Reads a page.
    ///
    /// - Throws: ``StorageError``, or item-not-found when the archive does not have a message that is named.
    init(_ request: ArchiveRequest, of archive: BareJID, in store: any ArchiveStore) async throws {
        try await Self.check(request.known, archive, store)
        guard request.limit > 0 else {
            let count = try await Self.count(request, archive, store)
            self.count = count
            isComplete = count == 0
            return
        }
        if let ids = request.ids {
            try await read(ids, request, archive, store)
        } else if !request.isEmpty {
            try await read(request, archive, store)
        }
        if request.order == .descending { messages.reverse() }
    }

    private static func count(
        _ request: ArchiveRequest, _ archive: BareJID, _ store: any ArchiveStore
    ) async throws -> Int {
        if request.isEmpty { return 0 }
        guard let ids = request.ids else { return try await store.count(in: archive, matching: request.filter) }
        var page = ArchivePage()
        try await page.read(ids, request, archive, store)
        return page.messages.count
    }

    private init() {}

    /// Reads messages in the order of the request until the page is full.
    private mutating func read(
        _ request: ArchiveRequest, _ archive: BareJID, _ store: any ArchiveStore
    ) async throws {
        var rest = request.filter
        while true {
            // One more than there is room for tells whether there are more.
            let count = min(request.limit - messages.count + 1, Self.stepMessageCount)
            let found = try await store.messages(in: archive, matching: rest, order: request.order, limit: count)
            guard take(found, limit: request.limit), found.count == count, let last = found.last?.id else { return }
            guard let bounds = rest.ids.dropping(through: last, request.order) else { return }
            rest.ids = bounds
        }
    }

    /// Reads messages that are named, all of which must be there.
    private mutating func read(
        _ ids: [ArchiveID], _ request: ArchiveRequest, _ archive: BareJID, _ store: any ArchiveStore
    ) async throws {
        var rest = request.order == .ascending ? ids : ids.reversed()
        while !rest.isEmpty {
            let step = Array(rest.prefix(Self.stepMessageCount))
            rest.removeFirst(step.count)
            var found = try await store.messages(in: archive, ids: step)
            guard found.count == step.count else { throw StanzaError.itemNotFound }
            if request.order == .descending { found.reverse() }
            let limit = request.limit > 0 ? request.limit : ids.count
            guard take(found.filter(request.holds), limit: limit) else {
                // The rest is for other pages, and must be there nevertheless.
                return try await Self.check(rest, archive, store)
            }
        }
    }

    /// Takes messages while there is room.
    ///
    /// - Returns: false when there was none for all of them.
    private mutating func take(_ found: [ArchivedMessage], limit: Int) -> Bool {
        for message in found {
            // One fits always: who asks must get on.
            let hasRoom = byteCount + message.stanza.count <= Self.byteCountMax || messages.isEmpty
            guard messages.count < limit, hasRoom else {
                isComplete = false
                return false
            }
            byteCount += message.stanza.count
            messages.append(message)
        }
        return true
    }

    private static func check(_ ids: [ArchiveID], _ archive: BareJID, _ store: any ArchiveStore) async throws {
        let ids = Set(ids)
        guard !ids.isEmpty else { return }
        let found = try await store.messages(in: archive, ids: ids.sorted())
        guard found.count == ids.count else { throw StanzaError.itemNotFound }
    }

    /// The message that hands over one of the page (XEP-0313 section 4.2).
    ///
    /// - Parameter forwarded: the stanza, as it is to be shown.
    static func result(
        _ id: ArchiveID, _ forwarded: Element, from archive: BareJID, to client: JID, queryID: String?
    ) -> Stanza {
        var builder = ElementBuilder()
        builder.open("result", .archive)
        builder.attribute("queryid", queryID)
        builder.attribute("id", id.text)
        builder.open("forwarded", .forward)
        builder.open("delay", .delay)
        builder.attribute("stamp", id.time.preciseDateTime)
        builder.close()
        builder.append(forwarded)
        builder.close()
        builder.close()
        let result = builder.finish()
        var stanza = Message(to: client, from: archive.jid, type: .normal) { result }.stanza
        // It answers one session: when that is gone, nobody else wants it.
        stanza.isCopy = true
        return stanza
    }

    /// What ends an answer.
    var fin: Element {
        var ends: (String, String)?
        if let first = messages.first, let last = messages.last { ends = (first.id.text, last.id.text) }
        return Element("fin", .archive, ["complete": isComplete ? "true" : nil]) {
            ResultSet.Part(ends: ends, count: count).element
        }
    }
}
