// SPDX-License-Identifier: Apache-2.0
// The archives of accounts.

import Logging
import XMPPCore

/// Archives what accounts send and get, and answers them.
struct AccountArchives: Sendable {
    private let host: Host
    private let options: ArchiveOptions
    private let rules: ArchiveRules
    private let names: ArchiveNames
    private let access: ArchiveAccess
    private let owners: ArchiveOwners
    private let writer: ArchiveWriter
    private let reader: ArchiveReader
    private let hasPreferences: Bool

    init(
        _ options: ArchiveOptions, _ names: ArchiveNames, _ access: ArchiveAccess, hasPreferences: Bool, of host: Host
    ) {
        self.host = host
        self.options = options
        self.names = names
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
        registrar.advertise(.archive, .extendedArchive, .archiveGroupchatField, .stanzaIDs, on: .account)
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
        registrar.on(.accountRemoved) { removed in
            owners.forget(removed.account)
            return .done
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
        let id = names.next(at: host.time.wallTime)
        let entry = self.entry(id, of: message, .sent, peer: to, for: account)
        sent.work = sent.work.then(writer.append(entry, retracting: retraction(by: message)))
        // XEP-0313 section 3.4: not for the recipient, who has no access to this archive.
        if options.namesMessages { sent.ownMark = id.element(by: account) }
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
        try writer.checkRoom()
        let id = names.next(at: host.time.wallTime)
        received.archive = {
            writer.append(
                entry(id, of: message, .received, peer: from, for: account), retracting: retraction(by: message))
        }
        if options.namesMessages { received.stanza = received.stanza.adding(id.element(by: account)) }
        return .pass
    }

    private func entry(
        _ id: ArchiveID, of message: Message, _ direction: ArchivedMessage.Direction, peer: JID, for account: BareJID
    ) -> ArchiveEntry {
        ArchiveEntry(
            archive: account,
            message: ArchivedMessage(
                id: id, direction: direction, sender: message.from ?? account.jid, peer: peer,
                stanza: message.stanza.xml, originID: message.originID,
                searchText: options.isSearchable ? message.body.flatMap(SearchText.stored) : nil,
                isGroupchat: message.type == .groupchat))
    }

    private func retraction(by message: Message) -> Retraction? {
        options.retractsMessages ? Retraction(message) : nil
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
    /// What its sender named it (XEP-0359 section 3.2), or its `id`, which should be the same; nil for none, and for one
    /// that is too long to be looked for.
    var originID: String? {
        let id = stanza.child("origin-id", .stanzaIDs)?["id"] ?? id
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
