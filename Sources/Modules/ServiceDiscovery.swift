// SPDX-License-Identifier: Apache-2.0
// Service Discovery (XEP-0030 2.5.0) of the host and its accounts, with the addresses of XEP-0157 1.1.1 in a form of
// XEP-0128 1.0.1. Not here: nodes, but for the one of entity capabilities; publishing of items.

public import XMPPCore

/// Tells what the host and its accounts are and can do.
public struct ServiceDiscovery: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest(
        "mod_disco",
        implements: [.xep(30, "2.5.0"), .xep(128, "1.0.1"), .xep(157, "1.1.1")]
    )

    /// The options of mod_disco.
    public struct Options: ModuleOptions {
        /// Domains that disco#items lists, besides the server's own services.
        public var extraDomains: [String] = []
        /// Who is responsible for what (XEP-0157).
        public var contacts: [Contact] = []

        /// The defaults.
        public init() {}

        /// Reads the section `modules.mod_disco`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.read("extra_domains", into: &extraDomains)
            for domain in extraDomains where !Self.isDomain(domain) {
                try o.reject("extra_domains", "\"\(domain)\" is no domain")
            }
            try o.read("server_info", into: &contacts)
            // There are no hidden services to see yet.
            o.ignore("users_can_see_hidden_services", unless: true)
        }

        private static func isDomain(_ text: String) -> Bool {
            do throws(JIDError) { return try BareJID(text).localpart == nil } catch { return false }
        }
    }

    /// One field of the form of XEP-0157: `abuse-addresses` and its URIs.
    public struct Contact: ModuleOptions {
        /// The field's name.
        public var name = ""
        /// Addresses as URIs.
        public var addresses: [String] = []
        /// Names of the modules whose disco#info shows it; nil for all.
        public var modules: [String]?

        /// A field without a name or addresses.
        public init() {}

        /// Reads an element of `server_info`, which names both.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.require("name")
            try o.read("name", into: &name)
            try o.require("urls")
            try o.read("urls", into: &addresses)
            if o.take("modules")?.value.string != "all", o.take("modules") != nil {
                var named: [String] = []
                try o.read("modules", into: &named)
                modules = named
            }
        }
    }

    private let options: Options
    private let host: Host

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.options = options
        self.host = host
    }

    /// Advertises what the host and its accounts are, and answers disco#info and disco#items for them.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.discoInfo, .discoItems, on: .host, .account)
        registrar.advertise(DiscoIdentity(category: "server", type: "im", name: "mimd"), on: .host)
        registrar.advertise(DiscoIdentity(category: "account", type: "registered"), on: .account)
        let contacts = options.contacts.filter { $0.modules?.contains(Self.manifest.name) ?? true }
        if !contacts.isEmpty {
            let fields = contacts.map { DiscoForm.Field($0.name, $0.addresses) }
            registrar.advertise(DiscoForm(type: .serverInfo, fields: fields), on: .host)
        }
        registrar.iq(.get, "query", .discoInfo, at: .host, hostInfo)
        registrar.iq(.get, "query", .discoItems, at: .host, hostItems)
        registrar.iq(.get, "query", .discoInfo, at: .service, serviceInfo)
        registrar.iq(.get, "query", .discoItems, at: .service, serviceItems)
        registrar.iq(.get, "query", .discoInfo, at: .account, later: accountInfo)
        registrar.iq(.get, "query", .discoItems, at: .account, later: accountItems)
    }

    private func hostInfo(_ request: IQRequest) throws(StanzaError) -> Element? {
        let info = host.discoInfo(of: .host)
        let node = request.payload["node"]
        // XEP-0115 section 6.2: the host answers for the node that its own capabilities name.
        guard node.isAbsent || node == info.capabilitiesNode else { throw .itemNotFound }
        return info.element(node: node)
    }

    private func hostItems(_ request: IQRequest) throws(StanzaError) -> Element? {
        let node = request.payload["node"]
        guard node.isAbsent else { throw .itemNotFound }
        return Element("query", .discoItems, ["node": node]) {
            for service in host.serviceDomains {
                let name = service.discoInfo.identities.first?.name
                Element("item", .discoItems, ["jid": "\(service.address)", "name": name])
            }
            for domain in options.extraDomains { Element("item", .discoItems, ["jid": domain]) }
        }
    }

    private func serviceInfo(_ request: IQRequest) throws(StanzaError) -> Element? {
        let node = request.payload["node"]
        guard node.isAbsent, var info = request.service?.discoInfo else { throw .itemNotFound }
        info.features.formUnion([Namespace.discoInfo.uri, Namespace.discoItems.uri])
        return info.element(node: node)
    }

    private func serviceItems(_ request: IQRequest) throws(StanzaError) -> Element? {
        let node = request.payload["node"]
        guard node.isAbsent else { throw .itemNotFound }
        return Element("query", .discoItems, ["node": node])
    }

    private func accountInfo(_ request: IQRequest) async throws -> Element? {
        // XEP-0030 section 8: the same error for an account that is not there as for one that is nobody's business.
        guard try await maySeePresence(request) else { throw StanzaError.serviceUnavailable }
        let node = request.payload["node"]
        guard node.isAbsent else { throw StanzaError.itemNotFound }
        return host.discoInfo(of: .account).element(node: node)
    }

    private func accountItems(_ request: IQRequest) async throws -> Element? {
        let node = request.payload["node"]
        // XEP-0030 section 8: an empty result for whoever may not see the account's presence.
        let isAnswered = try await maySeePresence(request)
        guard node.isAbsent || !isAnswered else { throw StanzaError.itemNotFound }
        let sessions = isAnswered ? request.account.map(host.registry.sessions) ?? [] : []
        return Element("query", .discoItems, ["node": node]) {
            for record in sessions where record.isAvailable {
                Element("item", .discoItems, ["jid": record.session.jid.description])
            }
        }
    }

    private func maySeePresence(_ request: IQRequest) async throws(StorageError) -> Bool {
        if request.isFromOwner { return true }
        guard let account = request.account, let roster = host.service((any RosterService).self) else { return false }
        let subscription = try await roster.subscription(of: account, to: request.sender.bare)
        return subscription == .from || subscription == .both
    }
}

extension String? {
    /// Whether a node was not named. Some clients name an empty one and mean none.
    fileprivate var isAbsent: Bool { self?.isEmpty ?? true }
}

extension Namespace {
    /// Service discovery of items (XEP-0030).
    static let discoItems: Namespace = "http://jabber.org/protocol/disco#items"
    /// The form of contact addresses (XEP-0157).
    static let serverInfo: Namespace = "http://jabber.org/network/serverinfo"
}
