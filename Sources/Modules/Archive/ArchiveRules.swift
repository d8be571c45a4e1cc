// SPDX-License-Identifier: Apache-2.0
// Which messages an archive keeps (XEP-0313 section 5.1), and what it is that they retract (XEP-0424 0.4.2, and its older
// form 0.2 over XEP-0422).

import XMPPCore

/// What a message says to archives.
struct ArchiveRules: Sendable {
    /// Whether chat markers (XEP-0333) are kept for their own sake.
    var keepsChatMarkers = false

    /// Whether a message of an account is kept. One that says something and does not forbid it is: a text, a retraction,
    /// or what its sender wants stored (XEP-0334).
    ///
    /// - Parameter keepsGroupchat: whether those that come through rooms are.
    func keeps(_ message: Message, keepsGroupchat: Bool) -> Bool {
        switch message.type {
        case .normal, .chat: break
        case .groupchat where keepsGroupchat: break
        case .groupchat, .headline, .error: return false
        }
        return keepsContent(of: message.stanza)
    }

    /// Whether a message of a room is kept.
    func keepsInRoom(_ message: Message) -> Bool {
        message.type == .groupchat
            && keepsContent(of: message.stanza) { child in
                child.isNamed("subject", .client) || Self.roomNotices.contains(child.namespace)
            }
    }

    /// - Parameter isContentBesides: what else is worth keeping.
    private func keepsContent(of stanza: Stanza, _ isContentBesides: (Element) -> Bool = { _ in false }) -> Bool {
        var isContent = false
        for child in stanza.children {
            if child.isNamed("body", .client) || child.isNamed("store", .hints) || Retraction.isOne(child) {
                isContent = true
            } else if child.isNamed("no-store", .hints) || child.isNamed("no-permanent-store", .hints) {
                return false
            } else if child.isNamed("result", .archive) {
                // It is in some archive already. MongooseIM takes `<delay/>` for a sign of that too; but clients say so
                // of what they could not send at once, and nobody is to keep others from archiving what he says.
                return false
            } else if (keepsChatMarkers && Self.isChatMarker(child)) || isContentBesides(child) {
                isContent = true
            }
        }
        return isContent
    }

    /// What of the namespace is a marker, and does not only ask for one.
    private static func isChatMarker(_ child: Element) -> Bool {
        child.isNamed("displayed", .chatMarkers) || child.isNamed("received", .chatMarkers)
            || child.isNamed("acknowledged", .chatMarkers)
    }

    /// What rooms of MUC Light tell of themselves.
    private static let roomNotices: Set<Namespace> = [.mucLightAffiliations, .mucLightConfiguration]
}

/// A request that a message be forgotten.
struct Retraction: Hashable, Sendable {
    /// What names the message that is retracted.
    enum Target: Hashable, Sendable {
        /// Its sender's name for it.
        case origin(String)
        /// The archive's name for it.
        case archived(String)
    }

    /// The form of the request, by its namespace; the tombstone has the same.
    enum Form: Hashable, Sendable {
        /// XEP-0424 since 0.4.
        case current
        /// XEP-0424 0.2 and 0.3.
        case older
    }

    var target: Target
    var form: Form
    /// The `id` of the message that asks; nil when it has none.
    var requestID: String?

    /// The longest name of a message that is looked for, in bytes.
    static let idByteCountMax = 1_024

    /// Reads a message; nil when it retracts nothing.
    init?(_ message: Message) {
        for child in message.stanza.children where Self.isOne(child) {
            let isCurrent = child.namespace == .retraction
            form = isCurrent ? .current : .older
            requestID = message.id
            guard let id = child["id"], (1...Self.idByteCountMax).contains(id.utf8.count) else { return nil }
            // XEP-0424 section 5.1: in rooms the name is the room's.
            target = isCurrent && message.type == .groupchat ? .archived(id) : .origin(id)
            return
        }
        return nil
    }

    /// Whether a child of a message asks for a retraction.
    static func isOne(_ child: Element) -> Bool {
        child.isNamed("retract", .retraction)
            || (child.isNamed("apply-to", .fastening) && child.child("retract", .olderRetraction) != nil)
    }

    /// What is left of a stanza that was retracted: XEP-0424 section 4.
    ///
    /// - Returns: nil when what is stored is no message.
    func tombstone(of stanza: [UInt8], at time: Timestamp) -> [UInt8]? {
        guard let element = Element(parsing: stanza), element.name == "message" else { return nil }
        var builder = ElementBuilder()
        builder.open("message", .client)
        for name in ["to", "from", "type", "id"] { builder.attribute(name, element[name]) }
        switch form {
        case .current:
            builder.open("retracted", .retraction)
            builder.attribute("id", requestID)
            builder.attribute("stamp", time.dateTime)
            builder.close()
        case .older:
            builder.open("retracted", .olderRetraction)
            builder.attribute("stamp", time.dateTime)
            if case .origin(let id) = target {
                builder.open("origin-id", .stanzaIDs)
                builder.attribute("id", id)
                builder.close()
            }
            builder.close()
        }
        builder.close()
        return Array(builder.finish().xml.utf8)
    }
}

extension Namespace {
    /// Message retraction (XEP-0424).
    static let retraction: Namespace = "urn:xmpp:message-retract:1"
    /// The feature of archives that keep tombstones (XEP-0424 section 4).
    static let retractionTombstones: Namespace = "urn:xmpp:message-retract:1#tombstone"
    /// Message retraction before version 0.4 of XEP-0424.
    static let olderRetraction: Namespace = "urn:xmpp:message-retract:0"
    /// Message fastening (XEP-0422).
    static let fastening: Namespace = "urn:xmpp:fasten:0"
}
