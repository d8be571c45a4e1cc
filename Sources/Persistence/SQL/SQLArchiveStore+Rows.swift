// SPDX-License-Identifier: Apache-2.0
// Archived messages as rows, and queries as conditions on columns.

import XMPPCore

extension SQLArchiveStore {
    /// The values of a message's row, then whose it is.
    func row(of entry: ArchiveEntry) throws(StorageError) -> [SQLValue] {
        let (archive, message) = (entry.archive, entry.message)
        let id = SQLValue.integer(message.id.number)
        let content: [SQLValue] = [.optional(message.originID), .optional(message.searchText), .bytes(message.stanza)]
        switch statements.kind {
        case .accounts:
            return [
                id, .text(format.text(of: message.sender, in: archive)),
                .text(format.text(of: message.peer.bare.jid, in: archive)), .text(message.peer.resourcepart ?? ""),
                .text(message.direction == .sent ? "O" : "I"), .flag(message.isGroupchat),
            ] + content + archive.key
        case .rooms:
            guard message.peer.bare == archive else {
                throw .backend(code: "peer", detail: "the message of a room is from \(message.peer)")
            }
            return [id, .text(message.peer.resourcepart ?? "")] + content + archive.key + message.sender.bare.key
        }
    }

    /// The message of a row; nil for one of which an address is none.
    func message(of row: SQLRow, in archive: BareJID) throws(StorageError) -> ArchivedMessage? {
        guard let id = ArchiveID(try row.integer(0)) else { throw .corrupt(detail: "a message has a negative name") }
        let texts = try Self.texts(row, statements.kind)
        let (sender, peer): (JID, JID)
        do throws(JIDError) { (sender, peer) = try Self.addresses(texts, in: archive, format) } catch { return nil }
        let isOfAccount = statements.kind == .accounts
        let isSent = isOfAccount ? try row.integer(7) == 1 : false
        let words = try row.optionalText(2)
        return ArchivedMessage(
            id: id, direction: isSent ? .sent : .received, sender: sender, peer: peer,
            stanza: try ArchivedStanza.xml(of: try row.bytes(1)), originID: try row.optionalText(3),
            searchText: words == "" ? nil : words, isGroupchat: isOfAccount ? try row.integer(8) != 0 : true)
    }

    /// The columns of addresses.
    private struct AddressTexts {
        /// The resource of the peer, in a room the nickname; empty for none.
        var resource: String
        /// The sender and the peer, or in a room the sender's domain and localpart; nil where they are not known.
        var parts: (String, String)?
        var kind: ArchiveStatements.Kind
    }

    private static func texts(_ row: SQLRow, _ kind: ArchiveStatements.Kind) throws(StorageError) -> AddressTexts {
        let (first, second) = (try row.optionalText(5), try row.optionalText(6))
        var texts = AddressTexts(resource: try row.text(4), parts: nil, kind: kind)
        if let first, let second { texts.parts = (first, second) }
        return texts
    }

    private static func addresses(
        _ texts: AddressTexts, in archive: BareJID, _ format: ArchiveAddressFormat
    ) throws(JIDError) -> (sender: JID, peer: JID) {
        switch texts.kind {
        case .accounts:
            guard let (sender, peer) = texts.parts else { throw .form }
            return (
                try format.address(sender, in: archive),
                try address(try format.address(peer, in: archive).bare, texts.resource)
            )
        case .rooms:
            // Of a sender whom the table of owners does not have, the room is all that is known.
            let sender = texts.parts.flatMap { BareJID(server: $0.0, username: $0.1) } ?? archive
            return (sender.jid, try address(archive, texts.resource))
        }
    }

    private static func address(_ bare: BareJID, _ resource: String) throws(JIDError) -> JID {
        resource.isEmpty ? bare.jid : try bare.with(resourcepart: resource).jid
    }

    /// What a query's conditions are on the columns; nil when nothing can be found.
    func conditions(_ query: ArchiveQuery, in archive: BareJID) -> ArchiveConditions? {
        // What is no word is in no text.
        guard query.words.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: " ")) }) else { return nil }
        var conditions = ArchiveConditions(ids: query.ids)
        conditions.originID = query.originID
        conditions.words = query.words
        switch statements.kind {
        case .accounts:
            conditions.isGroupchat = query.isGroupchat
            if let peer = query.peer {
                conditions.peer = format.text(of: peer.bare.jid, in: archive)
                conditions.resource = peer.resourcepart
            }
        case .rooms:
            guard query.isGroupchat != false, query.peer.map({ $0.bare == archive }) ?? true else { return nil }
            conditions.resource = query.peer?.resourcepart
        }
        return conditions
    }
}
