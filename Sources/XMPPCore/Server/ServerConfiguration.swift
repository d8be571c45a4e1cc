// SPDX-License-Identifier: Apache-2.0
// Everything that a server is told before it starts. The program reads it from TOML; an embedder builds it in code.

/// Everything that a server is told before it starts.
///
///     var configuration = ServerConfiguration(domain: "example.org")
///     configuration.hosts[0].modules = [ModuleConfiguration("mod_ping")]
public struct ServerConfiguration: Sendable {
    /// The domains served, at least one.
    public var hosts: [HostConfiguration]
    /// The domain in whose name the server answers a stream that names none of its hosts.
    public var defaultDomain: String
    /// The language of texts that the server writes, unless a client asks for another (BCP 47).
    public var language: String
    /// How long an address must wait between two registrations of an account; nil for no wait.
    public var registrationInterval: Duration?
    /// What a client learns about a stream that cannot be served.
    public var unservedStreams: UnservedStreams
    /// The sockets on which clients connect. An embedder may have none.
    public var listeners: [ListenerConfiguration]
    /// Event loops, each with a thread; nil for one on each core.
    public var eventLoopCount: Int?
    /// The directory of the local store and of whatever else the server writes, relative to the working directory.
    public var dataDirectory: String
    /// Random bytes, 32 of them, that the answers to unknown accounts are made from, the same at every start; nil for
    /// new ones at each, which lets a patient client learn which accounts exist.
    public var secret: [UInt8]?
    /// The shapers by their names. `none`, which slows nobody, always exists.
    public var shapers: [String: ShaperConfiguration]
    /// Where bound sessions are kept.
    public var sessionBackend: BackendSelection

    /// What a client learns about a stream that cannot be served.
    public enum UnservedStreams: Hashable, Sendable {
        /// The stream error.
        case answered
        /// Nothing: the connection is closed, so that a scanner does not learn what runs here.
        case dropped
    }

    /// A server without listeners, unless told otherwise.
    public init(
        hosts: [HostConfiguration], defaultDomain: String, language: String = "en",
        registrationInterval: Duration? = .seconds(600), unservedStreams: UnservedStreams = .answered,
        listeners: [ListenerConfiguration] = [], eventLoopCount: Int? = nil, dataDirectory: String = "var",
        shapers: [String: ShaperConfiguration] = [:],
        sessionBackend: BackendSelection = BackendSelection(
            "mnesia", origin: .implied, lifetime: .process, section: "general", key: "sm_backend")
    ) {
        self.hosts = hosts
        self.defaultDomain = defaultDomain
        self.language = language
        self.registrationInterval = registrationInterval
        self.unservedStreams = unservedStreams
        self.listeners = listeners
        self.eventLoopCount = eventLoopCount
        self.dataDirectory = dataDirectory
        self.shapers = shapers
        self.sessionBackend = sessionBackend
    }

    /// A server for one domain with the defaults of everything, and no listener.
    public init(domain: String) {
        self.init(hosts: [HostConfiguration(domain)], defaultDomain: domain)
    }

    /// The file of the local store.
    public var localStorePath: String { "\(dataDirectory)/mimd.sqlite" }

    /// The host of this domain; nil when it is not served.
    public func host(_ domain: String) -> HostConfiguration? {
        hosts.first { $0.domain == domain }
    }

    /// What the access rule `rule` of the host `domain` gives to `subject`; `.deny` on a domain that is not served.
    public func access(_ rule: String, of subject: AccessSubject, on domain: String) -> AccessValue {
        guard let host = host(domain) else { return .deny }
        return host.accessRules.value(
            of: rule, for: subject, on: domain, hosted: hosts.map(\.domain), lists: host.accessControlLists)
    }

