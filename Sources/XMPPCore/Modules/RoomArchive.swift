// SPDX-License-Identifier: Apache-2.0
// What modules with rooms may ask of the one that keeps archives.

/// Keeps the archives of rooms (XEP-0313). Offered by the module of archives when it is configured to keep them.
public protocol RoomArchive: Sendable {
    /// What disco#info of a room lists for its archive; empty when it has none.
    func features(of room: BareJID) -> [Namespace]

    /// Takes a message that a room sends to its occupants.
    ///
    /// - Parameters:
    ///   - message: as all occupants get it: `from` is the occupant who sent it, or the room.
    ///   - sender: the account that sent it, or whose doing it is.
    ///   - room: the room's bare JID.
    /// - Returns: the message as it is to be sent; the name in the archive (XEP-0359) that it has been given, if it is one
    ///   that is archived; and what must be done before it counts as handled.
    /// - Throws: when the archive should have the message and has no room for it. It is not to be sent then.
    func archive(
        _ message: Message, from sender: BareJID, in room: BareJID
    ) throws(StanzaError) -> (message: Message, mark: Element?, work: Work)

    /// Answers an IQ for a room's archive: a get or set whose payload is in ``Namespace/archive``. The caller has made
    /// sure that its sender may read it.
    func answer(_ request: IQRequest, for room: BareJID) async throws -> Element?

    /// Removes a room's archive: the room is no more.
    func remove(_ room: BareJID) async throws(StorageError)
}

extension Namespace {
    /// Message archives (XEP-0313).
    public static let archive: Namespace = "urn:xmpp:mam:2"
    /// Unique and stable stanza IDs (XEP-0359), by which a message says what it is called in an archive.
    public static let stanzaIDs: Namespace = "urn:xmpp:sid:0"
}
