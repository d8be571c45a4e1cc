// SPDX-License-Identifier: Apache-2.0
// An IQ get or set that mimd answers itself.

/// Whom an IQ that a module answers is addressed to.
public enum IQTarget: Sendable, Hashable {
    /// The host: its domain without localpart.
    case host
    /// The sender's own account: its bare JID, or nobody (RFC 6120 section 8.1.1.1). From anybody else the answer is
    /// `<forbidden/>`.
    case ownAccount
    /// An account of the host, by whoever sends it. The handler decides what to tell whom.
    case account
    /// A connected resource of an account, by whoever sends it, before its client gets the request: it does when the
    /// handler succeeds, whatever that returns.
    case resource
    /// Any service domain of the host, itself and not its nodes, that does not answer the same itself.
    case service
}

/// A get or set, and who sent it.
public struct IQRequest: Sendable {
    /// The IQ itself.
    public let iq: IQ
    /// The one child of the IQ.
    public let payload: Element
    /// The sender's full JID, or the bare JID of a service.
    public let sender: JID
    /// Whose account it is addressed to, or which node of a service domain; nil when it is addressed to the host or the
    /// service domain itself.
    public let account: BareJID?
    /// The service domain that it is addressed to; nil when it is the host's.
    public let service: ServiceDomain?
    /// The sender's session, if it is one of this server's. On its loop.
    public let session: Session?

    init(
        iq: IQ, payload: Element, sender: JID, account: BareJID?, service: ServiceDomain? = nil, session: Session?
    ) {
        self.iq = iq
        self.payload = payload
        self.sender = sender
        self.account = account
        self.service = service
        self.session = session
    }

    /// Whether the sender asks about its own account.
    public var isFromOwner: Bool { account == sender.bare }
}

/// Answers a get or set: with the child of the result, or nil for a result without one.
public typealias IQHandler = @Sendable (IQRequest) -> IQAnswer

/// How an IQ is answered: with the child of the result, nil for a result without one; or with an error.
public enum IQAnswer: Sendable {
    /// At once.
    case now(Result<Element?, StanzaError>)
    /// After waiting. The closure stays on the loop that the request was handled on.
    case later(@Sendable () async -> Result<Element?, StanzaError>)
    /// By the handler itself, which sends the result or error; what is left is done first.
    case answered(Work)
}
