// SPDX-License-Identifier: Apache-2.0
// From a child of the stream to a stanza (RFC 6120 section 8).

extension Stanza {
    /// Why an element is no stanza that can be routed.
    enum ParsingError: Error, Equatable {
        /// The element has another name or namespace: unsupported-stanza-type (RFC 6120 section 4.9.3.24).
        case notAStanza
        /// The `to` or `from` is no JID: jid-malformed goes back (RFC 6120 section 8.3.3.8).
        case malformedAddress(Kind)
        /// The type does not exist, or an IQ lacks type or id: bad-request goes back (RFC 6120 section 8.2.3).
        case malformed(Kind)
    }

    /// Reads a stanza from an element in the namespace `jabber:client`.
    ///
    /// - Parameter cache: where the addresses are looked up.
    static func parse(_ element: Element, _ cache: inout JIDCache) throws(ParsingError) -> Stanza {
        guard let kind = kind(of: element) else { throw .notAStanza }
        guard let type = type(of: element, kind) else { throw .malformed(kind) }
        let to = try address(element, "to", kind, &cache)
        let from = try address(element, "from", kind, &cache)
        if kind == .iq {
            // RFC 6120 section 8.2.3: type and id are required; get and set carry exactly one child.
            guard element.withAttribute("id", { $0 != nil }) else { throw .malformed(kind) }
            if type == .get || type == .set {
                var children = element.children.makeIterator()
                guard children.next() != nil, children.next() == nil else { throw .malformed(kind) }
            }
        }
        return Stanza(kind: kind, type: type, to: to, from: from, element: element)
    }

    /// Reads a stanza that mimd or one of its stores holds.
    ///
    /// - Returns: nil when the element is no well-formed stanza.
    public init?(_ element: Element) {
        guard let kind = Self.kind(of: element), let type = Self.type(of: element, kind) else { return nil }
        let to = element["to"], from = element["from"]
        do throws(JIDError) {
            self.init(
                kind: kind,
                type: type,
                to: try Self.jid(to),
                from: try Self.jid(from),
                element: element
            )
        } catch {
            return nil
        }
    }

    private static func jid(_ text: String?) throws(JIDError) -> JID? {
        guard let text else { return nil }
        return try JID(text)
    }

    private static func kind(of element: Element) -> Kind? {
        if element.isNamed("message", .client) { return .message }
        if element.isNamed("iq", .client) { return .iq }
        if element.isNamed("presence", .client) { return .presence }
        return nil
    }

    private static func type(of element: Element, _ kind: Kind) -> StanzaType? {
        element.withAttribute("type") { bytes -> StanzaType? in
            guard let bytes else { return kind == .iq ? nil : StanzaType.none }
            return StanzaType.parse(bytes, of: kind)
        }
    }

    private static func address(
        _ element: Element,
        _ attribute: String,
        _ kind: Kind,
        _ cache: inout JIDCache
    ) throws(ParsingError) -> JID? {
        let parsed = element.withAttribute(attribute) { bytes -> Result<JID, JIDError>? in
            guard let bytes else { return nil }
            do throws(JIDError) { return .success(try cache.jid(bytes)) } catch { return .failure(error) }
        }
        switch parsed {
        case nil: return nil
        case .success(let jid): return jid
        case .failure: throw .malformedAddress(kind)
        }
    }
}
