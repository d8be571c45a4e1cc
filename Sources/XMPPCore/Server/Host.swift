// SPDX-License-Identifier: Apache-2.0
// A domain that a server serves: its configuration, stores and modules.

public import Logging

/// One served domain. Constant while its server lives, and not to be used after that. May be used from any thread.
public final class Host: Sendable {
    /// The domain, as an address.
    public let address: BareJID
    /// What is configured for the host.
    public let configuration: HostConfiguration
    /// The host's stores.
    public let storage: Storage
    /// Routes what the host and its modules send.
    public let router: Router
    /// The sessions of the server, those of other hosts included.
    public let registry: SessionRegistry
    /// The server's clocks.
    public let time: any TimeSource
    /// The server's log.
    public let logger: Logger
    /// For CPU-heavy work.
    public let workers: WorkerPool
    /// One change of an account at a time.
    public let accountLocks: AccountLocks
    /// What concerns all hosts: other domains for access rules, the interval between registrations.
    public let server: ServerConfiguration

    private let failures: FailureLog

    // Set by XMPPServer before any stanza is routed, and read only after: the modules need the host first. Emptied once
    // the loops have stopped.
    // `nonisolated(unsafe)`: as said above; loops start to work for the host after that.
    nonisolated(unsafe) private var registrar = Registrar()
    nonisolated(unsafe) private var iqHandlers = IQHandlerTable([:])
    nonisolated(unsafe) private(set) var events = HostEvents(Registrar())
    nonisolated(unsafe) private(set) var undeliveredKeepers: [UndeliveredKeeper] = []
    nonisolated(unsafe) private(set) var roomMessageKeepers: [UndeliveredKeeper] = []
    nonisolated(unsafe) private(set) var stanzaGate: (any StanzaGate)?
    nonisolated(unsafe) private(set) var presenceHandler: PresenceHandler?
    nonisolated(unsafe) private(set) var subscriptionHandler: PresenceHandler?
    nonisolated(unsafe) private(set) var presenceCompleter: PresenceCompleter?
    nonisolated(unsafe) private(set) var services: [RunningService] = []

    typealias UndeliveredKeeper = @Sendable (ReceivedMessage) -> Work?

    init(
        address: BareJID,
        configuration: HostConfiguration,
        server: ServerConfiguration,
        storage: Storage,
        router: Router,
        services: HostServices
    ) {
        self.address = address
        self.configuration = configuration
        self.server = server
        self.storage = storage
        self.router = router
        registry = router.registry
        time = services.time
        workers = services.workers
        accountLocks = services.accountLocks
        var logger = services.logger
        logger[metadataKey: "xmpp.host"] = "\(address)"
        self.logger = logger
        failures = FailureLog(logger, time)
    }

    /// Logs that something was not done, for a reason that may hold for many at once: at most one line in ten seconds for
    /// each message, with the number of those that it stands for.
    ///
    /// - Parameter message: what was not done: a constant.
    public func logFailure(_ message: StaticString, _ error: any Error, level: Logger.Level = .error) {
        failures.report(message, error, level: level)
    }

    /// Takes what the modules registered. Called once.
    func install(_ registrar: Registrar) {
        self.registrar = registrar
        iqHandlers = IQHandlerTable(registrar.iqHandlers)
        events = HostEvents(registrar)
        undeliveredKeepers = registrar.undeliveredKeepers
        roomMessageKeepers = registrar.roomMessageKeepers
        stanzaGate = registrar.stanzaGate
        presenceHandler = registrar.presenceHandler
        subscriptionHandler = registrar.subscriptionHandler
        presenceCompleter = registrar.presenceCompleter
        services = registrar.serviceDomains.map { RunningService($0, of: self) }
    }

    /// Lets go of the modules, which hold the host. Called once no loop runs.
    func uninstall() { install(Registrar()) }

