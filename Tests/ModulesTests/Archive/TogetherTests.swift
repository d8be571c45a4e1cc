// SPDX-License-Identifier: Apache-2.0
// What becomes of a message when two devices, carbons (XEP-0280), archives (XEP-0313), offline storage (XEP-0160), hints
// (XEP-0334), receipts (XEP-0184), chat states (XEP-0085), markers (XEP-0333) and blocking (XEP-0191) all have a say.

import Testing

@testable import XMPPCore
@testable import XMPPModules

@Suite struct TogetherTests {
    /// Who sees a message, and where it lies.
    struct Place: OptionSet, Hashable, CustomStringConvertible {
        let rawValue: Int

        /// The sender's other device, in a copy.
        static let garden = Place(rawValue: 1)
        /// The recipient's first device.
        static let balcony = Place(rawValue: 2)
        /// The recipient's second device, which has a lower priority: the message itself.
        static let chamber = Place(rawValue: 4)
        /// The same device, in a copy.
        static let copy = Place(rawValue: 8)
        /// The archives of the sender and of the recipient.
        static let sent = Place(rawValue: 16), received = Place(rawValue: 32)
        /// Where messages for the absent wait.
        static let waits = Place(rawValue: 64)
        /// The sender, as an error.
        static let error = Place(rawValue: 128)

        static let archives: Place = [.sent, .received]

        private static let names: [(Place, String)] = [
            (.garden, "garden"), (.balcony, "balcony"), (.chamber, "chamber"), (.copy, "copy"), (.sent, "sent"),
            (.received, "received"), (.waits, "waits"), (.error, "error"),
        ]
        var description: String { Self.names.filter { contains($0.0) }.map(\.1).joined(separator: " ") }
    }

    /// Where the recipient is.
    enum Situation: String, CaseIterable {
        /// Two devices: one with priority 1; one with priority 0 that has asked for copies, as the sender's other has.
        case there
        /// None.
        case away
        /// Both are there, and the sender is blocked.
        case blocking
        /// One device, with a negative priority, that has asked for copies.
        case hiding
    }

    struct Row: CustomTestStringConvertible {
        /// The attributes and children of the message.
        let message: String
        /// To the bare JID, or to the first device.
        var isToBareJID = true
        let there: Place
        let away: Place
        var hiding: Place?
        /// The sender's own devices and archive take no part in the blocking.
        let blocking: Place

        var testDescription: String { message + (isToBareJID ? "" : " to a device") }

        func expected(_ situation: Situation) -> Place? {
            switch situation {
            case .there: there
            case .away: away
            case .blocking: blocking
            case .hiding: hiding
            }
        }
    }

    private static let body = "<body>It is my lady</body>", hints = "xmlns='urn:xmpp:hints'"
    private static let composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    private static let receipt = "<received xmlns='urn:xmpp:receipts' id='x'/>"
    private static let displayed = "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>"
    private static let encrypted = "<encrypted xmlns='eu.siacs.conversations.axolotl'>&amp;</encrypted>"

    static let rows: [Row] = [
        Row(
            message: "type='chat'>\(body)", there: [.garden, .balcony, .copy, .archives],
            away: [.garden, .archives, .waits], hiding: [.garden, .archives, .waits],
            blocking: [.garden, .sent, .error]),
        Row(
            message: "type='chat'>\(body)", isToBareJID: false, there: [.garden, .balcony, .copy, .archives],
            away: [.garden, .archives, .waits], blocking: [.garden, .sent, .error]),
        Row(
            message: ">\(body)", there: [.garden, .balcony, .copy, .archives], away: [.garden, .archives, .waits],
            hiding: [.garden, .archives, .waits], blocking: [.garden, .sent, .error]),
        Row(
            message: ">\(body)", isToBareJID: false, there: [.garden, .balcony, .copy, .archives],
            away: [.garden, .sent, .error], blocking: [.garden, .sent, .error]),
        Row(
            message: "type='chat'>\(body)<no-store \(hints)/>", there: [.garden, .balcony, .copy],
            away: [.garden, .error],
            hiding: [.garden, .error], blocking: [.garden, .error]),
        Row(
            message: "type='chat'>\(body)<no-permanent-store \(hints)/>", there: [.garden, .balcony, .copy],
            away: [.garden, .waits], hiding: [.garden, .waits], blocking: [.garden, .error]),
        Row(
            message: "type='chat'>\(body)<no-copy \(hints)/>", there: [.balcony, .archives], away: [.archives, .waits],
            hiding: [.archives, .waits], blocking: [.sent, .error]),
        Row(
            message: "type='chat'>\(body)<private xmlns='urn:xmpp:carbons:2'/><no-copy \(hints)/>",
            there: [.balcony, .archives], away: [.archives, .waits], hiding: [.archives, .waits],
            blocking: [.sent, .error]),
        Row(
            message: "type='chat'>\(composing)", there: [.garden, .balcony, .copy], away: [.garden], hiding: [.garden],
            blocking: [.garden, .error]),
        Row(
            message: "type='chat'>\(composing)<store \(hints)/>", there: [.garden, .balcony, .copy, .archives],
            away: [.garden, .archives, .waits], hiding: [.garden, .archives, .waits],
            blocking: [.garden, .sent, .error]),
        Row(
            message: ">\(composing)", there: [.garden, .balcony, .copy], away: [.garden], hiding: [.garden],
            blocking: [.garden, .error]),
        Row(
            message: "type='chat'>\(receipt)", there: [.garden, .balcony, .copy], away: [.garden, .waits],
            hiding: [.garden, .waits], blocking: [.garden, .error]),
        Row(
            message: "type='chat'>\(receipt)<store \(hints)/>", there: [.garden, .balcony, .copy, .archives],
            away: [.garden, .archives, .waits], hiding: [.garden, .archives, .waits],
            blocking: [.garden, .sent, .error]),
        Row(
            message: ">\(displayed)", isToBareJID: false, there: [.garden, .balcony, .copy], away: [.garden, .error],
            blocking: [.garden, .error]),
        Row(
            message: "type='chat'>\(displayed)<store \(hints)/>", there: [.garden, .balcony, .copy, .archives],
            away: [.garden, .archives, .waits], hiding: [.garden, .archives, .waits],
            blocking: [.garden, .sent, .error]),
        Row(
            message: "type='chat'>\(encrypted)<store \(hints)/>", there: [.garden, .balcony, .copy, .archives],
            away: [.garden, .archives, .waits], hiding: [.garden, .archives, .waits],
            blocking: [.garden, .sent, .error]),
        Row(
            message: "type='chat'>\(encrypted)<store \(hints)/><no-copy \(hints)/>", there: [.balcony, .archives],
            away: [.archives, .waits], hiding: [.archives, .waits], blocking: [.sent, .error]),
        Row(
            message: "type='chat'><retract xmlns='urn:xmpp:message-retract:1' id='x'/>",
            there: [.garden, .balcony, .copy, .archives], away: [.garden, .archives, .waits],
            hiding: [.garden, .archives, .waits], blocking: [.garden, .sent, .error]),
        Row(
            message: ">", there: [.balcony], away: [], hiding: [], blocking: [.error]),
        Row(
            message: "type='headline'>\(body)", there: [.balcony, .chamber], away: [], hiding: [], blocking: [.error]),
        Row(
            message: "type='headline'>\(body)<store \(hints)/>", isToBareJID: false, there: [.balcony], away: [],
            blocking: [.error]),
        Row(
            message: "type='groupchat'>\(body)", there: [.error], away: [.error], hiding: [.error], blocking: [.error]),
        Row(
            message: "type='chat'>\(body)<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>",
            there: [.garden, .balcony, .copy, .archives], away: [.garden, .archives, .waits],
            hiding: [.garden, .archives, .waits], blocking: [.garden, .sent, .error]),
    ]

