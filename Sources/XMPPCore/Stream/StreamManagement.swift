// SPDX-License-Identifier: Apache-2.0
// What is sent and what has arrived (XEP-0198 version 1.6), as a value. Not here: elements, timers, sessions.

import DequeModule

/// The counters of one managed stream, and the stanzas that its client has not acknowledged.
struct StreamManagement {
    /// Why an acknowledgement is wrong.
    struct HandledCountTooHigh: Error, Equatable {
        let acknowledged: UInt32
        let sent: UInt32
    }

    /// Whether a stanza still fits.
    enum Room { case enough, exhausted }

    /// How many stanzas of the client are handled: `h`, modulo 2^32.
    private(set) var handledCount: UInt32 = 0
    /// How many stanzas the client has acknowledged, modulo 2^32.
    private(set) var acknowledgedCount: UInt32 = 0
    /// What the client has not acknowledged, oldest first.
    private(set) var unacknowledged: Deque<Stanza> = []
    /// How many stanzas were sent since an acknowledgement was asked for.
    private var sentSinceRequestCount = 0
    /// Whether an answer to `<r/>` is awaited.
    private(set) var isRequestPending = false
    private let options: StreamManagementOptions

    init(_ options: StreamManagementOptions) { self.options = options }

    /// Counts a stanza of the client as handled.
    mutating func handled() { handledCount &+= 1 }

    /// Keeps a stanza that is sent.
    mutating func sent(_ stanza: Stanza) -> Room {
        unacknowledged.append(stanza)
        sentSinceRequestCount += 1
        return isExhausted ? .exhausted : .enough
    }

    /// Whether more is kept than is kept for a client that is gone.
    var isExhausted: Bool { options.bufferedStanzaCountMax.map { unacknowledged.count > $0 } ?? false }

    /// Whether to send `<r/>` now. If so, its answer is awaited.
    mutating func requestsAcknowledgement() -> Bool {
        guard let frequency = options.acknowledgementFrequency, !isRequestPending, sentSinceRequestCount >= frequency
        else { return false }
        isRequestPending = true
        sentSinceRequestCount = 0
        return true
    }

    /// Asks for an acknowledgement out of turn, to learn whether the client lives.
    mutating func requestNow() {
        isRequestPending = true
        sentSinceRequestCount = 0
    }

    /// Forgets what the client has got.
    ///
    /// - Parameter count: the client's `h`.
    /// - Throws: when that is more than was sent (XEP-0198 section 4).
    mutating func acknowledge(_ count: UInt32) throws(HandledCountTooHigh) {
        let newCount = Int(count &- acknowledgedCount)
        guard newCount <= unacknowledged.count else {
            let sent = acknowledgedCount &+ UInt32(truncatingIfNeeded: unacknowledged.count)
            throw HandledCountTooHigh(acknowledged: count, sent: sent)
        }
        unacknowledged.removeFirst(newCount)
        acknowledgedCount = count
        isRequestPending = false
    }

    /// Starts over on another stream: what is kept will be sent again.
    mutating func resume() {
        isRequestPending = false
        sentSinceRequestCount = unacknowledged.count
    }
}
