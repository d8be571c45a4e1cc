// SPDX-License-Identifier: Apache-2.0
// Message stanzas (RFC 6121 section 5).

/// A message stanza.
public struct Message: Sendable {
    /// The same message, as any stanza.
    public var stanza: Stanza

    /// Reads a stanza as a message; nil when it is another kind.
    public init?(_ stanza: Stanza) {
        guard stanza.kind == .message else { return nil }
        self.stanza = stanza
    }

    /// Makes a message.
    ///
    /// - Parameters:
    ///   - type: `.normal`, `.chat`, `.groupchat`, `.headline` or `.error`; nil for none.
    ///   - body: the text; nil for a message without `<body/>`.
    ///   - content: further children.
    public init(
        to: JID? = nil,
        from: JID? = nil,
        type: MessageType = .chat,
        id: String? = nil,
        body: String? = nil,
        @ElementContentBuilder content: () -> [ElementContent] = { [] }
    ) {
        let element = Element("message", .client, ["id": id]) {
            if let body { Element("body", .client) { body } }
            for part in content() { part }
        }
        stanza = Stanza(kind: .message, type: type.stanzaType, to: to, from: from, element: element)
    }

    /// Who it is for; nil when it says nobody, which means the sender's own account.
    public var to: JID? {
        get { stanza.to }
        set { stanza.to = newValue }
    }
    /// Who sent it; nil when it does not say.
    public var from: JID? {
        get { stanza.from }
        set { stanza.from = newValue }
    }
    /// The type; a message that says none, or an unknown one, is `.normal` (RFC 6121 section 5.2.2).
    public var type: MessageType { MessageType(stanza.type) }
    /// The attribute 'id'; nil when there is none.
    public var id: String? { stanza.id }
    /// The text of the first `<body/>`; nil when there is none.
    public var body: String? { stanza.child("body", .client)?.text }
    /// The text of the first `<subject/>`; nil when there is none.
    public var subject: String? { stanza.child("subject", .client)?.text }
    /// The text of `<thread/>`; nil when there is none.
    public var thread: String? { stanza.child("thread", .client)?.text }
}

/// The types of messages (RFC 6121 section 5.2.2).
public enum MessageType: Sendable {
    case normal, chat, groupchat, headline, error

    init(_ type: StanzaType) {
        self =
            switch type {
            case .chat: .chat
            case .groupchat: .groupchat
            case .headline: .headline
            case .error: .error
            default: .normal
            }
    }

    var stanzaType: StanzaType {
        switch self {
        case .normal: .normal
        case .chat: .chat
        case .groupchat: .groupchat
        case .headline: .headline
        case .error: .error
        }
    }
}
