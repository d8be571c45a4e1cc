// SPDX-License-Identifier: Apache-2.0
// A whole server in memory, clients that speak XML to it, and a module that lets tests hold stanzas back.

import Logging
import Synchronization
import XMPPModules
import XMPPPersistenceSQLite

@testable import XMPPCore

/// A server of `example.org` with the accounts romeo and juliet, on two loops.
struct TestServer {
    let server: XMPPServer
    let time: ManualTime
    let storage: LocalStorage

    static let password = "pencil"

    init(
        configure: (inout ServerConfiguration) -> Void = { _ in }
    ) async throws {
        var configuration = ServerConfiguration(domain: "example.org")
        configuration.eventLoopCount = 2
        configuration.hosts[0].authentication.passwordFormat = .plain
        configuration.hosts[0].modules = [
            "mod_roster", "mod_presence", "mod_sasl2", "mod_bind2", "mod_stream_management", "mod_offline", "mod_gate",
        ].map { ModuleConfiguration($0) }
        configure(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        time = ManualTime()
        storage = try await LocalStorage.open(.memory)
        for name in ["romeo", "juliet"] {
            try await storage.storage.accounts.create(
                BareJID("\(name)@example.org"),
                credential: AccountCredential(password: Self.password),
                accountCountMax: nil
            )
        }
        server = try XMPPServer(
            configuration: configuration,
            storage: storage.storage,
            modules: StandardModules.all + [Gate.self],
            time: time,
            logger: logger
        )
    }

    /// A client that has said nothing. Clients are on the two loops in turn.
    func client() -> XMLClient { XMLClient(server.openStream()) }

    /// A client that has authenticated and opened its second stream.
    func authenticated(_ name: String, language: String? = nil) async throws -> XMLClient {
        let client = client()
        client.open()
        _ = try await client.until("</stream:features>")
        client.write(XMLClient.plainAuth(name))
        _ = try await client.until("<success")
        client.open(language: language)
        _ = try await client.until("</stream:features>")
        return client
    }

    /// A client with a resource.
    func bound(_ name: String, _ resource: String) async throws -> XMLClient {
        let client = try await authenticated(name)
        client.bind(resource)
        _ = try await client.until("</iq>")
        return client
    }

    /// A client with a resource under stream management, and the id of that.
    func managed(_ name: String, _ resource: String) async throws -> (XMLClient, id: String) {
        let client = try await bound(name, resource)
        client.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        let enabled = try await client.until("<enabled", "/>")
        return (client, XMLClient.attribute("id", enabled) ?? "")
    }

    /// Waits until the loops have done what was posted to them, and what that made them post to each other.
    func settle() async {
        for _ in 0..<4 { for loop in server.loops.loops { await loop.settle() } }
    }

    func sessionCount(_ name: String) throws -> Int {
        server.router.registry.sessions(of: try BareJID("\(name)@example.org")).count
    }
}

/// The client's end of a stream in memory. For one test at a time.
final class XMLClient {
    /// The server closed the connection.
    struct Ended: Error, CustomStringConvertible {
        let description: String
    }

    private let stream: InProcessXMLStream
    private var received = ""

    init(_ stream: InProcessXMLStream) { self.stream = stream }

    func write(_ xml: String) { stream.write(xml) }
    func cut() { stream.disconnect() }

    func open(to domain: String = "example.org", language: String? = nil) {
        write(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
                + " to='\(domain)' version='1.0'\(language.map { " xml:lang='\($0)'" } ?? "")>"
        )
    }

    func bind(_ resource: String) {
        write("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>")
        write("<resource>\(resource)</resource></bind></iq>")
    }

    /// What the server wrote up to the first of these texts and, after it, the next, and so on; the last included.
    func until(_ texts: String...) async throws -> String {
        while true {
            if let end = Self.end(of: texts, in: received) {
                defer { received = String(received[end...]) }
                return String(received[..<end])
            }
            try await read()
        }
    }

