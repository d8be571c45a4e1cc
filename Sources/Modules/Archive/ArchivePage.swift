// SPDX-License-Identifier: Apache-2.0
// Answers queries: XEP-0313 1.1 sections 4.2 and 4.3.

import Logging
import XMPPCore

/// The messages that answer a query.
struct ArchivePage: Sendable {
    /// Most bytes of stanzas in a page: what one client's output has room for. The rest is the next page's.
    static let byteCountMax = 1_048_576

    /// In the order of the archive.
    private(set) var messages: [ArchivedMessage] = []
    /// Whether there are no more in this direction.
    private(set) var isComplete = true
    /// How many messages there are in all; nil where nobody asked.
    private(set) var count: Int?

    /// Reads a page.
    ///
    /// - Throws: ``StorageError``, or item-not-found when the archive does not have a message that is named.
    init(_ request: ArchiveRequest, of archive: BareJID, in store: any ArchiveStore) async throws {
        try await Self.check(request.known, archive, store)
        var found: [ArchivedMessage] = []
        if let ids = request.ids {
            found = try await store.messages(in: archive, ids: ids)
            guard found.count == ids.count else { throw StanzaError.itemNotFound }
            found = found.filter(request.holds)
            if request.limit == 0 { count = found.count }
            if request.order == .descending { found.reverse() }
        } else if !request.isEmpty {
            if request.limit == 0 {
                count = try await store.count(in: archive, matching: request.filter)
            } else {
                found = try await store.messages(
                    in: archive, matching: request.filter, order: request.order, limit: request.limit + 1)
            }
        }
        guard request.limit > 0 else {
            count = count ?? 0
            isComplete = count == 0
            return
        }
        take(found, limit: request.limit)
        if request.order == .descending { messages.reverse() }
    }

    private mutating func take(_ found: [ArchivedMessage], limit: Int) {
        var byteCount = 0
        for message in found.prefix(limit) {
            byteCount += message.stanza.count
            // One fits always: who asks must get on.
            guard byteCount <= Self.byteCountMax || messages.isEmpty else { break }
            messages.append(message)
        }
        isComplete = messages.count == found.count
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