    /// Whether an address belongs to this host.
    func serves(_ address: JIDStorage) -> Bool {
        address.withDomainpart { domainpart in
            self.address.storage.bytes.withUnsafeBufferPointer { $0.hasSameBytes(as: domainpart) }
        }
    }

    /// What an access rule gives to an address (FEATURES: `access`, `acl`).
    public func access(_ rule: String, of address: JID) -> AccessValue {
        server.access(rule, of: AccessSubject(address), on: configuration.domain)
    }

    /// Whether the configuration has an access rule of this name for the host. One that it has not denies everyone.
    public func hasAccessRule(_ rule: String) -> Bool { configuration.accessRules.contains(rule) }

    /// What disco#info says, put together from what the modules advertise.
    public func discoInfo(of target: DiscoTarget) -> DiscoInfo {
        DiscoInfo(
            identities: registrar.identities[target] ?? [],
            features: registrar.features[target] ?? [],
            forms: registrar.forms[target] ?? []
        )
    }

    /// The domains beside this one that its modules serve.
    public var serviceDomains: [ServiceDomain] { services.map(\.domain) }

    /// What a module offers to others under a protocol; nil when none does.
    public func service<Service: Sendable>(_ type: Service.Type) -> Service? {
        registrar.services[ObjectIdentifier(type)] as? Service
    }

    /// Who answers a request.
    func handler(for request: IQRequest) -> Result<IQHandler, StanzaError> {
        guard let handlers = iqHandlers.handlers(for: request.payload) else { return .failure(.serviceUnavailable) }
        func find(_ target: IQTarget) -> IQHandler? { handlers[target, request.iq.type] }
        guard request.account != nil else {
            return find(.host).map { .success($0) } ?? .failure(.serviceUnavailable)
        }
        if let handler = find(.account) { return .success(handler) }
        guard let handler = find(.ownAccount) else { return .failure(.serviceUnavailable) }
        return request.isFromOwner ? .success(handler) : .failure(.forbidden)
    }

    /// Who watches over requests to resources; nil for nobody.
    func resourceHandler(for payload: Element, _ type: IQType) -> IQHandler? {
        iqHandlers.handlers(for: payload)?[.resource, type]
    }

    /// Who answers a request to one of the host's service domains that this does not answer itself.
    func serviceHandler(for request: IQRequest) -> IQHandler? {
        iqHandlers.handlers(for: request.payload)?[.service, request.iq.type]
    }

    func streamFeatures(_ stage: StreamFeature.Stage) -> [Element] {
        registrar.streamFeatures.filter { $0.stage == stage }.compactMap { $0.element() }
    }

    var bindFeatures: [BindFeature] { registrar.bindFeatures }

    func nonzaHandler(for element: Element) -> (@Sendable (Session, Element) -> Work)? {
        registrar.nonzaHandlers[.init(name: element.name, namespace: element.namespace)]
    }

    func unauthenticatedHandler(for payload: Element) -> (@Sendable (UnauthenticatedRequest) -> IQAnswer)? {
        registrar.unauthenticatedHandlers[.init(name: payload.name, namespace: payload.namespace)]
    }
}

/// What all hosts of a server share.
struct HostServices: Sendable {
    var time: any TimeSource
    var workers: WorkerPool
    var accountLocks: AccountLocks
    var logger: Logger
}

/// The listeners to the events that the core raises, looked up once.
struct HostEvents: Sendable {
    let sessionBound: NoticeHandlers<Session>
    let sessionResumed: NoticeHandlers<Session>
    let sessionEnded: NoticeHandlers<EndedSession>
    let filterDelivery: FilterHandlers<Delivery>
    let filterSentMessage: FilterHandlers<SentMessage>
    let filterReceivedMessage: FilterHandlers<ReceivedMessage>
    let messageSent: NoticeHandlers<SentMessage>
    let messageDelivered: NoticeHandlers<DeliveredMessage>
    let hostAnswered: NoticeHandlers<HostReply>
    let accountRemovalBegan: NoticeHandlers<RemovedAccount>
    let accountRemoved: NoticeHandlers<RemovedAccount>
    let presenceChanged: NoticeHandlers<PresenceChange>
    let streamReceived: NoticeHandlers<Session>

