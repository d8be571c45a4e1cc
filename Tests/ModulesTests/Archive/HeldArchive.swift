// SPDX-License-Identifier: Apache-2.0
// A store of archives that does what a test tells it to.

import Synchronization
import XMPPCore

/// Keeps archives in memory. Appends wait while they are held, and fail as often as was asked for.
final class HeldArchive: ArchiveStore {
    struct State {
        var archives: [BareJID: [ArchiveID: ArchivedMessage]] = [:]

        func messages(_ archive: BareJID) -> [ArchivedMessage] {
            (archives[archive] ?? [:]).values.sorted { $0.id < $1.id }
        }
        /// How many messages were written together, call by call.
        var batchCounts: [Int] = []
        /// Errors that the next appends throw.
        var errors: [StorageError] = []
        /// What messages that are refused for a reason of their own are called by their senders.
        var refused: Set<String> = []
        var isHeld = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    let state = Mutex(State())
    let features = Set(ArchiveFeature.allCases)

    func hold() { state.withLock { $0.isHeld = true } }

    func release() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isHeld = false
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// What the messages of an archive are called by their senders, in their order.
    func origins(_ archive: BareJID) -> [String] { state.withLock { $0.messages(archive).compactMap(\.originID) } }

    func append(_ entries: [ArchiveEntry]) async throws(StorageError) {
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                if state.isHeld { state.waiting.append(continuation) }
                return state.isHeld
            }
            if !isHeld { continuation.resume() }
        }
        try state.withLock { state throws(StorageError) in
            if !state.errors.isEmpty { throw state.errors.removeFirst() }
            guard !entries.contains(where: { state.refused.contains($0.message.originID ?? "") }) else {
                throw .backend(code: "22001", detail: "refused")
            }
            state.batchCounts.append(entries.count)
            for entry in entries {
                let id = entry.message.id
                if state.archives[entry.archive]?[id] == nil {
                    state.archives[entry.archive, default: [:]][id] = entry.message
                }
            }
        }
    }

    func messages(
        in archive: BareJID, matching query: ArchiveQuery, order: ArchiveOrder, limit: Int
    ) async throws(StorageError) -> [ArchivedMessage] {
        let found = state.withLock { $0.messages(archive) }.filter { message in
            guard query.ids.contains(message.id) else { return false }
            if let peer = query.peer, peer != (peer.isBare ? message.peer.bare.jid : message.peer) { return false }
            return query.originID == nil || message.originID == query.originID
        }
        return Array((order == .ascending ? found : found.reversed()).prefix(limit))
    }

    func messages(in archive: BareJID, ids: [ArchiveID]) async throws(StorageError) -> [ArchivedMessage] {
        state.withLock { $0.messages(archive) }.filter { ids.contains($0.id) }
    }

    func count(in archive: BareJID, matching query: ArchiveQuery) async throws(StorageError) -> Int {
        try await messages(in: archive, matching: query, order: .ascending, limit: .max).count
    }

    func replace(_ id: ArchiveID, in archive: BareJID, by stanza: [UInt8]) async throws(StorageError) -> Bool {
        state.withLock { state in
            state.archives[archive]?[id]?.stanza = stanza
            return state.archives[archive]?[id] != nil
        }
    }

    func remove(before id: ArchiveID, in archive: BareJID, limit: Int) async throws(StorageError) -> Int { 0 }

    func archives(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        Page(items: state.withLock { Array($0.archives.keys) }, next: nil)
    }

    func removeAll(for account: BareJID) async throws(StorageError) { state.withLock { $0.archives[account] = nil } }
    func removeAll(domain: String) async throws(StorageError) {}
}
