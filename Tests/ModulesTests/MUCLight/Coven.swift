// SPDX-License-Identifier: Apache-2.0
// A server with rooms, and what the tests of rooms say again and again.

import Logging
import Synchronization
import Testing
import XMPPModules
import XMPPPersistenceSQLite

@testable import XMPPCore

enum Coven {
    static let room = "coven@muclight.example.com"
    static let service = "muclight.example.com"
    static let (juliet, nurse, romeo) = ("juliet@example.com", "nurse@example.com", "romeo@example.net")

    /// Gives `body` a server with rooms at `muclight.example.com` and `muclight.example.net`.
    ///
    /// - Parameters:
    ///   - options: of mod_muc_light.
    ///   - archive: what is offered as the archive of rooms; nil for nothing.
    static func run(
        options: ConfigurationTable = ConfigurationTable(), loopCount: Int = 1, archive: (any RoomArchive)? = nil,
        modules: [ModuleConfiguration] = [], time: any TimeSource = SystemTime(),
        storage wrap: (Storage) -> Storage = { $0 }, _ body: (Verona) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let local = try await LocalStorage.open(.memory, logger: logger)
        do {
            for account in Verona.accounts {
                try await local.storage.accounts.create(
                    BareJID(account), credential: AccountCredential(password: "secret"), accountCountMax: nil)
            }
            var names = [
                ModuleConfiguration("mod_roster"), ModuleConfiguration("mod_presence"),
                ModuleConfiguration("mod_disco"),
                ModuleConfiguration("mod_muc_light", options: options),
            ]
            var types = StandardModules.all
            if let archive {
                ArchiveModule.offered.withLock { $0 = archive }
                names.append(ModuleConfiguration(ArchiveModule.manifest.name))
                types.append(ArchiveModule.self)
            }
            let hosts = Verona.domains.map { HostConfiguration($0, modules: names + modules) }
            let server = try XMPPServer(
                configuration: ServerConfiguration(
                    hosts: hosts, defaultDomain: "example.com", eventLoopCount: loopCount),
                storage: wrap(local.storage), modules: types, time: time, logger: logger)
            try await body(Verona(server: server, storage: local.storage))
        } catch {
            await local.close()
            throw error
        }
        await local.close()
    }

    /// Offers the archive of a test. One test with an archive runs at a time.
    struct ArchiveModule: XMPPModule {
        static let manifest = ModuleManifest("test_archive", implements: [])
        typealias Options = NoOptions
        static let offered = Mutex<(any RoomArchive)?>(nil)

        init(options: Options, host: Host) throws(ModuleError) {}

        func register(in registrar: inout Registrar) {
            if let archive = Self.offered.withLock({ $0 }) { registrar.provide(archive, as: (any RoomArchive).self) }
        }
    }

    static func iq(_ type: String, _ id: String, to: String = room, _ payload: String) -> String {
        "<iq type='\(type)' id='\(id)' to='\(to)'>\(payload)</iq>"
    }

    static func affiliations(_ users: KeyValuePairs<String, String>) -> String {
        "<query xmlns='urn:xmpp:muclight:0#affiliations'>" + self.users(users) + "</query>"
    }

    static func users(_ users: KeyValuePairs<String, String>) -> String {
        users.map { "<user affiliation='\($0.value)'>\($0.key)</user>" }.joined()
    }

    static func create(_ members: String...) -> String {
        let users = members.map { "<user affiliation='member'>\($0)</user>" }.joined()
        return iq("set", "create", "<query xmlns='urn:xmpp:muclight:0#create'><occupants>\(users)</occupants></query>")
    }

    static func say(_ text: String, id: String = "m", to: String = room) -> String {
        "<message id='\(id)' type='groupchat' to='\(to)'><body>\(text)</body></message>"
    }
}

extension Client {
    /// What has come since the last look, as stanzas.
    func stanzas() async throws -> [Stanza] {
        try await received().map { try #require(Stanza.literal($0)) }
    }
}

extension Stanza {
    /// The text of an element inside the first child, or of the first child's child of that name.
    func text(of name: String) -> String? { children.first?.childText(name) }
}
