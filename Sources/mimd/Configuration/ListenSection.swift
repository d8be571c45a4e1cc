// SPDX-License-Identifier: Apache-2.0
// The section `listen`.

import Glibc
import XMPPCore

/// `[listen]`: the listeners for clients. Those of other kinds are named in warnings.
struct ListenSection: ModuleOptions {
    var listeners: [ListenerConfiguration] = []
    /// The shapers that listeners name.
    var shaperReferences: [NameReference] = []
    /// The access rules that listeners name.
    var ruleReferences: [NameReference] = []

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        var read: [ListenerConfiguration] = []
        var shapers: [NameReference] = []
        var rules: [NameReference] = []
        try o.readTables("c2s") { (o: inout OptionReader) throws(OptionError) in
            var section = ClientListenerSection()
            try section.read(&o)
            let listener = section.listener(at: o.location)
            let twin = read.first {
                $0.port == listener.port && $0.address == listener.address && $0.ipVersion == listener.ipVersion
            }
            if let twin {
                try o.reject("port", "the listener of line \(twin.location.line) has the same address and port")
            }
            read.append(listener)
            shapers.append(o.reference(to: section.shaper, by: "shaper"))
            rules.append(o.reference(to: section.accessRule, by: "access"))
        }
        (listeners, shaperReferences, ruleReferences) = (read, shapers, rules)
        for kind in ["s2s", "component", "http"] {
            try o.ignoreTables(kind, because: "listeners of this kind are not supported yet, nothing listens here")
        }
    }
}

extension OptionReader {
    /// Accepts a table or an array of tables, with a warning for each that names its own line.
    mutating func ignoreTables(_ key: String, because reason: String) throws(OptionError) {
        guard case .array(let elements)? = table[key]?.kind, elements.count > 1 else {
            return ignore(key, because: reason)
        }
        try readTables(key) { (o: inout OptionReader) throws(OptionError) in
            o.takeAll()
            o.warnHere(reason)
        }
    }
}

/// `[[listen.c2s]]`.
private struct ClientListenerSection: ModuleOptions {
    var address: String?
    var version: ListenerConfiguration.IPVersion?
    var port = 5222
    var backlog = 1_024
    var connectionCountMax: Int?
    var stanzaByteCountMax: Int?
    var stateTimeout: Duration? = .milliseconds(5_000)
    var shaper = "none"
    var accessRule = "all"
    var allowedMethods: [AuthenticationConfiguration.MethodName]?
    var tls = TLSSection()

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.require("port")
        try o.read("port", into: &port, in: 1...65_535)
        try readAddress(&o)
        try o.read("backlog", into: &backlog, in: 1...65_535)
        try o.read("max_connections", into: &connectionCountMax, in: 1...Int.max)
        // RFC 6120 section 13.12: a server must accept stanzas of 10,000 bytes; MongooseIM lets an operator go below.
        try o.read("max_stanza_size", into: &stanzaByteCountMax, in: 1...Int.max)
        try o.read("state_timeout", into: &stateTimeout, unit: .milliseconds, in: 1...OptionReader.durationCountMax)
        try o.read("shaper", into: &shaper)
        try o.read("access", into: &accessRule)
        var methods: [AuthenticationConfiguration.MethodName] = []
        try o.read("allowed_auth_methods", into: &methods)
        if !methods.isEmpty { allowedMethods = methods }
        try readTLS(&o)
        o.ignore("proto", unless: "tcp")
        o.ignore("proxy_protocol", unless: false)
        o.ignore("reuse_port", unless: false, because: "has no effect: every event loop accepts connections anyway")
        o.ignore("backwards_compatible_session", unless: true)
        for key in ["hibernate_after", "num_acceptors"] {
            o.ignore(key, because: "has no effect: it tunes a part of MongooseIM that does not exist here")
        }
    }

    private mutating func readAddress(_ o: inout OptionReader) throws(OptionError) {
        try o.read("ip_address", into: &address)
        var number = 4
        try o.read("ip_version", into: &number, in: 4...6)
        if o.table["ip_version"] != nil {
            version = ListenerConfiguration.IPVersion(rawValue: number)
            if version == nil { try o.reject("ip_version", "must be 4 or 6") }
        }
        guard let address else { return }
        guard let own = ipVersion(of: address) else {
            return try o.reject("ip_address", "\"\(address)\" is not an IP address")
        }
        if let version, version != own {
            try o.reject("ip_address", "\"\(address)\" is not an address of version \(version.rawValue)")
        }
        version = own
    }

    private mutating func readTLS(_ o: inout OptionReader) throws(OptionError) {
        guard o.table["tls"] != nil else { return }
        tls.configuration.mode = .starttls
        var section = tls
        try o.readTable("tls") { (o: inout OptionReader) throws(OptionError) in try section.read(&o) }
        tls = section
        if tls.configuration.certificatePath == nil, !listener(at: .code).isLoopbackOnly {
            try o.reject("tls", "certfile is required, except for a listener on a loopback address only")
        }
    }

    func listener(at location: SourceLocation) -> ListenerConfiguration {
        ListenerConfiguration(
            address: address, ipVersion: version ?? .v4, port: UInt16(clamping: port), backlog: backlog,
            connectionCountMax: connectionCountMax, stanzaByteCountMax: stanzaByteCountMax, stateTimeout: stateTimeout,
            shaper: shaper == "none" ? nil : shaper, accessRule: accessRule, allowedMethods: allowedMethods,
            tls: tls.configuration, location: location)
    }
}