    init(_ registrar: Registrar) {
        sessionBound = registrar.handlers(of: .sessionBound)
        sessionResumed = registrar.handlers(of: .sessionResumed)
        sessionEnded = registrar.handlers(of: .sessionEnded)
        filterDelivery = registrar.handlers(of: .delivery)
        filterSentMessage = registrar.handlers(of: .sentMessage)
        filterReceivedMessage = registrar.handlers(of: .receivedMessage)
        messageSent = registrar.handlers(of: .messageSent)
        messageDelivered = registrar.handlers(of: .messageDelivered)
        hostAnswered = registrar.handlers(of: .hostAnswered)
        accountRemovalBegan = registrar.handlers(of: .accountRemovalBegan)
        accountRemoved = registrar.handlers(of: .accountRemoved)
        presenceChanged = registrar.handlers(of: .presenceChanged)
        streamReceived = registrar.handlers(of: .stanzaReceived)
    }
}

/// An account that is removed with everything stored for it.
public struct RemovedAccount: Sendable {
    /// The account.
    public let account: BareJID
    /// The host that it was registered at.
    public let host: Host
}

/// A session that became available or unavailable, or whose presence changed.
public struct PresenceChange: Sendable {
    /// The session, on whose loop this is told.
    public let session: Session
    /// What it broadcast before; nil when it was not available.
    public let old: Presence?
    /// What it broadcast now, of type available or unavailable.
    public let new: Presence

    /// Makes a change.
    public init(session: Session, old: Presence?, new: Presence) {
        self.session = session
        self.old = old
        self.new = new
    }
}

extension Notice where Payload == RemovedAccount {
    /// An account is about to be removed; what the stores hold for it is still there. Listeners take it out of what it
    /// shares with others. Told to all hosts of the server, for it may share something there. It may be told again, when
    /// the removal fails and is asked for again.
    public static var accountRemovalBegan: Notice<RemovedAccount> { Notice("account-removal-began") }

    /// An account was removed, and what the stores held for it. Told to all hosts of the server. Its sessions end after
    /// this.
    public static var accountRemoved: Notice<RemovedAccount> { Notice("account-removed") }
}

extension Notice where Payload == PresenceChange {
    /// A session broadcast presence; contacts have been told. On the session's loop.
    public static var presenceChanged: Notice<PresenceChange> { Notice("presence-changed") }
}

extension Notice where Payload == Session {
    /// A client sent a stanza. On its session's loop, before the stanza is routed.
    public static var stanzaReceived: Notice<Session> { Notice("stanza-received") }
}

extension Host {
    /// Tells listeners that a session broadcast presence. The module that broadcasts calls this, last.
    public func presenceChanged(_ change: PresenceChange) -> Work { events.presenceChanged.raise(change) }

    /// Does something every now and then, for the first time after `interval`, for as long as the server lives. What takes
    /// longer than that is not begun a second time.
    public func every(_ interval: Duration, _ body: @escaping @Sendable () async -> Void) {
        router.schedule(after: interval) { [self] in
            router.run(
                .later {
                    await body()
                    self.every(interval, body)
                })
        }
    }

    /// Removes an account, everything stored for it, and its sessions. What the caller sends to one of them right after
    /// this returns still reaches it, if the caller is on its loop.
    ///
    /// - Throws: ``StorageError`` of the first store that failed.
    public func removeAccount(_ account: BareJID) async throws(StorageError) {
        let removed = RemovedAccount(account: account, host: self)
        for host in router.hosts { await host.events.accountRemovalBegan.raise(removed).finish() }
        try await storage.removeAll(for: account)
        for host in router.hosts { await host.events.accountRemoved.raise(removed).finish() }
        for record in registry.sessions(of: account) {
            record.session.disconnect(StreamError(.notAuthorized, text: "the account was removed"))
        }
    }
}
