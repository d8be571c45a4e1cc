// SPDX-License-Identifier: Apache-2.0
// Offline Messages (XEP-0160 1.0.1, RFC 6121 section 8.5.2.2): messages for accounts that nobody is at wait until
// somebody is. Messages that have expired (MessageExpiry.swift) are not handed over. Not here: flexible retrieval (XEP-0013).

import Logging
public import XMPPCore

/// Keeps messages for accounts without an available resource, and hands them over once there is one.
public struct OfflineMessages: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest(
        "mod_offline",
        implements: [.xep(23, "1.3"), .xep(160, "1.0.1"), .xep(203, "2.0"), .xep(334, "1.0.0")]
    )

    /// The options of mod_offline.
    public struct Options: ModuleOptions {
        /// The access rule that says how many messages wait for an account at most: a number, or `infinity`. Where it
        /// says neither, ``OfflineMessages/messageCountMaxDefault`` holds.
        public var accessRule = "max_user_offline_messages"
        /// Whether messages of rooms without presence are kept too.
        public var keepsRoomMessages = false

        /// The defaults.
        public init() {}

        /// Reads the section `modules.mod_offline`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.read("access_max_user_messages", into: &accessRule)
            try o.read("store_groupchat_messages", into: &keepsRoomMessages)
        }
    }

    /// Most messages of an account for which the access rule names no number.
    public static let messageCountMaxDefault = 1_000
    /// How many messages are read, handed over and removed at a time.
    static let pageMessageCount = 100
    /// The same for a client that is behind with what it was sent: it has room for few at a time.
    static let laterPageMessageCount = 10
    /// How often messages that have expired are looked for, and how many are removed at a time.
    static let expiryInterval = Duration.seconds(3_600)
    static let expiryMessageCount = 500
    /// How long such a client is left alone with what it was sent.
    static let pause = Duration.milliseconds(200)

    private let options: Options
    private let host: Host
    private var store: any OfflineStore { host.storage.offlineMessages }

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.options = options
        self.host = host
    }

    /// Keeps messages that nobody got, and hands them over when a resource becomes available.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.offlineMessages, on: .host)
        registrar.keepUndelivered(keep)
        if options.keepsRoomMessages { registrar.keepUndeliveredFromRooms(keep) }
        registrar.on(.presenceChanged, presenceChanged)
        host.every(Self.expiryInterval, removeExpired)
    }

    // MARK: storing

    private func keep(_ received: ReceivedMessage) -> Work? {
        guard let message = Message(received.stanza), let sender = message.from else { return nil }
        // A copy's original is stored or was delivered; XEP-0160 section 3: who is typing is of no interest later.
        if message.stanza.isCopy || (message.isTransient && !message.has(.store)) { return .done }
        // XEP-0334 section 4.2. The sender learns that nobody got it.
        if message.has(.noStore) { return nil }
        let now = host.time.wallTime
        let expiry = message.expiry(at: now)
        // Too late for anybody.
        if let expiry, expiry <= now { return .done }
        let offline = OfflineMessage(
            from: sender, stanza: message.stanza.xml, receivedMicroseconds: now.microseconds,
            expiryMicroseconds: expiry?.microseconds)
        let isArchived = received.isArchived
        return .later { await store(offline, message, for: received.account, isArchived: isArchived) }
    }

    private func removeExpired() async {
        do throws(StorageError) {
            var count = 0
            repeat {
                count = try await store.removeExpired(
                    at: host.time.wallTime.microseconds, limit: Self.expiryMessageCount)
            } while count == Self.expiryMessageCount
        } catch {
            host.logFailure("expired messages were not removed", error, level: .warning)
        }
    }

    /// - Parameter isArchived: whether the account finds the message elsewhere when there is no room for it here.
    private func store(
        _ offline: OfflineMessage, _ message: Message, for account: BareJID, isArchived: Bool
    ) async {
        // One at a time for each account: nobody reads messages that are being handed over to somebody else.
        let failure = await host.accountLocks.withLock(account) { () async -> StanzaError? in
            do throws(StorageError) {
                // RFC 6121 section 8.5.1: the same answer as for an account whose messages cannot be kept.
                guard try await host.storage.accounts.contains(account) else { return .serviceUnavailable }
                let maximum = messageCountMax(of: account)
                guard try await store.append(offline, for: account, messageCountMax: maximum) == .stored else {
                    // XEP-0160 section 2, step 3
                    return isArchived ? nil : .serviceUnavailable
                }
            } catch {
                host.logFailure("offline message not stored", error)
                return isArchived ? nil : StanzaError(storage: error)
            }
            // Somebody may have come while the message was being stored, and have seen no message then.
            if let session = availableSession(of: account) { await handOver(to: session) }
            return nil
        }
        if let failure { await host.router.bounce(message.stanza, failure).finish() }
    }

    /// Nil for no bound.
    private func messageCountMax(of account: BareJID) -> Int? {
        switch host.access(options.accessRule, of: account.jid) {
        case .limit(let count): count
        case .unlimited: nil
        case .allow, .deny, .name: Self.messageCountMaxDefault
        }
    }

    private func availableSession(of account: BareJID) -> Session? {
        let records = host.registry.sessions(of: account).filter { ($0.priority ?? -1) >= 0 }
        return records.max { ($0.priority ?? -1) < ($1.priority ?? -1) }?.session
    }

    // MARK: handing over

    private func presenceChanged(_ change: PresenceChange) -> Work {
        // XEP-0160 section 2, step 5: when it becomes one that gets messages; a further presence changes nothing.
        guard Self.getsMessages(change.new), !(change.old.map(Self.getsMessages) ?? false) else { return .done }
        return .later {
            await host.accountLocks.withLock(change.session.account) { await handOver(to: change.session) }
        }
    }

    private static func getsMessages(_ presence: Presence) -> Bool {
        presence.type == .available && (presence.priority ?? -1) >= 0
    }

    /// Sends what is stored, as far as the client has room for it: anybody may have sent it much while it was away, and
    /// a client that is too far behind loses its stream. Under the account's lock.
    private func handOver(to session: Session, pageMessageCount: Int = Self.pageMessageCount) async {
        let account = session.account
        var cursor: PageCursor?
        do throws(StorageError) {
            repeat {
                guard await session.hasRoom() else { return goOnLater(with: session) }
                let page = try await store.messages(
                    for: account,
                    at: host.time.wallTime.microseconds,
                    after: cursor,
                    limit: pageMessageCount
                )
                // It may have gone while the page was read; the next to come gets the messages.
                guard host.registry.session(session.jid)?.session === session else { return }
                var rest = page.items[...]
                while !rest.isEmpty {
                    // What was sent had time to go out while the store worked.
                    guard await session.hasRoom() else { return goOnLater(with: session) }
                    let delivered = await deliver(&rest, to: session)
                    if !delivered.isEmpty {
                        // How many were there is known: nobody else removes messages of this account now.
                        _ = try await store.remove(delivered, for: account)
                    }
                }
                cursor = page.next
            } while cursor != nil
        } catch {
            host.logFailure("offline messages not delivered", error)
        }
    }

    /// Hands over messages from the beginning of `rest`, and takes them out of it, while the client has room.
    ///
    /// - Returns: those that the session has got.
    private func deliver(
        _ rest: inout ArraySlice<StoredOfflineMessage>, to session: Session
    ) async -> [OfflineMessageID] {
        var delivered: [OfflineMessageID] = []
        while await session.hasRoom(), let next = rest.popFirst() {
            if deliver(next.message, to: session) { delivered.append(next.id) }
        }
        return delivered
    }

    /// Tries again after a pause. Others of the account have their turn meanwhile, and a client that never reads holds
    /// nobody up.
    private func goOnLater(with session: Session) {
        session.loop.post {
            guard session[Pause.self] == nil else { return }
            session[Pause.self] = Pause()
            session.schedule(after: Self.pause) {
                session[Pause.self] = nil
                host.router.run(.later { await goOn(with: session) })
            }
        }
    }

    private func goOn(with session: Session) async {
        await host.accountLocks.withLock(session.account) {
            // If it gets no messages any more, they go to the next that does.
            guard let priority = host.registry.session(session.jid)?.priority, priority >= 0 else { return }
            await handOver(to: session, pageMessageCount: Self.laterPageMessageCount)
        }
    }

    /// Kept with a session while it is waited for room.
    private struct Pause: SessionKey { typealias Value = Pause }

    /// Hands a stored message to a session, which keeps it or sends it back here.
    ///
    /// - Returns: false when what is stored is no message.
    private func deliver(_ message: OfflineMessage, to session: Session) -> Bool {
        guard let element = Element(parsing: message.stanza), let stanza = Stanza(element), stanza.kind == .message
        else {
            host.logger.error("a stored offline message is no message")
            return false
        }
        // XEP-0191 section 3.2: who was blocked since is not heard; there is nobody any more to be told of it.
        guard session.allows(.message, message.from) else { return true }
        let received = Timestamp(microseconds: message.receivedMicroseconds)
        session.deliver(stanza.delayed(since: received, by: host.address.jid, reason: "Offline Storage"))
        return true
    }
}

extension Namespace {
    /// The feature of servers that keep offline messages (XEP-0160 section 4).
    static let offlineMessages: Namespace = "msgoffline"
}
