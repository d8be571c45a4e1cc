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
        /// Since the server started.
        var readAt: Duration
        var preferences: ArchivePreferences?
        /// Whether those who wrote to it while it was away are in its roster.
        var listed: [BareJID: Bool] = [:]
    }

    /// How many accounts, and contacts and exceptions of theirs, are remembered at most: twice this.
    static let weightMax = 50_000
    /// How many contacts are remembered of an account that is away.
    private static let listedCountMax = 100
    /// For how long is true what was read: other processes change it too. Of accounts that do not exist for a moment only.
    private static let lifetimes = (existing: Duration.seconds(60), absent: Duration.seconds(5))

    private struct State {
        var known = RecentValues<BareJID, Known>(weightMax: weightMax)
        /// Accounts that were removed, until their sessions are gone: nothing of theirs is stored any more.
        var removed: Set<BareJID> = []
        /// Grows whenever something is forgotten: what was read before that is not remembered.
        var generation = 0
    }

    private let host: Host
    /// Nil when all of everybody's messages are archived.
    private let store: (any ArchivePreferencesStore)?
    private let state = Mutex(State())

    /// - Parameter hasPreferences: whether accounts can say what they want archived.
    init(_ host: Host, hasPreferences: Bool) {
        self.host = host
        store = hasPreferences ? host.storage.archivePreferences : nil
    }

    /// Whether a message is archived; nil when that must be found out with ``learn(_:_:)``.
    func archives(_ account: BareJID, _ peer: JID) -> Bool? {
        let isOnline = !host.registry.sessions(of: account).isEmpty
        // Who is online exists: without preferences there is nothing to be looked up for most messages.
        let needsKnown = !isOnline || store != nil
        let (known, isRemoved) = state.withLock { state in
            (needsKnown ? state.known.value(of: account) : nil, state.removed.contains(account))
        }
        guard !isRemoved else { return false }
        guard needsKnown else { return true }
        guard let known, isCurrent(known) else { return nil }
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

    private func isCurrent(_ known: Known) -> Bool {
        host.time.uptime - known.readAt < (known.exists ? Self.lifetimes.existing : Self.lifetimes.absent)
    }

    /// Finds out what it takes to decide.
    ///
    /// - Throws: the error that tells the message's sender that the store does not say.
    func learn(_ account: BareJID, _ peer: JID) async throws(StanzaError) {
        do throws(StorageError) {
            let (before, generation) = state.withLock { ($0.known.value(of: account), $0.generation) }
            var found: Known
            if let before, isCurrent(before) { found = before } else { found = try await read(account) }
            var isListed: Bool?
            if found.preferences?.behaviour(towards: peer) == .roster {
                let contact = try await host.service((any RosterService).self)?.contact(peer.bare, of: account)
                isListed = contact?.isListed ?? false
            }
            state.withLock { state in
                // What was forgotten meanwhile is read again.
                guard state.generation == generation else { return }
                // Somebody else may have learnt of another contact.
                if let other = state.known.value(of: account), other.readAt >= found.readAt { found = other }
                if let isListed {
                    if found.listed.count >= Self.listedCountMax { found.listed = [:] }
                    found.listed[peer.bare] = isListed
                }
                let weight = 1 + found.listed.count + (found.preferences?.exceptions.count ?? 0)
                state.known.keep(found, of: account, weight: weight)
            }
        } catch {
            host.logFailure("what an account wants archived was not read", error)
            throw StanzaError(storage: error)
        }
    }

    private func read(_ account: BareJID) async throws(StorageError) -> Known {
        let now = host.time.uptime
        let isOnline = !host.registry.sessions(of: account).isEmpty
        let exists = isOnline ? true : try await host.storage.accounts.contains(account)
        return Known(
            exists: exists, readAt: now, preferences: exists ? try await store?.preferences(of: account) : nil)
    }

    /// Forgets what is known of an account: it changed, or another part of the server has it in memory from now on.
    func forget(_ account: BareJID) {
        state.withLock { state in
            state.known.forget(account)
            state.removed.remove(account)
            state.generation &+= 1
        }
    }

    /// An account is about to be removed, and nothing is archived for it any more.
    func remove(_ account: BareJID) {
        state.withLock { state in
            state.known.forget(account)
            state.generation &+= 1
            if !host.registry.sessions(of: account).isEmpty { state.removed.insert(account) }
        }
    }

    func sessionEnded(_ account: BareJID) {
        guard host.registry.sessions(of: account).isEmpty else { return }
        state.withLock { state in
            // Most accounts are not removed when they leave.
            if !state.removed.isEmpty { state.removed.remove(account) }
        }
    }
}

extension ArchivePreferences {
    /// What is done with the messages of somebody. XEP-0441 section 2.3.1: a full JID is compared as it is, a bare JID
    /// without the resource; the more specific goes first.
    func behaviour(towards peer: JID) -> Behaviour {
        guard let isArchived = exceptions[peer] ?? exceptions[peer.bare.jid] else { return standard }
        return isArchived ? .always : .never
    }
}
