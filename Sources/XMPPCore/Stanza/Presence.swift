// SPDX-License-Identifier: Apache-2.0
// Presence stanzas (RFC 6121 sections 3 and 4).

/// A presence stanza.
public struct Presence: Sendable {
    /// The same presence, as any stanza.
    public var stanza: Stanza

    /// Reads a stanza as presence; nil when it is another kind.
    public init?(_ stanza: Stanza) {
        guard stanza.kind == .presence else { return nil }
        self.stanza = stanza
    }

    /// Makes a presence stanza.
    public init(
        to: JID? = nil,
        from: JID? = nil,
        type: PresenceType = .available,
        id: String? = nil,
        @ElementContentBuilder content: () -> [ElementContent] = { [] }
    ) {
        let element = Element("presence", .client, ["id": id], content: content)
        stanza = Stanza(kind: .presence, type: type.stanzaType, to: to, from: from, element: element)
    }

    /// Who it is for; nil when it says nobody, which means those who are subscribed to it.
    public var to: JID? {
        get { stanza.to }
        set { stanza.to = newValue }
    }
    /// Who sent it; nil when it does not say.
    public var from: JID? {
        get { stanza.from }
        set { stanza.from = newValue }
    }
    /// The type; `.available` when it says none.
    public var type: PresenceType { PresenceType(stanza.type) }
    /// The attribute 'id'; nil when there is none.
    public var id: String? { stanza.id }

    /// The priority, -128 to 127; 0 when there is none (RFC 6121 section 4.7.2.3).
    ///
    /// - Returns: nil when the text is no such number.
    public var priority: Int8? {
        guard let text = stanza.child("priority", .client)?.text else { return 0 }
        return Int8(text.trimmingXMLSpace())
    }
    /// The text of the first `<status/>`; nil when there is none.
    public var status: String? { stanza.child("status", .client)?.text }
}

/// The types of presence (RFC 6121 section 4.7.1).
public enum PresenceType: Sendable {
    case available, unavailable, subscribe, subscribed, unsubscribe, unsubscribed, probe, error

    init(_ type: StanzaType) {
        self =
            switch type {
            case .unavailable: .unavailable
            case .subscribe: .subscribe
            case .subscribed: .subscribed
            case .unsubscribe: .unsubscribe
            case .unsubscribed: .unsubscribed
            case .probe: .probe
            case .error: .error
            default: .available
            }
    }

    var stanzaType: StanzaType {
        switch self {
        case .available: .none
        case .unavailable: .unavailable
        case .subscribe: .subscribe
        case .subscribed: .subscribed
        case .unsubscribe: .unsubscribe
        case .unsubscribed: .unsubscribed
        case .probe: .probe
        case .error: .error
        }
    }
}

extension String {
    /// Without the white space of XML at both ends.
    package func trimmingXMLSpace() -> String {
        let bytes = utf8.drop(while: \.isXMLSpace)
        guard let last = bytes.lastIndex(where: { !$0.isXMLSpace }) else { return "" }
        return String(self[bytes.startIndex...last])
    }
}
