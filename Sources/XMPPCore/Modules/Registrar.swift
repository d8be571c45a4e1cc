// SPDX-License-Identifier: Apache-2.0
// What a module registers: data, which the host looks up and drops with itself.

/// Takes what modules advertise and handle.
public struct Registrar: Sendable, IQRegistration {
    struct IQKey: Hashable {
        let target: IQTarget
        let type: IQType
        let name: String
        let namespace: Namespace
    }

    private(set) var features: [DiscoTarget: Set<String>] = [:]
    private(set) var identities: [DiscoTarget: [DiscoIdentity]] = [:]
    private(set) var forms: [DiscoTarget: [DiscoForm]] = [:]
    private(set) var iqHandlers: [IQKey: IQHandler] = [:]
    private(set) var streamFeatures: [StreamFeature] = []
    private(set) var nonzaHandlers: [QualifiedName: @Sendable (Session, Element) -> Work] = [:]
    private(set) var bindFeatures: [BindFeature] = []
    private(set) var unauthenticatedHandlers: [QualifiedName: @Sendable (UnauthenticatedRequest) -> IQAnswer] = [:]
    private var notices: [String: [(phase: Phase, handler: any Sendable)]] = [:]
    private var filters: [String: [(phase: Phase, handler: any Sendable)]] = [:]
    private(set) var presenceHandler: PresenceHandler?
    private(set) var subscriptionHandler: PresenceHandler?
    private(set) var stanzaGate: (any StanzaGate)?
    private(set) var undeliveredKeepers: [Host.UndeliveredKeeper] = []
    private(set) var roomMessageKeepers: [Host.UndeliveredKeeper] = []
    private(set) var presenceCompleter: PresenceCompleter?
    private(set) var services: [ObjectIdentifier: any Sendable] = [:]
    private(set) var serviceDomains: [ServiceDomain] = []

    init() {}

    /// An element's name in its namespace.
    struct QualifiedName: Hashable {
        let name: String
        let namespace: Namespace
    }

    // MARK: discovery

    /// Lists a feature in disco#info (XEP-0030) of each target.
    public mutating func advertise(_ features: Namespace..., on targets: DiscoTarget...) {
        for target in targets { self.features[target, default: []].formUnion(features.map(\.uri)) }
    }

    /// Lists an identity in disco#info.
    public mutating func advertise(_ identity: DiscoIdentity, on target: DiscoTarget) {
        identities[target, default: []].append(identity)
    }

    /// Adds a form to disco#info (XEP-0128). There is at most one of each type.
    public mutating func advertise(_ form: DiscoForm, on target: DiscoTarget) {
        forms[target, default: []].append(form)
    }

    // MARK: IQ

    /// Answers gets or sets whose child has this name, at once where the answer is at hand. No two modules answer the
    /// same.
    public mutating func iq(
        _ type: IQType,
        _ name: String,
        _ namespace: Namespace,
        at target: IQTarget,
        _ answer: @escaping IQHandler
    ) {
        let key = IQKey(target: target, type: type, name: name, namespace: namespace)
        precondition(iqHandlers[key] == nil, "two modules answer \(name) in \(namespace)")
        iqHandlers[key] = answer
    }

    /// Answers gets and sets of a client that has not authenticated (in-band registration, XEP-0077).
    public mutating func unauthenticatedIQ(
        _ name: String,
        _ namespace: Namespace,
        _ answer: @escaping @Sendable (UnauthenticatedRequest) async throws -> Element?
    ) {
        unauthenticatedHandlers[QualifiedName(name: name, namespace: namespace)] = { request in
            .later {
                do { return .success(try await answer(request)) } catch { return .failure(StanzaError(caught: error)) }
            }
        }
    }

    // MARK: streams

    /// Adds a child to `<stream:features/>`.
    public mutating func streamFeature(_ feature: StreamFeature) { streamFeatures.append(feature) }

    /// Takes first-level elements of bound streams that are no stanzas, such as `<active/>` of XEP-0352.
    public mutating func nonza(
        _ name: String,
        _ namespace: Namespace,
        _ handler: @escaping @Sendable (Session, Element) -> Work
    ) {
        nonzaHandlers[QualifiedName(name: name, namespace: namespace)] = handler
    }