    @Test(arguments: rows, Situation.allCases) func messagesGoWhereTheyShould(row: Row, _ situation: Situation)
        async throws
    {
        guard let expected = row.expected(situation) else { return }
        let found = try await Self.run(row, situation)
        #expect(found == expected, "\(situation): found \(found), expected \(expected)")
    }

    private static let modules =
        [
            "mod_offline", "mod_carboncopy", "mod_privacy", "mod_blocking",
        ].map { ModuleConfiguration($0) } + [ModuleConfiguration("mod_mam", options: ["pm": [:]])]

    private static func run(_ row: Row, _ situation: Situation) async throws -> Place {
        var found = Place()
        try await Verona.run(modules: Verona.presence + modules) { verona in
            let romeo = try await verona.online("romeo@example.net/orchard")
            let garden = try await copied("romeo@example.net/garden", verona, priority: -1)
            let juliets = try await recipients(situation, verona)
            let to = "juliet@example.com" + (row.isToBareJID ? "" : "/balcony")
            try await romeo.send("<message to='\(to)' id='m' \(row.message)</message>")
            await verona.settle()
            if await sees(garden) != nil { found.insert(.garden) }
            if let balcony = juliets.balcony, await sees(balcony) != nil { found.insert(.balcony) }
            if let chamber = juliets.chamber, let seen = await sees(chamber) {
                found.insert(seen.contains("<received xmlns='urn:xmpp:carbons:2'><forwarded") ? .copy : .chamber)
            }
            if let seen = await sees(romeo) {
                #expect(seen.contains("type='error'"))
                found.insert(.error)
            }
            for (account, place) in [("romeo@example.net", Place.sent), ("juliet@example.com", .received)] {
                let count = try await verona.storage.messageArchive.count(
                    in: BareJID(account), matching: ArchiveQuery())
                #expect(count <= 1)
                if count > 0 { found.insert(place) }
            }
            let waiting = try await verona.storage.offlineMessages.messageCount(for: BareJID("juliet@example.com"))
            #expect(waiting <= 1)
            if waiting > 0 { found.insert(.waits) }
        }
        return found
    }

    /// The recipient's devices.
    private static func recipients(
        _ situation: Situation, _ verona: Verona
    ) async throws -> (balcony: Client?, chamber: Client?) {
        switch situation {
        case .away: return (nil, nil)
        case .hiding: return (nil, try await copied("juliet@example.com/chamber", verona, priority: -1))
        case .there, .blocking:
            let chamber = try await copied("juliet@example.com/chamber", verona, priority: 0)
            let balcony = try await verona.online("juliet@example.com/balcony")
            try await balcony.send("<presence><priority>1</priority></presence>")
            if situation == .blocking {
                try await balcony.send(
                    "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='romeo@example.net'/></block></iq>"
                )
            }
            for client in [balcony, chamber] { await client.forget() }
            return (balcony, chamber)
        }
    }

    /// A device that has asked for copies.
    private static func copied(_ jid: String, _ verona: Verona, priority: Int) async throws -> Client {
        let client = try await verona.online(jid)
        try await client.send("<presence><priority>\(priority)</priority></presence>")
        try await client.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
        await client.forget()
        return client
    }

    /// The message that has come to a device; nothing comes twice.
    private static func sees(_ client: Client) async -> String? {
        let messages = await client.received().filter { $0.hasPrefix("<message") }
        #expect(messages.count <= 1, "\(messages)")
        return messages.first
    }
}
