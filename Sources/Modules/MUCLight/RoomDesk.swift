// SPDX-License-Identifier: Apache-2.0
// The rooms that one event loop works for: kept in memory, changed one step at a time. What they send is in
// RoomDesk+Messages.swift.

import XMPPCore

/// The rooms of one event loop. A room always belongs to the same one.
///
/// - A message goes to all occupants in one turn of the loop, so all of them get a room's messages in one order; so do
///   the messages about a change, in the turn in which it is stored. Copies that have to wait come in that order too, as
///   ``RoomDeliveries`` says.
/// - Changes of a room run one after the other. What others have changed in the store is noticed when a change is
///   stored, which is then made anew.
actor RoomDesk {
    /// How often a change is made anew because others were faster.
    static let attemptCountMax = 10
    /// How often the store is asked whether it has stored what it has not acknowledged.
    static let lookCountMax = 3

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    nonisolated let host: Host
    private nonisolated let lifetime: Duration?
    var memory: RoomMemory
    /// How often rooms were forgotten because accounts were taken out of them.
    private var forgetCount = 0
    /// Rooms that may be gone while their archive is still there.
    private var strays: Set<BareJID> = []
    /// Most of them that are remembered.
    static let strayCountMax = 10_000
    /// One change of a room at a time.
    private let changes = AccountLocks()
    var deliveries = RoomDeliveries()
    /// How many copies were sent since a sender last had to wait a turn for that, and how many he may send.
    var copyCount = 0
    static let copyCountOfTurn = 1_000

    init(_ host: Host, _ loop: EventLoop, lifetime: Duration?, _ limits: RoomMemory.Limits) {
        self.host = host
        self.loop = loop
        self.lifetime = lifetime
        memory = RoomMemory(limits)
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
        let count = forgetCount
        let room = try await store.room(address)
        keep(room, at: address, since: count)
        return room
    }

    func roomInMemory(_ address: BareJID) -> Room? { memory.room(address, at: host.time.uptime) }

    /// Keeps a room as the store had it.
    ///
    /// - Parameters:
    ///   - room: nil when there is none.
    ///   - count: ``forgetCount`` before the store was asked. What it had may be older than the removal of an account
    ///     that was forgotten meanwhile, and is not kept then.
    private func keep(_ room: Room?, at address: BareJID, since count: Int) {
        guard let room, count == forgetCount else { return memory.forget(address) }
        memory.keep(room, until: lifetime.map { host.time.uptime + $0 })
    }

    /// Forgets the rooms that an account is in: it is taken out of them.
    func forgetRooms(of account: BareJID) {
        forgetCount += 1
        memory.forgetRooms(of: account)
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
    /// - Returns: what must be done before the change counts as handled, which may be done on any loop.
    /// - Throws: what `make` throws, and the store's errors.
    func change(
        _ address: BareJID, _ make: @Sendable (Room?) async throws -> Change?
    ) async throws -> Work {
        try await changes.withLock(address) { () async throws -> Work in
            for attempt in 1...Self.attemptCountMax {
                let old = try await read(address)
                guard let change = try await make(old) else { return .done }
                let count = forgetCount
                do throws(StorageError) {
                    try await store.set(change.room, basedOn: old?.version)
                } catch {
                    // What is stored now is not known.
                    memory.forget(address)
                    if await !isStored(change.room, though: error) {
                        guard error == .conflict, attempt < Self.attemptCountMax else { throw error }
                        continue
                    }
                }
                let isGone = change.room.occupants.isEmpty
                keep(isGone ? nil : change.room, at: address, since: count)
                let work = change.tell(self)
                // Before anybody can create another room of this name.
                if isGone { await removeArchive(of: address) }
                return work
            }
            throw StorageError.conflict
        }
    }

    /// Whether a change was stored though the store threw an error: the answer may have been lost, or the store has
    /// tried again and found its own work. Those who are in the room must be told of it.
    private func isStored(_ room: Room, though error: StorageError) async -> Bool {
        for _ in 0..<Self.lookCountMax {
            do throws(StorageError) {
                let stored = try await store.room(room.address)
                // Whoever finds another version, or has found no room to remove, was too late.
                guard room.occupants.isEmpty else { return stored?.version == room.version }
                return stored == nil && error != .conflict
            } catch .unavailable {
                continue
            } catch {
                return false
            }
        }
        return false
    }

    // MARK: Archives

    private func removeArchive(of room: BareJID) async {
        do throws(StorageError) {
            try await host.service((any RoomArchive).self)?.remove(room)
        } catch {
            host.logFailure("archive of a room not removed", error)
            noteStray(room)
        }
    }

    /// Remembers a room that may be gone while its archive is still there.
    func noteStray(_ room: BareJID) {
        guard strays.count < Self.strayCountMax else { return }
        strays.insert(room)
    }

    /// Removes archives of rooms that are gone, of those that were noted. What fails is tried the next time.
    func removeStrays() async {
        guard let archive = host.service((any RoomArchive).self) else { return strays = [] }
        for room in strays {
            do throws(StorageError) {
                try await changes.withLock(room) { () async throws(StorageError) in
                    // A new room of this name has removed it, before there was anything of its own in it.
                    if try await read(room) == nil { try await archive.remove(room) }
                }
                strays.remove(room)
            } catch {
                host.logFailure("archive of a room not removed", error)
            }
        }
    }
}
