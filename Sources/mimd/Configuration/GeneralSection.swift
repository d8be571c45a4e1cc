// SPDX-License-Identifier: Apache-2.0
// The sections `general` and `mimd`.

import Logging
import XMPPCore

/// `[general]`, in which the keys of MongooseIM mean what they mean there.
struct GeneralSection: ModuleOptions {
    /// How much is logged, under MongooseIM's names.
    enum LogLevel: String, CaseIterable {
        case none, emergency, alert, critical, error, warning, notice, info, debug, all

        /// The least level that is logged; nil for nothing.
        var loggerLevel: Logger.Level? {
            switch self {
            case .none: nil
            case .emergency, .alert, .critical: .critical
            case .error: .error
            case .warning: .warning
            case .notice: .notice
            case .info: .info
            case .debug: .debug
            case .all: .trace
            }
        }
    }

    /// Where bound sessions are kept, under MongooseIM's names.
    enum SessionBackend: String, CaseIterable {
        case mnesia, cets, redis
    }

    var logLevel = LogLevel.warning
    var hosts: [String] = []
    var defaultDomain = ""
    var registrationInterval: Duration? = .seconds(600)
    var language = "en"
    var sessionBackend: SessionBackend?
    var sessionBackendLocation = SourceLocation.code
    var replacedWaitTimeout = Duration.milliseconds(2_000)
    var hidesServiceName = false

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.read("loglevel", into: &logLevel)
        try readHosts(&o)
        try o.require("default_server_domain")
        try o.read("default_server_domain", into: &defaultDomain)
        if let domain = preparedDomain(defaultDomain) {
            defaultDomain = domain
        } else if !defaultDomain.isEmpty {
            try o.reject("default_server_domain", "\"\(defaultDomain)\" is not a domain")
        }
        try o.read(
            "registration_timeout", into: &registrationInterval, unit: .seconds, in: 1...OptionReader.durationCountMax)
        try o.read("language", into: &language, byteCountMax: 35)
        try o.read("sm_backend", into: &sessionBackend)
        sessionBackendLocation = o.location(of: "sm_backend")
        try o.read("replaced_wait_timeout", into: &replacedWaitTimeout, unit: .milliseconds, in: 1...600_000)
        try o.read("hide_service_name", into: &hidesServiceName)
        for key in ["component_backend", "s2s_backend"] { o.ignore(key, unless: "mnesia") }
        for key in ["http_server_name", "route_subdomains", "routing_modules"] { o.ignore(key) }
    }

    private mutating func readHosts(_ o: inout OptionReader) throws(OptionError) {
        o.ignore(
            "host_types", unless: [],
            because: "dynamic domains are not supported yet, only those of `hosts` are served")
        var names: [String] = []
        try o.read("hosts", into: &names)
        for (index, name) in names.enumerated() {
            guard let domain = preparedDomain(name) else {
                try o.reject("hosts", "element \(index + 1): \"\(name)\" is not a domain")
                continue
            }
            if hosts.contains(domain) {
                try o.reject("hosts", "element \(index + 1): \"\(name)\" is listed twice")
            } else {
                hosts.append(domain)
            }
        }
        if names.isEmpty { try o.reject("hosts", "at least one domain is required") }
    }
}

/// `[mimd]`, the few keys that MongooseIM does not have.
struct MimdSection: ModuleOptions {
    var eventLoopCount: Int?
    var dataDirectory = "var"

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        var count = 0
        try o.read("event_loops", into: &count, in: 1...1_024)
        if count > 0 { eventLoopCount = count }
        try o.read("data_directory", into: &dataDirectory)
    }
}

/// `name` as a prepared domainpart; nil when it is none.
func preparedDomain(_ name: String) -> String? {
    // What is wrong with it does not help an operator more than that something is.
    guard let jid = try? JID(name), jid.isDomain, jid.isBare else { return nil }
    return jid.domainpart
}
