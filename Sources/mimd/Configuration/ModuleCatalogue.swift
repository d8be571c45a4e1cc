// SPDX-License-Identifier: Apache-2.0
// The modules that a configuration may name: those of this program, with the type of their options, and those that only
// MongooseIM has so far.

import XMPPCore
import XMPPModules

/// The modules that a configuration may name.
struct ModuleCatalogue: Sendable {
    /// What the configuration of a module may say, besides its own options.
    struct Entry: Sendable {
        /// The names that the key `backend` may have; empty for a module without data.
        var backends: [String]
        /// What the absence of `backend` means.
        var impliedBackend: String?
        /// How long the data lives.
        var lifetime: BackendSelection.Lifetime
        /// The type that reads the module's options, to check them before the module is made; nil leaves them to it.
        var options: (any ModuleOptions.Type)?
        /// The modules that must be configured too.
        var requirements: [String] = []
        /// Whether this program has the module.
        var isSupported: Bool
        /// The tables below the module's section that make parts of its data, each with the key `backend`, without which
        /// the section's holds.
        var parts: [String]
        /// The keys that make a part of its data by naming the backend of it, with the names of the parts. They may stand
        /// in the table of a part as well.
        var partKeys: [String: String]

        init(
            _ backends: [String] = [], implied: String? = nil, lifetime: BackendSelection.Lifetime = .persistent,
            options: (any ModuleOptions.Type)? = nil, isSupported: Bool = false, parts: [String] = [],
            partKeys: [String: String] = [:]
        ) {
            self.parts = parts
            self.partKeys = partKeys
            self.backends = backends
            self.impliedBackend = implied ?? backends.first
            self.lifetime = lifetime
            self.options = options
            self.isSupported = isSupported
        }
    }

    /// The modules by their configuration names.
    private(set) var entries: [String: Entry]

    /// Marks a module as one that this program has. One that MongooseIM has too keeps its backends.
    mutating func support(_ name: String, options: (any ModuleOptions.Type)? = nil) {
        var entry = entries[name] ?? Entry()
        entry.isSupported = true
        entry.options = options
        entries[name] = entry
    }

    /// Marks a module as one that this program has, with its options and what it needs.
    mutating func support<Module: XMPPModule>(_ module: Module.Type) {
        support(Module.manifest.name, options: Module.Options.self)
        entries[Module.manifest.name]?.requirements = Module.manifest.requirements
    }

    /// The modules of MongooseIM 6.8 with their backends, none of them supported.
    static let mongooseIM = ModuleCatalogue(
        entries: stores.merging(
            stateless.map { ($0, Entry()) }, uniquingKeysWith: { stored, _ in stored }))

    /// The modules of MongooseIM 6.8 with those supported that this program has.
    static let standard: ModuleCatalogue = {
        var catalogue = mongooseIM
        for module in StandardModules.all { catalogue.support(module) }
        return catalogue
    }()

    /// Where MongooseIM offers only a database that a module needs, nothing implied can be the local store.
    private static let stores: [String: Entry] = [
        "mod_auth_token": Entry(["rdbms"]),
        "mod_blocklist": Entry(["rdbms"]),
        "mod_broadcast": Entry(["rdbms"]),
        "mod_caps": Entry(["mnesia", "cets"], lifetime: .process),
        "mod_event_pusher": Entry(["mnesia", "rdbms"]),
        "mod_fast_auth_token": Entry(["rdbms"]),
        "mod_global_distrib": Entry(["redis"]),
        "mod_http_upload": Entry(["s3"]),
        "mod_inbox": Entry(["rdbms", "rdbms_async"]),
        "mod_keystore": Entry(["mnesia", "cets"], lifetime: .process),
        "mod_last": Entry(localOrSQL),
        "mod_mam": Entry(
            ["rdbms", "cassandra", "elasticsearch", "mnesia", BackendSelection.localStoreName],
            parts: ["muc", "pm"], partKeys: ["user_prefs_store": "prefs"]),
        "mod_muc": Entry(localOrSQL),
        "mod_muc_light": Entry(localOrSQL),
        "mod_offline": Entry(localOrSQL),
        "mod_offline_chatmarkers": Entry(["rdbms"]),
        "mod_privacy": Entry(localOrSQL),
        "mod_private": Entry(localOrSQL),
        "mod_pubsub": Entry(["rdbms"]),
        "mod_pubsub_old": Entry(localOrSQL),
        "mod_roster": Entry(localOrSQL),
        "mod_smart_markers": Entry(["rdbms", "rdbms_async"]),
        "mod_stream_management": Entry(["mnesia", "cets"], lifetime: .process),
        "mod_vcard": Entry(localOrSQL + ["ldap"]),
    ]

    private static let localOrSQL = ["mnesia", BackendSelection.localStoreName, "rdbms"]

    private static let stateless = [
        "mod_adhoc", "mod_amp", "mod_bind2", "mod_blocking", "mod_cache_users", "mod_carboncopy", "mod_csi",
        "mod_disco",
        "mod_domain_isolation", "mod_extdisco", "mod_external_filter", "mod_jingle_sip",
        "mod_muc_log", "mod_offline_stub", "mod_ping", "mod_presence", "mod_push_service_mongoosepush", "mod_register",
        "mod_sasl2", "mod_shared_roster_ldap", "mod_sic", "mod_stanzaid", "mod_time", "mod_version",
    ]
}
