// SPDX-License-Identifier: Apache-2.0
// What changes rooms: creation, configuration, occupants, destruction.

import XMPPCore

extension MUCLight {
    /// The rules for changes of a room's occupants.
    private func rules(for room: Room) -> AffiliationChange.Rules {
        let isForEverybody = options.schema.value(RoomSchema.everybodyInvitesKey, in: room) == "true"
        return AffiliationChange.Rules(
            hasEqualOccupants: options.hasEqualOccupants, allowsManyOwners: options.allowsManyOwners,
            promotesWhenLastOwnerLeaves: options.promotesWhenLastOwnerLeaves,
            everybodyInvites: options.everybodyInvites || isForEverybody)
    }

    private func checkOccupantCount(_ count: Int) throws(StanzaError) {
        guard count <= min(options.occupantCountMax ?? .max, Room.occupantCountMax) else {
            throw Self.hasNoRoom
        }
    }

    private static let hasNoRoom = StanzaError(.notAllowed, text: "the room has room for no more")

    /// Those of some accounts that can be added to a room: not those that have blocked it or whoever adds them, nor
    /// those that are in as many rooms as they may be.
    private func addable(
        _ accounts: Set<BareJID>, to room: BareJID, by actor: BareJID
    ) async throws -> Set<BareJID> {
        guard !accounts.isEmpty else { return [] }
        // Before anything is looked up for them.
        guard accounts.count <= Room.occupantCountMax else { throw Self.hasNoRoom }
        var addable = accounts
        if options.allowsBlocking {
            let others = accounts.subtracting([actor])
            addable.subtract(try await store.accounts(among: others, thatHaveBlocked: [.room(room), .user(actor)]))
        }
        if let most = options.roomCountMax {
            addable.subtract(
                try await store.accounts(among: addable, thatAreInRooms: most, in: self.address.domainpart))
        }
        return addable
    }

    /// Users, and no rooms: a room in another would send its messages back.
    private func checkAreUsers(_ items: [AffiliationItem]) throws(StanzaError) {
        for item in items where item.affiliation != nil && host.router.isService(item.account.jid) {
            throw .badRequest
        }
    }

    // MARK: Creation

    func createNamed(_ request: IQRequest) async throws -> Work {
        guard let room = request.account else { throw StanzaError.badRequest }
        return try await create(room, request)
    }

    /// Creates a room with a name of the service's choice. The result is the room's.
    func createWithAnyName(_ request: IQRequest) -> IQAnswer {
        guard request.iq.to?.isBare == true else { return .now(.failure(.badRequest)) }
        return .answered(
            .laterLeaving {
                do {
                    let room = try BareJID(localpart: Self.makeName(), domainpart: address.domainpart)
                    let work = try await create(room, request)
                    var answer = request.iq.result().stanza
                    answer.from = room.jid
                    return reply(answer, to: request).then(work)
                } catch {
                    return reply(request.iq.stanza.error(Self.error(error)), to: request)
                }
            })
    }

    private func create(_ address: BareJID, _ request: IQRequest) async throws -> Work {
        let creator = request.sender.bare
        let (values, items) = try creation(request.payload, by: creator)
        let configuration = options.schema.configuration(with: values)
        guard options.roomCountMax != nil else {
            return try await create(address, configuration, items, by: creator, request.iq.id)
        }
        // The count that is looked at must hold until the room is stored.
        return try await creations.withLock(creator) {
            try await create(address, configuration, items, by: creator, request.iq.id)
        }
    }

