// SPDX-License-Identifier: Apache-2.0
// A server with the two domains of RFC 6121's examples, and clients that speak literal XML to it in process.

import Logging
import Testing
import XMPPModules
import XMPPPersistenceSQLite

@testable import XMPPCore

/// A server for `example.com` (Juliet) and `example.net` (Romeo) on storage in memory.
struct Verona {
    static let domains = ["example.com", "example.net"]
    static let accounts = [
        "juliet@example.com", "nurse@example.com", "tybalt@example.com", "romeo@example.net", "mercutio@example.net",
    ]

    let server: XMPPServer
    let storage: Storage

    /// Gives `body` a server of its own.
    ///
    /// - Parameters:
    ///   - modules: the modules of both hosts.
    ///   - loopCount: with one loop the order of everything is certain.
    ///   - wrap: puts something between the server and its storage.
    static func run(
        modules: [ModuleConfiguration] = [ModuleConfiguration("mod_roster"), ModuleConfiguration("mod_presence")],
        loopCount: Int = 1, storage wrap: (Storage) -> Storage = { $0 }, _ body: (Verona) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let local = try await LocalStorage.open(.memory, logger: logger)
        do {
            for account in accounts {
                try await local.storage.accounts.create(
                    BareJID(account), credential: AccountCredential(password: "secret"), accountCountMax: nil)
            }
            let hosts = domains.map { HostConfiguration($0, modules: modules) }
            let server = try XMPPServer(
                configuration: ServerConfiguration(
                    hosts: hosts, defaultDomain: "example.com", eventLoopCount: loopCount),
                storage: wrap(local.storage), modules: StandardModules.all, logger: logger)
            try await body(Verona(server: server, storage: local.storage))
        } catch {
            await local.close()
            throw error
        }
        await local.close()
    }

    /// Binds a resource.
    func connect(_ jid: String) async throws -> Client {
        Client(try await server.connect(as: FullJID(jid)), of: self)
    }

    /// Binds a resource that has asked for its roster and sent initial presence, and forgets what it got for that.
    func online(_ jid: String) async throws -> Client {
        let client = try await connect(jid)
        try await client.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
        try await client.send("<presence/>")
        await client.forget()
        return client
    }

    /// Waits until every loop has done what others asked it to do.
    func settle() async {
        // What one loop asks of another takes a turn of each; each subscription stanza has a few such steps.
        var quietCount = 0
        while quietCount < 8 {
            for loop in server.loops.loops {
                await withCheckedContinuation { continuation in loop.post { continuation.resume() } }
            }
            quietCount = server.router.backgroundWorkCount == 0 ? quietCount + 1 : 0
        }
    }

    /// Stores a roster item, past the server.
    func store(
        _ contact: String, in account: String, _ subscription: RosterSubscription, pending: RosterPending = .none,
        name: String = "", groups: Set<String> = []
    ) async throws {
        let item = RosterItem(
            contact: try JID(contact), name: name, groups: groups, subscription: subscription, pending: pending)
        _ = try await storage.rosters.update(JID(contact), of: BareJID(account), itemCountMax: nil) { _ in item }
    }

    /// The stored item; nil when there is none.
    func item(_ contact: String, in account: String) async throws -> RosterItem? {
        try await storage.rosters.item(JID(contact), of: BareJID(account))
    }

    /// Subscribes two accounts to each other, past the server.
    func befriend(_ one: String, _ other: String) async throws {
        try await store(other, in: one, .both)
        try await store(one, in: other, .both)
    }
}

/// A client that a test speaks for. Used by one task.
final class Client {
    private let stream: InProcessStream
    private let verona: Verona
    private var markCount = 0

    init(_ stream: InProcessStream, of verona: Verona) {
        self.stream = stream
        self.verona = verona
    }

    /// Sends a stanza. Returns once the server has done what follows from it.
    func send(_ xml: String, at location: Testing.SourceLocation = #_sourceLocation) async throws {
        let stanza = try #require(Stanza.literal(xml), "no stanza: \(xml)", sourceLocation: location)
        await stream.send(stanza)
        await verona.settle()
    }

    /// Sends without waiting for what follows.
    func sendAtOnce(_ xml: String) async throws {
        await stream.send(try #require(Stanza.literal(xml)))
    }

    /// Sends one stanza after the other while the test goes on. The test awaits the task.
    func task(sending xml: [String]) throws -> Task<Void, Never> {
        let stanzas = try xml.map { try #require(Stanza.literal($0)) }
        return Task { [stream] in
            for stanza in stanzas { await stream.send(stanza) }
        }
    }

    /// Ends the session while the test goes on. The test awaits the task.
    func closing() -> Task<Void, Never> { Task { [stream] in await stream.close() } }

    /// Ends the session, as a client does that closes its stream.
    func close() async {
        await stream.close()
        await verona.settle()
    }

    /// Checks that exactly these stanzas have come since the last look, in this order. The ids of pushes do not count.
    ///
    /// - Parameters:
    ///   - isOrdered: false when the order is the server's choice. A push waits for the loop's next turn; what follows
    ///     from the same request comes before it when the database answers before anybody waits for it.
    func receives(
        _ expected: String..., isOrdered: Bool = true, at location: Testing.SourceLocation = #_sourceLocation
    ) async throws {
        let wanted = try expected.map {
            try #require(Stanza.literal($0), "no stanza: \($0)", sourceLocation: location).withoutPushID
        }
        let got = await received()
        if isOrdered {
            #expect(got == wanted, sourceLocation: location)
        } else {
            #expect(got.sorted() == wanted.sorted(), sourceLocation: location)
        }
    }

    /// Checks that nothing has come since the last look.
    func receivesNothing(at location: Testing.SourceLocation = #_sourceLocation) async {
        let got = await received()
        #expect(got.isEmpty, sourceLocation: location)
    }

    func forget() async { _ = await received() }

    /// What has come since the last look.
    func received() async -> [String] {
        await verona.settle()
        markCount += 1
        let mark = "mark-\(markCount)"
        guard let session = verona.server.router.registry.session(stream.jid)?.session else { return [] }
        session.deliverInOrder(Message(to: stream.jid.jid, id: mark).stanza)
        var got: [String] = []
        var stanzas = stream.stanzas.makeAsyncIterator()
        while let stanza = await stanzas.next(), stanza.id != mark { got.append(stanza.withoutPushID) }
        return got
    }
}

extension Stanza {
    /// Reads a stanza from a test's text; nil when it is none.
    static func literal(_ xml: String) -> Stanza? {
        // White space between tags is for the reader of the test.
        let lines = xml.split(separator: "\n").map { line in line.drop { $0 == " " } }
        return Element(parsing: Array(lines.joined().utf8)).flatMap { Stanza($0) }
    }

    /// The stanza as XML, without what the server chooses: the ids of roster pushes.
    fileprivate var withoutPushID: String {
        guard kind == .iq, type == .set, let id, let query = children.first else { return description }
        guard query.isNamed("query", .roster) else { return description }
        return description.replacing(" id='\(id)'", with: "")
    }
}
