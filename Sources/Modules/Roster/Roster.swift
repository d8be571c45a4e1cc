// SPDX-License-Identifier: Apache-2.0
// Rosters and subscriptions (RFC 6121 sections 2 and 3). Not here: presence itself (PresenceBroadcast), pre-approval
// (section 3.4), and replaying single changes to a client that has an old version (section 2.6.2 allows the whole).

import Synchronization
public import XMPPCore

/// Keeps the contacts of accounts, and who may see whose presence.
public struct Roster: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_roster", implements: [.rfc(6121, section: "2"), .xep(237, "1.3")])

    /// The options of mod_roster.
    public struct Options: ModuleOptions {
        /// Whether rosters have versions, so that a client which knows the current one need not get it again.
        public var versioning = false

        /// The defaults.
        public init() {}

        /// Reads the section `modules.mod_roster`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.read("versioning", into: &versioning)
            // MongooseIM chooses between storing the version and hashing the roster. Here it is always stored.
            var isVersionStored = true
            try o.read("store_current_id", into: &isVersionStored)
        }
    }

    /// Most items of one roster, requests that wait for an answer included.
    static let itemCountMax = 5_000
    /// How large requests of strangers may make a roster: less than it may be, so that they cannot keep the account
    /// from adding contacts of its own.
    static let itemCountMaxForRequests = 4_000

    let options: Options
    let host: Host
    let store: any RosterStore
    let state: State

    /// What lives as long as the host.
    final class State: Sendable {
        let memory: RosterMemory
        /// One subscription stanza of an account at a time leaves it, so that contacts get them in the order in which
        /// they changed its roster. Whoever holds this may wait for the account locks of others; nobody who holds one
        /// of those waits for this.
        let outbound = AccountLocks()
        let pushCount = Atomic<Int>(0)

        init(_ registry: SessionRegistry) { memory = RosterMemory(registry) }
    }

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.options = options
        self.host = host
        store = host.storage.rosters
        state = State(host.registry)
    }

    /// Handles roster gets and sets and the stanzas of subscriptions, and provides ``RosterService``.
    public func register(in registrar: inout Registrar) {
        if options.versioning {
            // RFC 6121 section 2.6.1
            registrar.streamFeature(StreamFeature(.authenticated) { Element("ver", .rosterVersions) })
        }
        registrar.iq(.get, "query", .roster, at: .ownAccount, get)
        registrar.iq(.set, "query", .roster, at: .ownAccount, later: set)
        registrar.handleSubscriptions(sent: subscriptionSent, received: subscriptionReceived)
        registrar.on(.sessionEnded, forget)
        registrar.on(.accountRemoved, takeLeave)
        registrar.provide(self, as: (any RosterService).self)
    }

    // MARK: roster get

    /// RFC 6121 sections 2.1.3, 2.2 and 2.6.
    private func get(_ request: IQRequest) -> IQAnswer {
        let account = request.sender.bare
        let known = request.payload["ver"]
        // Section 2.2: whoever asks is told of changes from now on. Before anything is read, so that every later change
        // is pushed; a change that comes at this moment may be pushed although the result has it.
        request.session?.becomeInterested()
        if let addition = host.service((any RosterAddition).self) {
            return .later {
                do throws(StorageError) { return .success(try await read(account, adding: addition)) } catch {
                    return .failure(StanzaError(storage: error))
                }
            }
        }
        if let roster = state.memory.roster(of: account) {
            return .now(.success(isCurrent(known, roster["ver"]) ? nil : roster))
        }
        return .later {
            do throws(StorageError) { return .success(try await read(account, unless: known)) } catch {
                return .failure(StanzaError(storage: error))
            }
        }
    }

    private func read(_ account: BareJID, unless known: String?) async throws(StorageError) -> Element? {
        // Under the lock, so that what is remembered misses no change.
        try await host.accountLocks.withLock(account) { () async throws(StorageError) -> Element? in
            if options.versioning, isCurrent(known, try await store.version(of: account)?.text) { return nil }
            return try await readAndRemember(account).query
        }
    }

    /// Always the whole: the version says nothing of what is added.
    private func read(
        _ account: BareJID, adding addition: any RosterAddition
    ) async throws(StorageError) -> Element? {
        let roster: Element
        if let known = state.memory.roster(of: account) {
            roster = known
        } else {
            roster = try await host.accountLocks.withLock(account) { () async throws(StorageError) in
                try await readAndRemember(account).query
            }
        }
        let added = try await addition.items(for: account)
        guard !added.isEmpty else { return roster }
        var builder = ElementBuilder()
        builder.open("query", .roster)
        builder.attribute("ver", roster["ver"])
        // One item for each address: what a client has said of one that is added does not count.
        let addresses = Set(added.compactMap { $0["jid"] })
        for item in roster.children where !addresses.contains(item["jid"] ?? "") { builder.append(item) }
        for item in added { builder.append(item) }
        builder.close()
        return builder.finish()
    }

    /// Section 2.6.2: an empty version, as of a client without a copy, is never the current one.
    private func isCurrent(_ known: String?, _ version: String?) -> Bool {
        options.versioning && known?.isEmpty == false && known == version
    }

    private func query(_ roster: (items: [RosterItem], version: RosterVersion?)) -> Element {
        var builder = ElementBuilder()
        builder.open("query", .roster)
        builder.attribute("ver", options.versioning ? roster.version?.text ?? "" : nil)
        for item in roster.items where !item.isHidden { item.write(to: &builder) }
        builder.close()
        return builder.finish()
    }

    // MARK: roster set

    /// RFC 6121 sections 2.1.5, 2.3, 2.4 and 2.5.
    private func set(_ request: IQRequest) async throws -> Element? {
        let account = request.sender.bare
        let change = try RosterSet(request.payload)
        // An account sees its own resources anyway; an item for itself could only confuse.
        guard change.contact != account.jid else { throw StanzaError.notAllowed }
        switch change.action {
        case .write(let name, let groups):
            let contact = change.contact
            try await update(contact, of: account, push: .always) { item in
                var changed = item ?? RosterItem(contact: contact)
                changed.name = name
                changed.groups = groups
                return changed
            }
        case .remove:
            try await remove(change.contact, of: account)
        }
        return nil
    }

    // MARK: sessions

    private func forget(_ ended: EndedSession) -> Work {
        state.memory.forgetUnlessOnline(ended.session.account)
        return .done
    }

    /// Tells the contacts of an account that is no more, so that none keeps a subscription to whoever registers it
    /// next.
    ///
    /// Its roster is gone already: contacts of an account that is not online are not known here any more.
    private func takeLeave(_ removed: RemovedAccount) -> Work {
        let account = removed.account
        guard let subscriptions = state.memory.remove(account) else { return .done }
        let sessions = host.registry.sessions(of: account)
        return .later {
            for contact in subscriptions.from { sendUnavailable(of: sessions, to: contact.jid) }
            for contact in subscriptions.to { await send(.unsubscribe, from: account, to: contact.jid) }
            for contact in subscriptions.from { await send(.unsubscribed, from: account, to: contact.jid) }
            for case let contact? in subscriptions.requests.map(\.from) {
                await send(.unsubscribed, from: account, to: contact)
            }
        }
    }
}

