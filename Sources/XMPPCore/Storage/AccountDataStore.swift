// SPDX-License-Identifier: Apache-2.0
// What every store of data that belongs to accounts can do.

/// A store whose data belongs to accounts.
///
/// What holds of every method of every store:
/// - It may be called from any isolation, concurrently with any other, and does not block the caller's executor.
/// - When a method that changes data returns, the change is durable, whole, and seen by every later call.
/// - When it throws anything but ``StorageError/unavailable(detail:)``, nothing was changed.
/// - Cancelling the calling task does not undo a change, nor leave half of one.
/// - Two accounts or domains are the same only if their bytes are.
/// - A name or text that the store cannot hold – too long for it, or with U+0000, which XML does not have and some
///   databases neither – is refused with ``StorageError/backend(code:detail:)``. It is never cut, and never taken for
///   another. The longest names that a store must hold are RFC 7622's, or what its author declares.
/// - A domain is given as a prepared domainpart: ``BareJID/domainpart``.
public protocol AccountDataStore: Sendable {
    /// Removes everything this store holds for an account. Nothing to remove is no error.
    func removeAll(for account: BareJID) async throws(StorageError)

    /// Removes everything this store holds for the accounts of a domain, and nothing of its subdomains. Nothing to
    /// remove is no error.
    func removeAll(domain: String) async throws(StorageError)
}
