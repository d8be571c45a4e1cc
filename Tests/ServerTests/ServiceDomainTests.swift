// SPDX-License-Identifier: Apache-2.0
// Domains that modules serve beside a host's own: what reaches them, what they answer, and which there cannot be.

import Testing
import XMPPModules
import XMPPPersistenceSQLite

@testable import XMPPCore

/// Says back what it is sent.
private struct Echo: XMPPModule {
    static let manifest = ModuleManifest("mod_echo", implements: [])
    static let namespace: Namespace = "urn:example:echo"

    struct Options: ModuleOptions {
        var domain = "echo.@HOST@"
        mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.readServiceDomain("host", into: &domain)
        }
    }

    private let address: BareJID
    private let host: Host

    init(options: Options, host: Host) throws(ModuleError) {
        address = try ServiceDomain.address(options.domain, of: host)
        self.host = host
    }

    func register(in registrar: inout Registrar) {
        var service = ServiceDomain(address, DiscoIdentity(category: "test", type: "echo"))
        service.iq(.get, "where", Self.namespace, at: .host, place)
        service.iq(.get, "where", Self.namespace, at: .account, place)
        service.onMessage { message in
            let answer = Message(
                to: message.from, from: message.to, body: "\(message.stanza.type): \(message.body ?? "")")
            return host.router.route(answer.stanza)
        }
        service.onPresence { presence in
            let answer = Message(to: presence.from, from: presence.to, body: "\(presence.type)")
            return host.router.route(answer.stanza)
        }
        registrar.serve(service)
        registrar.iq(.get, "any", Self.namespace, at: .service) { (_) throws(StanzaError) in
            Element("any", Self.namespace)
        }
    }

    private func place(_ request: IQRequest) throws(StanzaError) -> Element? {
        Element("where", Self.namespace) {
            "\(request.service?.address.description ?? "") \(request.account?.description ?? "")"
        }
    }
}

@Suite struct ServiceDomainTests {
    private static func withServer(
        _ domains: [String] = ["example.org"], echo: ConfigurationTable = [:],
        _ body: (XMPPServer) async throws -> Void
    ) async throws {
        let local = try await LocalStorage.open(.memory)
        let modules = [
            ModuleConfiguration("mod_echo", options: echo), ModuleConfiguration("mod_presence"),
            ModuleConfiguration("mod_disco"),
        ]
        let hosts = domains.map { HostConfiguration($0, modules: modules) }
        let configuration = ServerConfiguration(hosts: hosts, defaultDomain: domains[0], eventLoopCount: 1)
        do {
            let server = try XMPPServer(
                configuration: configuration, storage: local.storage, modules: StandardModules.all + [Echo.self])
            try await body(server)
        } catch {
            await local.close()
            throw error
        }
        await local.close()
    }

    static let requests: [(to: String, payload: String, answer: String)] = [
        ("echo.example.org", "where", ">echo.example.org </where>"),
        ("echo.example.org/part", "where", ">echo.example.org </where>"),
        ("room@echo.example.org", "where", ">echo.example.org room@echo.example.org</where>"),
        ("room@echo.example.org/nick", "where", ">echo.example.org room@echo.example.org</where>"),
        ("echo.example.org", "any", "<any "),
        ("room@echo.example.org", "any", "<service-unavailable"),
        ("echo.example.org", "other", "<service-unavailable"),
        ("example.org", "where", "<service-unavailable"),
        ("a.echo.example.org", "where", "<remote-server-not-found"),
    ]

    @Test(arguments: requests)
    func requestsReachTheServiceAndItsNodes(to: String, payload: String, answer: String) async throws {
        try await Self.withServer { server in
            let romeo = try await server.connect(as: FullJID("romeo@example.org/orchard"))
            let payload = Element(payload, Echo.namespace)
            await romeo.send(IQ(to: try JID(to), type: .get, id: "1", payload: payload))
            let stanza = try #require(await Self.next(of: romeo))
            #expect("\(stanza)".contains(answer))
            #expect(stanza.from?.description == to)
        }
    }

    @Test func messagesAndPresenceReachTheService() async throws {
        try await Self.withServer { server in
            let romeo = try await server.connect(as: FullJID("romeo@example.org/orchard"))
            for to in ["echo.example.org", "room@echo.example.org", "room@echo.example.org/nick"] {
                let address = try JID(to)
                await romeo.send(Message(to: address, type: .groupchat, body: "Hello"))
                #expect(try await Self.body(of: romeo) == "\(to) groupchat: Hello")
                await romeo.send(Message(to: address, type: .error, body: "No"))
                #expect(try await Self.body(of: romeo) == "\(to) error: No")
                await romeo.send(Presence(to: address))
                #expect(try await Self.body(of: romeo) == "\(to) available")
            }
            // Directed presence is taken back at the end: RFC 6121 section 4.6.3.
            await romeo.send(Presence(type: .unavailable))
            var ends: Set<String> = []
            for _ in 0..<3 { ends.insert(try await Self.body(of: romeo)) }
            #expect(
                ends == [
                    "echo.example.org unavailable", "room@echo.example.org unavailable",
                    "room@echo.example.org/nick unavailable",
                ])
        }
    }

    @Test(arguments: ["example.org", "fixed.example"])
    func noTwoServeOneDomain(domain: String) async throws {
        let options: ConfigurationTable = ["host": ConfigurationValue(stringLiteral: domain)]
        await #expect(throws: ServerError.serviceDomainTaken(domain)) {
            try await Self.withServer(["example.org", "example.net"], echo: options) { _ in }
        }
    }

    private static func next(of stream: InProcessStream) async -> Stanza? {
        for await stanza in stream.stanzas { return stanza }
        return nil
    }

    private static func body(of stream: InProcessStream) async throws -> String {
        let message = try #require(await next(of: stream).flatMap { Message($0) })
        return "\(message.from?.description ?? "") \(message.body ?? "")"
    }
}
