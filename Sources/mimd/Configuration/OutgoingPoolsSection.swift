// SPDX-License-Identifier: Apache-2.0
// The section `outgoing_pools`: how other servers are reached. Of its kinds, databases that speak SQL.

import XMPPCore
import XMPPPersistenceSQL

/// `[outgoing_pools.rdbms.<tag>]`: a pool of connections to a database.
struct RelationalPool: Sendable {
    /// The tag of the pool that modules use.
    static let defaultTag = "default"
    /// The name that `mimd store` has for the local store, which therefore no pool has.
    static let localStoreTag = "local"

    /// The kind of server.
    var driver: DatabaseDriver
    var settings: DatabaseSettings
    /// The line of the section.
    var location: SourceLocation

    /// Lets so many requests wait at least, whatever was configured for the server.
    mutating func admit(requestCount: Int) { settings.requestCountMax = max(settings.requestCountMax, requestCount) }

    /// The database, for a table on a terminal. Holds no password.
    var place: String { "\(settings.username)@\(settings.host):\(settings.port)/\(settings.database)" }
}

/// `[outgoing_pools]`.
struct OutgoingPoolsSection: ModuleOptions {
    /// The pools of databases by their tags.
    private(set) var relational: [String: RelationalPool] = [:]

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        for key in ["redis", "cassandra", "elastic", "http", "ldap", "rabbit"] { o.ignore(key) }
        var pools: [String: RelationalPool] = [:]
        try o.readNamedTables("rdbms") { (tag, o: inout OptionReader) throws(OptionError) in
            var section = RelationalPoolSection()
            try section.read(&o)
            if tag == RelationalPool.localStoreTag {
                let message = "the tag \"\(tag)\" is the local store's in `mimd store`; give the pool another one"
                try o.note(.init(.error, at: o.location, keyPath: o.path, message))
            } else if tag != RelationalPool.defaultTag {
                o.warnHere(
                    "no module uses this pool, only `mimd store` does; modules use outgoing_pools.rdbms.default")
            }
            pools[tag] = section.pool(at: o.location)
        }
        relational = pools
    }
}

/// `[outgoing_pools.rdbms.<tag>]`.
private struct RelationalPoolSection: ModuleOptions {
    private var connection = RelationalConnectionSection()
    private var connectionCount = 10
    private var waitMax = Duration.seconds(60)
    private var queueCountMax: Int?

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.require("connection")
        try o.read("connection", into: &connection)
        try o.read("workers", into: &connectionCount, in: 1...1_000)
        try o.read("call_timeout", into: &waitMax, unit: .milliseconds, in: 1...OptionReader.durationCountMax)
        try o.read("max_worker_queue_len", into: &queueCountMax, in: 1...1_000_000)
        o.ignore("scope", unless: "global", because: "not supported yet, all hosts share the pool")
        o.ignore(
            "strategy", unless: "best_worker", because: "it has no effect: whoever waits gets the first free connection"
        )
    }

    func pool(at location: SourceLocation) -> RelationalPool? {
        guard var settings = connection.settings, let driver = connection.driver else { return nil }
        settings.connectionCount = connectionCount
        settings.waitMax = waitMax
        if let queueCountMax { settings.requestCountMax = queueCountMax * connectionCount }
        return RelationalPool(driver: driver, settings: settings, location: location)
    }
}

/// `[outgoing_pools.rdbms.<tag>.connection]`.
private struct RelationalConnectionSection: ModuleOptions {
    private(set) var driver: DatabaseDriver?
    private var host = ""
    private var port: Int?
    private var database = ""
    private var username = ""
    private var password: String?
    private var answerTimeout = Duration.seconds(5)
    private var keepaliveInterval: Duration?
    private var reconnectDelayMax = Duration.seconds(30)
    private var tls: RelationalTLSSection?

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        for key in ["driver", "host", "database", "username"] { try o.require(key) }
        try o.read("driver", into: &driver)
        try o.read("host", into: &host)
        try o.read("port", into: &port, in: 1...65_535)
        try o.read("database", into: &database)
        try o.read("username", into: &username)
        try o.read("password", into: &password, byteCountMin: 0)
        let timeouts = 1...OptionReader.durationCountMax
        try o.read("query_timeout", into: &answerTimeout, unit: .milliseconds, in: timeouts)
        try o.read("keepalive_interval", into: &keepaliveInterval, unit: .seconds, in: 1...86_400)
        try o.read("max_start_interval", into: &reconnectDelayMax, unit: .seconds, in: 1...86_400)
        try o.read("tls", into: &tls)
        if let tls = tls?.tls, tls.verification != .none, tls.authorityPath == nil, let driver {
            o.warnHere("without tls.cacertfile the server's certificate is verified with \(driver.trustedAuthorities)")
        }
    }

    /// Nil when a key is missing, which is an error of its own.
    var settings: DatabaseSettings? {
        guard let driver, !host.isEmpty, !database.isEmpty, !username.isEmpty else { return nil }
        var settings = DatabaseSettings(
            host: host, port: port ?? driver.port, database: database, username: username)
        settings.password = password
        settings.answerTimeout = answerTimeout
        settings.keepaliveInterval = keepaliveInterval
        settings.reconnectDelayMax = reconnectDelayMax
        settings.tls = tls?.tls
        return settings
    }
}

/// `[outgoing_pools.rdbms.<tag>.connection.tls]`.
private struct RelationalTLSSection: ModuleOptions {
    private enum VerifyMode: String, CaseIterable {
        case peer, none
        case selfSignedPeer = "selfsigned_peer"
    }

    private(set) var tls = DatabaseSettings.TLS()

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        var mode = VerifyMode.peer
        try o.read("verify_mode", into: &mode)
        switch mode {
        case .peer: tls.verification = .hostName
        case .selfSignedPeer: tls.verification = .authority
        case .none: tls.verification = .none
        }
        try o.read("required", into: &tls.isRequired)
        try o.read("cacertfile", into: &tls.authorityPath)
        try o.read("certfile", into: &tls.certificatePath)
        try o.read("keyfile", into: &tls.keyPath)
        try o.read("password", into: &tls.keyPassword)
        for key in ["ciphers", "versions", "crl_files", "server_name_indication"] { o.ignore(key) }
        o.ignore("disconnect_on_failure", unless: true)
    }
}