    private func create(
        _ address: BareJID, _ configuration: [RoomField], _ items: [AffiliationItem], by creator: BareJID, _ id: String
    ) async throws -> Work {
        try await desk(address).change(address) { old in
            guard old == nil else { throw StanzaError.conflict }
            let accounts = Set(items.map(\.account)).union([creator])
            let addable = try await addable(accounts, to: address, by: creator)
            guard addable.contains(creator) else {
                throw StanzaError(.notAllowed, text: "the creator is in as many rooms as can be")
            }
            var occupants: [BareJID: RoomAffiliation] = [:]
            for item in items where addable.contains(item.account) { occupants[item.account] = item.affiliation }
            let isOwned = occupants.values.contains(.owner) && !options.allowsManyOwners
            occupants[creator] = options.hasEqualOccupants || isOwned ? .member : .owner
            try checkOccupantCount(occupants.count)
            let room = Room(
                address: address, version: Room.makeVersion(), configuration: configuration, occupants: occupants)
            // Should a room of this name have left one behind, it is not for these occupants.
            try await host.service((any RoomArchive).self)?.remove(address)
            return RoomDesk.Change(room: room) { desk in desk.send(Self.creationNotices(room, by: creator, id)) }
        }
    }

    /// What the creator of a room asks for.
    private func creation(
        _ payload: Element, by creator: BareJID
    ) throws(StanzaError) -> (values: [RoomField], items: [AffiliationItem]) {
        var values: [RoomField]?
        var items: [AffiliationItem]?
        for child in payload.children {
            if child.isNamed("configuration", payload.namespace), values == nil {
                values = try options.schema.values(in: child)
            } else if child.isNamed("occupants", payload.namespace), items == nil {
                items = try AffiliationItem.items(in: child)
            } else {
                throw .badRequest
            }
        }
        let occupants = items ?? []
        try checkAreUsers(occupants)
        guard occupants.allSatisfy({ $0.affiliation != nil && $0.account != creator }) else { throw .badRequest }
        try AffiliationChange.checkOwnerCount(
            occupants,
            AffiliationChange.Rules(
                hasEqualOccupants: options.hasEqualOccupants, allowsManyOwners: options.allowsManyOwners))
        return (values ?? [], occupants)
    }

    /// Each is told of itself; the archive has one message with all.
    private static func creationNotices(_ room: Room, by creator: BareJID, _ id: String) -> RoomDesk.Notices {
        let notice = RoomNotice(room: room.address, id: id)
        let items = AffiliationChange.sorted(room.occupants.keys)
            .map { AffiliationItem(account: $0, affiliation: room.occupants[$0]) }
        var notices = RoomDesk.Notices(
            archived: notice.affiliations(items, version: room.version), actor: creator, room: room.address)
        notices.singles = items.map { ($0.account, notice.affiliations([$0], version: room.version), true) }
        return notices
    }

    // MARK: Configuration

    func configure(_ request: IQRequest) async throws -> Work {
        guard let address = request.account else { throw StanzaError.badRequest }
        let actor = request.sender.bare, id = request.iq.id, schema = options.schema
        let values = Result { () throws(StanzaError) in try schema.values(in: request.payload) }
        return try await desk(address).change(address) { old in
            guard let old, let affiliation = old.occupants[actor] else { throw StanzaError.itemNotFound }
            let values = try values.get()
            guard !values.isEmpty else { throw StanzaError.badRequest }
            let isForEverybody = schema.value(RoomSchema.everybodyConfiguresKey, in: old) == "true"
            guard
                affiliation == .owner || options.everybodyConfigures || isForEverybody
                    || values.map(\.key) == [RoomSchema.subjectKey]
            else { throw StanzaError.notAllowed }
            var room = old
            room.version = Room.makeVersion()
            let changed = Set(values.map(\.key))
            room.configuration = old.configuration.filter { !changed.contains($0.key) } + values
            let notice = RoomNotice(room: address, id: id)
            var notices = RoomDesk.Notices(
                archived: notice.configuration(values, schema, version: room.version, previous: nil), actor: actor,
                room: address)
            notices.everybody = notice.configuration(values, schema, version: room.version, previous: old.version)
            notices.stayed = Array(room.occupants.keys)
            return RoomDesk.Change(room: room) { [notices] desk in desk.send(notices) }
        }
    }

    // MARK: Occupants