extension Roster: RosterService {
    /// The subscriptions of an account that has sessions, from memory; nil when they have not been read yet.
    public func subscriptionsInMemory(of account: BareJID) -> PresenceSubscriptions? {
        state.memory.subscriptions(of: account)
    }

    /// The subscriptions of an account: from memory, or read under its lock.
    public func subscriptions(of account: BareJID) async throws(StorageError) -> PresenceSubscriptions {
        if let subscriptions = subscriptionsInMemory(of: account) { return subscriptions }
        return try await host.accountLocks.withLock(account) { () async throws(StorageError) -> PresenceSubscriptions in
            if let subscriptions = subscriptionsInMemory(of: account) { return subscriptions }
            return try await readAndRemember(account).subscriptions
        }
    }

    /// The subscription state of a contact, read from the store; `.none` for one that is not in the roster.
    public func subscription(
        of account: BareJID, to contact: BareJID
    ) async throws(StorageError) -> RosterSubscription {
        SubscriptionState(try await store.item(contact.jid, of: account)).subscription
    }

    /// What the roster says of a contact; nil when it must be read.
    public func contactInMemory(_ contact: BareJID, of account: BareJID) -> RosterContact? {
        state.memory.contacts(of: account).map { $0[contact] ?? RosterContact() }
    }

    /// What the roster says of a contact: from memory, which is filled when the account has sessions.
    public func contact(_ contact: BareJID, of account: BareJID) async throws(StorageError) -> RosterContact {
        if let known = contactInMemory(contact, of: account) { return known }
        guard !host.registry.sessions(of: account).isEmpty else {
            return try await store.item(contact.jid, of: account).map(RosterContact.init) ?? RosterContact()
        }
        return try await contacts(of: account)[contact] ?? RosterContact()
    }

    /// Whether an item of the roster is in the group.
    public func hasGroup(_ group: String, of account: BareJID) async throws(StorageError) -> Bool {
        try await contacts(of: account).values.contains { $0.groups.contains(group) }
    }

    private func contacts(of account: BareJID) async throws(StorageError) -> [BareJID: RosterContact] {
        if let contacts = state.memory.contacts(of: account) { return contacts }
        return try await host.accountLocks.withLock(account) { () async throws(StorageError) in
            let items = try await readAndRemember(account).items.filter { $0.contact.isBare }
            let contacts = Dictionary(items.map { ($0.contact.bare, RosterContact($0)) }) { first, _ in first }
            state.memory.keep(contacts, of: account)
            return contacts
        }
    }

    /// Reads a roster, and keeps it for as long as the account has sessions. The account's lock is held.
    private func readAndRemember(
        _ account: BareJID
    ) async throws(StorageError) -> (items: [RosterItem], query: Element, subscriptions: PresenceSubscriptions) {
        let roster = try await readAll(account)
        var subscriptions = PresenceSubscriptions()
        subscriptions.add(roster.items, of: account)
        let query = query(roster)
        state.memory.keep(subscriptions, query, of: account)
        return (roster.items, query, subscriptions)
    }

    /// Reads all of a roster. The account's lock is held, so that it seldom changes meanwhile: only at the hands of
    /// another process.
    private func readAll(
        _ account: BareJID
    ) async throws(StorageError) -> (items: [RosterItem], version: RosterVersion?) {
        for _ in 0..<Self.readCountMax {
            var page = try await store.roster(of: account, after: nil, limit: Page<RosterItem>.itemCountMax)
            var items = page.items
            let version = page.version
            while let next = page.next, page.version == version {
                page = try await store.roster(of: account, after: next, limit: Page<RosterItem>.itemCountMax)
                items += page.items
            }
            if page.version == version { return (items, version) }
        }
        throw .unavailable(detail: "the roster changes faster than it is read")
    }

    /// How often a roster that changes between its pages is read anew.
    private static let readCountMax = 10
}
