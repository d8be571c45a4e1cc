// SPDX-License-Identifier: Apache-2.0
// The server: hosts, modules, listeners and loops, put together from a configuration and the stores.

public import Logging
public import ServiceLifecycle
import Synchronization

/// An XMPP server that runs inside the process that made it.
///
/// It keeps no global state, handles no signals and writes to the logger that it is given, so that any number of them
/// run side by side. Stores are its owner's: they must outlive `run()`.
public final class XMPPServer: Service, Sendable {
    /// What the server was made with.
    public let configuration: ServerConfiguration
    /// Routes stanzas between its hosts and sessions.
    public let router: Router
    /// The threads that it runs on.
    public let loops: EventLoopGroup
    private let hosts: [Host]
    private let workers: WorkerPool
    private let services: ClientStreamServices
    private let listeners: [Listener]
    private let tlsSources: [TLSContextSource]
    private let logger: Logger
    private let time: any TimeSource
    private let openedCount = Atomic<Int>(0)

    /// How long streams may take to be told of a shutdown and to go.
    public static let shutdownTimeout: Duration = .seconds(10)
    /// How often certificate files are looked at.
    public static let certificateCheckInterval: Duration = .seconds(30)

    /// Puts a server together and binds its listeners. It serves once `run()` is called; in-process streams are served
    /// at once.
    ///
    /// - Parameters:
    ///   - storage: where each host keeps its data.
    ///   - modules: the modules that the configuration may name.
    /// - Throws: ``ServerError`` when the configuration cannot be carried out, ``TLSError`` for certificates,
    ///   ``SystemError`` for addresses that cannot be had.
    public convenience init(
        configuration: ServerConfiguration,
        storage: Storage,
        modules: [any XMPPModule.Type],
        time: any TimeSource = SystemTime(),
        logger: Logger = Logger(label: "mimd")
    ) throws {
        try self.init(
            configuration: configuration, storage: { _ in storage }, modules: modules, time: time, logger: logger)
    }

    /// As above, with stores for each host.
    ///
    /// - Parameter storage: where a host keeps its data; called once for each.
    public init(
        configuration: ServerConfiguration,
        storage: (HostConfiguration) -> Storage,
        modules: [any XMPPModule.Type],
        time: any TimeSource = SystemTime(),
        logger: Logger = Logger(label: "mimd")
    ) throws {
        self.configuration = configuration
        self.logger = logger
        self.time = time
        let loops = try EventLoopGroup(loopCount: configuration.eventLoopCount, time: time)
        self.loops = loops
        let router = Router(
            registry: SessionRegistry(),
            loops: loops.loops,
            defaultDomain: configuration.defaultDomain
        )
        self.router = router
        do {
            workers = try WorkerPool(threadCount: loops.loops.count)
            let shared = HostServices(time: time, workers: workers, accountLocks: AccountLocks(), logger: logger)
            let assembly = HostAssembly(
                configuration: configuration,
                router: router,
                services: shared,
                modules: modules
            )
            hosts = try assembly.makeHosts(storage)
            services = ClientStreamServices(
                router: router,
                resumptions: ResumptionRegistry(),
                authenticators: try assembly.makeAuthenticators(hosts),
                streams: StreamRegistry()
            )
            (listeners, tlsSources) = try ListenerAssembly(
                configuration: configuration, services: services, logger: logger
            )
            .makeListeners()
        } catch {
            loops.shutdown()
            router.shutDown()
            throw error
        }
    }

    deinit {
        for listener in listeners { listener.stop() }
        services.streams.forEach { $0.finish() }
        for session in router.registry.all { session.loop.post { session.abandon() } }
        loops.shutdown()
        // What is left refers to itself in circles: streams and sessions to registries, hosts to modules and back.
        services.streams.removeAll()
        services.resumptions.removeAll()
        router.shutDown()
    }

    /// The host of a domain; nil when it is not served.
    public func host(_ domain: String) -> Host? { hosts.first { $0.configuration.domain == domain } }

    /// The ports that are listened on, in the order of the configuration.
    public var ports: [UInt16] { listeners.map(\.port) }

    /// Serves until the task is cancelled or the service group shuts down. Then tells every stream so, waits until they
    /// are gone and nothing more is to be stored, at most ``shutdownTimeout``.
    public func run() async throws {
        for (listener, settings) in zip(listeners, configuration.listeners) {
            listener.start(on: loops.loops)
            logger.notice(
                "listening",
                metadata: [
                    "net.address": "\(settings.address ?? "*")", "net.port": "\(listener.port)",
                    "tls.mode": "\(settings.tls.mode.rawValue)",
                ]
            )
        }
        let certificates = Task { await watchCertificates() }
        let (stopped, stop) = AsyncStream.makeStream(of: Void.self)
        await withTaskCancellationOrGracefulShutdownHandler {
            for await _ in stopped {}
        } onCancelOrGracefulShutdown: {
            stop.finish()
        }
        certificates.cancel()
        await certificates.value
        // In a task of its own, which is not cancelled: what is said on a loop that is gone is never answered.
        await Task { await shutDown() }.value
    }

