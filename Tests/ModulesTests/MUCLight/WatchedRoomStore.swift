// SPDX-License-Identifier: Apache-2.0
// A store of rooms that a test looks over the shoulder of.

import Synchronization
import XMPPCore

/// Calls the test before and after rooms are read and stored. What the test throws, the call throws.
struct WatchedRoomStore: RoomStore {
    typealias Watcher = @Sendable (BareJID) async throws(StorageError) -> Void

    let base: any RoomStore
    var beforeRead: Watcher = { _ in }
    var afterRead: Watcher = { _ in }
    var beforeSet: Watcher = { _ in }
    var afterSet: Watcher = { _ in }

    func room(_ address: BareJID) async throws(StorageError) -> Room? {
        try await beforeRead(address)
        let room = try await base.room(address)
        try await afterRead(address)
        return room
    }

    func set(_ room: Room, basedOn version: String?) async throws(StorageError) {
        try await beforeSet(room.address)
        try await base.set(room, basedOn: version)
        try await afterSet(room.address)
    }

    func rooms(
        of account: BareJID, in domain: String?, _ span: RoomSpan, limit: Int
    ) async throws(StorageError) -> [RoomSummary] {
        try await base.rooms(of: account, in: domain, span, limit: limit)
    }

    func roomCount(
        of account: BareJID, in domain: String?, before address: BareJID?
    ) async throws(StorageError) -> Int {
        try await base.roomCount(of: account, in: domain, before: address)
    }

    func blocks(of account: BareJID) async throws(StorageError) -> Set<RoomBlock> {
        try await base.blocks(of: account)
    }

    func changeBlocks(
        of account: BareJID, adding added: Set<RoomBlock>, removing removed: Set<RoomBlock>
    ) async throws(StorageError) {
        try await base.changeBlocks(of: account, adding: added, removing: removed)
    }

    func accounts(
        among accounts: Set<BareJID>, thatHaveBlocked blocks: Set<RoomBlock>
    ) async throws(StorageError) -> Set<BareJID> {
        try await base.accounts(among: accounts, thatHaveBlocked: blocks)
    }

    func accounts(
        among accounts: Set<BareJID>, thatAreInRooms countMin: Int, in domain: String?
    ) async throws(StorageError) -> Set<BareJID> {
        try await base.accounts(among: accounts, thatAreInRooms: countMin, in: domain)
    }

    func addresses(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await base.addresses(after: cursor, limit: limit)
    }

    func removeAll(for account: BareJID) async throws(StorageError) { try await base.removeAll(for: account) }
    func removeAll(domain: String) async throws(StorageError) { try await base.removeAll(domain: domain) }
}

/// A door that a test opens, once.
final class Door: Sendable {
    private struct State {
        var isOpen = true
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watching: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    /// From now on whoever comes has to wait.
    func close() { state.withLock { $0.isOpen = false } }

    func open() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when the door is open.
    func pass() async {
        await withCheckedContinuation { continuation in
            let (mayPass, watching) = state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>]) in
                if state.isOpen { return (true, []) }
                state.waiting.append(continuation)
                defer { state.watching = [] }
                return (false, state.watching)
            }
            for watcher in watching { watcher.resume() }
            if mayPass { continuation.resume() }
        }
    }

    /// Returns when somebody stands before the door.
    func somebodyWaits() async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.waiting.isEmpty { state.watching.append(continuation) }
                return !state.waiting.isEmpty
            }
            if isThere { continuation.resume() }
        }
    }
}
