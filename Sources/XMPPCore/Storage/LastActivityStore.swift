// SPDX-License-Identifier: Apache-2.0
// Storage of when an account was last online (XEP-0012).

/// When an account was last online, and what its last unavailable presence said.
public struct LastActivityRecord: Hashable, Sendable {
    /// Seconds since 1970-01-01 UTC, 0 or more. MongooseIM's column ends in the year 2038; what is later is stored
    /// as the column's greatest value by the databases whose column has 32 bits.
    public var seconds: Int64
    /// The text of `<status/>`; empty for none.
    public var status: String

    /// Makes a record.
    public init(seconds: Int64, status: String) {
        self.seconds = seconds
        self.status = status
    }
}

/// A record with its account, as listed.
public struct LastActivityEntry: Hashable, Sendable {
    /// The account.
    public var account: BareJID
    /// Its record.
    public var record: LastActivityRecord

    /// Makes an entry.
    public init(account: BareJID, record: LastActivityRecord) {
        self.account = account
        self.record = record
    }
}

/// When accounts were last online.
public protocol LastActivityStore: AccountDataStore {
    /// The record that was last stored for an account; nil when there is none.
    func lastActivity(of account: BareJID) async throws(StorageError) -> LastActivityRecord?

    /// Stores the record of an account and replaces the one before.
    func setLastActivity(_ record: LastActivityRecord, of account: BareJID) async throws(StorageError)

    /// How many accounts of a domain were last online at or after a time.
    ///
    /// - Parameter seconds: seconds since 1970-01-01 UTC.
    func activeAccountCount(in domain: String, since seconds: Int64) async throws(StorageError) -> Int

    /// Lists the records of every account of every domain.
    ///
    /// - Parameters:
    ///   - cursor: where the last page ended; nil for the first page.
    ///   - limit: most entries of the page; see ``Page/itemCountMax``.
    func entries(
        after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<LastActivityEntry>
}
