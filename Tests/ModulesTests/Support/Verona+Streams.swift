// SPDX-License-Identifier: Apache-2.0
// Servers whose configuration and clock a test decides, and clients that speak XML from the stream header on.

import Logging
import Testing
import XMPPModules
import XMPPPersistenceSQLite

@testable import XMPPCore

extension Verona {
    /// Rosters and presence, which most other modules are about.
    static let presence = [ModuleConfiguration("mod_roster"), ModuleConfiguration("mod_presence")]

    /// Gives `body` a server of its own, with rosters, presence and further modules, and with a clock that only `body`
    /// moves.
    ///
    /// - Parameter configure: changes the configuration before the server is made.
    static func run(
        with modules: [ModuleConfiguration],
        configure: (inout ServerConfiguration) throws -> Void = { _ in },
        _ body: (Verona, ManualTime) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let local = try await LocalStorage.open(.memory, logger: logger)
        do {
            for account in accounts {
                let credential = AccountCredential(password: "secret")
                try await local.storage.accounts.create(BareJID(account), credential: credential, accountCountMax: nil)
            }
            var authentication = AuthenticationConfiguration()
            authentication.passwordHashes = [.sha1]
            authentication.scramIterationCount = 1
            let hosts = domains.map {
                HostConfiguration($0, authentication: authentication, modules: presence + modules)
            }
            var configuration = ServerConfiguration(hosts: hosts, defaultDomain: "example.com", eventLoopCount: 1)
            try configure(&configuration)
            let time = ManualTime()
            let server = try XMPPServer(
                configuration: configuration, storage: local.storage, modules: StandardModules.all, time: time,
                logger: logger)
            try await body(Verona(server: server, storage: local.storage), time)
        } catch {
            await local.close()
            throw error
        }
        await local.close()
    }

    /// Opens a stream on which nothing was said yet.
    func openStream() -> RawClient { RawClient(server.openStream(), of: self) }

    /// Opens a stream and logs in with the password `secret`.
    func logIn(_ jid: String) async throws -> RawClient {
        let client = openStream()
        try await client.logIn(jid)
        return client
    }
}

/// A client that speaks XML. Used by one task.
final class RawClient {
    private let stream: InProcessXMLStream
    private var pieces: AsyncStream<[UInt8]>.Iterator
    private let verona: Verona
    private var text = ""

    init(_ stream: InProcessXMLStream, of verona: Verona) {
        self.stream = stream
        self.verona = verona
        pieces = stream.output.makeAsyncIterator()
    }

    func write(_ xml: String) { stream.write(xml) }

    /// Breaks the connection.
    func disconnect() async {
        stream.disconnect()
        await verona.settle()
    }

    /// Reads until `end` has come.
    ///
    /// - Returns: all that has come since the last call, `end` included.
    @discardableResult
    func read(to end: String, at location: Testing.SourceLocation = #_sourceLocation) async throws -> String {
        while true {
            if let range = text.firstRange(of: end) {
                let read = String(text[..<range.upperBound])
                text = String(text[range.upperBound...])
                return read
            }
            let piece = try #require(
                await pieces.next(isolation: #isolation), "the stream ended after: \(text)", sourceLocation: location)
            text += String(decoding: piece, as: UTF8.self)
        }
    }

    /// Reads until the server has ended the stream.
    func readToEnd() async -> String {
        while let piece = await pieces.next(isolation: #isolation) { text += String(decoding: piece, as: UTF8.self) }
        defer { text = "" }
        return text
    }

    /// Checks that exactly this comes next: an answer to `request`, after what had been held back.
    func request(
        _ request: String, _ expected: String..., at location: Testing.SourceLocation = #_sourceLocation
    ) async throws {
        write(request)
        for xml in expected {
            let got = try await read(to: xml, at: location)
            #expect(got == xml, sourceLocation: location)
        }
    }

    /// Opens a stream.
    ///
    /// - Returns: the features that the server offers.
    @discardableResult
    func open(_ domain: String) async throws -> String {
        write(
            "<stream:stream to='\(domain)' version='1.0' xmlns='jabber:client'"
                + " xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        return try await read(to: "</stream:features>")
    }

    /// Opens a stream and authenticates.
    ///
    /// - Returns: the features that the server offers after that.
    @discardableResult
    func authenticate(_ account: BareJID, password: String = "secret") async throws -> String {
        try await open(account.domainpart)
        let plain = Base64.encodeToString(Array("\0\(account.localpart ?? "")\0\(password)".utf8))
        write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>\(plain)</auth>")
        try await read(to: "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        return try await open(account.domainpart)
    }

    /// Opens a stream, authenticates and binds the resource.
    func logIn(_ jid: String, password: String = "secret") async throws {
        let jid = try FullJID(jid)
        try await authenticate(jid.bare, password: password)
        write(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                + "<resource>\(jid.resourcepart)</resource></bind></iq>"
        )
        try await read(to: "</iq>")
    }
}
