// SPDX-License-Identifier: Apache-2.0
// Storage of messages for accounts that are not online (RFC 6121 section 8.5.2.2.1, XEP-0160).

/// A message that waits for its account.
public struct OfflineMessage: Hashable, Sendable {
    /// Who sent it.
    public var from: JID
    /// The stanza as XML, in UTF-8.
    public var stanza: [UInt8]
    /// When the server got it: microseconds since 1970-01-01 UTC.
    public var receivedMicroseconds: Int64
    /// From when on it must not be delivered any more (XEP-0079, XEP-0023): microseconds since 1970-01-01 UTC; nil for
    /// never.
    public var expiryMicroseconds: Int64?

    /// Makes a message.
    public init(from: JID, stanza: [UInt8], receivedMicroseconds: Int64, expiryMicroseconds: Int64? = nil) {
        self.from = from
        self.stanza = stanza
        self.receivedMicroseconds = receivedMicroseconds
        self.expiryMicroseconds = expiryMicroseconds
    }
}

/// The name of a stored message. It is never given to another message of the same store.
public struct OfflineMessageID: Hashable, Sendable {
    /// The store's number for the message.
    public var number: Int64

    /// Wraps a store's number.
    public init(_ number: Int64) { self.number = number }
}

/// A stored message with its name.
public struct StoredOfflineMessage: Hashable, Sendable {
    /// The name by which it is removed.
    public var id: OfflineMessageID
    /// The message.
    public var message: OfflineMessage

    /// Makes a stored message.
    public init(id: OfflineMessageID, message: OfflineMessage) {
        self.id = id
        self.message = message
    }
}

/// What became of a message.
public enum OfflineAppendResult: Hashable, Sendable {
    /// It is stored, durably.
    case stored
    /// The account has as many messages as it may; nothing was stored.
    case limitExceeded
}

/// The messages that wait for their accounts.
///
/// They are delivered by reading a page, delivering it, then removing what was delivered. So a crash loses nothing, and
/// what was removed never comes back. Two readers at once would both see a message: the caller lets one read at a time.
public protocol OfflineStore: AccountDataStore {
    /// Stores a message behind those that the account has.
    ///
    /// - Parameter messageCountMax: how many messages the account may have, this one included; nil for no bound.
    ///   Concurrent calls never exceed it.
    func append(
        _ message: OfflineMessage, for account: BareJID, messageCountMax: Int?
    ) async throws(StorageError) -> OfflineAppendResult

    /// Reads an account's messages in the order in which they were stored, and leaves them where they are.
    ///
    /// - Parameters:
    ///   - nowMicroseconds: the time; messages that have expired by then are left out. Microseconds since 1970-01-01
    ///     UTC.
    ///   - cursor: where the last page ended; nil for the first page.
    ///   - limit: most messages of the page; see ``Page/itemCountMax``.
    func messages(
        for account: BareJID, at nowMicroseconds: Int64, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<StoredOfflineMessage>

    /// Removes messages of an account, all or none of them. Those that are not there, or are another account's, are
    /// passed over.
    ///
    /// - Returns: how many were removed by this call.
    func remove(_ messages: [OfflineMessageID], for account: BareJID) async throws(StorageError) -> Int

    /// How many messages an account has, those that have expired and were not removed yet included.
    func messageCount(for account: BareJID) async throws(StorageError) -> Int

    /// Removes messages of any account that have expired.
    ///
    /// - Parameters:
    ///   - nowMicroseconds: the time: microseconds since 1970-01-01 UTC.
    ///   - limit: most messages that are removed by this call; see ``Page/itemCountMax``.
    /// - Returns: how many were removed; fewer than the limit when none is left.
    func removeExpired(at nowMicroseconds: Int64, limit: Int) async throws(StorageError) -> Int

    /// Lists the accounts that have messages, of every domain.
    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID>
}
