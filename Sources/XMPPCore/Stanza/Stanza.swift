// SPDX-License-Identifier: Apache-2.0
// The three stanzas of XMPP (RFC 6120 section 8) as one value; Message, Presence and IQ are its typed faces.

/// A message, presence or IQ stanza: who sends what to whom, and its content.
///
/// `to`, `from` and `type` are kept beside the content, so that a stanza is readdressed without touching the content.
public struct Stanza: Sendable {
    /// Which of the three stanzas it is.
    public enum Kind: UInt8, Sendable {
        case message, presence, iq

        /// The name of the stanza's element.
        public var name: String {
            switch self {
            case .message: "message"
            case .presence: "presence"
            case .iq: "iq"
            }
        }

        var tag: StaticString {
            switch self {
            case .message: "message"
            case .presence: "presence"
            case .iq: "iq"
            }
        }
    }

    /// Whether it is a message, presence or an IQ.
    public let kind: Kind
    /// The type, never one that the kind of stanza does not have.
    public internal(set) var type: StanzaType
    /// When a room without presence sent it, as ``SessionRegistry`` counts; 0 for what no room has sent.
    var roomMoment: UInt32 = 0
    /// Who the stanza is for; nil when it says nobody, which means the sender's own account (RFC 6120 section 8.1.1.1).
    public var to: JID?
    /// Who sent it; on a stanza that came from a client always the client's full JID.
    public var from: JID?
    /// Whether it is a copy for the recipient's convenience (XEP-0280): it is never stored or delivered elsewhere when
    /// its recipient is gone.
    public var isCopy = false
    /// The whole element as it was received or built. Its `to`, `from` and `type` attributes are not looked at.
    private(set) var element: Element

    init(kind: Kind, type: StanzaType, to: JID?, from: JID?, element: Element) {
        self.kind = kind
        self.type = type
        self.to = to
        self.from = from
        self.element = element
    }

    /// The memory that the content takes, for those who keep stanzas.
    var memoryByteCount: Int { element.tree.memoryByteCount }

    /// The identifier that a reply repeats (RFC 6120 section 8.1.3); nil when there is none.
    public var id: String? { element["id"] }

    /// The language of its text (RFC 6120 section 8.1.5); nil when it does not say.
    public var language: String? { element.language }

    /// The child elements.
    public var children: ElementChildren { element.children }

    /// The first child with this name.
    public func child(_ name: String, _ namespace: Namespace) -> Element? { element.child(name, namespace) }

    /// Whether a child has this name.
    public func has(_ name: String, _ namespace: Namespace) -> Bool { element.child(name, namespace) != nil }

    /// The same stanza with another child after the others.
    public func adding(_ child: Element) -> Stanza {
        var copy = self
        copy.element = rebuilt(keeping: { _ in true }, adding: [child])
        return copy
    }

    /// The same stanza without the children for which `isUnwanted` is true.
    public func removing(where isUnwanted: (Element) -> Bool) -> Stanza {
        guard element.children.contains(where: isUnwanted) else { return self }
        var copy = self
        copy.element = rebuilt(keeping: { !isUnwanted($0) }, adding: [])
        return copy
    }

    /// The same stanza with another identifier.
    public func identified(by id: String) -> Stanza {
        var builder = ElementBuilder()
        builder.open(kind.name, .client)
        builder.attribute("id", id)
        builder.appendAttributes(of: element) { Self.isKeptBeside($0) || StaticString("id").hasSameBytes(as: $0) }
        builder.appendContent(of: element) { _ in true }
        builder.close()
        var copy = self
        copy.element = builder.finish()
        return copy
    }

    /// The stanza as an element with its addresses, for wrapping and storing (XEP-0297).
    public var asElement: Element {
        var builder = ElementBuilder()
        builder.open(kind.name, .client)
        builder.attribute("to", to?.description)
        builder.attribute("from", from?.description)
        builder.attribute("type", type.attribute)
        copyRest(into: &builder, keeping: { _ in true })
        builder.close()
        return builder.finish()
    }

    /// The stanza with its addresses as XML in UTF-8, for storing: what ``asElement`` is, and less work.
    public var xml: [UInt8] {
        var buffer = ByteBuffer()
        buffer.append(self, isAlone: true)
        return buffer.bytes
    }

