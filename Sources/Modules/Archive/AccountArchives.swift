// SPDX-License-Identifier: Apache-2.0
// The archives of accounts.

import Logging
import XMPPCore

/// Archives what accounts send and get, and answers them.
struct AccountArchives: Sendable {
    private let host: Host
    private let options: ArchiveOptions
    private let rules: ArchiveRules
    private let access: ArchiveAccess
    private let owners: ArchiveOwners
    private let writer: ArchiveWriter
    private let reader: ArchiveReader
    private let hasPreferences: Bool

    init(
        _ options: ArchiveOptions, _ access: ArchiveAccess, hasPreferences: Bool, of host: Host
    ) {
        self.host = host
        self.options = options
        self.access = access
        self.hasPreferences = hasPreferences
        rules = ArchiveRules(keepsChatMarkers: options.keepsChatMarkers)
        owners = ArchiveOwners(host, hasPreferences: hasPreferences)
        let store = host.storage.messageArchive
        writer = ArchiveWriter(store, of: host)
        var limits = options.limits
        limits.isSearchable = limits.isSearchable && store.features.contains(.search)
        reader = ArchiveReader(host: host, store: store, writer: writer, limits: limits)
    }

    func register(in registrar: inout Registrar) {
        registrar.advertise(.archive, .extendedArchive, .archiveGroupchatField, on: .account)
        if options.namesMessages { registrar.advertise(.stanzaIDs, on: .account) }
        if options.keepsGroupchat { registrar.advertise(.archiveGroupchatAvailable, on: .account) }
        if reader.limits.isSearchable { registrar.advertise(.fullText, on: .account) }
        if options.retractsMessages {
            // XEP-0424 sections 2 and 4
            registrar.advertise(.retraction, .retractionTombstones, on: .account, .host)
        }
        registrar.iq(.get, "query", .archive, at: .ownAccount, later: look)
        registrar.iq(.set, "query", .archive, at: .ownAccount, later: look)
        registrar.iq(.get, "metadata", .archive, at: .ownAccount, later: look)
        if hasPreferences {
            registrar.iq(.get, "prefs", .archive, at: .ownAccount, later: preferences)
            registrar.iq(.set, "prefs", .archive, at: .ownAccount, later: setPreferences)
        }
        registrar.filter(.sentMessage, in: .archive, sent)
        registrar.filter(.receivedMessage, in: .archive, received)
        registrar.on(.sessionBound) { session in
            owners.forget(session.account)
            return .done
        }
        registrar.on(.sessionEnded) { ended in
            owners.sessionEnded(ended.session.account)
            return .done
        }
        registrar.on(.accountRemovalBegan) { removed in
            owners.remove(removed.account)
            // What was taken before is stored before all of it is removed; a store that is away removes nothing either.
            return .later { await settle() }
        }
        ArchiveRetention(host.storage.messageArchive, keeping: options.retentionDayCount, of: host).start {
            $0.domainpart == host.address.domainpart
        }
    }

    // MARK: archiving

    private func sent(_ sent: inout SentMessage) throws(StanzaError) -> FilterDecision {
        let account = sent.session.account
        sent.stanza = sent.stanza.removingNames(by: account)
        // What an account sends to itself is archived once, as it comes.
        guard let message = Message(sent.stanza), let to = message.to, to.bare != account,
            rules.keeps(message, keepsGroupchat: false)
        else { return .pass }
        guard let isArchived = owners.archives(account, to) else {
            return .wait { () async throws(StanzaError) in try await owners.learn(account, to) }
        }
        guard isArchived else { return .pass }
        try writer.checkRoom()
        sent.archive = { sent in
            guard let message = Message(sent.stanza) else { return .done }
            let (id, work) = append(message, .sent, peer: to, for: account)
            // XEP-0313 section 3.4: not for the recipient, who has no access to this archive.
            if options.namesMessages { sent.ownMark = id.element(by: account) }
            return work
        }
        return .pass
    }

