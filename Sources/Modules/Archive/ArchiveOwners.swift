// SPDX-License-Identifier: Apache-2.0
// Which accounts have archives, and what they want archived (XEP-0441 0.2).

import Synchronization
import XMPPCore

/// Decides whether a message of an account goes into its archive. What that takes is read once and remembered.
final class ArchiveOwners: Sendable {
    /// What is known of an account.
    private struct Known {
        /// Whether there is such an account.
        var exists: Bool
        var preferences: ArchivePreferences?
        /// Whether those who wrote to it while it was away are in its roster.
        var listed: [BareJID: Bool] = [:]
    }

    /// How many accounts, and contacts and exceptions of theirs, are remembered at most: twice this.
    static let weightMax = 50_000
    /// How many contacts are remembered of an account that is away.
    private static let listedCountMax = 100

    private let host: Host
    /// Nil when all of everybody's messages are archived.
    private let store: (any ArchivePreferencesStore)?
    private let known = Mutex(RecentValues<BareJID, Known>(weightMax: weightMax))

    /// - Parameter hasPreferences: whether accounts can say what they want archived.
    init(_ host: Host, hasPreferences: Bool) {
        self.host = host
        store = hasPreferences ? host.storage.archivePreferences : nil
    }

    /// Whether a message is archived; nil when that must be found out with ``learn(_:_:)``.
    func archives(_ account: BareJID, _ peer: JID) -> Bool? {
        let isOnline = !host.registry.sessions(of: account).isEmpty
        // Who is online exists.
        if isOnline, store == nil { return true }
        guard let known = known.withLock({ $0.value(of: account) }) else { return nil }
        guard known.exists else { return false }
        switch known.preferences?.behaviour(towards: peer) ?? .always {
        case .always: return true
        case .never: return false
        case .roster:
            guard let roster = host.service((any RosterService).self) else { return false }
            let isListed = isOnline ? roster.contactInMemory(peer.bare, of: account)?.isListed : nil
            return isListed ?? known.listed[peer.bare]
        }
    }

    /// Finds out what it takes to decide.
    ///
    /// - Throws: the error that tells the message's sender that the store does not say.
    func learn(_ account: BareJID, _ peer: JID) async throws(StanzaError) {
        do throws(StorageError) {
            let isOnline = !host.registry.sessions(of: account).isEmpty
            var found = known.withLock { $0.value(of: account) }
            if found == nil {
                let exists = isOnline ? true : try await host.storage.accounts.contains(account)
                found = Known(exists: exists, preferences: exists ? try await store?.preferences(of: account) : nil)
            }
            guard var found else { return }
            if found.preferences?.behaviour(towards: peer) == .roster {
                let contact = try await host.service((any RosterService).self)?.contact(peer.bare, of: account)
                if found.listed.count >= Self.listedCountMax { found.listed = [:] }
                found.listed[peer.bare] = contact?.isListed ?? false
            }
            let weight = 1 + found.listed.count + (found.preferences?.exceptions.count ?? 0)
            known.withLock { $0.keep(found, of: account, weight: weight) }
        } catch {
            host.logFailure("what an account wants archived was not read", error)
            throw StanzaError(storage: error)
        }
    }

    /// Forgets what is known of an account: it changed, or what it is in memory from now on.
    func forget(_ account: BareJID) { known.withLock { $0.forget(account) } }
}

extension ArchivePreferences {
    /// What is done with the messages of somebody. XEP-0441 section 2.3.1: a full JID is compared as it is, a bare JID
    /// without the resource; the more specific goes first.
    func behaviour(towards peer: JID) -> Behaviour {
        guard let isArchived = exceptions[peer] ?? exceptions[peer.bare.jid] else { return standard }
        return isArchived ? .always : .never
    }
}
