// SPDX-License-Identifier: Apache-2.0
// Info/query stanzas (RFC 6120 section 8.2.3).

/// An IQ stanza.
public struct IQ: Sendable {
    /// The same IQ, as any stanza.
    public var stanza: Stanza

    /// Reads a stanza as an IQ; nil when it is another kind.
    public init?(_ stanza: Stanza) {
        guard stanza.kind == .iq else { return nil }
        self.stanza = stanza
    }

    private init(checked stanza: Stanza) { self.stanza = stanza }

    /// Makes an IQ.
    ///
    /// - Parameter payload: the one child; nil only for a result without content.
    public init(to: JID? = nil, from: JID? = nil, type: IQType, id: String, payload: Element? = nil) {
        let element = Element("iq", .client, ["id": id]) { payload }
        stanza = Stanza(kind: .iq, type: type.stanzaType, to: to, from: from, element: element)
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
    /// Get, set, result or error.
    public var type: IQType { IQType(stanza.type) }
    /// The id, which every IQ has.
    public var id: String { stanza.id ?? "" }
    /// The first child: on a get or set the only one; nil on a result without content.
    public var payload: Element? { stanza.children.first }

    /// The result that answers this get or set.
    ///
    /// - Parameter payload: nil for a result without content.
    public func result(_ payload: Element? = nil) -> IQ {
        var builder = ElementBuilder()
        builder.open("iq", .client)
        stanza.element.withAttribute("id") { builder.attribute("id", $0) }
        if let payload { builder.append(payload) }
        builder.close()
        return IQ(checked: Stanza(kind: .iq, type: .result, to: from, from: to, element: builder.finish()))
    }
}

/// The types of IQ (RFC 6120 section 8.2.3).
public enum IQType: Sendable {
    case get, set, result, error

    init(_ type: StanzaType) {
        self =
            switch type {
            case .get: .get
            case .set: .set
            case .result: .result
            default: .error
            }
    }

    var stanzaType: StanzaType {
        switch self {
        case .get: .get
        case .set: .set
        case .result: .result
        case .error: .error
        }
    }
}