    func changeAffiliations(_ request: IQRequest) async throws -> Work {
        guard let address = request.account else { throw StanzaError.badRequest }
        let actor = request.sender.bare, id = request.iq.id
        let items = Result { () throws(StanzaError) in try AffiliationItem.items(in: request.payload) }
        return try await desk(address).change(address) { old in
            guard let old, old.occupants[actor] != nil else { throw StanzaError.itemNotFound }
            let items = try items.get()
            let rules = rules(for: old)
            try AffiliationChange.check(items, by: actor, in: old.occupants, rules)
            try checkAreUsers(items)
            let newcomers = Set(items.map(\.account).filter { old.occupants[$0] == nil })
            let addable = try await addable(newcomers, to: address, by: actor)
            let possible = items.filter { old.occupants[$0.account] != nil || addable.contains($0.account) }
            // Whoever cannot be added is passed over in silence. Nobody becomes owner in his place, and nothing else of what
            // was asked for makes sense without.
            guard !possible.isEmpty, possible.contains(where: \.isOwner) == items.contains(where: \.isOwner) else {
                return nil
            }
            let change = try AffiliationChange(possible, to: old.occupants, rules)
            if change.occupants.count > old.occupants.count { try checkOccupantCount(change.occupants.count) }
            return Self.change(of: old, change, by: actor, id)
        }
    }

    /// Takes an account that is removed out of a room, whatever the rules are for those who leave.
    func leave(_ address: BareJID, _ account: BareJID) async throws -> Work {
        try await desk(address).change(address) { old in
            guard let old, old.occupants[account] != nil else { return nil }
            var rules = rules(for: old)
            rules.promotesWhenLastOwnerLeaves = true
            let item = AffiliationItem(account: account, affiliation: nil)
            return Self.change(
                of: old, try AffiliationChange([item], to: old.occupants, rules), by: account, Self.makeName())
        }
    }

    private static func change(
        of old: Room, _ change: AffiliationChange, by actor: BareJID, _ id: String
    ) -> RoomDesk.Change {
        var room = old
        room.occupants = change.occupants
        room.version = Room.makeVersion()
        let notice = RoomNotice(room: room.address, id: id)
        let left = change.items.filter { $0.affiliation == nil }
        let farewells = left.map { ($0.account, notice.affiliations([$0], version: nil), false) }
        guard !room.occupants.isEmpty else {
            // Nobody can read an archive any more.
            return RoomDesk.Change(room: room) { desk in
                desk.send(farewells.map { ($0.0, $0.1) }, of: old.address)
            }
        }
        var notices = RoomDesk.Notices(
            archived: notice.affiliations(change.items, version: room.version), actor: actor, room: room.address)
        notices.everybody = notice.affiliations(change.items, version: room.version, previous: old.version)
        notices.stayed = room.occupants.keys.filter { old.occupants[$0] != nil }
        let joined = change.items.filter { $0.affiliation != nil && old.occupants[$0.account] == nil }
        notices.singles =
            joined.map { ($0.account, notice.affiliations([$0], version: room.version), true) } + farewells
        return RoomDesk.Change(room: room) { [notices] desk in desk.send(notices) }
    }

    // MARK: Destruction

    func destroy(_ request: IQRequest) async throws -> Work {
        guard let address = request.account else { throw StanzaError.badRequest }
        let actor = request.sender.bare, id = request.iq.id
        let isEmpty = request.payload.children.first == nil
        return try await desk(address).change(address) { old in
            guard let old, let affiliation = old.occupants[actor] else { throw StanzaError.itemNotFound }
            guard isEmpty else { throw StanzaError.badRequest }
            guard affiliation == .owner else { throw StanzaError.notAllowed }
            let notice = RoomNotice(room: address, id: id)
            let messages = old.occupants.keys.map { account in
                let item = AffiliationItem(account: account, affiliation: nil)
                return (account, notice.affiliations([item], version: nil, destroyed: true))
            }
            let room = Room(address: address, version: Room.makeVersion(), configuration: [], occupants: [:])
            return RoomDesk.Change(room: room) { desk in desk.send(messages, of: address) }
        }
    }
}
