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
        let outcome = element.tree.read { contents -> Result<Stanza, ParsingError> in
            do throws(ParsingError) { return .success(try read(element, kind, contents, &cache)) } catch {
                return .failure(error)
            }
        }
        let stanza = try outcome.get()
        if stanza.type == .get || stanza.type == .set {
            // RFC 6120 section 8.2.3: get and set carry exactly one child.
            var children = element.children.makeIterator()
            guard children.next() != nil, children.next() == nil else { throw .malformed(kind) }
        }
        return stanza
    }

    /// Looks at each attribute once.
    private static func read(
        _ element: Element,
        _ kind: Kind,
        _ contents: ElementTree.Contents,
        _ cache: inout JIDCache
    ) throws(ParsingError) -> Stanza {
        var type: StanzaType? = StanzaType.none
        var to: JID?, from: JID?
        var hasType = false, hasID = false
        for offset in 0..<Int(contents.nodes[element.index].attributeCount) {
            let node = contents.nodes[element.index + 1 + offset]
            guard node.namespaceByteCount == 0 else { continue }
            switch AttributeName(contents.name(node)) {
            case .to: to = try address(contents.value(node), kind, &cache)
            case .from: from = try address(contents.value(node), kind, &cache)
            case .type:
                hasType = true
                type = StanzaType.parse(contents.value(node), of: kind)
            case .id: hasID = true
            case .other: break
            }
        }
        // RFC 6120 section 8.2.3: an IQ's type and id are required.
        guard let type, kind != .iq || (hasType && hasID) else { throw .malformed(kind) }
        return Stanza(kind: kind, type: type, to: to, from: from, element: element)
    }

    /// The attributes of a stanza that routing knows.
    private enum AttributeName {
        case to, from, type, id, other

        @inline(__always)
        init(_ name: UnsafeBufferPointer<UInt8>) {
            switch name.count {
            case 2 where StaticString("to").hasSameBytes(as: name): self = .to
            case 2 where StaticString("id").hasSameBytes(as: name): self = .id
            case 4 where StaticString("type").hasSameBytes(as: name): self = .type
            case 4 where StaticString("from").hasSameBytes(as: name): self = .from
            default: self = .other
            }
        }
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
        element.tree.read { contents in
            let node = contents.nodes[element.index]
            guard Namespace.client.uri.hasSameBytes(as: contents.namespace(node)) else { return nil }
            let name = contents.name(node)
            switch name.count {
            case 7 where Kind.message.tag.hasSameBytes(as: name): return .message
            case 2 where Kind.iq.tag.hasSameBytes(as: name): return .iq
            case 8 where Kind.presence.tag.hasSameBytes(as: name): return .presence
            default: return nil
            }
        }
    }

    private static func type(of element: Element, _ kind: Kind) -> StanzaType? {
        element.withAttribute("type") { bytes -> StanzaType? in
            guard let bytes else { return kind == .iq ? nil : StanzaType.none }
            return StanzaType.parse(bytes, of: kind)
        }
    }

    private static func address(
        _ text: UnsafeBufferPointer<UInt8>,
        _ kind: Kind,
        _ cache: inout JIDCache
    ) throws(ParsingError) -> JID {
        do throws(JIDError) { return try cache.jid(text) } catch { throw .malformedAddress(kind) }
    }
}
