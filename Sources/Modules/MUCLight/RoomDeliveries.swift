// SPDX-License-Identifier: Apache-2.0
// Copies of rooms' messages whose delivery takes time: which of them is next. Not here: who delivers them.

import DequeModule
import XMPPCore

/// Copies that wait for a store, or for one before them.
///
/// Each account gets a room's messages in their order: while one of its copies waits, later ones of that room wait
/// behind it, even if it has come online meanwhile. Copies for different accounts, and of different rooms, wait for
/// nobody.
struct RoomDeliveries {
    /// How much waits, and how much is done at once.
    struct Limits: Sendable {
        /// With more waiting, whoever speaks in a room waits until his message is delivered.
        var copyCountLong = 10_000
        /// With so many waiting, no message is taken any more.
        var copyCountMax = 100_000
        /// How many copies are delivered at a time.
        var workerCountMax = 16
    }

    /// A copy for one account.
    struct Copy {
        var room: BareJID
        var stanza: Stanza
        /// What is left of its delivery; nil when nothing has been done for it yet.
        var begun: Work?
        let end = Completion()
    }

    let limits: Limits
    /// By room and account; each begins with the copy that is being delivered or is ready for it.
    private var queues: [BareJID: [BareJID: Deque<Copy>]] = [:]
    /// Copies that are first in their queue, and that nobody has taken yet.
    private var ready: Deque<Copy> = []
    /// How many there are, with those that are being delivered.
    private(set) var count = 0
    /// How many are being delivered.
    private(set) var workerCount = 0

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Whether so many wait that whoever speaks has to wait.
    var isLong: Bool { count > limits.copyCountLong }

    /// Whether no message can be taken.
    var isFull: Bool { count >= limits.copyCountMax }

    /// Whether copies of a room wait.
    func hasCopies(of room: BareJID) -> Bool { queues[room] != nil }

    /// Whether a copy for an account must wait for one before it.
    func holds(_ room: BareJID, for account: BareJID) -> Bool { queues[room]?[account] != nil }

    /// Adds a copy behind the others of its room and account.
    mutating func append(_ copy: Copy, for account: BareJID) {
        count += 1
        if queues[copy.room]?[account] == nil { ready.append(copy) }
        queues[copy.room, default: [:]][account, default: []].append(copy)
    }

    /// Whether one more should begin to deliver, who is counted then.
    mutating func addWorker() -> Bool {
        guard workerCount < limits.workerCountMax, workerCount < count else { return false }
        workerCount += 1
        return true
    }

    /// The copy to deliver now; nil when there is none, and then the worker is counted no more.
    mutating func next() -> Copy? {
        guard let copy = ready.popFirst() else {
            workerCount -= 1
            return nil
        }
        return copy
    }

    /// A copy for an account was delivered.
    mutating func delivered(_ copy: Copy, for account: BareJID) {
        count -= 1
        queues[copy.room]?[account]?.removeFirst()
        if let next = queues[copy.room]?[account]?.first { return ready.append(next) }
        queues[copy.room]?[account] = nil
        if queues[copy.room]?.isEmpty == true { queues[copy.room] = nil }
    }
}