    private func rebuilt(keeping isWanted: (Element) -> Bool, adding added: [Element]) -> Element {
        var builder = ElementBuilder()
        builder.open(kind.name, .client)
        copyRest(into: &builder, keeping: isWanted)
        for child in added { builder.append(child) }
        builder.close()
        return builder.finish()
    }

    /// Attributes besides those kept beside the element, text and children.
    private func copyRest(into builder: inout ElementBuilder, keeping isWanted: (Element) -> Bool) {
        builder.appendAttributes(of: element, except: Self.isKeptBeside)
        builder.appendContent(of: element, where: isWanted)
    }

    /// Whether an attribute is kept beside the element, and what the element says of it does not count.
    static func isKeptBeside(_ attribute: UnsafeBufferPointer<UInt8>) -> Bool {
        switch attribute.count {
        case 2: StaticString("to").hasSameBytes(as: attribute)
        case 4: StaticString("type").hasSameBytes(as: attribute) || StaticString("from").hasSameBytes(as: attribute)
        default: false
        }
    }
}

extension Stanza: CustomStringConvertible {
    /// The stanza as XML.
    public var description: String { asElement.xml }
}

/// The `type` attributes of all three stanzas. `.none` is its absence.
public enum StanzaType: UInt8, Sendable {
    case none
    case error
    // Messages, RFC 6121 section 5.2.2; `.none` is delivered as `.normal`
    case normal, chat, groupchat, headline
    // Presence, RFC 6121 section 4.7.1; `.none` means available
    case unavailable, subscribe, subscribed, unsubscribe, unsubscribed, probe
    // IQ, RFC 6120 section 8.2.3
    case get, set, result

    /// The attribute's value; nil for none.
    public var attribute: String? { name.map { "\($0)" } }

    var name: StaticString? {
        switch self {
        case .none: nil
        case .error: "error"
        case .normal: "normal"
        case .chat: "chat"
        case .groupchat: "groupchat"
        case .headline: "headline"
        case .unavailable: "unavailable"
        case .subscribe: "subscribe"
        case .subscribed: "subscribed"
        case .unsubscribe: "unsubscribe"
        case .unsubscribed: "unsubscribed"
        case .probe: "probe"
        case .get: "get"
        case .set: "set"
        case .result: "result"
        }
    }

    /// The type that `attribute` names on a stanza of this kind.
    ///
    /// - Returns: nil when that kind of stanza has no such type. Unknown types of messages are `.normal`
    ///   (RFC 6121 section 5.2.2).
    static func parse(_ attribute: UnsafeBufferPointer<UInt8>, of kind: Stanza.Kind) -> StanzaType? {
        switch kind {
        case .message: ofMessage(attribute)
        case .presence: ofPresence(attribute)
        case .iq: ofIQ(attribute)
        }
    }

    private static func ofMessage(_ attribute: UnsafeBufferPointer<UInt8>) -> StanzaType {
        switch attribute.count {
        case 4 where StaticString("chat").hasSameBytes(as: attribute): .chat
        case 9 where StaticString("groupchat").hasSameBytes(as: attribute): .groupchat
        case 8 where StaticString("headline").hasSameBytes(as: attribute): .headline
        case 5 where StaticString("error").hasSameBytes(as: attribute): .error
        default: .normal
        }
    }

    private static func ofPresence(_ attribute: UnsafeBufferPointer<UInt8>) -> StanzaType? {
        switch attribute.count {
        case 11 where StaticString("unavailable").hasSameBytes(as: attribute): .unavailable
        case 9 where StaticString("subscribe").hasSameBytes(as: attribute): .subscribe
        case 10 where StaticString("subscribed").hasSameBytes(as: attribute): .subscribed
        case 11 where StaticString("unsubscribe").hasSameBytes(as: attribute): .unsubscribe
        case 12 where StaticString("unsubscribed").hasSameBytes(as: attribute): .unsubscribed
        case 5 where StaticString("probe").hasSameBytes(as: attribute): .probe
        case 5 where StaticString("error").hasSameBytes(as: attribute): .error
        default: nil
        }
    }

    private static func ofIQ(_ attribute: UnsafeBufferPointer<UInt8>) -> StanzaType? {
        switch attribute.count {
        case 3 where StaticString("get").hasSameBytes(as: attribute): .get
        case 3 where StaticString("set").hasSameBytes(as: attribute): .set
        case 6 where StaticString("result").hasSameBytes(as: attribute): .result
        case 5 where StaticString("error").hasSameBytes(as: attribute): .error
        default: nil
        }
    }
}
