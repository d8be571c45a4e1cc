// SPDX-License-Identifier: Apache-2.0
// Storage of rooms without presence (MUC Light), and of what accounts want to be added to.

/// Rooms, each with its occupants, and what accounts have blocked.
///
/// Of an account the store holds its place in rooms, and its list of blocks:
/// - ``AccountDataStore/removeAll(for:)`` takes the account out of all its rooms, and removes its list. What others have
///   blocked stays. In a room that is left without an owner, and had one, the first member becomes owner, by the order
///   in which the store compares addresses. A room that nobody is left in is gone. Each other room gets a new version.
/// - ``AccountDataStore/removeAll(domain:)`` does the same for all accounts of the domain at once, and removes the rooms
///   whose address is in the domain.
public protocol RoomStore: AccountDataStore {
    /// A room; nil when there is none. A room without occupants does not exist.
    ///
    /// - Throws: ``StorageError/corrupt(detail:)`` when what an occupant may do cannot be read. An occupant with an
    ///   address that is none is left out, for that is nobody.
    func room(_ address: BareJID) async throws(StorageError) -> Room?

    /// Stores a room in place of the state of it that has a version, as one step: of two that are based on the same
    /// state, one fails.
    ///
    /// - Parameters:
    ///   - room: what is stored. Without occupants the room is removed, and nothing of it stays.
    ///   - version: that of the room before; nil when there must be none of its address.
    /// - Throws: ``StorageError/conflict`` when the room has another version, or is not there, or is though it must not
    ///   be; when two fields have the same key; and when the new version is the old one.
    ///   ``StorageError/limitExceeded`` for more than ``Room/occupantCountMax`` occupants or ``Room/fieldCountMax``
    ///   fields, for a version longer than ``Room/versionByteCountMax``, and for a text that the database's column has no
    ///   room for.
    func set(_ room: Room, basedOn version: String?) async throws(StorageError)

    /// Lists rooms that an account is in, in ascending order.
    ///
    /// - Parameters:
    ///   - domain: that of the rooms' addresses; nil for rooms of every domain.
    ///   - limit: most rooms that are listed; see ``Page/itemCountMax``. With ``RoomSpan/last`` and
    ///     ``RoomSpan/before(_:)`` those nearest to the end of the span are.
    /// - Returns: fewer than the limit only when there are no more.
    func rooms(
        of account: BareJID, in domain: String?, _ span: RoomSpan, limit: Int
    ) async throws(StorageError) -> [RoomSummary]

    /// How many rooms of a domain, or of all for nil, an account is in that come before an address; nil counts all.
    func roomCount(
        of account: BareJID, in domain: String?, before address: BareJID?
    ) async throws(StorageError) -> Int

    /// What an account has blocked, at most ``RoomBlock/countMax``; empty when nothing.
    func blocks(of account: BareJID) async throws(StorageError) -> Set<RoomBlock>

    /// Changes what an account has blocked, as one step.
    ///
    /// - Parameters:
    ///   - added: what it blocks from now on; what it blocks already stays.
    ///   - removed: what it blocks no more; what it has not blocked does not matter.
    /// - Throws: ``StorageError/limitExceeded`` when there would be more than ``RoomBlock/countMax``, and for an address
    ///   that the database's column has no room for.
    func changeBlocks(
        of account: BareJID, adding added: Set<RoomBlock>, removing removed: Set<RoomBlock>
    ) async throws(StorageError)

    /// Which of these accounts have blocked any of `blocks`.
    ///
    /// - Parameter accounts: at most ``Room/occupantCountMax``; those beyond are not looked at.
    func accounts(
        among accounts: Set<BareJID>, thatHaveBlocked blocks: Set<RoomBlock>
    ) async throws(StorageError) -> Set<BareJID>

    /// Which of these accounts are in at least so many rooms of a domain, or of all for nil.
    ///
    /// - Parameter accounts: at most ``Room/occupantCountMax``; those beyond are not looked at.
    func accounts(
        among accounts: Set<BareJID>, thatAreInRooms countMin: Int, in domain: String?
    ) async throws(StorageError) -> Set<BareJID>

    /// Lists the addresses of rooms, and of accounts that have blocked something, each once, of every domain.
    func addresses(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID>
}