    private func shutDown() async {
        logger.notice("shutting down", metadata: ["streams": "\(services.streams.count)"])
        for listener in listeners { listener.stop() }
        let deadline = ContinuousClock.now + Self.shutdownTimeout
        // What one loop does may leave something to do to another.
        var idleRoundCount = 0
        while idleRoundCount < loops.loops.count + 1, ContinuousClock.now < deadline {
            endEverything()
            for loop in loops.loops { await loop.settle() }
            let isIdle = services.streams.count + router.registry.count + router.backgroundWorkCount == 0
            idleRoundCount = isIdle ? idleRoundCount + 1 : 0
            guard !isIdle else { continue }
            // Nobody tells when the last is gone; this runs once in a server's life.
            do { try await Task.sleep(for: .milliseconds(10)) } catch { break }
        }
        workers.shutDown()
        logger.notice("shut down")
    }

    private func endEverything() {
        services.streams.forEach { $0.fail(StreamError(.systemShutdown)) }
        for session in router.registry.all {
            session.loop.post {
                if let outlet = session.outlet {
                    outlet.end(StreamError(.systemShutdown))
                } else {
                    session.end(.closed)
                }
            }
        }
    }

    private func watchCertificates() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.certificateCheckInterval) } catch { return }
            for source in tlsSources {
                do {
                    let isNew = try await workers.run { try source.reloadIfChanged() }
                    if isNew { logger.notice("certificate read again") }
                } catch {
                    logger.error("the new certificate cannot be used", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    // MARK: streams in this process

    /// Binds a resource for the host program itself, without a stream or a password.
    ///
    /// The account need not exist. A session that has the resource already ends with `<conflict/>`.
    /// - Throws: ``ServerError/hostUnknown(_:)`` when the domain is not served.
    public func connect(as jid: FullJID) async throws(ServerError) -> InProcessStream {
        guard let host = router.host(jid.jid) else { throw .hostUnknown(jid.domainpart) }
        return await InProcessStream.open(jid, host: host, loop: nextLoop())
    }

    /// Opens a stream to be spoken in XML, as over a connection that nobody else can read.
    public func openStream() -> InProcessXMLStream {
        InProcessXMLStream(loop: nextLoop()) { [services, configuration, logger] transport in
            var settings = ClientStreamSettings()
            settings.stateTimeout = nil
            settings.language = configuration.language
            ClientStream(transport: transport, settings: settings, services: services, logger: logger).start()
        }
    }

    /// In-process streams are spread over the loops in turn.
    private func nextLoop() -> EventLoop {
        let number = openedCount.add(1, ordering: .relaxed).oldValue
        return loops.loops[Int(UInt(bitPattern: number) % UInt(loops.loops.count))]
    }
}

/// Why a server cannot be put together, or cannot do what it is asked.
public enum ServerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The configuration has no host.
    case noHosts
    /// A host's domain is no domain.
    case invalidDomain(String)
    /// A module wants to serve a domain that is a host, or another module's.
    case serviceDomainTaken(String)
    /// A module of the configuration is not among those given, and where the configuration names it.
    case moduleUnknown(String, at: String)
    /// A module needs another that is not configured.
    case moduleMissing(String, neededBy: String)
    /// A module cannot run as it is configured.
    case module(String, reason: String)
    /// A listener names a shaper that does not exist.
    case shaperUnknown(String)
    /// The domain is not served.
    case hostUnknown(String)

    /// The error for the operator.
    public var description: String {
        switch self {
        case .noHosts: "no host is configured: set general.hosts"
        case .invalidDomain(let domain): "'\(domain)' is no domain"
        case .serviceDomainTaken(let domain):
            "two hosts or modules want to serve '\(domain)': set the key 'host' of one of the modules to another domain"
        case .moduleUnknown(let name, let place): "\(place): there is no module '\(name)'"
        case .moduleMissing(let name, let user): "\(user) needs [modules.\(name)], which is not configured"
        case .module(let name, let reason): "\(name) cannot run: \(reason)"
        case .shaperUnknown(let name): "there is no shaper '\(name)': add [shaper.\(name)]"
        case .hostUnknown(let domain): "'\(domain)' is not served here"
        }
    }
}
