// SPDX-License-Identifier: Apache-2.0
// A tree of configuration values as a ServerConfiguration: the sections put together, and the rules that span them.

import Logging
import XMPPCore

/// What a configuration file says, and what is to be said about it.
struct LoadedConfiguration: Sendable {
    /// The name of the file.
    var file: String
    /// The configuration; nil when there is at least one error.
    var server: ServerConfiguration?
    /// The pools of databases that the file names, by their tags.
    var pools: [String: RelationalPool] = [:]
    /// The least level that is logged; nil for nothing.
    var logLevel: Logger.Level?
    /// What the file says, for the line of a key that turns out to be wrong later.
    var table = ConfigurationTable()
    /// The errors and warnings in the order of the file.
    var diagnostics: [ConfigurationDiagnostic]

    /// Whether the server must not start.
    var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

extension [ConfigurationDiagnostic] {
    /// The same by their lines; those of one line in the order in which they were found.
    var inFileOrder: [ConfigurationDiagnostic] {
        enumerated().sorted {
            ($0.element.location.line, $0.offset) < ($1.element.location.line, $1.offset)
        }.map(\.element)
    }
}

/// The whole file.
struct ConfigurationReader: ModuleOptions {
    private let catalogue: ModuleCatalogue
    private var general = GeneralSection()
    private var mimd = MimdSection()
    private var listen = ListenSection()
    private var authentication = AuthenticationSection()
    private var shaper = ShaperSection()
    private var lists = AccessControlListSection()
    private var access = AccessRuleSection()
    private var pools = OutgoingPoolsSection()
    private var modules: [ModuleConfiguration] = []
    private var hosts: [HostSection] = []

    init() {
        self.init(catalogue: .standard)
    }

    init(catalogue: ModuleCatalogue) {
        self.catalogue = catalogue
    }

    /// Reads the tree that the file `file` consists of.
    static func load(
        _ table: ConfigurationTable, file: String, catalogue: ModuleCatalogue = .standard
    ) -> LoadedConfiguration {
        var reader = OptionReader(table, path: "", at: SourceLocation(file: file, line: 1))
        var root = ConfigurationReader(catalogue: catalogue)
        var end: [ConfigurationDiagnostic] = []
        do {
            try root.read(&reader)
            reader.rejectUnknownKeys()
        } catch {
            // Every section notes what it throws; what arrives here says only that there were too many errors.
            let message = error.diagnostic?.message ?? "there are too many errors, the others are not shown"
            end.append(.init(.error, at: SourceLocation(file: file, line: 0), keyPath: "", message))
        }
        var loaded = LoadedConfiguration(
            file: file, server: nil, logLevel: root.general.logLevel.loggerLevel, table: table,
            diagnostics: reader.diagnostics.inFileOrder + end)
        if !loaded.hasErrors { loaded.server = root.configuration() }
        loaded.pools = root.pools.relational
        return loaded
    }

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.require("general")
        try o.read("general", into: &general)
        try o.read("mimd", into: &mimd)
        try o.read("shaper", into: &shaper)
        try o.read("acl", into: &lists)
        try o.read("access", into: &access)
        try o.read("auth", into: &authentication)
        if o.table["auth"] == nil {
            o.warnHere("no authentication method is configured, nobody can log in; write [auth.internal]")
        }
        try o.read("listen", into: &listen)
        let catalogue = catalogue
        var modules: [ModuleConfiguration] = []
        try o.readTable("modules") { (o: inout OptionReader) throws(OptionError) in
            modules = try o.readModules(catalogue)
        }
        self.modules = modules
        try readHosts(&o)
        try o.read("outgoing_pools", into: &pools)
        for section in ["internal_databases", "services", "instrumentation"] {
            try ignoreSection(section, &o)
        }
        o.ignore("s2s", because: "streams between servers are not supported yet")
        try checkReferences(&o)
    }

    private mutating func readHosts(_ o: inout OptionReader) throws(OptionError) {
        let catalogue = catalogue
        let domains = general.hosts
        var hosts: [HostSection] = []
        try o.readTables("host_config") { (o: inout OptionReader) throws(OptionError) in
            var host = HostSection()
            try host.read(&o, catalogue)
            if let domain = host.domain {
                if !domains.contains(domain) {
                    try o.reject("host", "\"\(domain)\" is not one of general.hosts")
                } else if let twin = hosts.first(where: { $0.domain == domain }) {
                    try o.reject("host", "\"\(domain)\" has a section in line \(twin.location.line) already")
                }
                hosts.append(host)
            }
        }
        self.hosts = hosts
    }

    /// A section of parts with names, of which mimd has none yet: each of them is named with its line.
    private func ignoreSection(_ section: String, _ o: inout OptionReader) throws(OptionError) {
        try o.readTable(section) { (o: inout OptionReader) throws(OptionError) in
            let known = Self.futureSections[section] ?? []
            for key in known {
                if section == "internal_databases" {
                    o.ignore(key, because: "has no effect: there is no such database here")
                } else {
                    o.ignore(key)
                }
            }
        }
    }