    /// Lets a client switch the feature on while it binds (Bind 2, XEP-0386).
    public mutating func bindFeature(_ feature: BindFeature) { bindFeatures.append(feature) }

    // MARK: events

    /// Calls `handler` when it happened.
    public mutating func on<Payload>(
        _ notice: Notice<Payload>,
        in phase: Phase = .deliver,
        _ handler: @escaping @Sendable (Payload) -> Work
    ) {
        notices[notice.name, default: []].append((phase, handler))
    }

    /// Asks `handler` before it happens.
    public mutating func filter<Subject>(
        _ filter: Filter<Subject>,
        in phase: Phase,
        _ handler: @escaping @Sendable (inout Subject) throws(StanzaError) -> FilterDecision
    ) {
        filters[filter.name, default: []].append((phase, handler))
    }

    // MARK: presence and messages

    /// Takes presence that clients broadcast or direct, and probes for accounts (RFC 6121 section 4).
    ///
    /// - Parameters:
    ///   - sent: a client's presence, available or unavailable, with or without an address; on its session's loop. It
    ///     does all that is to be done, the session's own state included.
    ///   - received: a probe for an account.
    public mutating func handlePresence(
        sent: @escaping @Sendable (Presence, Session) -> Work,
        received: @escaping @Sendable (Presence, BareJID) -> Work
    ) {
        presenceHandler = PresenceHandler(sent: sent, received: received)
    }

    /// Takes the four types of presence that manage subscriptions (RFC 6121 section 3).
    ///
    /// - Parameters:
    ///   - sent: from a client; on its session's loop.
    ///   - received: for an account.
    public mutating func handleSubscriptions(
        sent: @escaping @Sendable (Presence, Session) -> Work,
        received: @escaping @Sendable (Presence, BareJID) -> Work
    ) {
        subscriptionHandler = PresenceHandler(sent: sent, received: received)
    }

    /// Adds to available presence, broadcast or directed, what its client has left out. At most one module does.
    ///
    /// - Parameter complete: called on the session's loop for each such presence, before anybody else sees it.
    public mutating func completePresence(
        _ complete: @escaping @Sendable (Presence, Session) -> PresenceCompletion
    ) {
        presenceCompleter = complete
    }

    /// Takes messages of type chat or normal for accounts without a resource that could get them.
    ///
    /// - Parameter keep: returns what it does with the message, which includes answering errors; nil to leave it to the
    ///   next, and in the end to `<service-unavailable/>`.
    public mutating func keepUndelivered(_ keep: @escaping @Sendable (ReceivedMessage) -> Work?) {
        undeliveredKeepers.append(keep)
    }

    /// Takes messages that rooms of this server send to bare JIDs, for accounts without a resource that could get them.
    ///
    /// - Parameter keep: returns what it does with the message; nil to leave it to the next, and in the end to nobody: a
    ///   room is not told.
    public mutating func keepUndeliveredFromRooms(_ keep: @escaping @Sendable (ReceivedMessage) -> Work?) {
        roomMessageKeepers.append(keep)
    }

    /// Asks `gate` of each stanza before any other rule of delivery is looked at.
    public mutating func guardStanzas(by gate: any StanzaGate) { stanzaGate = gate }

    // MARK: services

    /// Offers something to other modules under a protocol that they both know, from XMPPCore.
    public mutating func provide<Service: Sendable>(_ service: Service, as type: Service.Type) {
        services[ObjectIdentifier(type)] = service
    }

    // MARK: service domains

    /// Serves a domain that belongs to the module, beside the host's accounts; see ``ServiceDomain``.
    public mutating func serve(_ domain: ServiceDomain) { serviceDomains.append(domain) }

    // MARK: for the host

    /// The listeners to a notice, sorted by phase; those of one phase as they were registered.
    func handlers<Payload>(of notice: Notice<Payload>) -> NoticeHandlers<Payload> {
        let all = notices[notice.name] ?? []
        return NoticeHandlers(
            handlers: Phase.allCases.flatMap { phase in
                all.filter { $0.phase == phase }.map { entry in
                    guard let handler = entry.handler as? @Sendable (Payload) -> Work else {
                        preconditionFailure("two notices are named \(notice.name)")
                    }
                    return handler
                }
            }
        )
    }

