// SPDX-License-Identifier: Apache-2.0
// Where a server keeps its data: one store for each kind.

/// The stores of a server. Each may be another backend's, so an embedder can keep accounts in a database of its own
/// and all else in a file.
public struct Storage: Sendable {
    /// The registered accounts.
    public var accounts: any AccountStore
    /// The rosters.
    public var rosters: any RosterStore
    /// The messages that wait for accounts that are not online.
    public var offlineMessages: any OfflineStore
    /// The private XML elements.
    public var privateElements: any PrivateStore
    /// The privacy lists and block lists.
    public var privacyLists: any PrivacyStore
    /// When accounts were last online.
    public var lastActivity: any LastActivityStore
    /// The vCards.
    public var vCards: any VCardStore
    /// The message archives of accounts.
    public var messageArchive: any ArchiveStore
    /// The message archives of rooms.
    public var roomArchive: any ArchiveStore
    /// What accounts want archived.
    public var archivePreferences: any ArchivePreferencesStore
    /// The rooms without presence, and what accounts have blocked there.
    public var rooms: any RoomStore

    /// Puts stores together.
    public init(
        accounts: any AccountStore, rosters: any RosterStore, offlineMessages: any OfflineStore,
        privateElements: any PrivateStore, privacyLists: any PrivacyStore, lastActivity: any LastActivityStore,
        vCards: any VCardStore,
        messageArchive: any ArchiveStore, roomArchive: any ArchiveStore,
        archivePreferences: any ArchivePreferencesStore, rooms: any RoomStore
    ) {
        self.accounts = accounts
        self.rosters = rosters
        self.offlineMessages = offlineMessages
        self.privateElements = privateElements
        self.privacyLists = privacyLists
        self.lastActivity = lastActivity
        self.vCards = vCards
        self.messageArchive = messageArchive
        self.roomArchive = roomArchive
        self.archivePreferences = archivePreferences
        self.rooms = rooms
    }

    /// Every store. The one of accounts is the last, so that a removal that breaks off half way can be asked for again.
    var all: [any AccountDataStore] {
        [
            rosters, offlineMessages, privateElements, privacyLists, lastActivity, vCards, messageArchive, roomArchive,
            archivePreferences, rooms, accounts,
        ]
    }

    /// Removes an account and everything that is stored for it, store by store.
    ///
    /// - Throws: the first store's error; what was removed before it stays removed, and the account stays registered.
    public func removeAll(for account: BareJID) async throws(StorageError) {
        for store in all { try await store.removeAll(for: account) }
    }

    /// Removes the accounts of a domain and everything that is stored for them, store by store.
    ///
    /// - Throws: the first store's error; what was removed before it stays removed, and accounts stay registered.
    public func removeAll(domain: String) async throws(StorageError) {
        for store in all { try await store.removeAll(domain: domain) }
    }
}
