// SPDX-License-Identifier: Apache-2.0
// Copies of rooms' messages that wait: their order, and how many are delivered at a time.

import Testing

@testable import XMPPCore
@testable import XMPPModules

@Suite struct RoomDeliveriesTests {
    private let coven: BareJID
    private let heath: BareJID
    private let accounts: [BareJID]

    init() throws {
        coven = try BareJID("coven@muclight.example.com")
        heath = try BareJID("heath@muclight.example.com")
        accounts = try (0..<40).map { try BareJID("a\($0)@example.com") }
    }

    private func copy(_ id: String, _ room: BareJID, _ account: Int) -> RoomDeliveries.Copy {
        RoomDeliveries.Copy(room: room, stanza: Message(to: accounts[account].jid, from: room.jid, id: id).stanza)
    }

    private func isAdded(_ deliveries: inout RoomDeliveries) -> Bool { deliveries.addWorker() }
    private func next(_ deliveries: inout RoomDeliveries) -> String? { deliveries.next()?.stanza.id }

    @Test func copiesOfOneAccountStayInOrder() {
        var deliveries = RoomDeliveries()
        #expect(!deliveries.hasCopies(of: coven))
        for (id, room, account) in [
            ("1", coven, 0), ("2", coven, 0), ("3", coven, 1), ("4", heath, 0), ("5", coven, 0),
        ] {
            deliveries.append(copy(id, room, account), for: accounts[account])
        }
        #expect(deliveries.holds(coven, for: accounts[0]) && deliveries.holds(heath, for: accounts[0]))
        #expect(!deliveries.holds(coven, for: accounts[2]) && !deliveries.holds(heath, for: accounts[1]))
        for _ in 0..<4 { #expect(isAdded(&deliveries)) }
        let first = (0..<3).compactMap { _ in deliveries.next() }
        #expect(first.map(\.stanza.id) == ["1", "3", "4"])
        // The next of the same account waits until its first is delivered.
        #expect(next(&deliveries) == nil)
        #expect(deliveries.workerCount == 3)
        deliveries.delivered(first[1], for: accounts[1])
        #expect(next(&deliveries) == nil)
        deliveries.delivered(first[0], for: accounts[0])
        #expect(next(&deliveries) == "2")
        deliveries.append(copy("6", coven, 0), for: accounts[0])
        #expect(next(&deliveries) == nil)
        deliveries.delivered(copy("2", coven, 0), for: accounts[0])
        #expect(next(&deliveries) == "5")
        deliveries.delivered(copy("5", coven, 0), for: accounts[0])
        #expect(next(&deliveries) == "6")
        deliveries.delivered(copy("6", coven, 0), for: accounts[0])
        #expect(!deliveries.hasCopies(of: coven) && deliveries.hasCopies(of: heath))
        deliveries.delivered(first[2], for: accounts[0])
        #expect(deliveries.count == 0 && !deliveries.hasCopies(of: heath))
    }

    @Test func whoIsFasterThanStoresAreWaits() {
        var deliveries = RoomDeliveries(.init(copyCountLong: 2, copyCountMax: 4))
        var states: [String] = []
        for index in 0..<5 {
            states.append("\(deliveries.isLong) \(deliveries.isFull)")
            deliveries.append(copy("\(index)", coven, 0), for: accounts[0])
        }
        #expect(states == ["false false", "false false", "false false", "true false", "true true"])
    }

    @Test func soManyAreDeliveredAtATime() {
        let limits = RoomDeliveries.Limits()
        var deliveries = RoomDeliveries(limits)
        #expect(!isAdded(&deliveries))
        for (index, account) in accounts.enumerated() {
            deliveries.append(copy("\(index)", coven, index), for: account)
        }
        for _ in 0..<limits.workerCountMax { #expect(isAdded(&deliveries)) }
        #expect(!isAdded(&deliveries))
    }
}
