// SPDX-License-Identifier: Apache-2.0
// Queries as clients write them, right and wrong (XEP-0313 section 4).

import Testing

@testable import XMPPCore
@testable import XMPPModules

@Suite struct ArchiveRequestTests {
    static func request(
        form: [(String, [String])]? = nil, set: String = "", flags: String = "", limits: ArchiveRequest.Limits = .init()
    ) throws -> ArchiveRequest {
        let fields = (form.map { [("FORM_TYPE", ["urn:xmpp:mam:2"])] + $0 } ?? []).map { name, values in
            "<field var='\(name)'>" + values.map { "<value>\($0)</value>" }.joined() + "</field>"
        }
        let x = form == nil ? "" : "<x xmlns='jabber:x:data' type='submit'>\(fields.joined())</x>"
        let rsm = set.isEmpty ? "" : "<set xmlns='http://jabber.org/protocol/rsm'>\(set)</set>"
        let xml = "<query xmlns='urn:xmpp:mam:2' queryid='f27'>\(x)\(rsm)\(flags)</query>"
        return try ArchiveRequest(try #require(Element(parsing: Array(xml.utf8))), limits: limits)
    }

    private static func error(_ body: () throws -> ArchiveRequest) -> StanzaError? {
        do { _ = try body() } catch { return error as? StanzaError }
        return nil
    }

    @Test func withoutAFormAllMessagesAreAskedFor() throws {
        let request = try Self.request()
        #expect(request.queryID == "f27" && request.limit == 50 && request.order == .ascending)
        #expect(request.filter == ArchiveQuery() && request.ids == nil && !request.isEmpty && !request.isFlipped)
    }

    @Test func fieldsAreRead() throws {
        let request = try Self.request(
            form: [
                ("with", ["Juliet@capulet.lit"]), ("start", ["2010-06-07T00:00:00Z"]),
                ("end", ["2010-07-07T13:23:54Z"]),
                ("include-groupchat", ["false"]), ("full-text-search", ["Hail, THEE!"]), ("simple", ["true"]),
            ], set: "<max>10</max><before/>", flags: "<flip-page/>")
        #expect(request.filter.peer == (try JID("juliet@capulet.lit")))
        #expect(request.filter.ids.lowerBound.time == Timestamp(dateTime: "2010-06-07T00:00:00Z"))
        #expect(request.filter.ids.upperBound == .last(at: try #require(Timestamp(dateTime: "2010-07-07T13:23:54Z"))))
        #expect(request.filter.words == ["hail", "thee"] && request.filter.isGroupchat == false)
        #expect(request.order == .descending && request.limit == 10 && request.isFlipped)
    }

    @Test(arguments: [
        ("after-id", 101...Int64.max), ("before-id", 0...99), ("from-id", 100...Int64.max), ("to-id", 0...100),
    ]) func namesAreBounds(_ field: String, _ bounds: ClosedRange<Int64>) throws {
        let id = try #require(ArchiveID(100))
        let request = try Self.request(form: [(field, [id.text])])
        #expect(request.filter.ids.lowerBound.number == bounds.lowerBound)
        #expect(request.filter.ids.upperBound.number == bounds.upperBound)
        #expect(request.known == [id])
    }

    @Test func resultSetsAreBounds() throws {
        let id = try #require(ArchiveID(100))
        let after = try Self.request(set: "<after>\(id.text)</after><max>0</max>")
        #expect(after.filter.ids.lowerBound.number == 101 && after.known == [id] && after.limit == 0)
        let before = try Self.request(set: "<before>\(id.text)</before><max>7</max>")
        #expect(before.filter.ids.upperBound.number == 99 && before.order == .descending && before.limit == 7)
        #expect(try Self.request(set: "<max>99999999999999999999</max>").limit == 50)
        #expect(try Self.request(set: "<after/>").known.isEmpty)
    }

    @Test func whatCannotBeIsFoundNowhere() throws {
        let last = try #require(ArchiveID(.max)).text
        #expect(try Self.request(form: [("after-id", [last])]).isEmpty)
        #expect(try Self.request(form: [("before-id", ["0"])]).isEmpty)
        #expect(
            try Self.request(form: [("start", ["2011-01-01T00:00:00Z"]), ("end", ["2010-01-01T00:00:00Z"])]).isEmpty)
        #expect(try Self.request(form: [("full-text-search", ["!?"])]).isEmpty)
    }

    @Test(arguments: [
        ("with", "@"), ("with", ""), ("start", "yesterday"), ("end", ""), ("include-groupchat", "maybe"),
        ("simple", "x"),
        ("FORM_TYPE", "urn:xmpp:mam:2"),
    ]) func wrongValuesAreBadRequests(_ field: String, _ value: String) throws {
        let error = Self.error { try Self.request(form: [(field, [value])]) }
        #expect(error?.condition == (field == "with" ? .jidMalformed : .badRequest))
    }

    @Test(arguments: ["after-id", "before-id", "ids", "from-id", "to-id"]) func namesThatCannotBe(_ field: String)
        throws
    {
        for name in ["", "28482-98726-73623", "8000000000000", "-1", String(repeating: "1", count: 10_000)] {
            #expect(Self.error { try Self.request(form: [(field, [name])]) }?.condition == .itemNotFound)
        }
        for set in ["<after>x</after>", "<before>8000000000000</before>"] {
            #expect(Self.error { try Self.request(set: set) }?.condition == .itemNotFound)
        }
    }

    @Test func whatIsNotKnownIsNotImplemented() throws {
        #expect(Self.error { try Self.request(form: [("moon", ["full"])]) }?.condition == .featureNotImplemented)
        #expect(Self.error { try Self.request(set: "<index>3</index>") }?.condition == .featureNotImplemented)
        var limits = ArchiveRequest.Limits()
        limits.isSearchable = false
        let error = Self.error { try Self.request(form: [("full-text-search", ["a"])], limits: limits) }
        #expect(error?.condition == .featureNotImplemented)
    }

    @Test(arguments: [
        "<set xmlns='http://jabber.org/protocol/rsm'><max>-1</max></set>",
        "<set xmlns='http://jabber.org/protocol/rsm'><max/></set>", "<x xmlns='jabber:x:data' type='submit'/>",
        "<x xmlns='jabber:x:data' type='form'/>",
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:other</value></field></x>",
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'/></x>",
    ]) func brokenQueriesAreBadRequests(_ child: String) throws {
        let xml = "<query xmlns='urn:xmpp:mam:2'>\(child)</query>"
        let element = try #require(Element(parsing: Array(xml.utf8)))
        #expect(Self.error { try ArchiveRequest(element, limits: .init()) }?.condition == .badRequest)
    }

    @Test func fewCanBeAskedForByName() throws {
        let names = (1...ArchiveRequest.idCountMax + 1).compactMap { ArchiveID(Int64($0))?.text }
        #expect(Self.error { try Self.request(form: [("ids", names)]) }?.condition == .badRequest)
        #expect(try Self.request(form: [("ids", ["2", "1", "2"])]).ids?.map(\.text) == ["1", "2"])
    }
}
