// SPDX-License-Identifier: Apache-2.0
// The XML of MUC Light.

import XMPPCore

extension Namespace {
    /// Rooms without presence (MUC Light).
    static let mucLight: Namespace = "urn:xmpp:muclight:0"
    /// Their configuration.
    static let mucLightConfiguration: Namespace = "urn:xmpp:muclight:0#configuration"
    /// Who is in them.
    static let mucLightAffiliations: Namespace = "urn:xmpp:muclight:0#affiliations"
    /// Both at once.
    static let mucLightInfo: Namespace = "urn:xmpp:muclight:0#info"
    /// What users have blocked.
    static let mucLightBlocking: Namespace = "urn:xmpp:muclight:0#blocking"
    /// The creation of rooms.
    static let mucLightCreate: Namespace = "urn:xmpp:muclight:0#create"
    /// Their destruction.
    static let mucLightDestroy: Namespace = "urn:xmpp:muclight:0#destroy"
}

extension AffiliationItem {
    /// Reads the `<user/>` elements inside an element.
    ///
    /// - Throws: `.badRequest` for anything else, for an address that is no user's, and for a user who is named twice.
    static func items(in element: Element) throws(StanzaError) -> [AffiliationItem] {
        var items: [AffiliationItem] = []
        var accounts: Set<BareJID> = []
        for child in element.children {
            guard child.isNamed("user", element.namespace), child.children.first == nil else { throw .badRequest }
            let affiliation: RoomAffiliation?
            switch child["affiliation"] {
            case "none": affiliation = nil
            case let name?:
                guard let named = RoomAffiliation(rawValue: name) else { throw .badRequest }
                affiliation = named
            case nil: throw .badRequest
            }
            let account = try BareJID.user(child.text)
            guard accounts.insert(account).inserted else { throw .badRequest }
            items.append(AffiliationItem(account: account, affiliation: affiliation))
        }
        return items
    }

    /// Adds a `<user/>` to the element that is open.
    func write(_ namespace: Namespace, to builder: inout ElementBuilder) {
        builder.open("user", namespace)
        builder.attribute("affiliation", affiliation?.rawValue ?? "none")
        builder.text(account.description)
        builder.close()
    }
}

extension BareJID {
    /// Reads a user's bare JID.
    ///
    /// - Throws: `.badRequest` for what is none.
    static func user(_ text: String) throws(StanzaError) -> BareJID {
        let address: BareJID
        do throws(JIDError) { address = try BareJID(text.trimmingXMLSpace()) } catch { throw .badRequest }
        guard address.localpart != nil else { throw .badRequest }
        return address
    }
}

extension RoomBlock {
    /// Reads the items of a `<query/>`.
    ///
    /// - Returns: what is blocked from now on, and what no more.
    /// - Throws: `.badRequest`, for an address that is named twice too.
    static func changes(
        in query: Element
    ) throws(StanzaError) -> (denied: Set<RoomBlock>, allowed: Set<RoomBlock>) {
        var denied: Set<RoomBlock> = [], allowed: Set<RoomBlock> = []
        for child in query.children {
            guard child.namespace == query.namespace, child.children.first == nil else { throw .badRequest }
            let address = try BareJID.user(child.text)
            let block: RoomBlock
            switch child.name {
            case "room": block = .room(address)
            case "user": block = .user(address)
            default: throw .badRequest
            }
            guard !denied.contains(block), !allowed.contains(block) else { throw .badRequest }
            switch child["action"] {
            case "deny": denied.insert(block)
            case "allow": allowed.insert(block)
            default: throw .badRequest
            }
        }
        guard !denied.isEmpty || !allowed.isEmpty else { throw .badRequest }
        return (denied, allowed)
    }

    /// The item of a list.
    var element: Element {
        let name =
            switch self {
            case .room: "room"
            case .user: "user"
            }
        return Element(name, .mucLightBlocking, ["action": "deny"]) { address.description }
    }
}

extension RoomSummary {
    /// The room among the items of a service (XEP-0030).
    var item: Element {
        Element("item", .discoItems, ["jid": "\(address)", "name": name, "version": version])
    }
}

/// The messages by which rooms tell of changes. All have an empty `<body/>`, without which some servers store nothing.
struct RoomNotice {
    let room: BareJID
    /// That of the IQ which it follows from.
    let id: String

    /// Tells of affiliations.
    ///
    /// - Parameters:
    ///   - version: nil for those who are no occupants any more.
    ///   - previous: the version before; nil for those who did not know it.
    ///   - isDestroyed: whether the room is no more.
    func affiliations(
        _ items: [AffiliationItem], version: String?, previous: String? = nil, destroyed isDestroyed: Bool = false
    ) -> Message {
        var builder = ElementBuilder()
        builder.open("x", .mucLightAffiliations)
        write(version, previous, .mucLightAffiliations, to: &builder)
        for item in items { item.write(.mucLightAffiliations, to: &builder) }
        builder.close()
        return message(builder.finish(), isDestroyed ? Element("x", .mucLightDestroy) : nil)
    }

    /// Tells of the configuration.
    func configuration(
        _ values: [RoomField], _ schema: RoomSchema, version: String, previous: String?
    ) -> Message {
        var builder = ElementBuilder()
        builder.open("x", .mucLightConfiguration)
        write(version, previous, .mucLightConfiguration, to: &builder)
        schema.write(values, .mucLightConfiguration, to: &builder)
        builder.close()
        return message(builder.finish(), nil)
    }

    private func write(
        _ version: String?, _ previous: String?, _ namespace: Namespace, to builder: inout ElementBuilder
    ) {
        if let previous { builder.element("prev-version", namespace, text: previous) }
        if let version { builder.element("version", namespace, text: version) }
    }

    private func message(_ change: Element, _ end: Element?) -> Message {
        Message(from: room.jid, type: .groupchat, id: id) {
            change
            if let end { end }
            Element("body", .client)
        }
    }
}
