// SPDX-License-Identifier: Apache-2.0
// The rooms that one event loop works for: kept in memory, changed one step at a time, spoken in in one order.

import XMPPCore

/// The rooms of one event loop. A room always belongs to the same one.
///
/// - A message goes to all occupants in one turn of the loop, so all of them get a room's messages in one order; so do
///   the messages about a change, in the turn in which it is stored.
/// - Changes of a room run one after the other. What others have changed in the store is noticed when a change is
///   stored, which is then made anew.
actor RoomDesk {
    /// Most rooms that are kept, and most occupants of all of them together; those unused for longest make room.
    static let roomCountMax = 10_000
    static let occupantCountMax = 200_000
    /// How often a change is made anew because others were faster.
    static let attemptCountMax = 10

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private nonisolated let host: Host
    private nonisolated let lifetime: Duration?
    private var rooms: [BareJID: Entry] = [:]
    private var occupantCount = 0
    private var useCount: UInt64 = 0
    /// One change of a room at a time.
    private let changes = AccountLocks()
    /// What deliveries of a room leave to be done, one after the other.
    private let deliveries = AccountLocks()

    private struct Entry {
        var room: Room
        /// The addresses that occupants speak under, made when they first do.
        var speakers: [BareJID: JID] = [:]
        var lastUse: UInt64 = 0
        var expiry: Duration?
    }

    init(_ host: Host, _ loop: EventLoop, lifetime: Duration?) {
        self.host = host
        self.loop = loop
        self.lifetime = lifetime
    }

    private var store: any RoomStore { host.storage.rooms }

    // MARK: Memory

    /// A room; nil when there is none.
    func room(_ address: BareJID) async throws(StorageError) -> Room? {
        if let room = roomInMemory(address) { return room }
        // Not while it is being changed: what is read might be older than what is known a moment later.
        return try await changes.withLock(address) { () async throws(StorageError) in try await read(address) }
    }

    private func read(_ address: BareJID) async throws(StorageError) -> Room? {
        if let room = roomInMemory(address) { return room }
        let room = try await store.room(address)
        keep(room, at: address)
        return room
    }

    func roomInMemory(_ address: BareJID) -> Room? {
        guard let entry = rooms[address] else { return nil }
        guard entry.expiry.map({ $0 > host.time.uptime }) ?? true else {
            keep(nil, at: address)
            return nil
        }
        useCount += 1
        rooms[address]?.lastUse = useCount
        return entry.room
    }

    private func keep(_ room: Room?, at address: BareJID) {
        if let old = rooms.removeValue(forKey: address) { occupantCount -= old.room.occupants.count }
        guard let room else { return }
        useCount += 1
        var entry = Entry(room: room, lastUse: useCount)
        entry.expiry = lifetime.map { host.time.uptime + $0 }
        rooms[address] = entry
        occupantCount += room.occupants.count
        if rooms.count > Self.roomCountMax || occupantCount > Self.occupantCountMax { makeRoom() }
    }

    /// Forgets a quarter of what there may be, so that this is seldom done.
    private func makeRoom() {
        let byUse = rooms.sorted { $0.value.lastUse < $1.value.lastUse }
        for (address, _) in byUse.dropLast() {
            guard rooms.count > Self.roomCountMax * 3 / 4 || occupantCount > Self.occupantCountMax * 3 / 4 else {
                return
            }
            keep(nil, at: address)
        }
    }

    /// Forgets the rooms that an account is in: it is taken out of them.
    func forgetRooms(of account: BareJID) {
        for (address, entry) in rooms where entry.room.occupants[account] != nil { keep(nil, at: address) }
    }

    // MARK: Messages

    /// Sends a message of an occupant to all occupants, and to the archive.
    ///
    /// - Parameter message: of type groupchat, to the room's bare JID.
    /// - Returns: what must be done before it counts as handled; nil when the room must be read first.
    func sendIfInMemory(_ message: Message, from sender: BareJID, to address: BareJID) -> Work? {
        guard let room = roomInMemory(address) else { return nil }
        return send(message, from: sender, to: room)
    }

    /// The same, after reading the room if need be.
    func send(_ message: Message, from sender: BareJID, to address: BareJID) async -> Work {
        do throws(StorageError) {
            guard let room = try await room(address) else { return bounce(message, .itemNotFound) }
            return send(message, from: sender, to: room)
        } catch {
            return bounce(message, StanzaError(storage: error))
        }
    }

    private func send(_ message: Message, from sender: BareJID, to room: Room) -> Work {
        guard room.occupants[sender] != nil else { return bounce(message, .itemNotFound) }
        guard let speaker = speaker(sender, in: room.address) else {
            return bounce(message, StanzaError(.notAcceptable, text: "the address is too long for a resourcepart"))
        }
        var sent = message
        if message.id?.isEmpty ?? true { sent.stanza = message.stanza.identified(by: MUCLight.makeName()) }
        sent.from = speaker
        sent.to = nil
        guard let archive = host.service((any RoomArchive).self) else {
            return deliver(sent, to: room.occupants.keys, of: room.address)
        }
        let archived = archive.archive(sent, from: sender, in: room.address)
        let rest = deliver(archived.message, to: room.occupants.keys, of: room.address)
        return archived.work.then(rest)
    }

    /// The occupant's address in the room; nil when it has none.
    private func speaker(_ account: BareJID, in address: BareJID) -> JID? {
        if let known = rooms[address]?.speakers[account] { return known }
        // Nil says it.
        guard let speaker = try? address.with(resourcepart: account.description).jid else { return nil }
        rooms[address]?.speakers[account] = speaker
        return speaker
    }

    private func bounce(_ message: Message, _ error: StanzaError) -> Work { host.router.bounce(message.stanza, error) }

    /// Sends copies of a message, which share all but the address.
    private func deliver(_ message: Message, to accounts: some Sequence<BareJID>, of room: BareJID) -> Work {
        var copy = message.stanza
        var rest: [Work] = []
        for account in accounts {
            copy.to = account.jid
            let work = host.router.route(copy)
            if !work.isDone { rest.append(work) }
        }
        return rest.isEmpty ? .done : inOrder(rest, of: room)
    }

    /// Does what is left after that of earlier messages of the room, so that it comes in their order too.
    private func inOrder(_ rest: [Work], of room: BareJID) -> Work {
        let (end, continuation) = AsyncStream<Never>.makeStream()
        // Without a suspension up to its place in the queue.
        loop.start { [deliveries] in
            await deliveries.withLock(room) { for work in rest { await work.finish() } }
            continuation.finish()
        }
        return .later { for await _ in end {} }
    }

    // MARK: Changes

    /// What becomes of a room, and what is told of it.
    struct Change: Sendable {
        /// The room as it is stored; without occupants it is gone.
        var room: Room
        /// Sends what there is to send. In the turn in which the room is stored.
        var tell: @Sendable (isolated RoomDesk) -> Work
    }

    /// Changes a room.
    ///
    /// - Parameter make: is given the room as it is, nil when there is none, and returns nil when nothing is to be done.
    ///   It may be called again, when the room was changed by others meanwhile.
    /// - Throws: what `make` throws, and the store's errors.
    func change(
        _ address: BareJID, _ make: @Sendable (Room?) async throws -> Change?
    ) async throws {
        let work = try await changes.withLock(address) { () async throws -> Work in
            for attempt in 1...Self.attemptCountMax {
                let old = try await read(address)
                guard let change = try await make(old) else { return .done }
                do throws(StorageError) {
                    try await store.set(change.room, basedOn: old?.version)
                } catch {
                    // What is stored now is not known.
                    keep(nil, at: address)
                    guard error == .conflict, attempt < Self.attemptCountMax else { throw error }
                    continue
                }
                let isGone = change.room.occupants.isEmpty
                keep(isGone ? nil : change.room, at: address)
                let work = change.tell(self)
                // Before anybody can create another room of this name.
                if isGone { await removeArchive(of: address) }
                return work
            }
            throw StorageError.conflict
        }
        await work.finish()
    }

    private func removeArchive(of room: BareJID) async {
        do throws(StorageError) {
            try await host.service((any RoomArchive).self)?.remove(room)
        } catch {
            host.logFailure("archive of a room not removed", error)
        }
    }

    /// Messages about a change, for some occupants each.
    struct Notices: Sendable {
        /// What is archived of them: with all that changed, and without the version before.
        var archived: Message
        /// What those get who stay.
        var everybody: Message?
        var stayed: [BareJID] = []
        /// What those get who are told of themselves only, and whether they may read the archive.
        var singles: [(account: BareJID, message: Message, isOccupant: Bool)] = []
        /// Whose doing it is.
        var actor: BareJID
        var room: BareJID
    }

    /// Sends messages about a change. Occupants get them with the name that the archived one has there.
    func send(_ notices: Notices) -> Work {
        var added: [Element] = []
        var work = Work.done
        if let archive = host.service((any RoomArchive).self) {
            let archived = archive.archive(notices.archived, from: notices.actor, in: notices.room)
            // What the archive has put behind what was there.
            added = Array(archived.message.stanza.children.dropFirst(Array(notices.archived.stanza.children).count))
            work = archived.work
        }
        func named(_ message: Message) -> Message {
            var named = message
            for child in added { named.stanza = named.stanza.adding(child) }
            return named
        }
        var rest = Work.done
        if let everybody = notices.everybody {
            rest = deliver(named(everybody), to: notices.stayed, of: notices.room)
        }
        for single in notices.singles {
            let message = single.isOccupant ? named(single.message) : single.message
            rest = rest.then(deliver(message, to: CollectionOfOne(single.account), of: notices.room))
        }
        return work.then(rest)
    }

    /// Sends messages that are not archived: those about the end of a room.
    func send(_ messages: [(account: BareJID, message: Message)], of room: BareJID) -> Work {
        messages.reduce(.done) { $0.then(deliver($1.message, to: CollectionOfOne($1.account), of: room)) }
    }
}
