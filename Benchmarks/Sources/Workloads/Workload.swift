// SPDX-License-Identifier: Apache-2.0
// What is measured, by name.

import XMPPCore

/// Work that is done so many times, and counted or timed by whoever asks for it.
public struct Workload: Sendable {
    /// Its name in tables.
    public let name: String
    /// Makes what it needs, and returns the work.
    public let prepare: @Sendable () async throws -> @Sendable (_ count: Int) async -> Void

    /// All of them.
    public static let all: [Workload] = [
        Workload("parse a message") { count in
            let xml = Array(chatXML.utf8)
            for _ in 0..<count { consume(Element(parsing: xml)) }
        },
        Workload("read a message as a stanza") { count in
            guard let element = Element(parsing: Array(chatXML.utf8)) else { return }
            for _ in 0..<count { consume(Stanza(element)) }
        },
        Workload("write a message") { count in
            guard let element = Element(parsing: Array(chatXML.utf8)) else { return }
            for _ in 0..<count { consume(element.xml) }
        },
        Workload("add a child to a message") { count in
            guard let element = Element(parsing: Array(chatXML.utf8)), let stanza = Stanza(element) else { return }
            let child = Element("stanza-id", "urn:xmpp:sid:0", ["by": "juliet@example.org", "id": "1"])
            for _ in 0..<count { consume(stanza.adding(child)) }
        },
        Workload("prepare a JID") { count in
            for _ in 0..<count { consume(try? JID(addressText)) }
        },
        conversation("route a message") { await $0.chat(messageCount: $1) },
        Workload(name: "deliver a copy of a room's message") {
            let room = try await Conversation().makeRoom(occupantCount: 20)
            return { count in await room.speak(copyCount: count) }
        },
        conversation("answer a ping") {
            await $0.ask("<ping xmlns='urn:xmpp:ping'/>", of: "example.org", requestCount: $1)
        },
        conversation("answer a roster get") {
            await $0.ask("<query xmlns='jabber:iq:roster'/>", of: nil, requestCount: $1)
        },
        conversation("answer disco#info") {
            await $0.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>", of: "example.org", requestCount: $1)
        },
        conversation("log in and out") { await $0.logIn(count: $1) },
    ]

    private init(_ name: String, _ work: @escaping @Sendable (Int) -> Void) {
        self.name = name
        prepare = { { count in work(count) } }
    }

    private static func conversation(
        _ name: String, _ work: @escaping @Sendable (Conversation, Int) async -> Void
    ) -> Workload {
        Workload(
            name: name,
            prepare: {
                let conversation = try await Conversation()
                return { count in await work(conversation, count) }
            }
        )
    }

    private init(name: String, prepare: @escaping @Sendable () async throws -> @Sendable (Int) async -> Void) {
        self.name = name
        self.prepare = prepare
    }
}

/// Keeps the optimizer from leaving out work whose result nobody needs.
@inline(never)
public func consume<Value>(_ value: Value) {
    withExtendedLifetime(value) {}
}
