// SPDX-License-Identifier: Apache-2.0
// Stanzas: what is read is written so that it reads the same, answers go back to who asked, and children that are added
// can be taken out again.

@testable import XMPPCore

enum StanzaProperties {
    static func check(_ input: [UInt8]) throws(PropertyViolation) {
        guard let element = Element(parsing: input) else { return }
        var cache = JIDCache()
        let stanza: Stanza
        do throws(Stanza.ParsingError) {
            stanza = try Stanza.parse(element, &cache)
        } catch {
            // Stores hold what passed the stricter check.
            return
        }
        let held = try require(some: Stanza(element), "\(element) is a stanza of a peer, but of no store")
        try requireEqual(held, stanza, "read from a store")
        try checkWriting(stanza)
        try checkErrors(stanza, input.fingerprint)
        try checkChildren(stanza)
        try checkFaces(stanza)
    }

    /// As the receiver sees it, and as a store keeps it.
    private static func checkWriting(_ stanza: Stanza) throws(PropertyViolation) {
        var buffer = ByteBuffer()
        buffer.append(stanza)
        let written = try require(some: Element(parsing: buffer.bytes), "\(stanza) was written as something unreadable")
        let received = try require(some: parse(written), "\(stanza) was written as no stanza: \(written)")
        try requireEqual(received, stanza, "written")
        try requireEqual(try require(some: parse(stanza.asElement), "\(stanza.asElement)"), stanza, "made an element")
        try require(written == stanza.asElement, "\(stanza.asElement) was written as \(written)")
    }

    private static func checkErrors(_ stanza: Stanza, _ number: Int) throws(PropertyViolation) {
        let conditions = StanzaError.Condition.allCases
        let error = StanzaError(
            conditions[number % conditions.count], text: "\u{E9}<&>", detail: Element("detail", "urn:example:detail"))
        guard let reply = stanza.error(error) else {
            // RFC 6120 section 8.3.1
            return try require(stanza.type == .error || stanza.type == .result, "\(stanza) gets no error")
        }
        try require(stanza.type != .error && stanza.type != .result, "\(stanza) gets an error")
        try require(reply.to == stanza.from && reply.from == stanza.to, "\(stanza) gets \(reply)")
        try require(
            reply.kind == stanza.kind && reply.type == .error && reply.id == stanza.id, "\(stanza) gets \(reply)")
        try require(reply.child("error", .client) == error.element, "\(stanza) gets \(reply)")
        try require(reply.error(error) == nil, "an error is answered by an error")
        try checkWriting(reply)
    }

    private static func checkChildren(_ stanza: Stanza) throws(PropertyViolation) {
        let child = Element("fuzz", "urn:example:fuzz", ["a": "\u{9}'"]) { "text" }
        let isChild = { (element: Element) in element.isNamed("fuzz", "urn:example:fuzz") }
        let without = stanza.removing(where: isChild)
        try require(!without.has("fuzz", "urn:example:fuzz"), "\(stanza) without its child is \(without)")
        let with = without.adding(child)
        try require(with.child("fuzz", "urn:example:fuzz") == child, "\(without) with a child is \(with)")
        try require(with.children.suffix(1) == [child], "\(without) with a child is \(with)")
        try requireEqual(with.removing(where: isChild), without, "given a child that was taken out again")
        let bare = stanza.removing { _ in true }
        try require(bare.children.first == nil, "\(stanza) without children is \(bare)")
        try require(bare.element.text == stanza.element.text, "\(stanza) without children is \(bare)")
        // RFC 6120 section 8.2.3: an IQ that asks has one child.
        if stanza.kind != .iq {
            try checkWriting(with.delayed(since: Timestamp(seconds: 0), by: Self.entity, reason: "late"))
        }
        // Carbons wrap whole stanzas (XEP-0297).
        let copy = Element("forwarded", .forward) { stanza.asElement }
        try require(copy.children.first == stanza.asElement, "\(stanza) was wrapped as \(copy)")
        let read = try require(some: Element(parsing: Array(copy.xml.utf8)), "\(copy) was written unreadably")
        try require(read == copy, "\(copy) was written as \(read)")
    }

    /// The typed faces take what they are given.
    private static func checkFaces(_ stanza: Stanza) throws(PropertyViolation) {
        let message = Message(stanza), presence = Presence(stanza), iq = IQ(stanza)
        try require((message != nil) == (stanza.kind == .message), "\(stanza) as a message")
        try require((presence != nil) == (stanza.kind == .presence), "\(stanza) as presence")
        try require((iq != nil) == (stanza.kind == .iq), "\(stanza) as an IQ")
        if let message {
            try require((message.body != nil) == stanza.has("body", .client), "the body of \(stanza)")
            let bodies = [message.subject, message.thread].compactMap { $0 }
            try require(!message.isTransient || message.body == nil, "\(stanza) with \(bodies) is transient")
        }
        if let presence, let priority = presence.priority, stanza.has("priority", .client) {
            let text = presence.stanza.child("priority", .client)?.text.trimmingXMLSpace() ?? ""
            try require(Int(text) == Int(priority), "the priority of \(stanza) is \(priority)")
        }
        if let iq, iq.type == .get || iq.type == .set {
            let result = iq.result(iq.payload)
            try require(
                result.id == iq.id && result.payload == iq.payload, "\(stanza) gets the result \(result.stanza)")
            try checkWriting(result.stanza)
        }
    }

    private static let entity: JID = {
        guard let jid = try? JID("example.com") else { preconditionFailure("a domain") }  // It is an address.
        return jid
    }()

    private static func parse(_ element: Element) -> Stanza? {
        var cache = JIDCache()
        return try? Stanza.parse(element, &cache)  // nil fails the property
    }

    private static func requireEqual(_ one: Stanza, _ other: Stanza, _ how: String) throws(PropertyViolation) {
        let isSame =
            one.kind == other.kind && one.type == other.type && one.to == other.to && one.from == other.from
            && one.id == other.id && one.language == other.language && one.asElement == other.asElement
        try require(isSame, "\(how), \(other) is \(one)")
    }
}
