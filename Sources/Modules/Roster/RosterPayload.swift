// SPDX-License-Identifier: Apache-2.0
// The XML of rosters (RFC 6121 sections 2.1 and 2.6).

public import XMPPCore

extension Namespace {
    /// Rosters (RFC 6121 section 2).
    public static let roster: Namespace = "jabber:iq:roster"
    /// The stream feature that offers roster versions (RFC 6121 section 2.6.1).
    public static let rosterVersions: Namespace = "urn:xmpp:features:rosterver"
}

/// What a client asks for in a roster set: one item (RFC 6121 section 2.1.5).
struct RosterSet: Hashable, Sendable {
    enum Action: Hashable, Sendable {
        /// Add the item, or change its name and groups.
        case write(name: String, groups: Set<String>)
        /// Remove it.
        case remove
    }
    var contact: JID
    var action: Action

    /// The most bytes of UTF-8 of an item's name.
    static let nameByteCountMax = 1_023
    /// The most bytes of UTF-8 of a group's name.
    static let groupByteCountMax = 1_023

    /// Reads the `<query/>` of a roster set.
    ///
    /// - Throws: the errors of RFC 6121 sections 2.3.3 and 2.5.3, the sender's fault each.
    init(_ query: Element) throws(StanzaError) {
        var items = query.children.makeIterator()
        // Section 2.1.5: exactly one item.
        guard let item = items.next(), items.next() == nil, item.isNamed("item", .roster), let jid = item["jid"] else {
            throw .badRequest
        }
        do throws(JIDError) { contact = try JID(jid) } catch { throw .jidMalformed }
        guard item["subscription"] != "remove" else {
            action = .remove
            return
        }
        // Section 2.1.2: a client's 'subscription' and 'ask' say nothing, and neither does 'approved'.
        let name = item["name"] ?? ""
        guard name.utf8.count <= Self.nameByteCountMax else { throw .notAcceptable }
        var groups: Set<String> = []
        for child in item.children where child.isNamed("group", .roster) {
            let group = child.text
            // Section 2.3.3: a group without a name, or with one that is too long.
            guard !group.isEmpty, group.utf8.count <= Self.groupByteCountMax else { throw .notAcceptable }
            // Section 2.3.3: the same group twice.
            guard groups.insert(group).inserted else { throw .badRequest }
        }
        guard groups.count <= RosterItem.groupCountMax else { throw .notAcceptable }
        action = .write(name: name, groups: groups)
    }
}

extension RosterItem {
    /// The item as clients see it, added to the `<query/>` that is open.
    func write(to builder: inout ElementBuilder) {
        let state = SubscriptionState(self)
        builder.open("item", .roster)
        builder.attribute("jid", contact.description)
        builder.attribute("name", name.isEmpty ? nil : name)
        builder.attribute("subscription", state.subscription.rawValue)
        builder.attribute("ask", state.isPendingOut ? "subscribe" : nil)
        for group in groups.sorted() { builder.element("group", .roster, text: group) }
        builder.close()
    }

    /// Whether a client sees both alike.
    static func looksAlike(_ left: RosterItem?, _ right: RosterItem?) -> Bool {
        switch (left, right) {
        case (nil, nil): return true
        case (let left?, let right?):
            let leftState = SubscriptionState(left), rightState = SubscriptionState(right)
            return left.name == right.name && left.groups == right.groups
                && leftState.subscription == rightState.subscription
                && leftState.isPendingOut == rightState.isPendingOut
        default: return false
        }
    }
}