/// The version of an IP address in digits; nil when it is none.
func ipVersion(of address: String) -> ListenerConfiguration.IPVersion? {
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, address, &four) == 1 { return .v4 }
    if inet_pton(AF_INET6, address, &six) == 1 { return .v6 }
    return nil
}

/// `[listen.c2s.tls]`.
private struct TLSSection: ModuleOptions {
    private enum Mode: String, CaseIterable {
        case starttls
        case starttlsRequired = "starttls_required"
        case tls
    }

    private enum Version: String, CaseIterable {
        case v10 = "tlsv1"
        case v11 = "tlsv1.1"
        case v12 = "tlsv1.2"
        case v13 = "tlsv1.3"
    }

    var configuration = ListenerTLS()

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        var mode = Mode.starttls
        try o.read("mode", into: &mode)
        configuration.mode = ListenerTLS.Mode(rawValue: mode.rawValue) ?? .starttls
        try o.read("verify_mode", into: &configuration.verifyMode)
        try o.read("certfile", into: &configuration.certificatePath)
        try o.read("keyfile", into: &configuration.keyPath)
        try o.read("cacertfile", into: &configuration.authorityPath)
        try o.read("password", into: &configuration.keyPassword)
        try o.read("ciphers", into: &configuration.ciphers)
        try o.read("dhfile", into: &configuration.diffieHellmanPath)
        try o.read("session_tickets", into: &configuration.sessionTickets)
        try readVersions(&o)
        o.ignore("disconnect_on_failure", unless: true)
        o.ignore("crl_files", unless: [])
        o.ignore("early_data", unless: "disabled")
        o.ignore("keep_secrets", unless: false)
        if configuration.keyPath != nil, configuration.certificatePath == nil {
            try o.reject("keyfile", "there is a key without a certificate: certfile is missing")
        }
    }

    private mutating func readVersions(_ o: inout OptionReader) throws(OptionError) {
        var versions: [Version] = []
        try o.read("versions", into: &versions)
        guard !versions.isEmpty else { return }
        configuration.versions = versions.compactMap { ListenerTLS.Version(rawValue: $0.rawValue) }
        // RFC 9325 section 3.1.1: TLS 1.0 and 1.1 must not be negotiated.
        for version in versions where ListenerTLS.Version(rawValue: version.rawValue) == nil {
            o.warn("versions", "\"\(version.rawValue)\" is not safe and not supported, it is not offered")
        }
        if configuration.versions.isEmpty { try o.reject("versions", "at least one of tlsv1.2, tlsv1.3 is required") }
    }
}
