// SPDX-License-Identifier: Apache-2.0
// What a client asks of an archive: XEP-0313 1.1 section 4, with result sets (XEP-0059) and full-text search (XEP-0431 and
// the field that MongooseIM has).

import XMPPCore

/// A query for messages of an archive.
struct ArchiveRequest: Sendable {
    /// How much one may ask for.
    struct Limits: Sendable {
        /// The messages of a page when nobody says how many.
        var defaultCount = 50
        /// The messages of a page at most.
        var countMax = 50
        /// Whether texts can be searched.
        var isSearchable = true
    }

    /// Most messages that can be asked for by their names.
    static let idCountMax = 500

    /// What the results are marked with; nil when the client did not say.
    private(set) var queryID: String?
    /// What the messages must be like, but for their names.
    var filter = ArchiveQuery()
    /// The messages that are asked for by their names; nil for all.
    private(set) var ids: [ArchiveID]?
    /// Whether no message can be such.
    private(set) var isEmpty = false
    /// Names that the archive must have: XEP-0313 sections 4.1.3 and 4.3.2.
    private(set) var known: [ArchiveID] = []
    /// From which end the page is taken.
    private(set) var order = ArchiveOrder.ascending
    /// Most messages of the page; 0 to have them counted.
    private(set) var limit: Int
    /// Whether the page is sent with its last message first.
    private(set) var isFlipped: Bool

    /// Reads `<query/>`.
    ///
    /// - Throws: item-not-found for a name that no message can have, feature-not-implemented for what is not known here,
    ///   bad-request for what is wrong: all of them the client's fault.
    init(_ payload: Element, limits: Limits) throws(StanzaError) {
        guard payload["node"] == nil else { throw .itemNotFound }
        queryID = payload["queryid"]
        limit = limits.defaultCount
        isFlipped = payload.child("flip-page") != nil
        if let form = payload.child("x", .dataForms) { try read(form: form, limits) }
        if let set = payload.child("set", .resultSets) { try read(set: set) }
        limit = min(limit, limits.countMax)
    }

    // MARK: the form

    private mutating func read(form: Element, _ limits: Limits) throws(StanzaError) {
        guard form["type"] == "submit" else { throw .badRequest }
        var seen: Set<String> = []
        for field in form.children where field.isNamed("field", .dataForms) {
            let name = field["var"] ?? ""
            guard seen.insert(name).inserted else { throw Self.refusal(of: name, "is given twice") }
            try read(name, field.children.filter { $0.isNamed("value", .dataForms) }.map(\.text), limits)
        }
        guard seen.contains("FORM_TYPE") else { throw .badRequest }
    }

    private mutating func read(_ name: String, _ values: [String], _ limits: Limits) throws(StanzaError) {
        guard name != "ids" else { return ids = try Self.ids(values) }
        guard values.count == 1, let value = values.first else { throw Self.refusal(of: name, "has one value") }
        switch name {
        case "FORM_TYPE":
            guard value == Namespace.archive.uri else { throw .badRequest }
        case "with":
            guard let peer = try? JID(value) else {  // the error says it
                throw StanzaError(.jidMalformed, text: "with: '\(value.prefix(100))' is no address")
            }
            filter.peer = peer
        case "start": narrow(from: .first(at: try Self.time(value, name)))
        case "end": narrow(to: .last(at: try Self.time(value, name)))
        case "after-id": narrow(after: try know(value))
        case "before-id": narrow(before: try know(value))
        case "from-id": narrow(from: try know(value))
        case "to-id": narrow(to: try know(value))
        case "include-groupchat":
            guard let isIncluded = Self.flag(value) else { throw Self.refusal(of: name, "is true or false") }
            if !isIncluded { filter.isGroupchat = false }
        case "full-text-search", "{urn:xmpp:fulltext:0}fulltext":
            guard limits.isSearchable else { throw StanzaError(.featureNotImplemented, text: "\(name) is not there") }
            filter.words = SearchText.query(value)
            // XEP-0431 section 3: it counts if it is not empty. In what has no word there is nothing to be found.
            if filter.words.isEmpty, !value.trimmingXMLSpace().isEmpty { isEmpty = true }
        case "simple":
            // It asks for no count; none is made but for who asks for one.
            guard Self.flag(value) != nil else { throw Self.refusal(of: name, "is true or false") }
        default:
            // XEP-0313 section 4.1.5
            throw StanzaError(.featureNotImplemented, text: "there is no field '\(name.prefix(100))'")
        }
    }

