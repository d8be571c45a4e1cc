// SPDX-License-Identifier: Apache-2.0
// Which sessions there are: the one thing that all loops share.

import Synchronization

/// What other loops may know of a session. Cheap to copy: a message looks at one for each session of its recipient.
public struct SessionRecord: Sendable {
    /// The session, to deliver to; its other state belongs to its loop.
    public let session: Session
    /// The priority of an available resource; nil while it is not available.
    public internal(set) var priority: Int8?
    /// Whether it asked for its roster (RFC 6121 section 2.2).
    public internal(set) var isInterested = false
    /// Since when it has got what is for everybody who is there, under the rules it has now; see
    /// ``SessionRegistry/moment``.
    fileprivate(set) var beginning: UInt32 = 0
    /// What is seldom looked at; nil for nothing.
    private var details: Details?

    private final class Details: Sendable {
        let presence: Presence?
        let marks: Set<SessionMark>

        init?(_ presence: Presence?, _ marks: Set<SessionMark>) {
            if presence == nil, marks.isEmpty { return nil }
            self.presence = presence
            self.marks = marks
        }
    }

    init(session: Session) { self.session = session }

    /// The presence it broadcast last; nil while it is not available.
    public internal(set) var presence: Presence? {
        get { details?.presence }
        set { details = Details(newValue, marks) }
    }
    /// The marks that modules set on it.
    public internal(set) var marks: Set<SessionMark> {
        get { details?.marks ?? [] }
        set { details = Details(presence, newValue) }
    }

    /// Whether its resource is available (RFC 6121 section 4.2).
    public var isAvailable: Bool { priority != nil }

    /// Whether it gets messages that are not for its full JID (RFC 6121 section 8.5.2.1.1).
    var getsMessages: Bool { priority.map { $0 >= 0 } ?? false }

    /// Whether it was there, under the rules it has now, at a moment that the registry has told.
    func wasThere(at moment: UInt32) -> Bool {
        // The count may have begun anew.
        getsMessages && moment != 0 && Int32(bitPattern: beginning &- moment) <= 0
    }
}

/// The bound sessions of all hosts of a server, by account. May be used from any thread.
public final class SessionRegistry: Sendable {
    /// Accounts are spread over so many dictionaries, each behind its own mutex, that loops seldom meet.
    private static let shardCount = 64

    private final class Shard: Sendable {
        let accounts = Mutex<[BareJID: [SessionRecord]]>([:])
    }
    private let shards: [Shard]
    /// Odd, so that it is never 0.
    private let lastBeginning = Atomic<UInt32>(1)

    init() { shards = (0..<Self.shardCount).map { _ in Shard() } }

    private func shard(_ account: BareJID) -> Shard {
        shards[Int(UInt(bitPattern: account.storage.hash) % UInt(Self.shardCount))]
    }

    /// The sessions of an account, in the order in which they were bound; empty when it has none.
    public func sessions(of account: BareJID) -> [SessionRecord] {
        shard(account).accounts.withLock { $0[account] ?? [] }
    }

    /// The session of a full JID; nil when there is none.
    public func session(_ jid: FullJID) -> SessionRecord? {
        let sessions = sessions(of: jid.bare)
        return sessions.firstIndex { $0.session.jid == jid }.map { sessions[$0] }
    }

    /// How many sessions there are.
    public var count: Int {
        shards.reduce(0) { sum, shard in sum + shard.accounts.withLock { $0.values.reduce(0) { $0 + $1.count } } }
    }

    /// All sessions there are now.
    var all: [Session] {
        shards.flatMap { shard in shard.accounts.withLock { $0.values.flatMap { $0.map(\.session) } } }
    }

    /// What became of a session that was to be added.
    enum Insertion {
        /// It is registered. The session that had the same full JID no longer is; nil when there was none.
        case inserted(replacing: Session?)
        /// The account has as many other sessions as it may have. Nothing changed.
        case refused
    }

    /// Adds a session, unless its account has `sessionCountMax` others under other full JIDs. Checked and done in one
    /// step, for an account's clients bind on different loops at once.
    func insert(_ session: Session, sessionCountMax: Int) -> Insertion {
        shard(session.account).accounts.withLock { accounts in
            var records = accounts[session.account] ?? []
            let index = records.firstIndex { $0.session.jid == session.jid }
            let replaced = index.map { records.remove(at: $0).session }
            guard records.count < sessionCountMax else { return .refused }
            records.append(SessionRecord(session: session))
            accounts[session.account] = records
            return .inserted(replacing: replaced)
        }
    }

    /// A moment that ``SessionRecord/wasThere(at:)`` can be asked about. Whoever is found to have been there is among the
    /// sessions that are looked up after this.
    var moment: UInt32 { lastBeginning.load(ordering: .sequentiallyConsistent) }

    /// Remembers the presence of a session.
    func setPresence(_ presence: Presence?, of session: Session) {
        update(session) { record in
            let gotMessages = record.getsMessages
            record.presence = presence
            record.priority = presence.map { $0.priority ?? 0 }
            if !gotMessages { begin(&record) }
        }
    }

    /// Notes that other rules hold for a session from now on.
    func rulesChanged(of session: Session) { update(session) { begin(&$0) } }

    /// The lock is held: who reads the new moment finds the session as it is now.
    private func begin(_ record: inout SessionRecord) {
        record.beginning = lastBeginning.wrappingAdd(2, ordering: .sequentiallyConsistent).newValue
    }

    /// Changes what others know of a session; nothing if it is no longer registered.
    func update(_ session: Session, _ change: (inout SessionRecord) -> Void) {
        shard(session.account).accounts.withLock { accounts in
            guard let index = accounts[session.account]?.firstIndex(where: { $0.session === session }) else { return }
            change(&accounts[session.account]![index])  // found in the line above, under the same lock
        }
    }

    /// Forgets all sessions, without a word to anybody.
    func removeAll() {
        for shard in shards {
            // Released outside the lock.
            let sessions = shard.accounts.withLock { accounts in
                defer { accounts = [:] }
                return accounts
            }
            withExtendedLifetime(sessions) {}
        }
    }

    func remove(_ session: Session) {
        shard(session.account).accounts.withLock { accounts in
            accounts[session.account]?.removeAll { $0.session === session }
            if accounts[session.account]?.isEmpty == true { accounts[session.account] = nil }
        }
    }
}
