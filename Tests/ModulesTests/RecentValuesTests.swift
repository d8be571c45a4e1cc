// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import XMPPModules

@Suite struct RecentValuesTests {
    @Test func whatWasAskedForLastStays() {
        var values = RecentValues<Int, String?>(weightMax: 100)
        values.keep(nil, of: -1)
        for number in 0..<1_000 {
            values.keep("\(number)", of: number)
            #expect(values.value(of: -1) == .some(nil))
            #expect(values.count <= 200)
        }
        #expect(values.value(of: 0) == nil)
        #expect(values.value(of: 999) == "999")
        values.forget(999)
        #expect(values.value(of: 999) == nil)
    }

    @Test func heavyValuesTakeTheRoomOfMany() {
        var values = RecentValues<Int, Int>(weightMax: 100)
        for number in 0..<10 { values.keep(number, of: number, weight: 60) }
        #expect(values.count <= 3)
        #expect(values.value(of: 9) == 9)
    }
}
