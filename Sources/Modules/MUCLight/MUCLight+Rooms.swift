// SPDX-License-Identifier: Apache-2.0
// What users may ask of the service and of rooms without changing them.

import XMPPCore

extension MUCLight {
    /// A room that the sender of a request is in.
    ///
    /// - Throws: `.itemNotFound` when it is not, as for a room that does not exist.
    func occupied(_ address: BareJID, by request: IQRequest) async throws -> Room {
        guard let room = try await desk(address).room(address), room.occupants[request.sender.bare] != nil else {
            throw StanzaError.itemNotFound
        }
        return room
    }

    private func occupied(_ request: IQRequest) async throws -> Room {
        guard let address = request.account else { throw StanzaError.badRequest }
        return try await occupied(address, by: request)
    }

    // MARK: Discovery

    /// The rooms of whoever asks.
    func serviceItems(_ request: IQRequest) async throws -> Element? {
        let node = request.payload["node"]
        guard node?.isEmpty ?? true else { throw StanzaError.itemNotFound }
        let account = request.sender.bare
        let set = request.payload.child("set", .resultSets)
        let wanted =
            try set.map { element throws(StanzaError) in try ResultSet.Request(element) } ?? ResultSet.Request()
        let pageMax = min(options.pageRoomCountMax ?? .max, Page<RoomSummary>.itemCountMax)
        let limit = min(wanted.itemCountMax ?? pageMax, pageMax)
        let span = try await span(of: wanted, account)
        let rooms = limit > 0 ? try await store.rooms(of: account, in: address.domainpart, span, limit: limit) : []
        let isWhole = set == nil && rooms.count < limit
        let count = isWhole ? rooms.count : try await roomCount(of: account, before: nil)
        // Without a question about parts, an answer that is whole says nothing of them.
        let part = set == nil && count == rooms.count ? nil : try await part(rooms, span, count, of: account)
        return Element("query", .discoItems, ["node": node]) {
            for room in rooms { room.item }
            if let part { part.element }
        }
    }

    /// XEP-0059 sections 2.2 to 2.5.
    private func span(of wanted: ResultSet.Request, _ account: BareJID) async throws -> RoomSpan {
        // Section 2.4: jumping to a place would mean to count up to it.
        guard wanted.index == nil else { throw StanzaError.featureNotImplemented }
        switch (wanted.after, wanted.before) {
        case (nil, nil): return .first
        case (nil, ""): return .last
        case (let after?, nil): return .after(try await room(named: after, of: account))
        case (nil, let before?): return .before(try await room(named: before, of: account))
        case (_?, _?): throw StanzaError.badRequest
        }
    }

    private func room(named name: String, of account: BareJID) async throws -> BareJID {
        let room: BareJID
        do throws(JIDError) { room = try BareJID(name) } catch { throw StanzaError.itemNotFound }
        guard room.domain == address, try await desk(room).room(room)?.occupants[account] != nil else {
            throw StanzaError.itemNotFound
        }
        return room
    }

    private func part(
        _ rooms: [RoomSummary], _ span: RoomSpan, _ count: Int, of account: BareJID
    ) async throws -> ResultSet.Part {
        guard let first = rooms.first, let last = rooms.last else { return ResultSet.Part(ends: nil, count: count) }
        let index = span == .first ? 0 : try await roomCount(of: account, before: first.address)
        return ResultSet.Part(ends: ("\(first.address)", "\(last.address)"), index: index, count: count)
    }

    /// How many rooms of the service an account is in.
    func roomCount(of account: BareJID, before room: BareJID?) async throws(StorageError) -> Int {
        try await store.roomCount(of: account, in: address.domainpart, before: room)
    }

    func roomInfo(_ request: IQRequest) async throws -> Element? {
        let room = try await occupied(request)
        let node = request.payload["node"]
        guard node?.isEmpty ?? true else { throw StanzaError.itemNotFound }
        let archived = host.service((any RoomArchive).self)?.features(of: room.address) ?? []
        let features = [Namespace.mucLight, .discoInfo, .discoItems] + archived
        let name = options.schema.value(Room.nameKey, in: room)
        let identity = DiscoIdentity(category: "conference", type: "text", name: name)
        return DiscoInfo(identities: [identity], features: Set(features.map(\.uri))).element(node: node)
    }

    /// A room has no items: its occupants are told by the protocol's own query.
    func roomItems(_ request: IQRequest) async throws -> Element? {
        _ = try await occupied(request)  // an error unless it is
        let node = request.payload["node"]
        guard node?.isEmpty ?? true else { throw StanzaError.itemNotFound }
        return Element("query", .discoItems, ["node": node])
    }

    // MARK: Requesting room information

    func configuration(_ request: IQRequest) async throws -> Element? {
        try await state(request) { room, namespace, builder in
            options.schema.write(options.schema.values(of: room), namespace, to: &builder)
        }
    }

    func affiliations(_ request: IQRequest) async throws -> Element? {
        try await state(request) { room, namespace, builder in Self.writeOccupants(of: room, namespace, &builder) }
    }

    func wholeRoom(_ request: IQRequest) async throws -> Element? {
        try await state(request) { room, namespace, builder in
            builder.open("configuration", namespace)
            options.schema.write(options.schema.values(of: room), namespace, to: &builder)
            builder.close()
            builder.open("occupants", namespace)
            Self.writeOccupants(of: room, namespace, &builder)
            builder.close()
        }
    }

    private static func writeOccupants(
        of room: Room, _ namespace: Namespace, _ builder: inout ElementBuilder
    ) {
        for account in AffiliationChange.sorted(room.occupants.keys) {
            AffiliationItem(account: account, affiliation: room.occupants[account]).write(namespace, to: &builder)
        }
    }

    /// Answers with a part of a room, unless the client knows its version.
    private func state(
        _ request: IQRequest, _ write: (Room, Namespace, inout ElementBuilder) -> Void
    ) async throws -> Element? {
        let room = try await occupied(request)
        let namespace = request.payload.namespace
        for child in request.payload.children where !child.isNamed("version", namespace) {
            throw StanzaError.badRequest
        }
        guard request.payload.childText("version") != room.version else { return nil }
        var builder = ElementBuilder()
        builder.open("query", namespace)
        builder.element("version", namespace, text: room.version)
        write(room, namespace, &builder)
        builder.close()
        return builder.finish()
    }
}
