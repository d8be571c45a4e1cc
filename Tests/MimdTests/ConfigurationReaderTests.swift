// SPDX-License-Identifier: Apache-2.0
// What the sections of a configuration mean, and what is said about mistakes in them.

import Logging
import Testing
import XMPPCore
import XMPPPersistencePostgreSQL
import XMPPPersistenceSQL

@testable import mimd

private let general = "[general]\nhosts = [\"a.example\", \"b.example\"]\ndefault_server_domain = \"a.example\"\n"
private let auth = "[auth.internal]\nbackend = \"sqlite\"\n"

private func load(_ text: String, catalogue: ModuleCatalogue = .standard) -> LoadedConfiguration {
    TOMLConfigurationLoader.load(text: text, file: "m.toml", catalogue: catalogue)
}

/// The diagnostics about `text` written below a general section of three lines and an auth section of two.
private func messages(_ text: String) -> [String] {
    load(general + auth + text).diagnostics.map(\.description)
}

private func server(_ text: String, sourceLocation: Testing.SourceLocation = #_sourceLocation) throws
    -> ServerConfiguration
{
    let loaded = load(general + auth + text)
    return try #require(loaded.server, "\(loaded.diagnostics)", sourceLocation: sourceLocation)
}

/// A module that cannot run alone.
private struct Needy: XMPPModule {
    static let manifest = ModuleManifest("mod_needy", implements: [], needs: ["mod_ping"])

    init(options: NoOptions, host: Host) throws(ModuleError) {}

    func register(in registrar: inout Registrar) {}
}

@Suite struct ConfigurationReaderTests {
    @Test func theSmallestConfigurationHasTheDefaults() throws {
        let loaded = load(general + auth)
        #expect(loaded.diagnostics == [])
        #expect(loaded.logLevel == .warning)
        let server = try #require(loaded.server)
        #expect(server.hosts.map(\.domain) == ["a.example", "b.example"])
        #expect(server.registrationInterval == .seconds(600))
        #expect(server.hosts[0].replacedWaitTimeout == .seconds(2))
        #expect(server.hosts[0].authentication.mechanisms == SASLMechanism.all)
        #expect(server.eventLoopCount == nil)
        #expect(server.localStorePath == "var/mimd.sqlite")
        #expect(server.listeners.isEmpty)
    }

    @Test(arguments: [
        (
            "[mimd]\nevent_loop = 2\n",
            "m.toml:7: error: mimd.event_loop: unknown key; did you mean \"event_loops\"? "
                + "(allowed: data_directory, event_loops)"
        ),
        (
            "[mimd]\nevent_loops = 0\n",
            "m.toml:7: error: mimd.event_loops: expected an integer from 1 to 1024, "
                + "found the integer 0"
        ),
        (
            "[modules.mod_rooster]\n",
            "m.toml:6: error: modules.mod_rooster: unknown module; did you mean \"mod_roster\"?"
        ),
        ("[modules]\nmod_ping = true\n", "m.toml:7: error: modules.mod_ping: expected a table, found true"),
        (
            "[modules.mod_muc]\n\nbackend = \"mnesia\"\n",
            "m.toml:6: warning: modules.mod_muc: this module is not supported yet, it does not run"
        ),
        (
            "[modules.mod_mam]\nbackend = \"sqlite\"\n",
            "m.toml:6: warning: modules.mod_mam: archives nothing: write [modules.mod_mam.pm] for accounts, "
                + "[modules.mod_mam.muc] for rooms"
        ),
        (
            "[modules.mod_mam.pm]\nbackend = \"paper\"\n",
            "m.toml:7: error: modules.mod_mam.pm.backend: expected one of \"rdbms\", \"cassandra\", \"elasticsearch\", "
                + "\"mnesia\", \"sqlite\", found the string \"paper\""
        ),
        (
            "[modules.mod_mam.pm]\nbackend = \"sqlite\"\nuser_prefs_store = \"memory\"\n",
            "m.toml:8: error: modules.mod_mam.pm.user_prefs_store: expected one of \"rdbms\", \"cassandra\", "
                + "\"elasticsearch\", \"mnesia\", \"sqlite\", found the string \"memory\""
        ),
        (
            "[modules.mod_mam]\nbackend = \"sqlite\"\nretention_days = 0\n[modules.mod_mam.pm]\n",
            "m.toml:8: error: modules.mod_mam.retention_days: expected an integer from 1 to 36500, or \"infinity\", found "
                + "the integer 0"
        ),
        (
            "[outgoing_pools.mysql.default]\n",
            "m.toml:6: error: outgoing_pools.mysql: unknown key; allowed: cassandra, "
                + "elastic, http, ldap, rabbit, rdbms, redis"
        ),
        (
            "[outgoing_pools.rdbms.default]\n",
            "m.toml:6: error: outgoing_pools.rdbms.default.connection: this key is required"
        ),
        (
            "[outgoing_pools.rdbms.default.connection]\ndriver = \"odbc\"\nhost = \"h\"\ndatabase = \"d\"\nusername = \"u\"\n",
            "m.toml:7: error: outgoing_pools.rdbms.default.connection.driver: expected one of \"pgsql\", "
                + "\"mysql\", \"cockroachdb\", found the string \"odbc\""
        ),
        (
            "[outgoing_pools.rdbms.other.connection]\ndriver = \"pgsql\"\nhost = \"h\"\ndatabase = \"d\"\nusername = \"u\"\n",
            "m.toml:6: warning: outgoing_pools.rdbms.other: no module uses this pool, only `mimd store` does; "
                + "modules use outgoing_pools.rdbms.default"
        ),
        (
            "[outgoing_pools.rdbms.local.connection]\ndriver = \"pgsql\"\nhost = \"h\"\ndatabase = \"d\"\nusername = \"u\"\n",
            "m.toml:6: error: outgoing_pools.rdbms.local: the tag \"local\" is the local store's in `mimd store`; "
                + "give the pool another one"
        ),
        (
            "[internal_databases.cets]\n",
            "m.toml:6: warning: internal_databases.cets: has no effect: there is no such database here"
        ),
        ("[s2s]\nshared = \"x\"\n", "m.toml:6: warning: s2s: streams between servers are not supported yet"),
        (
            "[modul.mod_ping]\n",
            "m.toml:6: error: modul: unknown key; did you mean \"modules\"? (allowed: access, acl, "
                + "auth, general, host_config, instrumentation, internal_databases, listen, mimd, modules, "
                + "outgoing_pools, s2s, services, shaper)"
        ),
        (
            "[[listen.c2s]]\nport = 5222\naccess = \"c2s\"\n",
            "m.toml:8: warning: listen.c2s[1].access: there is no access rule \"c2s\", so nobody is let in"
        ),
        (
            "[[listen.c2s]]\nport = 5222\n[listen.c2s.tls]\n",
            "m.toml:8: error: listen.c2s[1].tls: certfile is required, except for a listener on a loopback address only"
        ),
        ("[[listen.c2s]]\nip_address = \"::1\"\n", "m.toml:6: error: listen.c2s[1].port: this key is required"),
        (
            "[[listen.c2s]]\nport = 5222\nip_address = \"::1\"\nip_version = 4\n",
            "m.toml:8: error: listen.c2s[1].ip_address: \"::1\" is not an address of version 4"
        ),
        (
            "[[listen.c3s]]\nport = 5222\n",
            "m.toml:6: error: listen.c3s: unknown key; did you mean \"c2s\"? (allowed: c2s, component, http, s2s)"
        ),
        (
            "[[host_config]]\nhost_type = \"dynamic\"\n",
            "m.toml:7: warning: host_config[1].host_type: dynamic domains are "
                + "not supported yet, this whole section has no effect"
        ),
        (
            "[[host_config]]\nhost = \"a.example\"\n[[host_config]]\nhost = \"A.example\"\n",
            "m.toml:9: error: host_config[2].host: \"a.example\" has a section in line 6 already"
        ),
        (
            "[[host_config]]\nhost = \"a.example\"\nlisten = {}\n",
            "m.toml:8: error: host_config[1].listen: unknown key; "
                + "allowed: access, acl, auth, general, host, host_type, modules, outgoing_pools, s2s"
        ),
        (
            "[access]\nx = [{acl = \"y\", value = 1}]\n",
            "m.toml:7: warning: access.x[1].acl: there is no class \"y\" in the section acl, so nobody belongs to it"
        ),
        (
            "[acl]\nx = [{user_regex = \"y\"}]\n",
            "m.toml:7: error: acl.x[1].user_regex: unknown key; did you mean "
                + "\"user_regexp\"? (allowed: match, resource, resource_glob, resource_regexp, server, server_glob, "
                + "server_regexp, user, user_glob, user_regexp)"
        ),
    ])
    func aMistakeIsReportedWithItsLine(text: String, expected: String) {
        #expect(messages(text) == [expected])
    }

    @Test(
        arguments: [
            ("none", nil), ("emergency", .critical), ("alert", .critical), ("critical", .critical), ("error", .error),
            ("warning", .warning), ("notice", .notice), ("info", .info), ("debug", .debug), ("all", .trace),
        ] as [(String, Logger.Level?)])
    func everyLogLevelOfMongooseIMHasOneHere(name: String, expected: Logger.Level?) {
        let loaded = load(general + "loglevel = \"\(name)\"\n" + auth)
        #expect(loaded.diagnostics == [])
        #expect(loaded.logLevel == expected)
    }

    @Test func withoutAnAuthenticationMethodNobodyCanLogIn() {
        let reason = "no authentication method is configured, nobody can log in; write [auth.internal]"
        #expect(load(general).diagnostics.map(\.description) == ["m.toml:1: warning: \(reason)"])
        #expect(
            load(general + "[auth]\n").diagnostics.map(\.description) == ["m.toml:4: warning: auth.methods: \(reason)"])
    }

    @Test func aHostReplacesAuthenticationAndModulesAndAddsRules() throws {
        let server = try server(
            """
            [modules.mod_ping]
            [modules.mod_time]
            [acl]
            admin = [{user = "juliet"}]
            [access]
            c2s = [{acl = "all", value = "allow"}]
            [[host_config]]
            host = "b.example"
            general.replaced_wait_timeout = 50
            auth.anonymous = {}
            modules.mod_version = {}
            acl.admin = [{user = "romeo"}]
            access.c2s = [{acl = "admin", value = "deny"}]
            """)
        let a = try #require(server.host("a.example"))
        let b = try #require(server.host("b.example"))
        #expect(a.authentication.methods.map(\.name) == [.internal])
        #expect(b.authentication.methods.map(\.name) == [.anonymous])
        #expect(a.modules.map(\.name) == ["mod_ping", "mod_time"])
        #expect(b.modules.map(\.name) == ["mod_version"])
        #expect(b.replacedWaitTimeout == .milliseconds(50))
        for (user, domain, expected) in [
            ("juliet", "a.example", AccessValue.allow), ("juliet", "b.example", .deny), ("romeo", "b.example", .deny),
            ("romeo", "a.example", .allow), ("nurse", "b.example", .allow),
        ] {
            let subject = AccessSubject(localpart: user, domainpart: domain)
            #expect(server.access("c2s", of: subject, on: domain) == expected, "\(user)@\(domain)")
        }
    }

    @Test func patternsArePreparedLikeJIDs() throws {
        let server = try server(
            """
            [acl]
            named = [{user = "JULIET", server = "A.Example", resource = "Balcony", match = "all"}]
            [access]
            rule = [{acl = "named", value = "allow"}]
            """)
        let juliet = AccessSubject(try JID("juliet@a.example/Balcony"))
        #expect(server.access("rule", of: juliet, on: "b.example") == .allow)
    }

    @Test func methodsKeepTheirOrder() throws {
        let text = general + "[auth]\nmethods = [\"internal\", \"anonymous\"]\n[auth.internal]\n[auth.anonymous]\n"
        #expect(load(text).server?.hosts[0].authentication.methods.map(\.name) == [.internal, .anonymous])
        let sorted = general + "[auth.internal]\n[auth.anonymous]\n"
        #expect(load(sorted).server?.hosts[0].authentication.methods.map(\.name) == [.anonymous, .internal])
        let unused = general + "[auth]\nmethods = [\"internal\"]\n[auth.internal]\n[auth.anonymous]\n"
        #expect(
            load(unused).diagnostics.map(\.description) == [
                "m.toml:7: warning: auth.anonymous: this method is not one of `methods`, it is not used"
            ])
    }

    @Test func aModuleGetsItsOptionsAndTheCatalogueChecksThem() throws {
        struct Options: ModuleOptions {
            var interval = Duration.seconds(60)
            mutating func read(_ o: inout OptionReader) throws(OptionError) {
                try o.read("ping_interval", into: &interval, unit: .seconds, in: 1...3_600)
            }
        }
        var catalogue = ModuleCatalogue.mongooseIM
        catalogue.support("mod_ping", options: Options.self)
        let good = load(general + auth + "[modules.mod_ping]\nping_interval = 5\n", catalogue: catalogue)
        #expect(try good.server?.hosts[0].module("mod_ping")?.options(Options.self).interval == .seconds(5))
        let bad = load(general + auth + "[modules.mod_ping]\nping_intervall = 5\n", catalogue: catalogue)
        #expect(
            bad.diagnostics.map(\.description) == [
                "m.toml:7: error: modules.mod_ping.ping_intervall: unknown key; did you mean \"ping_interval\"? "
                    + "(allowed: ping_interval)"
            ])
    }

    @Test func aModuleThatNeedsAnotherSaysSo() {
        var catalogue = ModuleCatalogue.mongooseIM
        catalogue.support(Needy.self)
        catalogue.support("mod_ping")
        let alone = load(general + auth + "[modules.mod_needy]\n", catalogue: catalogue)
        #expect(
            alone.diagnostics.map(\.description) == [
                "m.toml:6: error: modules.mod_needy: needs the module mod_ping, which is not configured; "
                    + "write [modules.mod_ping]"
            ])
        let both = load(general + auth + "[modules.mod_needy]\n[modules.mod_ping]\n", catalogue: catalogue)
        #expect(both.diagnostics == [])
        let wrong = load(general + auth + "[modules]\nmod_needy = {x = 1}\nmod_ping = {}\n", catalogue: catalogue)
        #expect(
            wrong.diagnostics.map(\.description) == [
                "m.toml:7: error: modules.mod_needy.x: unknown key; no key is allowed here"
            ])
    }

    @Test func tooManyErrorsEndTheReading() {
        let text = general + "[acl]\n" + (1...1_000).map { "a\($0) = \($0)\n" }.joined()
        let diagnostics = load(text).diagnostics
        #expect(diagnostics.count == OptionReader.errorCountMax + 1)
        #expect(diagnostics.last?.description == "m.toml: error: there are too many errors, the others are not shown")
    }
}

