// SPDX-License-Identifier: Apache-2.0
// The rooms that are kept in memory, and how many. Not here: who reads and changes them.

import XMPPCore

/// Rooms that were read or stored. Those unused for longest make room for others.
struct RoomMemory {
    /// How much is kept.
    struct Limits: Hashable, Sendable {
        /// Most rooms.
        var roomCountMax = 10_000
        /// Most occupants of all rooms together.
        var occupantCountMax = 200_000
        /// Most bytes of all configurations together: of keys and values in UTF-8.
        var configurationByteCountMax = 67_108_864

        /// The part of one of `count` who keep rooms.
        func divided(by count: Int) -> Limits {
            let count = max(count, 1)
            return Limits(
                roomCountMax: max(roomCountMax / count, 1), occupantCountMax: max(occupantCountMax / count, 1),
                configurationByteCountMax: max(configurationByteCountMax / count, 1))
        }
    }

    private struct Entry {
        var room: Room
        var byteCount: Int
        /// The addresses that occupants speak under, made when they first do.
        var speakers: [BareJID: JID] = [:]
        var lastUse: UInt64
        var expiry: Duration?
    }

    let limits: Limits
    private var entries: [BareJID: Entry] = [:]
    private(set) var occupantCount = 0
    private(set) var configurationByteCount = 0
    private var useCount: UInt64 = 0

    init(_ limits: Limits) { self.limits = limits }

    var roomCount: Int { entries.count }

    /// A room that is not older than it may be; nil when it is not kept.
    mutating func room(_ address: BareJID, at now: Duration) -> Room? {
        guard let entry = entries[address] else { return nil }
        guard entry.expiry.map({ $0 > now }) ?? true else {
            forget(address)
            return nil
        }
        useCount += 1
        entries[address]?.lastUse = useCount
        return entry.room
    }

    /// Keeps a room, in place of what was kept of it.
    ///
    /// - Parameter expiry: until when; nil for as long as there is memory for it.
    mutating func keep(_ room: Room, until expiry: Duration?) {
        forget(room.address)
        useCount += 1
        let byteCount = room.configuration.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        entries[room.address] = Entry(room: room, byteCount: byteCount, lastUse: useCount, expiry: expiry)
        occupantCount += room.occupants.count
        configurationByteCount += byteCount
        if !fits(limits) { makeRoom() }
    }

    mutating func forget(_ address: BareJID) {
        guard let old = entries.removeValue(forKey: address) else { return }
        occupantCount -= old.room.occupants.count
        configurationByteCount -= old.byteCount
    }

    mutating func forgetRooms(of account: BareJID) {
        for (address, entry) in entries where entry.room.occupants[account] != nil { forget(address) }
    }

    private func fits(_ limits: Limits) -> Bool {
        roomCount <= limits.roomCountMax && occupantCount <= limits.occupantCountMax
            && configurationByteCount <= limits.configurationByteCountMax
    }

    /// Forgets a quarter of what there may be, so that this is seldom done; never the room that was used last.
    private mutating func makeRoom() {
        var kept = limits
        kept.roomCountMax -= limits.roomCountMax / 4
        kept.occupantCountMax -= limits.occupantCountMax / 4
        kept.configurationByteCountMax -= limits.configurationByteCountMax / 4
        let byUse = entries.sorted { $0.value.lastUse < $1.value.lastUse }
        for (address, _) in byUse.dropLast() {
            if fits(kept) { return }
            forget(address)
        }
    }

    /// The address that an occupant speaks under in a room; nil when it has none.
    mutating func speaker(_ account: BareJID, in address: BareJID) -> JID? {
        if let known = entries[address]?.speakers[account] { return known }
        // Nil says it.
        guard let speaker = try? address.with(resourcepart: account.description).jid else { return nil }
        entries[address]?.speakers[account] = speaker
        return speaker
    }
}
