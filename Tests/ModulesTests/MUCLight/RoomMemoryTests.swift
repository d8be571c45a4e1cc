// SPDX-License-Identifier: Apache-2.0
// Which rooms are kept in memory, at the limits and beyond.

import Testing
import XMPPCore

@testable import XMPPModules

@Suite struct RoomMemoryTests {
    private static func room(_ name: String, occupantCount: Int = 1, byteCount: Int = 0) throws -> Room {
        var room = Room(
            address: try BareJID("\(name)@muclight.example.com"), version: "1", configuration: [], occupants: [:])
        for index in 0..<occupantCount { room.occupants[try BareJID("\(name)\(index)@example.com")] = .member }
        if byteCount > 0 { room.configuration = [RoomField("k", String(repeating: "v", count: byteCount - 1))] }
        return room
    }

    private static func limits(
        rooms: Int = 1_000, occupants: Int = 1_000, bytes: Int = 1_000
    ) -> RoomMemory.Limits {
        RoomMemory.Limits(roomCountMax: rooms, occupantCountMax: occupants, configurationByteCountMax: bytes)
    }

    /// Eight rooms of one size reach a limit; one more makes a quarter of them go, those unused for longest.
    @Test(arguments: [limits(rooms: 8), limits(occupants: 24), limits(bytes: 80)])
    func limitsHold(limits: RoomMemory.Limits) throws {
        var memory = RoomMemory(limits)
        let rooms = try (0..<9).map { try Self.room("r\($0)", occupantCount: 3, byteCount: 10) }
        for room in rooms.dropLast() { memory.keep(room, until: nil) }
        #expect(memory.roomCount == 8)
        #expect(memory.occupantCount == 24)
        #expect(memory.configurationByteCount == 80)
        // The first is used again.
        #expect(memory.room(rooms[0].address, at: .zero) == rooms[0])
        memory.keep(rooms[8], until: nil)
        #expect(memory.roomCount == 6)
        #expect(memory.occupantCount == 18)
        #expect(memory.configurationByteCount == 60)
        let kept = rooms.map { memory.room($0.address, at: .zero) != nil }
        #expect(kept == [true, false, false, false, true, true, true, true, true])
    }

    /// What is in use is kept, whatever its size.
    @Test func theLastRoomIsKept() throws {
        var memory = RoomMemory(Self.limits(rooms: 8, occupants: 4))
        memory.keep(try Self.room("a"), until: nil)
        let large = try Self.room("large", occupantCount: 5)
        memory.keep(large, until: nil)
        #expect(memory.room(large.address, at: .zero) == large)
        #expect(memory.roomCount == 1 && memory.occupantCount == 5)
        memory.keep(try Self.room("b"), until: nil)
        #expect(memory.roomCount == 1 && memory.occupantCount == 1)
    }

    @Test func roomsAreReplacedAndForgotten() throws {
        var memory = RoomMemory(Self.limits())
        let old = try Self.room("a", occupantCount: 3, byteCount: 10)
        memory.keep(old, until: nil)
        memory.keep(try Self.room("a", occupantCount: 2, byteCount: 4), until: .seconds(10))
        #expect(memory.roomCount == 1 && memory.occupantCount == 2 && memory.configurationByteCount == 4)
        #expect(memory.room(old.address, at: .seconds(9)) != nil)
        #expect(memory.room(old.address, at: .seconds(10)) == nil)
        #expect(memory.roomCount == 0 && memory.occupantCount == 0 && memory.configurationByteCount == 0)
        memory.keep(old, until: nil)
        memory.forgetRooms(of: try BareJID("x@example.com"))
        #expect(memory.roomCount == 1)
        memory.forgetRooms(of: try BareJID("a1@example.com"))
        #expect(memory.roomCount == 0)
    }

    @Test func limitsAreDivided() {
        let whole = RoomMemory.Limits()
        let quarter = whole.divided(by: 4)
        #expect(quarter.roomCountMax == 2_500)
        #expect(quarter.occupantCountMax == 50_000)
        #expect(quarter.configurationByteCountMax == 16_777_216)
        #expect(whole.divided(by: 1) == whole)
        #expect(whole.divided(by: 1_000_000_000) == Self.limits(rooms: 1, occupants: 1, bytes: 1))
    }
}
