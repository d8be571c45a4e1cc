// SPDX-License-Identifier: Apache-2.0
// MUC Light, an open extension of MongooseIM's (`urn:xmpp:muclight:0`): rooms without presence, whose occupants stay in
// them while they are offline. Requests about rooms are in MUCLight+Rooms.swift, changes of rooms in
// MUCLight+Changes.swift. Not here: archives, which another module may keep, and rooms of XEP-0045.

public import XMPPCore

/// Serves rooms without presence.
public struct MUCLight: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_muc_light", implements: [.xep(30, "2.5.0"), .xep(59, "1.0")])

    let options: Options
    let host: Host
    let address: BareJID
    private let desks: [RoomDesk]
    /// While a user may be in so many rooms only, it creates one at a time.
    let creations = AccountLocks()
    /// How often the archives of rooms that are gone are looked for, of those that could not be removed.
    static let strayInterval = Duration.seconds(60)

    /// Makes the module for one host.
    ///
    /// - Throws: ``ModuleError`` when the service's domain is none.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.options = options
        self.host = host
        address = try ServiceDomain.address(options.domain, of: host)
        let loops = host.router.loops
        let limits = RoomMemory.Limits().divided(by: loops.count)
        desks = loops.map { RoomDesk(host, $0, lifetime: options.roomLifetime, limits) }
    }

    var store: any RoomStore { host.storage.rooms }

    /// Who works for a room.
    func desk(_ room: BareJID) -> RoomDesk { desks[Int(UInt(bitPattern: room.hashValue) % UInt(desks.count))] }

    /// Serves the service's domain, and takes accounts that are removed out of their rooms.
    public func register(in registrar: inout Registrar) {
        registrar.serve(service)
        registrar.on(.accountRemovalBegan, leaveRooms)
        registrar.on(.accountRemoved, forgetRooms)
        host.every(Self.strayInterval) { for desk in desks { await desk.removeStrays() } }
        if options.listsRoomsInRosters { registrar.provide(self, as: (any RosterAddition).self) }
    }

    private var service: ServiceDomain {
        var service = ServiceDomain(
            address, DiscoIdentity(category: "conference", type: "text", name: "Multi-User Chat Light"))
        service.advertise(.mucLight)
        service.onMessage(messageReceived)
        // No presence is exchanged with rooms: that of clients is ignored.
        service.onPresence { _ in .done }
        service.iq(.get, "query", .discoItems, at: .host, answering(serviceItems))
        service.iq(.set, "query", .mucLightCreate, at: .host, createWithAnyName)
        if options.allowsBlocking {
            service.iq(.get, "query", .mucLightBlocking, at: .host, answering(blockingList))
            service.iq(.set, "query", .mucLightBlocking, at: .host, answering(changeBlockingList))
        }
        service.iq(.set, "query", .mucLightCreate, at: .account, changing(createNamed))
        service.iq(.get, "query", .discoInfo, at: .account, answering(roomInfo))
        service.iq(.get, "query", .discoItems, at: .account, answering(roomItems))
        service.iq(.get, "query", .mucLightConfiguration, at: .account, answering(configuration))
        service.iq(.get, "query", .mucLightAffiliations, at: .account, answering(affiliations))
        service.iq(.get, "query", .mucLightInfo, at: .account, answering(wholeRoom))
        service.iq(.set, "query", .mucLightConfiguration, at: .account, changing(configure))
        service.iq(.set, "query", .mucLightAffiliations, at: .account, changing(changeAffiliations))
        service.iq(.set, "query", .mucLightDestroy, at: .account, changing(destroy))
        service.onOtherIQ(answering(other))
        return service
    }

    /// Handles requests for a room or the service, and no resource of them, with the payload that `answer` returns or the
    /// error that it throws.
    private func answering(
        _ answer: @escaping @Sendable (IQRequest) async throws -> Element?
    ) -> IQHandler {
        { request in
            guard request.iq.to?.isBare == true else { return .now(.failure(.badRequest)) }
            return .later {
                do { return .success(try await answer(request)) } catch { return .failure(Self.error(error)) }
            }
        }
    }

    /// Handles requests for a room with an empty result, or the error that `change` throws. What `change` returns goes on
    /// after that, and the request counts as handled when it is done.
    private func changing(_ change: @escaping @Sendable (IQRequest) async throws -> Work) -> IQHandler {
        { request in
            guard request.iq.to?.isBare == true else { return .now(.failure(.badRequest)) }
            return .answered(
                .laterLeaving {
                    do {
                        let work = try await change(request)
                        return reply(request.iq.result().stanza, to: request).then(work)
                    } catch {
                        return reply(request.iq.stanza.error(Self.error(error)), to: request)
                    }
                })
        }
    }

    /// Sends a result or error.
    func reply(_ answer: Stanza?, to request: IQRequest) -> Work {
        guard let answer else { return .done }
        guard let session = request.session else { return host.router.route(answer) }
        session.deliver(answer)
        return .done
    }

    static func error(_ error: any Error) -> StanzaError {
        switch error {
        case let error as StanzaError: error
        // Others change the room all the time.
        case StorageError.conflict: StanzaError(.resourceConstraint, type: .wait)
        // Of a room: how many there are was looked at before, so it is a text that the store's column has no room for.
        case StorageError.limitExceeded: StanzaError(.notAcceptable, text: "too long to be stored")
        case let error as StorageError: StanzaError(storage: error)
        default: .internalServerError
        }
    }

    private func messageReceived(_ message: Message) -> Work {
        guard message.type != .error else { return .done }
        guard let to = message.to, let sender = message.from?.bare, to.isBare, !to.isDomain, message.type == .groupchat
        else { return host.router.bounce(message.stanza, .badRequest) }
        let room = to.bare, desk = desk(room)
        if desk.loop.isCurrent {
            let work = desk.assumeIsolated { $0.sendIfInMemory(message, from: sender, to: room) }
            if let work { return work }
        }
        return .laterLeaving { await desk.send(message, from: sender, to: room) }
    }

    /// A name that nobody else has.
    static func makeName() -> String { Room.makeVersion() + Room.makeVersion() }

    // MARK: What is neither room nor occupant

    /// Requests that are none of this protocol's: those for a room's archive.
    private func other(_ request: IQRequest) async throws -> Element? {
        guard let room = request.account else { throw StanzaError.serviceUnavailable }
        _ = try await occupied(room, by: request)  // an error unless it is
        guard request.payload.namespace == .archive, let archive = host.service((any RoomArchive).self) else {
            throw StanzaError.serviceUnavailable
        }
        return try await archive.answer(request, for: room)
    }

    private func blockingList(_ request: IQRequest) async throws -> Element? {
        let blocks = try await store.blocks(of: request.sender.bare)
        let items = blocks.map(\.element).sorted { $0.xml < $1.xml }
        return Element("query", .mucLightBlocking) { items }
    }

    private func changeBlockingList(_ request: IQRequest) async throws -> Element? {
        let (denied, allowed) = try RoomBlock.changes(in: request.payload)
        do throws(StorageError) {
            try await store.changeBlocks(of: request.sender.bare, adding: denied, removing: allowed)
        } catch .limitExceeded {
            let text = "no more than \(RoomBlock.countMax) can be blocked, and no address that is too long to be stored"
            throw StanzaError(.notAcceptable, text: text)
        }
        return nil
    }
}

