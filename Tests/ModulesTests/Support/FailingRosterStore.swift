// SPDX-License-Identifier: Apache-2.0
// A roster store that can be told to fail.

import Synchronization
import XMPPCore

/// Passes everything on, until it is told not to.
final class FailingRosterStore: RosterStore {
    private let store: any RosterStore
    private let isUnavailable = Mutex(false)
    /// How often anything was asked for.
    let callCount = Mutex(0)

    init(_ store: any RosterStore) { self.store = store }

    func setUnavailable(_ isUnavailable: Bool) { self.isUnavailable.withLock { $0 = isUnavailable } }

    private func check() throws(StorageError) {
        callCount.withLock { $0 += 1 }
        if isUnavailable.withLock({ $0 }) { throw .unavailable(detail: "told to") }
    }

    func roster(of account: BareJID, after cursor: PageCursor?, limit: Int) async throws(StorageError) -> RosterPage {
        try check()
        return try await store.roster(of: account, after: cursor, limit: limit)
    }

    func item(_ contact: JID, of account: BareJID) async throws(StorageError) -> RosterItem? {
        try check()
        return try await store.item(contact, of: account)
    }

    func version(of account: BareJID) async throws(StorageError) -> RosterVersion? {
        try check()
        return try await store.version(of: account)
    }

    func update(
        _ contact: JID, of account: BareJID, itemCountMax: Int?,
        _ change: @escaping @Sendable (RosterItem?) -> RosterItem?
    ) async throws(StorageError) -> RosterChange {
        try check()
        return try await store.update(contact, of: account, itemCountMax: itemCountMax, change)
    }

    func add(_ items: [RosterItem], to account: BareJID) async throws(StorageError) {
        try check()
        try await store.add(items, to: account)
    }

    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try check()
        return try await store.accounts(after: cursor, limit: limit)
    }

    func removeAll(for account: BareJID) async throws(StorageError) {
        try check()
        try await store.removeAll(for: account)
    }

    func removeAll(domain: String) async throws(StorageError) {
        try check()
        try await store.removeAll(domain: domain)
    }
}
