// SPDX-License-Identifier: Apache-2.0
// What the router asks of the module that keeps privacy lists (XEP-0016), before any other rule of delivery.

import Synchronization

/// What a stanza is to the rules of a privacy list.
public enum StanzaPassage: Sendable, Hashable {
    /// A message that comes in.
    case message
    /// An IQ that comes in.
    case iq
    /// A presence notification, available or unavailable, that comes in.
    case presenceIn
    /// A presence notification that goes out.
    case presenceOut
    /// All else: subscriptions, probes, and messages and IQs that go out.
    case other
}

/// What rules say of a stanza.
public enum StanzaVerdict: Sendable, Hashable {
    /// It passes.
    case allowed
    /// It does not.
    case denied
    /// It does not, for the account has blocked the other (XEP-0191).
    case blocked
}

/// A privacy list as it is applied. Never waits.
public protocol StanzaRules: Sendable {
    /// What becomes of a stanza from or to `peer`.
    func verdict(on passage: StanzaPassage, _ peer: JID) -> StanzaVerdict
}

/// The rules that hold for a session.
public struct SessionRules: Sendable {
    /// Those that the session has chosen; nil for none.
    public var active: (any StanzaRules)?
    /// Those of its account; nil for none.
    public var standard: (any StanzaRules)?

    /// Makes the rules of a session; none unless told otherwise.
    public init(active: (any StanzaRules)? = nil, standard: (any StanzaRules)? = nil) {
        self.active = active
        self.standard = standard
    }

    /// The one list that is applied (XEP-0016 section 2.2, rule 1); nil for none.
    public var applied: (any StanzaRules)? { active ?? standard }
}

/// What is known of a session's rules.
enum SessionRulesState: UInt8, AtomicRepresentable {
    /// Nothing yet.
    case unread
    /// There are none: so it is for nearly everybody.
    case none
    /// There are some.
    case some
}

/// Keeps the rules of accounts.
public protocol StanzaGate: Sendable {
    /// Gives a session the rules of its account, if it has none yet.
    ///
    /// - Throws: what the store throws; the session is as it was.
    func prepare(_ session: Session) async throws(StorageError)

    /// What an account without sessions says of a stanza, from memory; nil when ``verdictLater(on:_:of:)`` is to be
    /// asked.
    func verdict(on passage: StanzaPassage, _ peer: JID, of account: BareJID) -> StanzaVerdict?

    /// What an account without sessions says of a stanza.
    func verdictLater(
        on passage: StanzaPassage, _ peer: JID, of account: BareJID
    ) async throws(StorageError) -> StanzaVerdict
}

extension Session {
    /// What the session's rules say of a stanza from or to `peer`; allowed while they have not been read. From any
    /// thread.
    public func verdict(on passage: StanzaPassage, _ peer: JID) -> StanzaVerdict {
        guard let applied = rules?.applied, !isExempt(peer, account, host) else { return .allowed }
        return applied.verdict(on: passage, peer)
    }

    /// Whether a stanza from or to `peer` passes, or would under these rules. From any thread.
    public func allows(_ passage: StanzaPassage, _ peer: JID, under rules: SessionRules) -> Bool {
        guard let applied = rules.applied, !isExempt(peer, account, host) else { return true }
        return applied.verdict(on: passage, peer) == .allowed
    }

    /// Whether the session's rules let a stanza from or to `peer` pass. From any thread.
    public func allows(_ passage: StanzaPassage, _ peer: JID) -> Bool { verdict(on: passage, peer) == .allowed }
}

/// Whether no rule holds for a peer: the account's own resources (XEP-0016 section 2.1, note), and its server.
func isExempt(_ peer: JID, _ account: BareJID, _ host: Host) -> Bool {
    peer.isDomain ? host.serves(peer.storage) : peer.bare == account
}
