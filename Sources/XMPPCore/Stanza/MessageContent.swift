// SPDX-License-Identifier: Apache-2.0
// What several modules need to know of a message's content: chat states (XEP-0085 2.1), hints (XEP-0334 1.0.0), delays
// (XEP-0203 2.0).

/// What a sender asks of those who pass a message on (XEP-0334 section 4).
public enum MessageHint: String, Sendable, CaseIterable {
    /// Not to be stored where it stays.
    case noPermanentStore = "no-permanent-store"
    /// Not to be stored at all.
    case noStore = "no-store"
    /// Not to be copied to others than the one it is addressed to.
    case noCopy = "no-copy"
    /// To be stored, though it may not look like it.
    case store = "store"
}

extension Message {
    /// Whether the sender gave this hint.
    public func has(_ hint: MessageHint) -> Bool { stanza.has(hint.rawValue, .hints) }

    /// Whether the message says nothing that lasts: chat states only, or nothing at all. A copy of such a message
    /// (XEP-0297) says no more than it.
    public var isTransient: Bool { Self.isTransient(stanza.children) }

    private static func isTransient(_ children: ElementChildren) -> Bool {
        children.allSatisfy { child in
            if child.isNamed("thread", .client) { return true }
            if let forwarded = child.child("forwarded", .forward) {
                guard let message = forwarded.child("message", .client) else { return false }
                return isTransient(message.children)
            }
            let namespace = child.namespace
            return namespace == .chatStates || namespace == .hints
        }
    }
}

extension Stanza {
    /// The same stanza with a note of when and by whom it was held up (XEP-0203 section 2). One that has such a note by
    /// the same entity stays as it is: the first one tells when it was sent.
    public func delayed(since time: Timestamp, by entity: JID, reason: String) -> Stanza {
        let name = entity.description
        let isNoted = children.contains { $0.isNamed("delay", .delay) && $0["from"] == name }
        if isNoted { return self }
        return adding(Element("delay", .delay, ["from": name, "stamp": time.dateTime]) { reason })
    }
}

extension Namespace {
    /// Chat states: who is typing (XEP-0085).
    public static let chatStates: Namespace = "http://jabber.org/protocol/chatstates"
    /// Message processing hints (XEP-0334).
    public static let hints: Namespace = "urn:xmpp:hints"
    /// Delayed delivery (XEP-0203).
    public static let delay: Namespace = "urn:xmpp:delay"
    /// Stanza forwarding (XEP-0297).
    public static let forward: Namespace = "urn:xmpp:forward:0"
}
