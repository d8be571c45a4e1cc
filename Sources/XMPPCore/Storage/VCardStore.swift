// SPDX-License-Identifier: Apache-2.0
// The vCards of accounts (XEP-0054), and the search in them (XEP-0055).

/// The vCards of accounts: one for each.
public protocol VCardStore: AccountDataStore {
    /// An account's `<vCard/>` as XML in UTF-8, byte for byte as it was stored; nil when there is none.
    func vCard(of account: BareJID) async throws(StorageError) -> [UInt8]?

    /// Stores an account's vCard in place of the one before, and what it is found by with it, as one step.
    func set(_ vCard: VCard, of account: BareJID) async throws(StorageError)

    /// Finds vCards of a domain.
    ///
    /// - Parameters:
    ///   - query: what they match, without regard to case; one without terms matches none.
    ///   - limit: most matches; see ``Page/itemCountMax``.
    /// - Returns: matches in no order; which of them, when there are more than the limit, is not said.
    func search(_ query: VCardQuery, in domain: String, limit: Int) async throws(StorageError) -> [VCardMatch]

    /// Lists the accounts that have a vCard, of every domain.
    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID>
}

/// A vCard that was found.
public struct VCardMatch: Hashable, Sendable {
    /// Whose it is.
    public var account: BareJID
    /// What it says, as ``VCard/texts`` has it; without ``VCardField/localpart``.
    public var texts: [VCardField: String]

    /// Makes a match.
    public init(account: BareJID, texts: [VCardField: String]) {
        self.account = account
        self.texts = texts
    }
}

/// What a search looks for: all of it in one vCard.
public struct VCardQuery: Hashable, Sendable {
    /// What a field has to hold.
    public enum Term: Hashable, Sendable {
        /// This text.
        case equals(String)
        /// A text that begins so; any text when it is empty.
        case begins(String)

        /// Reads what somebody typed: a last `*` stands for anything. No other character means anything but itself.
        public init(_ text: String) {
            self = text.hasSuffix("*") ? .begins(String(text.dropLast())) : .equals(text)
        }
    }

    /// The terms by their fields.
    public var terms: [VCardField: Term]

    /// Makes a query; without terms it finds nothing.
    public init(_ terms: [VCardField: Term] = [:]) { self.terms = terms }
}
