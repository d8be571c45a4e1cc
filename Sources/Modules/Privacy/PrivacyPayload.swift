// SPDX-License-Identifier: Apache-2.0
// Privacy lists as XML (XEP-0016 section 2.1).

internal import XMPPCore

/// What a `<query/>` of type set asks for.
enum PrivacySet {
    /// The session's active list; nil for none.
    case activate(String?)
    /// The account's default list; nil for none.
    case setDefault(String?)
    /// A list that is to be stored.
    case write(PrivacyList)
    /// A list that is to be removed.
    case remove(String)

    /// - Throws: the error that answers a request that makes no sense; ``StanzaError/jidMalformed`` for an item whose
    ///   address is none; ``StanzaError/notAcceptable`` for a list that is too long.
    init(_ query: Element) throws(StanzaError) {
        let children = Array(query.children.prefix(2))
        guard children.count == 1, query.hasOnly([]) else { throw .badRequest }
        let child = children[0]
        guard child.hasOnly(["name"]) else { throw .badRequest }
        if child.isNamed("list", .privacy) {
            let name = try Self.name(child)
            let list = PrivacyList(name: name, items: try Self.items(child))
            self = list.items.isEmpty ? .remove(name) : .write(list)
            return
        }
        let isEmpty = child.children.first == nil
        guard isEmpty, child.isNamed("active", .privacy) || child.isNamed("default", .privacy) else {
            throw .badRequest
        }
        let name = child["name"] == nil ? nil : try Self.name(child)
        self = child.isNamed("active", .privacy) ? .activate(name) : .setDefault(name)
    }

    /// The name of a list, which every list has.
    static func name(_ element: Element) throws(StanzaError) -> String {
        guard let name = element["name"], !name.isEmpty,
            name.unicodeScalars.count <= PrivacyLists.nameCharacterCountMax
        else { throw .badRequest }
        return name
    }

    private static func items(_ list: Element) throws(StanzaError) -> [PrivacyItem] {
        var items: [PrivacyItem] = []
        var orders: Set<Int32> = []
        for child in list.children {
            guard child.isNamed("item", .privacy) else { throw .badRequest }
            guard items.count < PrivacyLists.itemCountMax else { throw .notAcceptable }
            let item = try PrivacyItem(child)
            guard orders.insert(item.order).inserted else { throw .badRequest }
            items.append(item)
        }
        return items.sorted { $0.order < $1.order }
    }
}

extension Element {
    /// Whether the element has no attributes but these.
    fileprivate func hasOnly(_ names: Set<String>) -> Bool {
        attributes.allSatisfy { names.contains($0.name) }
    }
}

extension PrivacyItem {
    private static let kindNames: [(name: String, kind: Kinds)] = [
        ("message", .message), ("iq", .iq), ("presence-in", .presenceIn), ("presence-out", .presenceOut),
    ]

    /// Reads an `<item/>`.
    init(_ element: Element) throws(StanzaError) {
        guard element.hasOnly(["type", "value", "action", "order"]) else { throw .badRequest }
        let action: Action
        switch element["action"] {
        case "allow": action = .allow
        case "deny": action = .deny
        default: throw .badRequest
        }
        var kinds: Kinds = []
        for child in element.children {
            guard let found = Self.kindNames.first(where: { child.isNamed($0.name, .privacy) }),
                !kinds.contains(found.kind)
            else { throw .badRequest }
            kinds.insert(found.kind)
        }
        self.init(
            order: try Self.order(element["order"]), subject: try Self.subject(element["type"], element["value"]),
            action: action, kinds: kinds)
    }

    /// XEP-0016 section 2.1: a number from 0. DEVIATION: the databases have 31 bits for it, not 32.
    private static func order(_ text: String?) throws(StanzaError) -> Int32 {
        guard let text, !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let order = Int32(text)
        else { throw .badRequest }
        return order
    }

    private static func subject(_ type: String?, _ value: String?) throws(StanzaError) -> Subject {
        guard let type else { return .everybody }
        guard let value, !value.isEmpty else { throw .badRequest }
        switch type {
        case "jid":
            do throws(JIDError) { return .address(try JID(value)) } catch { throw .jidMalformed }
        case "group":
            return .group(value)
        case "subscription":
            guard let subscription = RosterSubscription(rawValue: value) else { throw .badRequest }
            return .subscription(subscription)
        default: throw .badRequest
        }
    }

    /// Writes an `<item/>`.
    func write(to builder: inout ElementBuilder) {
        builder.open("item", .privacy)
        switch subject {
        case .everybody: break
        case .address(let address):
            builder.attribute("type", "jid")
            builder.attribute("value", address.description)
        case .group(let group):
            builder.attribute("type", "group")
            builder.attribute("value", group)
        case .subscription(let subscription):
            builder.attribute("type", "subscription")
            builder.attribute("value", subscription.rawValue)
        }
        builder.attribute("action", action == .allow ? "allow" : "deny")
        builder.attribute("order", "\(order)")
        for (name, kind) in Self.kindNames where kinds.contains(kind) {
            builder.open(name, .privacy)
            builder.close()
        }
        builder.close()
    }
}

extension PrivacyList {
    /// A `<query/>` with the whole list.
    var query: Element {
        var builder = ElementBuilder()
        builder.open("query", .privacy)
        builder.open("list", .privacy)
        builder.attribute("name", name)
        for item in items { item.write(to: &builder) }
        builder.close()
        builder.close()
        return builder.finish()
    }

    /// A `<query/>` that tells of a change of the list (XEP-0016 section 2.2, rule 10).
    static func push(_ name: String) -> Element {
        Element("query", .privacy) { Element("list", .privacy, ["name": name]) }
    }
}

extension Namespace {
    /// Privacy lists (XEP-0016).
    static let privacy: Namespace = "jabber:iq:privacy"
}
