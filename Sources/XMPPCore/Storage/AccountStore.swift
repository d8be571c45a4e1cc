// SPDX-License-Identifier: Apache-2.0
// Storage of registered accounts and their credentials.

/// What an account is authenticated with, in the two forms that MongooseIM stores.
///
/// Its `description` shows no part of it.
public struct AccountCredential: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The keys derived from the password, as the text that MongooseIM keeps in `users.pass_details`; nil when the
    /// password itself is stored.
    public var passwordDetails: String?
    /// The password as plain text (`users.password`); empty when only the derived keys are stored.
    public var password: String

    /// Makes a credential from derived keys.
    public init(passwordDetails: String) {
        self.passwordDetails = passwordDetails
        password = ""
    }

    /// Makes a credential from a plain password.
    public init(password: String) {
        passwordDetails = nil
        self.password = password
    }

    /// Makes a credential from both columns as they are stored.
    public init(passwordDetails: String?, password: String) {
        self.passwordDetails = passwordDetails
        self.password = password
    }

    /// Which of the two forms it has, and nothing of what it holds.
    public var description: String { passwordDetails == nil ? "a password" : "derived keys" }
    /// The same as `description`.
    public var debugDescription: String { description }
    /// Shows nothing, so that a dump of a value that holds it tells no secret.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// An account as listed.
public struct Account: Hashable, Sendable {
    /// The address.
    public var address: BareJID
    /// What it is authenticated with; nil from a store that checks passwords but does not show them.
    public var credential: AccountCredential?

    /// Makes an account.
    public init(address: BareJID, credential: AccountCredential?) {
        self.address = address
        self.credential = credential
    }
}

/// The registered accounts. `removeAll(for:)` removes the account.
public protocol AccountStore: AccountDataStore {
    /// Whether the account is registered.
    func contains(_ account: BareJID) async throws(StorageError) -> Bool

    /// The credential of an account, as it was last set; nil when the account is not registered.
    func credential(of account: BareJID) async throws(StorageError) -> AccountCredential?

    /// Registers an account. Of concurrent calls for one account exactly one succeeds.
    ///
    /// - Parameter accountCountMax: how many accounts the domain may have, this one included; nil for no bound.
    /// - Throws: ``StorageError/conflict`` when the account is registered, and its credential stays as it was;
    ///   ``StorageError/limitExceeded`` when the domain has as many accounts as it may.
    func create(
        _ account: BareJID, credential: AccountCredential, accountCountMax: Int?
    ) async throws(StorageError)

    /// Replaces the credential of a registered account.
    ///
    /// - Returns: false, and nothing is registered, when there is no such account.
    func setCredential(_ credential: AccountCredential, of account: BareJID) async throws(StorageError) -> Bool

    /// Lists accounts with their credentials.
    ///
    /// - Parameters:
    ///   - domain: the domain whose accounts are listed; nil for those of every domain.
    ///   - cursor: where the last page ended; nil for the first page.
    ///   - limit: most entries of the page; see ``Page/itemCountMax``.
    func accounts(
        in domain: String?, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<Account>

    /// How many accounts a domain has; 0 for an unknown domain.
    func accountCount(in domain: String) async throws(StorageError) -> Int
}
