// SPDX-License-Identifier: Apache-2.0
// Result Set Management (XEP-0059): what is asked for, and how a part is described.

import Testing
import XMPPCore

@testable import XMPPModules

struct ResultSetTests {
    private static func request(
        max: Int? = nil, after: String? = nil, before: String? = nil, index: Int? = nil
    ) -> ResultSet.Request {
        var request = ResultSet.Request()
        (request.itemCountMax, request.after, request.before, request.index) = (max, after, before, index)
        return request
    }

    static let requests: [(xml: String, expected: ResultSet.Request)] = [
        ("", request()),
        ("<max>10</max>", request(max: 10)),
        ("<max> 10\n</max>", request(max: 10)),
        ("<max>0</max>", request(max: 0)),
        ("<max>00010</max>", request(max: 10)),
        ("<max>9223372036854775807</max>", request(max: .max)),
        ("<max>99999999999999999999999999</max>", request(max: .max)),
        ("<max>10</max><after>peterpan@neverland.lit</after>", request(max: 10, after: "peterpan@neverland.lit")),
        ("<max>10</max><before/>", request(max: 10, before: "")),
        ("<before>peter@pixyland.org</before>", request(before: "peter@pixyland.org")),
        ("<max>10</max><index>371</index>", request(max: 10, index: 371)),
        ("<after>a</after><before>b</before>", request(after: "a", before: "b")),
        ("<limit>3</limit>", request(max: 3)), ("<after/>", request()),
    ]

    @Test(arguments: requests)
    func requestsAreRead(xml: String, expected: ResultSet.Request) throws {
        let set = try #require(Element(parsing: Array("<set xmlns='http://jabber.org/protocol/rsm'>\(xml)</set>".utf8)))
        #expect(try ResultSet.Request(set) == expected)
    }

    static let mistakes: [(xml: String, error: StanzaError)] = [
        ("<max>ten</max>", .badRequest), ("<max/>", .badRequest), ("<max>-1</max>", .badRequest),
        ("<max>1.5</max>", .badRequest), ("<max>+1</max>", .badRequest), ("<max>1 0</max>", .badRequest),
        ("<max>\u{661}</max>", .badRequest), ("<index>x</index>", .badRequest),
        ("<after>\(String(repeating: "a", count: 3_072))</after>", .itemNotFound),
        ("<before>\(String(repeating: "a", count: 3_072))</before>", .itemNotFound),
    ]

    @Test(arguments: mistakes)
    func mistakesAreErrors(xml: String, error: StanzaError) throws {
        let set = try #require(Element(parsing: Array("<set xmlns='http://jabber.org/protocol/rsm'>\(xml)</set>".utf8)))
        #expect(throws: error) { try ResultSet.Request(set) }
    }

    @Test func partsAreDescribed() {
        let head = "<set xmlns='http://jabber.org/protocol/rsm'>"
        let whole = ResultSet.Part(ends: ("a<b", "z"), index: 3, count: 800)
        #expect(
            whole.element.xml == head + "<first index='3'>a&lt;b</first><last>z</last><count>800</count></set>")
        #expect(ResultSet.Part(ends: ("a", "z")).element.xml == head + "<first>a</first><last>z</last></set>")
        #expect(ResultSet.Part(ends: nil, count: 0).element.xml == head + "<count>0</count></set>")
    }
}