@Suite struct BackendTests {
    @Test(arguments: [
        (
            "[modules.mod_last]\n",
            "m.toml:6: warning: modules.mod_last: the data lies in the local store var/mimd.sqlite, "
                + "for no backend is written; to settle it, write `backend = \"sqlite\"` below [modules.mod_last]"
        ),
        (
            "[modules.mod_last]\n\nbackend = \"mnesia\"\n",
            "m.toml:8: warning: modules.mod_last.backend: the data lies in "
                + "the local store var/mimd.sqlite, for there is no Mnesia here; to settle it, make this line "
                + "`backend = \"sqlite\"`"
        ),
        (
            "[modules.mod_last]\nbackend = \"rdbms\"\n",
            "m.toml:7: error: modules.mod_last.backend: the backend \"rdbms\" "
                + "is not available in this version; allowed: sqlite"
        ),
        (
            "[[host_config]]\nhost = \"b.example\"\n[host_config.modules.mod_last]\n",
            "m.toml:8: warning: "
                + "host_config[1].modules.mod_last: the data lies in the local store var/mimd.sqlite, for no backend "
                + "is written; to settle it, write `backend = \"sqlite\"` below [host_config.modules.mod_last]"
        ),
        (
            "[auth.ldap]\nbase = \"x\"\n",
            "m.toml:6: error: auth.ldap: this authentication method is not available in this "
                + "version"
        ),
    ])
    func whereDataLiesIsSaidOnce(text: String, expected: String) throws {
        #expect(try server(text).checkBackends(available: []).map(\.description) == [expected])
    }

