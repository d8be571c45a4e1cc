// SPDX-License-Identifier: Apache-2.0
// Writes what is archived: many messages at a time, in the order in which they came.

import DequeModule
import Logging
import Synchronization
import XMPPCore

/// Takes messages at once, and writes them behind the back of those who sent them.
///
/// - Order: a message is durable before any that came later is begun; of those written together, all or none are seen.
/// - Durability: a message is acknowledged to its sender (XEP-0198) when it is durable, and not before. One that was not
///   acknowledged when the server died may be lost, and its sender knows.
/// - A store that is away: what was taken waits, and is written when the store is back. Beyond ``messageCountLong``, senders
///   wait for each message; beyond ``messageCountMax``, messages are refused.
/// - A message that the store refuses for a reason of its own is dropped, and logged.
final class ArchiveWriter: Sendable {
    /// Most messages that are written together.
    static let batchMessageCountMax = 1_000
    /// Most bytes of them.
    static let batchByteCountMax = 4_194_304
    /// With so many waiting, or half of ``byteCountMax``, a sender waits until his message is durable before he can send
    /// the next.
    static let messageCountLong = 20_000
    /// With so many waiting, none is taken any more.
    static let messageCountMax = 50_000
    /// The bytes of stanzas that may wait.
    static let byteCountMax = 67_108_864
    /// How long a reader waits for what was taken before.
    static let readDelayMax = Duration.seconds(5)
    /// The pauses before a store that is away is tried again: the first, and the longest.
    private static let pauses = (first: Duration.milliseconds(100), longest: Duration.seconds(5))

    /// What is written together.
    private struct Batch {
        var entries: [ArchiveEntry] = []
        var byteCount = 0
        /// What is done after that.
        var retractions: [PlacedRetraction] = []
        let completion = Completion()
    }

    private struct State {
        var names = ArchiveNames()
        var waiting: Deque<Batch> = []
        var messageCount = 0
        var byteCount = 0
        /// What is being written.
        var current: Completion?
    }

    private let host: Host
    private let store: any ArchiveStore
    private let state = Mutex(State())

    init(_ store: any ArchiveStore, of host: Host) {
        self.host = host
        self.store = store
    }

    /// Refuses when there is no room for one more message.
    func checkRoom() throws(StanzaError) {
        let hasRoom = state.withLock { $0.messageCount < Self.messageCountMax && $0.byteCount < Self.byteCountMax }
        guard hasRoom else {
            throw StanzaError(.resourceConstraint, type: .wait, text: "the archive does not keep up")
        }
    }

    /// Takes a message, and gives it its name: in one step, so that who has read up to a name has missed none before it.
    ///
    /// - Parameters:
    ///   - entry: whose message has any name.
    ///   - retraction: what it retracts in the same archive.
    /// - Returns: the name, and what must be done before the message counts as handled.
    func append(_ entry: ArchiveEntry, retracting retraction: Retraction? = nil) -> (id: ArchiveID, work: Work) {
        let now = host.time.wallTime
        var entry = entry
        let (completion, isLong, isIdle) = state.withLock { state in
            entry.message.id = state.names.next(at: now)
            if !Self.fits(entry, state.waiting.last) { state.waiting.append(Batch()) }
            let last = state.waiting.endIndex - 1
            state.waiting[last].entries.append(entry)
            state.waiting[last].byteCount += entry.message.stanza.count
            if let retraction {
                state.waiting[last].retractions.append(PlacedRetraction(retraction, by: entry))
            }
            state.messageCount += 1
            state.byteCount += entry.message.stanza.count
            let isIdle = state.current == nil
            let completion = state.waiting[last].completion
            if isIdle { state.current = completion }
            let isLong = state.messageCount > Self.messageCountLong || state.byteCount > Self.byteCountMax / 2
            return (completion, isLong, isIdle)
        }
        if isIdle { host.router.run(.later { [self] in await write() }) }
        return (entry.message.id, isLong ? .later { await completion.wait() } : .underWay(completion))
    }

    private static func fits(_ entry: ArchiveEntry, _ batch: Batch?) -> Bool {
        guard let batch else { return false }
        return batch.entries.count < batchMessageCountMax
            && batch.byteCount + entry.message.stanza.count <= batchByteCountMax
    }

