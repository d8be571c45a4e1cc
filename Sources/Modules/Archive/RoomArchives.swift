// SPDX-License-Identifier: Apache-2.0
// The archives of rooms.

import Logging
import XMPPCore

/// Archives what rooms send to their occupants, and answers those who may read it.
struct RoomArchives: RoomArchive {
    private let host: Host
    private let options: ArchiveOptions
    private let rules: ArchiveRules
    private let access: ArchiveAccess
    /// The domain whose rooms have archives; nil for all.
    private let domain: BareJID?
    private let writer: ArchiveWriter
    private let reader: ArchiveReader

    init(
        _ options: ArchiveOptions, _ access: ArchiveAccess, domain: BareJID?, of host: Host
    ) {
        self.host = host
        self.options = options
        self.access = access
        self.domain = domain
        rules = ArchiveRules(keepsChatMarkers: options.keepsChatMarkers)
        let store = host.storage.roomArchive
        writer = ArchiveWriter(store, of: host)
        var limits = options.limits
        limits.isSearchable = limits.isSearchable && store.features.contains(.search)
        reader = ArchiveReader(host: host, store: store, writer: writer, limits: limits)
    }

    func start() {
        let domain = domain
        ArchiveRetention(host.storage.roomArchive, keeping: options.retentionDayCount, of: host).start { room in
            domain.map { room.domainpart == $0.domainpart }
                ?? host.serviceDomains.contains { $0.address.domainpart == room.domainpart }
        }
    }

    func features(of room: BareJID) -> [Namespace] {
        guard hasArchive(room) else { return [] }
        var features: [Namespace] = [.archive, .extendedArchive, .archiveGroupchatField]
        if options.namesMessages { features.append(.stanzaIDs) }
        if reader.limits.isSearchable { features.append(.fullText) }
        if options.retractsMessages { features += [.retraction, .retractionTombstones] }
        return features
    }

    func archive(
        _ message: Message, from sender: BareJID, in room: BareJID
    ) throws(StanzaError) -> (message: Message, mark: Element?, work: Work) {
        var message = message
        message.stanza = message.stanza.removingNames(by: room)
        guard hasArchive(room), rules.keepsInRoom(message) else { return (message, nil, .done) }
        try writer.checkRoom()
        let entry = ArchiveEntry(
            archive: room,
            message: ArchivedMessage(
                id: .range.lowerBound, direction: .received, sender: sender.jid, peer: message.from ?? room.jid,
                stanza: kept(message.stanza).xml, originID: message.originID,
                searchText: options.isSearchable ? message.body.flatMap(SearchText.stored) : nil, isGroupchat: true))
        let (id, work) = writer.append(entry, retracting: options.retractsMessages ? Retraction(message) : nil)
        let mark = options.namesMessages ? id.element(by: room) : nil
        if let mark { message.stanza = message.stanza.adding(mark) }
        return (message, mark, work)
    }

    /// XEP-0313 section 5.1.2: without 'to', and without what only a room may say of an occupant.
    private func kept(_ stanza: Stanza) -> Stanza {
        var stanza = stanza.removing { $0.isNamed("x", .roomUser) }
        stanza.to = nil
        return stanza
    }

    func answer(_ request: IQRequest, for room: BareJID) async throws -> Element? {
        guard hasArchive(room) else { throw StanzaError.serviceUnavailable }
        try await access.enter(.look, request)
        return try await reader.answer(request, room) { query in
            // XEP-0313 section 4.1.1: by who sent it. Occupants of rooms without presence are called by their addresses.
            guard let sender = query.peer, sender.bare != room else { return }
            // An address that is too long to be a nickname is nobody's.
            query.peer = (try? JID("\(room)/\(sender.bare)")) ?? sender
        }
    }

    func remove(_ room: BareJID) async throws(StorageError) {
        try await writer.settle()
        try await host.storage.roomArchive.removeAll(for: room)
    }

    private func hasArchive(_ room: BareJID) -> Bool { domain.map { $0.domainpart == room.domainpart } ?? true }
}