    /// Everything that keeps data, once for each section of the configuration that chose the backend, in the order of
    /// the hosts.
    public var backends: [BackendSelection] {
        var backends = [sessionBackend]
        for host in hosts {
            let chosen = host.authentication.methods.compactMap(\.backend) + host.modules.flatMap(\.backends)
            for backend in chosen where !backends.contains(backend) { backends.append(backend) }
        }
        return backends
    }

    /// What is wrong or surprising about where data would lie.
    ///
    /// A backend that is not available is an error, never a reason to put the data elsewhere; MongooseIM's `mnesia` is
    /// a warning with the line that settles it.
    /// - Parameter available: the names of the backends that this program can open, besides the local store.
    public func checkBackends(available: Set<String>) -> [ConfigurationDiagnostic] {
        let unserved = hosts.flatMap(\.authentication.methods).filter {
            $0.backend == nil && $0.name != .anonymous && !available.contains($0.name.rawValue)
        }
        var errors = unserved.map {
            let message = "this authentication method is not available in this version"
            return ConfigurationDiagnostic(.error, at: $0.location, keyPath: "auth.\($0.name.rawValue)", message)
        }
        for backend in backends {
            if let warning = backend.settlement(localStoreAt: localStorePath) {
                errors.append(warning)
            } else if !backend.isLocalStore, !backend.isProcessMemory, !available.contains(backend.name) {
                errors.append(unavailable(backend, available))
            }
        }
        var unique: [ConfigurationDiagnostic] = []
        for error in errors where !unique.contains(error) { unique.append(error) }
        return unique
    }

    private func unavailable(_ backend: BackendSelection, _ available: Set<String>) -> ConfigurationDiagnostic {
        let subject = "the backend \"\(backend.name)\" is not available in this version"
        guard backend.lifetime == .persistent else {
            // What goes with the process is as well off in it: nothing is looked for elsewhere later.
            let message = "\(subject); the data lies in the memory of this process"
            return ConfigurationDiagnostic(.warning, at: backend.location, keyPath: backend.keyPath, message)
        }
        let allowed = (available + [BackendSelection.localStoreName]).sorted().joined(separator: ", ")
        let message = "\(subject); allowed: \(allowed)"
        return ConfigurationDiagnostic(.error, at: backend.location, keyPath: backend.keyPath, message)
    }
}

/// One domain that the server serves.
public struct HostConfiguration: Sendable {
    /// The domain, prepared as a domainpart.
    public var domain: String
    /// How its accounts authenticate.
    public var authentication: AuthenticationConfiguration
    /// The modules that run for it, in the order of the configuration.
    public var modules: [ModuleConfiguration]
    /// The classes that access rules name.
    public var accessControlLists: AccessControlLists
    /// The access rules.
    public var accessRules: AccessRules
    /// How long a new session waits for the one that it replaces (same full JID) to end.
    public var replacedWaitTimeout: Duration

    /// A host with the accounts of the local store and no module, unless told otherwise.
    public init(
        _ domain: String, authentication: AuthenticationConfiguration = AuthenticationConfiguration(),
        modules: [ModuleConfiguration] = [], accessControlLists: AccessControlLists = AccessControlLists(),
        accessRules: AccessRules = AccessRules(), replacedWaitTimeout: Duration = .seconds(2)
    ) {
        self.domain = domain
        self.authentication = authentication
        self.modules = modules
        self.accessControlLists = accessControlLists
        self.accessRules = accessRules
        self.replacedWaitTimeout = replacedWaitTimeout
    }

    /// The module of this configuration name; nil when it does not run here.
    public func module(_ name: String) -> ModuleConfiguration? {
        modules.first { $0.name == name }
    }
}

/// How fast a peer may send.
public struct ShaperConfiguration: Hashable, Sendable {
    /// Units in a second, on average: bytes for a connection, operations for a module that counts those. At least 1.
    public var ratePerSecond: Int

    /// A shaper of `ratePerSecond` units, at least 1.
    public init(ratePerSecond: Int) {
        self.ratePerSecond = ratePerSecond
    }
}
