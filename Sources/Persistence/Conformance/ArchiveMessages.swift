// SPDX-License-Identifier: Apache-2.0
// Messages for the checks of archives, as an account's archive has them, or a room's.

import Synchronization
import XMPPCore

/// Whose archives are checked.
enum ArchiveOwners: Sendable {
    case accounts
    case rooms

    /// A message that an archive of the kind can hold.
    ///
    /// - Parameters:
    ///   - peer: with whom; in a room's archive its resource is the nickname.
    ///   - text: of the stanza.
    func message(
        _ id: Int64, in archive: BareJID, from sender: JID? = nil, peer: JID? = nil, text: String = "text",
        originID: String? = nil, searchText: String? = nil, isGroupchat: Bool = false
    ) throws -> ArchivedMessage {
        let romeo = try JID("romeo@montague.example/orchard")
        let sender = sender ?? romeo
        let peer = peer ?? romeo
        let id = try Self.id(id)
        let stanza = Array("<message xmlns='\(Namespace.client.uri)'>\(text)</message>".utf8)
        switch self {
        case .accounts:
            return ArchivedMessage(
                id: id, direction: sender.bare == archive ? .sent : .received, sender: sender, peer: peer,
                stanza: stanza, originID: originID, searchText: searchText, isGroupchat: isGroupchat)
        case .rooms:
            return ArchivedMessage(
                id: id, direction: .received, sender: sender.bare.jid, peer: try occupant(peer, of: archive),
                stanza: stanza, originID: originID, searchText: searchText, isGroupchat: true)
        }
    }

    func entry(_ id: Int64, in archive: BareJID, peer: JID? = nil, text: String = "text") throws -> ArchiveEntry {
        ArchiveEntry(archive: archive, message: try message(id, in: archive, peer: peer, text: text))
    }

    /// Who stands for somebody in an archive.
    func peer(_ address: JID, in archive: BareJID) throws -> JID {
        self == .accounts ? address : try occupant(address, of: archive)
    }

    private func occupant(_ address: JID, of room: BareJID) throws -> JID {
        guard let nickname = address.resourcepart else { return room.jid }
        return try room.with(resourcepart: nickname).jid
    }

    static func id(_ number: Int64) throws -> ArchiveID {
        guard let id = ArchiveID(number) else {
            throw ConformanceFailure(message: "\(number) is no name of a message", line: #line)
        }
        return id
    }
}

/// Names of messages, each higher than those before.
final class RisingNames: Sendable {
    private let last = Mutex<Int64>(1 << 8)

    func next() -> Int64 {
        last.withLock { last in
            last += 256
            return last
        }
    }
}
