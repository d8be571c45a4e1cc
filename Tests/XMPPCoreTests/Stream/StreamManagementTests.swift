// SPDX-License-Identifier: Apache-2.0
// The counters of stream management, call by call (XEP-0198 section 4).

import Testing

@testable import XMPPCore

struct StreamManagementTests {
    static func sent(_ count: Int, _ options: StreamManagementOptions = StreamManagementOptions()) throws
        -> StreamManagement
    {
        var state = StreamManagement(options)
        for _ in 0..<count { _ = state.sent(Message(to: try JID("romeo@example.org"), body: "x").stanza) }
        return state
    }

    @Test func anAcknowledgementForgetsWhatItCovers() throws {
        var state = try Self.sent(3)
        try state.acknowledge(2)
        #expect(state.unacknowledged.count == 1)
        try state.acknowledge(2)
        #expect(state.unacknowledged.count == 1)
        try state.acknowledge(3)
        #expect(state.unacknowledged.isEmpty)
    }

    @Test(arguments: [4, UInt32.max]) func whatWasNotSentCannotBeAcknowledged(count: UInt32) throws {
        var state = try Self.sent(3)
        let error = StreamManagement.HandledCountTooHigh(acknowledged: count, sent: 3)
        #expect(throws: error) { () throws in try state.acknowledge(count) }
        #expect(state.unacknowledged.count == 3)
    }

    /// Less than was acknowledged before is no wrap of 2^32 stanzas.
    @Test func anAcknowledgementCannotGoBack() throws {
        var state = try Self.sent(3)
        try state.acknowledge(3)
        #expect(throws: StreamManagement.HandledCountTooHigh.self) { () throws in try state.acknowledge(1) }
    }

    /// Without a buffer nothing is kept, and acknowledgements are counted all the same.
    @Test func nothingIsKeptWithoutABuffer() throws {
        var state = try Self.sent(3, StreamManagementOptions(bufferedStanzaCountMax: nil))
        #expect(state.unacknowledged.isEmpty)
        try state.acknowledge(2)
        #expect(throws: StreamManagement.HandledCountTooHigh.self) { () throws in try state.acknowledge(4) }
        try state.acknowledge(3)
    }

    /// A few long stanzas exhaust the room as many short ones do, and an acknowledgement gives it back.
    @Test func whatIsKeptIsBoundedInBytes() throws {
        var state = StreamManagement(StreamManagementOptions())
        let message = Message(to: try JID("romeo@example.org"), body: String(repeating: "x", count: 100_000)).stanza
        let byteCount = message.memoryByteCount
        #expect((100_000..<101_000).contains(byteCount))
        let fittingCount = StreamManagement.unacknowledgedByteCountMax / byteCount
        for _ in 0..<fittingCount { #expect(state.sent(message) == .enough) }
        #expect(state.sent(message) == .exhausted)
        try state.acknowledge(UInt32(fittingCount + 1))
        #expect(state.unacknowledgedByteCount == 0)
        #expect(state.sent(message) == .enough)
    }

    @Test func oneRequestAtATime() throws {
        var state = try Self.sent(2, StreamManagementOptions(acknowledgementFrequency: 2))
        let first = state.requestsAcknowledgement(at: .seconds(5))
        #expect(first)
        #expect(state.requestTime == .seconds(5))
        let second = state.requestsAcknowledgement(at: .seconds(6))
        #expect(!second)
        try state.acknowledge(2)
        #expect(state.requestTime == nil)
        let third = state.requestsAcknowledgement(at: .seconds(7))
        #expect(!third)
    }
}