    /// What MongooseIM knows in the sections that mimd has no use for yet.
    private static let futureSections = [
        "internal_databases": ["mnesia", "cets"],
        "services": [
            "service_bosh", "service_domain_db", "service_mongoose_system_metrics", "service_traffic",
            "service_admin_extra",
        ],
        "instrumentation": ["probe_interval", "prometheus", "exometer", "log"],
    ]

    private func checkReferences(_ o: inout OptionReader) throws(OptionError) {
        let allRules = hosts.reduce(access.rules) { $0.merging(hostRules: $1.access.rules) }
        for reference in listen.shaperReferences where shaper.shapers[reference.name] == nil && reference.name != "none"
        {
            let help = ConfigurationDiagnostic.suggestion(
                for: reference.name, among: shaper.shapers.keys + ["none"], noun: "shaper")
            try o.note(reference.diagnostic(.error, "there is no shaper \"\(reference.name)\"; \(help)"))
        }
        for reference in listen.ruleReferences where !allRules.contains(reference.name) {
            let message = "there is no access rule \"\(reference.name)\", so nobody is let in"
            try o.note(reference.diagnostic(.warning, message))
        }
        let classes = hosts.reduce(lists.lists) { $0.merging($1.lists.lists) }.classes
        for reference in access.references + hosts.flatMap(\.access.references) {
            let name = reference.name
            guard !name.isEmpty, name != "all", name != "none", classes[name] == nil else { continue }
            let message = "there is no class \"\(name)\" in the section acl, so nobody belongs to it"
            try o.note(reference.diagnostic(.warning, message))
        }
    }

    private func configuration() -> ServerConfiguration {
        let session = general.sessionBackend
        return ServerConfiguration(
            hosts: general.hosts.map(host), defaultDomain: general.defaultDomain, language: general.language,
            registrationInterval: general.registrationInterval,
            unservedStreams: general.hidesServiceName ? .dropped : .answered, listeners: listen.listeners,
            eventLoopCount: mimd.eventLoopCount, dataDirectory: mimd.dataDirectory, shapers: shaper.shapers,
            sessionBackend: BackendSelection(
                session?.rawValue ?? "mnesia", origin: session == nil ? .implied : .written, lifetime: .process,
                section: "general", key: "sm_backend", at: general.sessionBackendLocation))
    }

    private func host(_ domain: String) -> HostConfiguration {
        let own = hosts.first { $0.domain == domain }
        return HostConfiguration(
            domain, authentication: (own?.authentication ?? authentication).configuration,
            modules: own?.modules ?? modules,
            accessControlLists: lists.lists.merging(own?.lists.lists ?? AccessControlLists()),
            accessRules: access.rules.merging(hostRules: own?.access.rules ?? AccessRules()),
            replacedWaitTimeout: own?.replacedWaitTimeout ?? general.replacedWaitTimeout)
    }
}

/// `[[host_config]]`: what one host has instead of the general sections, or besides them.
private struct HostSection {
    /// `[host_config.general]`.
    private struct General: ModuleOptions {
        var replacedWaitTimeout: Duration?

        mutating func read(_ o: inout OptionReader) throws(OptionError) {
            var timeout = Duration.zero
            try o.read("replaced_wait_timeout", into: &timeout, unit: .milliseconds, in: 1...600_000)
            if timeout > .zero { replacedWaitTimeout = timeout }
            o.ignore("route_subdomains")
        }
    }

    /// The host; nil for a section that is for none that mimd can serve.
    var domain: String?
    var location = SourceLocation.code
    /// Replaces the general section whole.
    var authentication: AuthenticationSection?
    /// Replaces the general section whole.
    var modules: [ModuleConfiguration]?
    /// Is added to the general section.
    var lists = AccessControlListSection()
    /// Is added to the general section.
    var access = AccessRuleSection()
    var replacedWaitTimeout: Duration?

    mutating func read(_ o: inout OptionReader, _ catalogue: ModuleCatalogue) throws(OptionError) {
        location = o.location
        o.ignore("host_type", because: "dynamic domains are not supported yet, this whole section has no effect")
        if o.table["host_type"] != nil { return o.takeAll() }
        var name = ""
        try o.require("host")
        try o.read("host", into: &name)
        domain = preparedDomain(name)
        if domain == nil, !name.isEmpty { try o.reject("host", "\"\(name)\" is not a domain") }
        var general = General()
        try o.read("general", into: &general)
        replacedWaitTimeout = general.replacedWaitTimeout
        try o.read("auth", into: &authentication)
        try o.read("acl", into: &lists)
        try o.read("access", into: &access)
        var own: [ModuleConfiguration]?
        try o.readTable("modules") { (o: inout OptionReader) throws(OptionError) in
            own = try o.readModules(catalogue)
        }
        modules = own
        for section in ["outgoing_pools", "s2s"] { o.ignore(section) }
    }
}