// MARK: - Accounts

extension MUCLight {
    /// Takes an account out of all its rooms, so that their occupants are told. What fails here is done by the store,
    /// and nobody is told.
    private func leaveRooms(_ removed: RemovedAccount) -> Work { .later { await leaveRooms(of: removed.account) } }

    private func leaveRooms(of account: BareJID) async {
        var span = RoomSpan.first
        do throws(StorageError) {
            while true {
                let rooms = try await store.rooms(of: account, in: address.domainpart, span, limit: 100)
                guard let last = rooms.last else { return }
                var works: [Work] = []
                for room in rooms {
                    do {
                        works.append(try await leave(room.address, account))
                    } catch {
                        host.logFailure("a removed account has not left a room", error)
                        await desk(room.address).noteStray(room.address)
                    }
                }
                await Work.all(works).finish()
                span = .after(last.address)
            }
        } catch {
            host.logFailure("a removed account has not left all rooms", error)
        }
    }

    private func forgetRooms(_ removed: RemovedAccount) -> Work {
        .later {
            // Those that the account, whose sessions are still there, has come into meanwhile.
            await leaveRooms(of: removed.account)
            if removed.host !== host {
                // This host may keep its rooms elsewhere.
                do throws(StorageError) { try await store.removeAll(for: removed.account) } catch {
                    host.logFailure("a removed account may be in rooms", error)
                }
            }
            for desk in desks {
                await desk.forgetRooms(of: removed.account)
                await desk.removeStrays()
            }
        }
    }
}

extension MUCLight: RosterAddition {
    /// Most rooms of an account that are among its contacts.
    static let rosterRoomCountMax = 10_000

    /// The rooms of an account, up to ``rosterRoomCountMax``.
    public func items(for account: BareJID) async throws(StorageError) -> [Element] {
        let limit = Page<RoomSummary>.itemCountMax
        var items: [Element] = []
        var span = RoomSpan.first
        while items.count < Self.rosterRoomCountMax {
            let count = min(limit, Self.rosterRoomCountMax - items.count)
            let rooms = try await store.rooms(of: account, in: address.domainpart, span, limit: count)
            items += rooms.map(Self.item)
            guard rooms.count == count, let last = rooms.last else { break }
            span = .after(last.address)
        }
        return items
    }

    private static func item(_ room: RoomSummary) -> Element {
        Element("item", .roster, ["jid": "\(room.address)", "name": room.name, "subscription": "to"]) {
            Element("group", .roster) { Namespace.mucLight.uri }
            Element("version", .roster) { room.version }
        }
    }
}
