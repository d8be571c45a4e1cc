// SPDX-License-Identifier: Apache-2.0
// Result Set Management (XEP-0059 1.0): parts of long lists, for the modules that have some.

import XMPPCore

/// Parts of lists.
enum ResultSet {
    /// Which part of a list is wanted: the `<set/>` of a request.
    struct Request: Hashable, Sendable {
        /// Most items that are wanted; nil when the request does not say (section 2.1).
        var itemCountMax: Int?
        /// The identifier of the item that the part comes after; nil for none (section 2.2).
        var after: String?
        /// The identifier of the item that the part comes before; empty for the end of the list, nil when the part is
        /// not counted from its end (sections 2.3 and 2.5).
        var before: String?
        /// The place of the part's first item in the list; nil when it is not asked for by its place (section 2.4).
        var index: Int?

        /// The longest identifier that is read, in bytes; a longer one names nothing.
        static let identifierByteCountMax = 3_071

        /// The whole list, from its beginning.
        init() {}

        /// Reads the `<set/>` inside a request.
        ///
        /// - Throws: `.badRequest` for a number that is none, `.itemNotFound` for an identifier that nobody gave.
        init(_ set: Element) throws(StanzaError) {
            // MongooseIM reads the second as well.
            itemCountMax = try Self.number(set.childText("max") ?? set.childText("limit"))
            index = try Self.number(set.childText("index"))
            after = try Self.identifier(set.childText("after"))
            before = try Self.identifier(set.childText("before"))
            // Some clients ask so for the first part.
            if after == "" { after = nil }
        }

        private static func number(_ text: String?) throws(StanzaError) -> Int? {
            guard let text = text?.trimmingXMLSpace() else { return nil }
            guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { throw .badRequest }
            // More than anything can have is as much as there is.
            return Int(text) ?? .max
        }

        private static func identifier(_ text: String?) throws(StanzaError) -> String? {
            guard let text else { return nil }
            guard text.utf8.count <= identifierByteCountMax else { throw .itemNotFound }
            return text
        }
    }

    /// Which part of a list a result has: its `<set/>`.
    struct Part: Sendable {
        /// The identifiers of the first and the last item; nil for a part without items.
        var ends: (first: String, last: String)?
        /// The place of the first item in the list; nil when it is not known.
        var index: Int?
        /// How many items the list has; nil when it is not known.
        var count: Int?

        /// Makes the description of a part.
        init(ends: (first: String, last: String)?, index: Int? = nil, count: Int? = nil) {
            self.ends = ends
            self.index = index
            self.count = count
        }

        /// The `<set/>`.
        var element: Element {
            Element("set", .resultSets) {
                if let ends {
                    Element("first", .resultSets, ["index": index.map { "\($0)" }]) { ends.first }
                    Element("last", .resultSets) { ends.last }
                }
                if let count { Element("count", .resultSets) { "\(count)" } }
            }
        }

    }
}

extension Namespace {
    /// Result Set Management (XEP-0059).
    static let resultSets: Namespace = "http://jabber.org/protocol/rsm"
}