    private static func refusal(of field: String, _ reason: String) -> StanzaError {
        StanzaError(.badRequest, text: "\(field.prefix(100)): \(reason)")
    }

    private static func ids(_ values: [String]) throws(StanzaError) -> [ArchiveID] {
        guard values.count <= idCountMax else {
            throw StanzaError(.badRequest, text: "ids: at most \(idCountMax) can be asked for")
        }
        var ids: Set<ArchiveID> = []
        for value in values { ids.insert(try id(value)) }
        return ids.sorted()
    }

    /// XEP-0313 section 4.1.3: a name that the archive does not have, whatever it looks like.
    private static func id(_ text: String) throws(StanzaError) -> ArchiveID {
        guard let id = ArchiveID(text) else { throw .itemNotFound }
        return id
    }

    private static func time(_ text: String, _ name: String) throws(StanzaError) -> Timestamp {
        guard let time = Timestamp(dateTime: text) else {
            throw refusal(of: name, "'\(text.prefix(100))' is no date and time of XEP-0082")
        }
        return time
    }

    private static func flag(_ text: String) -> Bool? {
        switch text {
        case "true", "1": true
        case "false", "0": false
        default: nil
        }
    }

    // MARK: the result set

    private mutating func read(set: Element) throws(StanzaError) {
        let wanted = try ResultSet.Request(set)
        // XEP-0059 section 2.4: MongooseIM has it, at the cost of counting.
        guard wanted.index == nil else { throw .featureNotImplemented }
        limit = wanted.itemCountMax ?? limit
        if let after = wanted.after { narrow(after: try know(after)) }
        if let before = wanted.before {
            order = .descending
            if !before.isEmpty { narrow(before: try know(before)) }
        }
    }

    // MARK: bounds

    private mutating func know(_ text: String) throws(StanzaError) -> ArchiveID {
        let id = try Self.id(text)
        known.append(id)
        return id
    }

    private mutating func narrow(from first: ArchiveID) { narrow(first.number, filter.ids.upperBound.number) }
    private mutating func narrow(to last: ArchiveID) { narrow(filter.ids.lowerBound.number, last.number) }
    private mutating func narrow(after id: ArchiveID) {
        guard id.number < .max else { return isEmpty = true }
        narrow(id.number + 1, filter.ids.upperBound.number)
    }
    private mutating func narrow(before id: ArchiveID) { narrow(filter.ids.lowerBound.number, id.number - 1) }

    private mutating func narrow(_ first: Int64, _ last: Int64) {
        guard let lower = ArchiveID(max(first, filter.ids.lowerBound.number)),
            let upper = ArchiveID(min(last, filter.ids.upperBound.number)), lower <= upper
        else { return isEmpty = true }
        filter.ids = lower...upper
    }

    /// Whether a message that was asked for by its name is all else that is asked for.
    func holds(_ message: ArchivedMessage) -> Bool {
        guard !isEmpty, filter.ids.contains(message.id) else { return false }
        if let peer = filter.peer, peer != (peer.isBare ? message.peer.bare.jid : message.peer) { return false }
        if let isGroupchat = filter.isGroupchat, message.isGroupchat != isGroupchat { return false }
        guard !filter.words.isEmpty else { return true }
        let words = Set(message.searchText?.split(separator: " ").map(String.init) ?? [])
        return filter.words.allSatisfy(words.contains)
    }
}

extension Namespace {
    /// Full-text search in archives (XEP-0431).
    static let fullText: Namespace = "urn:xmpp:fulltext:0"
    /// Validation of forms (XEP-0122).
    static let formValidation: Namespace = "http://jabber.org/protocol/xdata-validate"
}