    private func received(_ received: inout ReceivedMessage) throws(StanzaError) -> FilterDecision {
        let account = received.account
        received.stanza = received.stanza.removingNames(by: account)
        guard let message = Message(received.stanza), let from = message.from,
            rules.keeps(message, keepsGroupchat: options.keepsGroupchat)
        else { return .pass }
        guard let isArchived = owners.archives(account, from) else {
            return .wait { () async throws(StanzaError) in try await owners.learn(account, from) }
        }
        guard isArchived else { return .pass }
        do throws(StanzaError) {
            try writer.checkRoom()
        } catch  where message.type == .groupchat {
            // A room has said it to others already, and one of them cannot take it back.
            host.logFailure("a room's message is not archived for an occupant", error)
            return .pass
        }
        received.archive = { received in
            guard let message = Message(received.stanza) else { return .done }
            let (id, work) = append(message, .received, peer: from, for: account)
            if options.namesMessages { received.stanza = received.stanza.adding(id.element(by: account)) }
            return work
        }
        return .pass
    }

    private func append(
        _ message: Message, _ direction: ArchivedMessage.Direction, peer: JID, for account: BareJID
    ) -> (id: ArchiveID, work: Work) {
        let entry = ArchiveEntry(
            archive: account,
            message: ArchivedMessage(
                id: .range.lowerBound, direction: direction, sender: message.from ?? account.jid, peer: peer,
                stanza: message.stanza.xml, originID: message.originID,
                searchText: options.isSearchable ? message.body.flatMap(SearchText.stored) : nil,
                isGroupchat: message.type == .groupchat))
        return writer.append(entry, retracting: retraction(by: message))
    }

    /// XEP-0424 section 5.1: in rooms the name of what is retracted is the room's, which this archive does not know.
    private func retraction(by message: Message) -> Retraction? {
        options.retractsMessages && message.type != .groupchat ? Retraction(message) : nil
    }

    private func settle() async {
        do throws(StorageError) { try await writer.settle() } catch {
            host.logFailure("an account is removed while messages wait for the archive", error)
        }
    }

    // MARK: answering

    private func look(_ request: IQRequest) async throws -> Element? {
        guard let account = request.account else { throw StanzaError.badRequest }
        try await access.enter(.look, request)
        return try await reader.answer(request, account)
    }

    private func preferences(_ request: IQRequest) async throws -> Element? {
        guard let account = request.account else { throw StanzaError.badRequest }
        try await access.enter(.getPreferences, request)
        return (try await host.storage.archivePreferences.preferences(of: account) ?? ArchivePreferences()).element
    }

    private func setPreferences(_ request: IQRequest) async throws -> Element? {
        guard let account = request.account else { throw StanzaError.badRequest }
        try await access.enter(.setPreferences, request)
        let preferences = try ArchivePreferences(request.payload)
        try await host.accountLocks.withLock(account) { () async throws(StorageError) in
            try await host.storage.archivePreferences.set(preferences, of: account)
            owners.forget(account)
        }
        return preferences.element
    }
}

extension Message {
    /// What retractions call it: its `id` (XEP-0424 section 5.1), or what its sender named it besides (XEP-0359 section
    /// 3.2), which should be the same; nil for none, and for one that is too long to be looked for.
    var originID: String? {
        let id = id ?? stanza.child("origin-id", .stanzaIDs)?["id"]
        return id.flatMap { (1...ArchivedMessage.originIDByteCountMax).contains($0.utf8.count) ? $0 : nil }
    }
}

extension Namespace {
    /// Archives with all of XEP-0313.
    static let extendedArchive: Namespace = "urn:xmpp:mam:2#extended"
    /// Archives that read the field `include-groupchat`.
    static let archiveGroupchatField: Namespace = "urn:xmpp:mam:2#groupchat-field"
    /// Archives that hold what comes through rooms.
    static let archiveGroupchatAvailable: Namespace = "urn:xmpp:mam:2#groupchat-available"
}