    @Test(arguments: [
        "[modules.mod_last]\nbackend = \"sqlite\"\n", "[modules.mod_stream_management]\n",
        "[modules.mod_stream_management]\nbackend = \"cets\"\n", "[auth.anonymous]\n", "[modules.mod_ping]\n",
    ])
    func whatIsSettledIsNotMentioned(text: String) throws {
        #expect(try server(text).checkBackends(available: []) == [])
    }

    @Test func sessionsInADatabaseStayInTheProcess() {
        let loaded = load(general + "sm_backend = \"redis\"\n" + auth)
        #expect(
            loaded.server?.checkBackends(available: []).map(\.description) == [
                "m.toml:4: warning: general.sm_backend: the backend \"redis\" is not available in this version; "
                    + "the data lies in the memory of this process"
            ])
    }

    @Test func anAvailableBackendIsAccepted() throws {
        let server = try server("[modules.mod_last]\nbackend = \"rdbms\"\n")
        #expect(server.checkBackends(available: ["rdbms"]) == [])
    }

    @Test func theTableNamesWhereEverythingLies() throws {
        let server = try server(
            "[modules.mod_ping]\n[modules.mod_last]\n[modules.mod_caps]\n[modules.mod_offline]\nbackend = \"rdbms\"\n")
        let lines = BackendTable.text(server).split(separator: "\n").prefix(7)
        #expect(
            lines == [
                "host       part           backend  data",
                "           sessions       -        memory of the process",
                "a.example  auth.internal  sqlite   var/mimd.sqlite",
                "a.example  mod_ping       -        -",
                "a.example  mod_last       sqlite   var/mimd.sqlite",
                "a.example  mod_caps       -        memory of the process",
                "a.example  mod_offline    rdbms    not available",
            ])
        let all = BackendTable.text(server).split(separator: "\n")
        #expect(
            BackendTable.text(server, rows: .keepingData).split(separator: "\n")
                == all.filter { !$0.hasSuffix("-        -") })
    }

    private static let pool = """
        [outgoing_pools.rdbms.default]
        workers = 3
        max_worker_queue_len = 100
        [outgoing_pools.rdbms.default.connection]
        driver = "pgsql"
        host = "db.example"
        port = 5433
        database = "chat"
        username = "mimd"
        password = "secret"
        query_timeout = 2000
        tls.verify_mode = "none"
        tls.required = true

        """

    @Test func aPoolIsRead() throws {
        let loaded = load(general + auth + Self.pool)
        #expect(loaded.diagnostics == [])
        let pool = try #require(loaded.pools["default"])
        #expect(pool.driver == .pgsql)
        #expect(pool.place == "mimd@db.example:5433/chat")
        let settings = pool.settings
        #expect(settings.password == "secret")
        #expect(settings.connectionCount == 3)
        #expect(settings.requestCountMax == 300)
        #expect(settings.answerTimeout == .seconds(2))
        #expect(settings.tls?.isRequired == true)
        #expect(settings.tls?.verification == DatabaseSettings.TLS.Verification.none)
    }

    @Test func theTableNamesTheDatabaseAndNoPassword() throws {
        let loaded = load(general + "[auth.rdbms]\n[modules.mod_last]\nbackend = \"rdbms\"\n" + Self.pool)
        let report = ConfigurationReport(loaded)
        #expect(report.diagnostics == [])
        #expect(report.table.contains("a.example  auth.rdbms  rdbms    mimd@db.example:5433/chat"))
        #expect(report.table.contains("a.example  mod_last    rdbms    mimd@db.example:5433/chat"))
        #expect(!report.text.contains("secret"))
    }

    @Test func dataInADatabaseNeedsThePoolThatReachesIt() {
        let loaded = load(general + "[auth.rdbms]\n[modules.mod_last]\nbackend = \"rdbms\"\n")
        let missing = "the data is to lie in a database, and there is no section [outgoing_pools.rdbms.default]"
        #expect(
            ConfigurationReport(loaded).diagnostics.map(\.description) == [
                "m.toml:4: error: auth.rdbms: \(missing)", "m.toml:6: error: modules.mod_last.backend: \(missing)",
            ])
    }

    @Test func aListenersFilesMustBeReadable() {
        let loaded = load(
            general + auth
                + "[[listen.c2s]]\nport = 1\ntls.certfile = \"/nowhere/c.pem\"\ntls.keyfile = \"/nowhere/k.pem\"\n")
        #expect(
            ConfigurationReport(loaded).diagnostics.map(\.description) == [
                "m.toml:8: error: listen.c2s[1].tls.certfile: /nowhere/c.pem: No such file or directory",
                "m.toml:9: error: listen.c2s[1].tls.keyfile: /nowhere/k.pem: No such file or directory",
            ])
    }
}