    /// Returns when all that was taken so far is durable.
    ///
    /// - Throws: ``StorageError/unavailable(detail:)`` when that takes longer than ``readDelayMax``.
    func settle() async throws(StorageError) {
        let last = state.withLock { $0.waiting.last?.completion ?? $0.current }
        guard let last, !last.isComplete else { return }
        guard await host.router.wait(for: last, atMost: Self.readDelayMax) else {
            throw .unavailable(detail: "messages wait for the archive")
        }
    }

    // MARK: writing

    private func write() async {
        while let batch = next() {
            guard await write(batch) else { return giveUp(batch) }
            batch.completion.complete()
        }
    }

    /// The server is gone. Nobody was told that these are kept; who waits for them goes on when they are let go.
    private func giveUp(_ batch: Batch) {
        let (count, waiting) = state.withLock { state in
            defer { state = State() }
            return (state.messageCount + batch.entries.count, state.waiting)
        }
        for batch in [batch] + waiting { batch.completion.abandon() }
        host.logger.error("the server ends before all was archived", metadata: ["messages": "\(count)"])
    }

    /// The batch to write now; nil when nothing waits, and then nobody writes any more.
    private func next() -> Batch? {
        state.withLock { state in
            let batch = state.waiting.popFirst()
            state.current = batch?.completion
            state.messageCount -= batch?.entries.count ?? 0
            state.byteCount -= batch?.byteCount ?? 0
            return batch
        }
    }

    /// - Returns: false when the server is gone.
    private func write(_ batch: Batch) async -> Bool {
        guard
            await untilThere({ [store] () async throws(StorageError) in try await store.append(batch.entries) }, batch)
        else { return false }
        for retraction in batch.retractions {
            let isDone = await untilThere(
                { [self] () async throws(StorageError) in try await retract(retraction) }, nil)
            guard isDone else { return false }
        }
        return true
    }

    /// Does it until the store is there, or the server is gone.
    ///
    /// - Parameter batch: what is written one by one when the store refuses all of it.
    private func untilThere(
        _ body: @Sendable () async throws(StorageError) -> Void, _ batch: Batch?
    ) async -> Bool {
        var pause = Self.pauses.first
        while true {
            do throws(StorageError) {
                try await body()
                return true
            } catch .unavailable(let detail) {
                host.logFailure("messages are not archived yet", StorageError.unavailable(detail: detail))
                guard await host.router.pause(for: pause) else { return false }
                pause = min(pause * 2, Self.pauses.longest)
            } catch {
                guard let batch, batch.entries.count > 1 else {
                    host.logFailure("a message is not archived", error)
                    return true
                }
                // One that cannot be stored takes no others with it.
                for entry in batch.entries {
                    var single = Batch()
                    single.entries = [entry]
                    guard await write(single) else { return false }
                }
                return true
            }
        }
    }

    /// Puts a tombstone in the place of the message: XEP-0424 section 4.
    private func retract(_ placed: PlacedRetraction) async throws(StorageError) {
        guard let found = try await placed.find(in: store) else { return }
        guard let tombstone = placed.retraction.tombstone(of: found.stanza, at: placed.request.message.id.time) else {
            return
        }
        // One that is gone by now needs no tombstone.
        _ = try await store.replace(found.id, in: placed.request.archive, by: tombstone)
    }
}

/// A retraction, and the archived message that asks for it.
private struct PlacedRetraction: Sendable {
    let retraction: Retraction
    let request: ArchiveEntry

    init(_ retraction: Retraction, by request: ArchiveEntry) {
        self.retraction = retraction
        self.request = request
    }

    /// The message that is meant: the last with this name of the same sender in the same conversation.
    func find(in store: any ArchiveStore) async throws(StorageError) -> ArchivedMessage? {
        let archive = request.archive
        let asking = request.message
        switch retraction.target {
        case .archived(let text):
            guard let id = ArchiveID(text) else { return nil }
            return try await store.messages(in: archive, ids: [id]).first(where: isRetractable)
        case .origin(let id):
            var query = ArchiveQuery()
            query.originID = id
            query.peer = asking.isGroupchat ? asking.peer : asking.peer.bare.jid
            // It came before; and it is not what asks.
            guard let last = ArchiveID(asking.id.number - 1) else { return nil }
            query.ids = ArchiveID.range.lowerBound...last
            return try await store.messages(in: archive, matching: query, order: .descending, limit: 10)
                .first(where: isRetractable)
        }
    }

    /// XEP-0424 section 5: only what came from whoever asks.
    private func isRetractable(_ message: ArchivedMessage) -> Bool {
        message.direction == request.message.direction && message.sender.bare == request.message.sender.bare
            && message.id < request.message.id
    }
}