    /// All that the server writes until it closes the connection.
    func rest() async -> String {
        while true {
            do { try await read() } catch { return received }
        }
    }

    private func read() async throws {
        var iterator = stream.output.makeAsyncIterator()
        guard let bytes = await iterator.next() else { throw Ended(description: "closed after: \(received)") }
        received += String(decoding: bytes, as: UTF8.self)
    }

    private static func end(of texts: [String], in received: String) -> String.Index? {
        var start = received.startIndex
        for text in texts {
            guard let range = received[start...].firstRange(of: text) else { return nil }
            start = range.upperBound
        }
        return start
    }

    static func plainAuth(_ name: String, password: String = TestServer.password) -> String {
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>\(plain(name, password: password))</auth>"
    }

    static func plain(_ name: String, password: String = TestServer.password) -> String {
        Base64.encodeToString(Array("\0\(name)\0\(password)".utf8))
    }

    /// The value of the first attribute of this name, in either sort of quotes.
    static func attribute(_ name: String, _ xml: String) -> String? {
        guard let range = xml.firstRange(of: " \(name)="), range.upperBound < xml.endIndex else { return nil }
        let quote = xml[range.upperBound]
        return String(xml[xml.index(after: range.upperBound)...].prefix { $0 != quote })
    }
}

/// Answers `<hold/>` once anybody has sent `<release/>`, and says whether it did so on the loop of the asking session.
/// Counts how often messages are filtered and announced.
struct Gate: XMPPModule {
    static let manifest = ModuleManifest("mod_gate", implements: [])
    typealias Options = NoOptions
    static let namespace: Namespace = "urn:example:gate"

    final class State: Sendable {
        fileprivate let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])
        /// What is under way of messages with `<under-way/>`, in the order in which they were sent.
        let underWay = Mutex<[Completion]>([])
        let filteredMessageCount = Atomic<Int>(0)
        let deliveredMessageCount = Atomic<Int>(0)
        private let host: Host

        fileprivate init(_ host: Host) { self.host = host }
    }
    private let state: State

    init(options: NoOptions, host: Host) throws(ModuleError) { state = State(host) }

    func register(in registrar: inout Registrar) {
        registrar.provide(state, as: State.self)
        registrar.filter(.receivedMessage, in: .archive) { [state] _ throws(StanzaError) in
            state.filteredMessageCount.add(1, ordering: .relaxed)
            return .pass
        }
        registrar.filter(.sentMessage, in: .archive) { [state] sent throws(StanzaError) in
            guard sent.stanza.has("under-way", Self.namespace) else { return .pass }
            let completion = Completion()
            state.underWay.withLock { $0.append(completion) }
            sent.archive = { _ in .underWay(completion) }
            return .pass
        }
        registrar.on(.messageDelivered) { [state] _ in
            state.deliveredMessageCount.add(1, ordering: .relaxed)
            return .done
        }
        registrar.iq(.set, "hold", Self.namespace, at: .host, later: hold)
        registrar.iq(.set, "release", Self.namespace, at: .host, release)
        registrar.iq(.get, "held", Self.namespace, at: .host) { [state] _ throws(StanzaError) in
            Element("held", Self.namespace, ["count": String(state.waiting.withLock { $0.count })])
        }
    }

    private func hold(_ request: IQRequest) async throws -> Element? {
        await withCheckedContinuation { continuation in state.waiting.withLock { $0.append(continuation) } }
        return Element("held", Self.namespace, ["on": request.session?.loop.isCurrent == true ? "loop" : "elsewhere"])
    }

    private func release(_ request: IQRequest) throws(StanzaError) -> Element? {
        let waiting = state.waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for continuation in waiting { continuation.resume() }
        return nil
    }

    static let hold = "<iq type='set' to='example.org' id='hold'><hold xmlns='urn:example:gate'/></iq>"
    static let release = "<iq type='set' to='example.org' id='release'><release xmlns='urn:example:gate'/></iq>"
}
