// SPDX-License-Identifier: Apache-2.0
// Two clients of a server in this process, whose streams are XML in memory: all that a stanza costs but sockets.

import Logging
import XMPPCore
import XMPPModules
import XMPPPersistenceSQLite

/// Romeo and Juliet, logged in, and Mercutio, who comes and goes. For one caller at a time.
final class Conversation: Sendable {
    private let server: XMPPServer
    private let storage: Storage
    private let romeo: Client
    private let juliet: Client
    private let mercutio: Client.Keys

    /// Starts a server with one loop and logs both in.
    init() async throws {
        var configuration = ServerConfiguration(domain: "example.org")
        configuration.eventLoopCount = 1
        configuration.hosts[0].modules = [
            "mod_disco", "mod_presence", "mod_roster", "mod_offline", "mod_ping", "mod_privacy",
            "mod_muc_light",
        ].map { ModuleConfiguration($0) }
        storage = try await LocalStorage.open(.memory).storage
        let password = "wherefore"
        for name in ["romeo", "juliet", "mercutio"] {
            let account = try BareJID(localpart: name, domainpart: "example.org")
            let credential = try configuration.hosts[0].authentication.makeCredential(password: password)
            try await storage.accounts.create(account, credential: credential, accountCountMax: nil)
        }
        var logger = Logger(label: "benchmark")
        logger.logLevel = .critical
        server = try XMPPServer(
            configuration: configuration, storage: storage, modules: StandardModules.all, logger: logger
        )
        var keys: Client.Keys?
        func derive(_ salt: [UInt8], _ iterationCount: Int) throws -> Client.Keys {
            let derived = try Client.Keys(password: password, salt: salt, iterationCount: iterationCount)
            keys = derived
            return derived
        }
        romeo = Client(server.openStream())
        try await romeo.logIn("romeo", resource: "orchard", derive)
        juliet = Client(server.openStream())
        try await juliet.logIn("juliet", resource: "balcony", derive)
        let client = Client(server.openStream())
        try await client.logIn("mercutio", resource: "street", derive)
        await client.logOut()
        guard let keys else { preconditionFailure("logged in without keys") }
        mercutio = keys
    }

    /// Romeo sends Juliet so many messages, in batches; returns when she has the last.
    func chat(messageCount: Int) async {
        let batch = Array(String(repeating: chatXML, count: Self.batchCount).utf8)
        for _ in 0..<messageCount / Self.batchCount {
            romeo.write(batch)
            await juliet.receive(Self.batchCount, "</message>")
        }
    }

    /// Has so many others log in, and a room made with all of them and Juliet, of Romeo's.
    func makeRoom(occupantCount: Int) async throws -> Room {
        var occupants = [romeo, juliet]
        var users = "<user affiliation='member'>juliet@example.org</user>"
        for index in occupants.count..<occupantCount {
            let name = "guest\(index)"
            let credential = AccountCredential(password: "wherefore")
            let account = try BareJID(localpart: name, domainpart: "example.org")
            try await storage.accounts.create(account, credential: credential, accountCountMax: nil)
            let client = Client(server.openStream())
            try await client.logIn(name, resource: "home") {
                try Client.Keys(password: "wherefore", salt: $0, iterationCount: $1)
            }
            occupants.append(client)
            users += "<user affiliation='member'>\(account)</user>"
        }
        let room = "square@muclight.example.org"
        let request =
            "<iq type='set' id='b1' to='\(room)'><query xmlns='urn:xmpp:muclight:0#create'>"
            + "<occupants>\(users)</occupants></query></iq>"
        romeo.write(Array(request.utf8))
        await romeo.receive(1, "type='result'")
        for occupant in occupants.dropFirst() { await occupant.receive(1, "</message>") }
        return Room(conversation: self, others: Array(occupants.dropFirst()), address: room)
    }

    /// A room in which Romeo speaks.
    struct Room: Sendable {
        /// Its server ends with it.
        fileprivate let conversation: Conversation
        fileprivate let others: [Client]
        fileprivate let address: String

        /// Romeo says so much that so many copies are made; returns when everybody has the last.
        func speak(copyCount: Int) async {
            let message = chatXML.replacing("to='juliet@example.org/balcony'", with: "to='\(address)'")
                .replacing("type='chat'", with: "type='groupchat'")
            let batch = Array(String(repeating: message, count: Conversation.batchCount).utf8)
            for _ in 0..<copyCount / (Conversation.batchCount * (others.count + 1)) {
                conversation.romeo.write(batch)
                await conversation.romeo.receive(Conversation.batchCount, "</message>")
                for other in others { await other.receive(Conversation.batchCount, "</message>") }
            }
        }
    }

    /// Romeo asks so many times, in batches; returns when he has the last answer.
    func ask(_ payload: String, of address: String?, requestCount: Int) async {
        let to = address.map { " to='\($0)'" } ?? ""
        let request = "<iq type='get' id='b1'\(to)>\(payload)</iq>"
        let batch = Array(String(repeating: request, count: Self.batchCount).utf8)
        for _ in 0..<requestCount / Self.batchCount {
            romeo.write(batch)
            await romeo.receive(Self.batchCount, "type='result'")
        }
    }

    /// Mercutio logs in and out so many times.
    func logIn(count: Int) async {
        for _ in 0..<count {
            let client = Client(server.openStream())
            do { try await client.logIn("mercutio", resource: "street") { _, _ in mercutio } } catch {
                preconditionFailure("\(error)")
            }
            await client.logOut()
        }
    }

    /// Stanzas that are sent at once.
    private static let batchCount = 10
}
