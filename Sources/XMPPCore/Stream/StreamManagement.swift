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
    /// How many stanzas were sent to the client, modulo 2^32.
    private var sentCount: UInt32 = 0
    /// What the client has not acknowledged, oldest first; empty when none is to be kept.
    private(set) var unacknowledged: Deque<Stanza> = []
    /// The memory that these stanzas take.
    private(set) var unacknowledgedByteCount = 0
    /// What they may take for a client that is gone: so many bytes, however few stanzas.
    static let unacknowledgedByteCountMax = 4_194_304
    /// How many stanzas were sent since an acknowledgement was asked for.
    private var sentSinceRequestCount = 0
    /// When `<r/>` was sent whose answer is awaited; nil when none is.
    private(set) var requestTime: Duration?
    private let options: StreamManagementOptions

    init(_ options: StreamManagementOptions) { self.options = options }

    /// Counts a stanza of the client as handled.
    mutating func handled() { handledCount &+= 1 }

    /// Counts a stanza that is sent, and keeps it.
    mutating func sent(_ stanza: Stanza) -> Room {
        sentCount &+= 1
        sentSinceRequestCount += 1
        if options.bufferedStanzaCountMax != nil {
            unacknowledged.append(stanza)
            unacknowledgedByteCount += stanza.memoryByteCount
        }
        return isExhausted ? .exhausted : .enough
    }

    /// Whether more is kept than is kept for a client that is gone.
    var isExhausted: Bool {
        guard let stanzaCountMax = options.bufferedStanzaCountMax else { return false }
        return unacknowledged.count > stanzaCountMax || unacknowledgedByteCount > Self.unacknowledgedByteCountMax
    }

    /// Whether what is kept takes so much memory that the client should acknowledge some of it first.
    var isLong: Bool { unacknowledgedByteCount > Self.unacknowledgedByteCountMax / 2 }

    /// Whether to send `<r/>` at this time. If so, its answer is awaited.
    mutating func requestsAcknowledgement(at now: Duration) -> Bool {
        guard let frequency = options.acknowledgementFrequency, requestTime == nil, sentSinceRequestCount >= frequency
        else { return false }
        request(at: now)
        return true
    }

    /// Asks for an acknowledgement out of turn, to learn whether the client lives.
    mutating func request(at now: Duration) {
        requestTime = now
        sentSinceRequestCount = 0
    }

    /// Forgets what the client has got.
    ///
    /// - Parameter count: the client's `h`.
    /// - Throws: when that is more than was sent (XEP-0198 section 4).
    mutating func acknowledge(_ count: UInt32) throws(HandledCountTooHigh) {
        let newCount = count &- acknowledgedCount
        guard newCount <= sentCount &- acknowledgedCount else {
            throw HandledCountTooHigh(acknowledged: count, sent: sentCount)
        }
        for _ in 0..<min(Int(newCount), unacknowledged.count) {
            unacknowledgedByteCount -= unacknowledged.removeFirst().memoryByteCount
        }
        acknowledgedCount = count
        requestTime = nil
        // What is acknowledged need not be asked for, though it was sent after the request.
        sentSinceRequestCount = min(sentSinceRequestCount, Int(sentCount &- acknowledgedCount))
    }

    /// Starts over on another stream: what is kept will be sent again.
    mutating func resume() {
        requestTime = nil
        sentSinceRequestCount = unacknowledged.count
    }
}
