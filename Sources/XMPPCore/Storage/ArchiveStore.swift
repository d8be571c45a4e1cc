// SPDX-License-Identifier: Apache-2.0
// The archives of accounts and of rooms (XEP-0313), and what accounts want archived (XEP-0441).

/// A message, and the archive that it is for.
public struct ArchiveEntry: Hashable, Sendable {
    /// The bare JID whose archive it is.
    public var archive: BareJID
    /// The message.
    public var message: ArchivedMessage

    /// Makes an entry.
    public init(archive: BareJID, message: ArchivedMessage) {
        self.archive = archive
        self.message = message
    }
}

/// What not every store of archives can do.
public enum ArchiveFeature: Hashable, Sendable, CaseIterable {
    /// Find messages by ``ArchiveQuery/words``; without it, such a query is refused.
    case search
    /// Count what a query finds; without it, ``ArchiveStore/count(in:matching:)`` is refused.
    case count
}

/// Archives: of accounts, or of rooms. "Account" in what every store promises is "owner of an archive" here.
///
/// Reading costs what is read and not what is stored: messages are found by their names, never by counting.
public protocol ArchiveStore: AccountDataStore {
    /// What this store can do.
    var features: Set<ArchiveFeature> { get }

    /// Stores messages of any archives, in any order. When it returns, all of them are durable.
    ///
    /// One whose archive has a message of that name is passed over, so what failed is asked for again as it was.
    ///
    /// - Throws: when not all are stored; some may be.
    func append(_ entries: [ArchiveEntry]) async throws(StorageError)

    /// Reads messages of an archive by their names.
    ///
    /// - Parameter limit: most messages that are read; see ``Page/itemCountMax``.
    /// - Returns: fewer than the limit only when there are no more. A message that cannot be read is left out, without
    ///   being counted as missing, and the store logs that.
    func messages(
        in archive: BareJID, matching query: ArchiveQuery, order: ArchiveOrder, limit: Int
    ) async throws(StorageError) -> [ArchivedMessage]

    /// Reads messages of an archive by their names; those that are not there are left out.
    ///
    /// - Parameter ids: at most ``Page/itemCountMax``; those beyond are left out.
    /// - Returns: the messages in the order of the archive.
    func messages(in archive: BareJID, ids: [ArchiveID]) async throws(StorageError) -> [ArchivedMessage]

    /// How many messages of an archive a query finds. This may cost as much as reading them.
    func count(in archive: BareJID, matching query: ArchiveQuery) async throws(StorageError) -> Int

    /// Puts another stanza in the place of a message's, and forgets what it was found by; all else stays as it is
    /// (XEP-0424 section 4).
    ///
    /// - Returns: whether there is such a message.
    func replace(
        _ id: ArchiveID, in archive: BareJID, by stanza: [UInt8]
    ) async throws(StorageError) -> Bool

    /// Removes the first messages of an archive.
    ///
    /// - Parameters:
    ///   - id: those before it are removed.
    ///   - limit: most messages that are removed by this call; see ``Page/itemCountMax``.
    /// - Returns: how many were removed; fewer than the limit when none is left.
    func remove(before id: ArchiveID, in archive: BareJID, limit: Int) async throws(StorageError) -> Int

    /// Lists the owners of archives that may have messages, of every domain.
    func archives(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID>
}

/// What an account wants archived (XEP-0441 section 2.1).
public struct ArchivePreferences: Hashable, Sendable {
    /// What is done with the messages of somebody who is not in ``exceptions``. The raw value is XEP-0441's.
    public enum Behaviour: String, Hashable, Sendable, CaseIterable {
        /// They are archived.
        case always
        /// They are not archived.
        case never
        /// Those of contacts in the roster are archived.
        case roster
    }

    /// What is done where nothing else is said.
    public var standard: Behaviour
    /// Whose messages are archived, true, or not, false. A full JID goes before its bare JID.
    public var exceptions: [JID: Bool]

    /// Makes preferences.
    public init(standard: Behaviour = .always, exceptions: [JID: Bool] = [:]) {
        self.standard = standard
        self.exceptions = exceptions
    }
}

/// What accounts want archived.
public protocol ArchivePreferencesStore: AccountDataStore {
    /// An account's preferences; nil when it has stored none.
    func preferences(of account: BareJID) async throws(StorageError) -> ArchivePreferences?

    /// Stores an account's preferences in place of those before, as one step.
    func set(_ preferences: ArchivePreferences, of account: BareJID) async throws(StorageError)

    /// Lists the accounts that have stored preferences, of every domain.
    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID>
}