    /// The filters of a kind, sorted by phase.
    func handlers<Subject>(of filter: Filter<Subject>) -> FilterHandlers<Subject> {
        typealias Handler = @Sendable (inout Subject) throws(StanzaError) -> FilterDecision
        let all = filters[filter.name] ?? []
        return FilterHandlers(
            handlers: Phase.allCases.flatMap { phase in
                all.filter { $0.phase == phase }.map { entry in
                    guard let handler = entry.handler as? Handler else {
                        preconditionFailure("two filters are named \(filter.name)")
                    }
                    return handler
                }
            }
        )
    }
}

/// What disco#info can be asked about.
public enum DiscoTarget: Sendable, Hashable {
    /// The host: `example.org`.
    case host
    /// An account of the host: `user@example.org`.
    case account
}

/// What an entity is (XEP-0030 section 3.1).
public struct DiscoIdentity: Sendable, Hashable {
    /// The category: `server`.
    public var category: String
    /// The type within the category: `im`.
    public var type: String
    /// For people; nil for none.
    public var name: String?
    /// The language of the name (BCP 47); nil when it does not say.
    public var language: String?

    /// Makes an identity.
    public init(category: String, type: String, name: String? = nil, language: String? = nil) {
        self.category = category
        self.type = type
        self.name = name
        self.language = language
    }
}

/// A child of `<stream:features/>` (RFC 6120 section 4.3.2).
public struct StreamFeature: Sendable {
    /// When a feature is listed.
    public enum Stage: Sendable {
        /// Before the client has authenticated.
        case unauthenticated
        /// After it has, before a resource is bound.
        case authenticated
    }
    /// When it is listed.
    public var stage: Stage
    /// The element; nil when it is not to be listed.
    public var element: @Sendable () -> Element?

    /// Makes a feature; `element` is called when a stream lists it first, after all modules are registered, and what it
    /// returns is kept.
    public init(_ stage: Stage, _ element: @escaping @Sendable () -> Element?) {
        self.stage = stage
        self.element = element
    }
}

/// Something that a client can switch on while it binds (XEP-0386 section 3.2).
public struct BindFeature: Sendable {
    /// The feature's namespace, listed in Bind 2's `<inline/>`.
    public var namespace: Namespace
    /// Handles the child of `<bind/>` with this namespace, once the resource is bound.
    ///
    /// Returns the child of `<bound/>` that answers it; nil for none.
    public var bound: @Sendable (Session, Element) -> Element?

    /// Makes a feature that a client asks for by `namespace`.
    public init(_ namespace: Namespace, bound: @escaping @Sendable (Session, Element) -> Element?) {
        self.namespace = namespace
        self.bound = bound
    }
}

/// An IQ get or set of a client that has not authenticated.
public struct UnauthenticatedRequest: Sendable {
    /// The IQ itself.
    public let iq: IQ
    /// The one child of the IQ.
    public let payload: Element
    /// The client's address, without port.
    public let peerAddress: String
    /// Whether the stream is encrypted.
    public let isEncrypted: Bool
    /// Ends the stream with an error; for those that try too often.
    public let endStream: @Sendable (StreamError) -> Void
}

extension StanzaError {
    /// The error that tells a client of a store's failure.
    ///
    /// The label keeps it apart from ``init(_:type:text:detail:)``, for `.conflict` names a condition and a store's
    /// error.
    public init(storage error: StorageError) {
        self =
            switch error {
            case .unavailable: StanzaError(.internalServerError, type: .wait, text: "the store is unavailable")
            case .limitExceeded: StanzaError(.resourceConstraint, type: .wait)
            case .conflict: StanzaError(.conflict)
            case .corrupt, .backend: StanzaError(.internalServerError)
            }
    }

    /// The error that tells a client what a handler threw.
    init(caught error: any Error) {
        self =
            switch error {
            case let error as StanzaError: error
            case let error as StorageError: StanzaError(storage: error)
            case is WorkerPoolError: StanzaError(.resourceConstraint, type: .wait)
            default: .internalServerError
            }
    }
}
