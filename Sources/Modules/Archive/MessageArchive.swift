// SPDX-License-Identifier: Apache-2.0
// Message Archive Management (XEP-0313 1.1) with preferences (XEP-0441 0.2), names of messages (XEP-0359 0.7), retraction
// (XEP-0424 0.4.2) and full-text search (XEP-0431 0.3). Not here: archives of publish-subscribe nodes (XEP-0442), and the
// namespace `urn:xmpp:mam:1`.

public import XMPPCore

/// Keeps what accounts and rooms say, and answers who asks for it.
public struct MessageArchive: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest(
        "mod_mam",
        implements: [
            .xep(59, "1.0"), .xep(313, "1.1.3"), .xep(359, "0.7.0"), .xep(424, "0.4.2"), .xep(431, "0.3.0"),
            .xep(441, "0.2.0"),
        ]
    )

    private let accounts: AccountArchives?
    private let rooms: RoomArchives?

    /// Makes the module for one host.
    ///
    /// - Throws: ``ModuleError`` when the domain of rooms is none.
    public init(options: Options, host: Host) throws(ModuleError) {
        let access = ArchiveAccess(host)
        accounts = options.accounts.map { settings in
            AccountArchives(
                settings, access, hasPreferences: options.preferencesBackendName != nil, of: host)
        }
        if let settings = options.rooms {
            let domain: BareJID? =
                if let pattern = settings.roomDomain { try ServiceDomain.address(pattern, of: host) } else { nil }
            rooms = RoomArchives(settings, access, domain: domain, of: host)
        } else {
            rooms = nil
        }
    }

    /// Archives what is sent and received, answers for archives, and offers to archive what rooms send.
    public func register(in registrar: inout Registrar) {
        accounts?.register(in: &registrar)
        if let rooms { registrar.provide(rooms, as: (any RoomArchive).self) }
        rooms?.start()
    }
}
