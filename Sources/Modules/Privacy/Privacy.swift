// SPDX-License-Identifier: Apache-2.0
// Privacy Lists (XEP-0016 1.7): accounts say what may pass from and to whom. Not here: what the router does with it
// (Router+Gate), orders above 31 bits, and presence that a change of the roster alone would bring.

public import XMPPCore

/// Keeps privacy lists, and applies them.
public struct Privacy: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_privacy", implements: [.xep(16, "1.7")])
    /// There is nothing to configure.
    public typealias Options = NoOptions

    private let keeper: PrivacyKeeper
    private var store: any PrivacyStore { keeper.store }

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) { keeper = PrivacyKeeper(host) }

    /// Handles privacy lists, reads the default list for each session, and has the router ask for what may pass.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.privacy, on: .host)
        registrar.iq(.get, "query", .privacy, at: .ownAccount, later: get)
        registrar.iq(.set, "query", .privacy, at: .ownAccount, later: set)
        registrar.guardStanzas(by: keeper)
        registrar.provide(keeper, as: PrivacyKeeper.self)
        registrar.on(.sessionBound, in: .privacy, prepare)
        registrar.on(.accountRemoved) { removed in
            keeper.forget(removed.account)
            return .done
        }
    }

    private func prepare(_ session: Session) -> Work {
        .later {
            do throws(StorageError) { try await keeper.prepare(session) } catch {
                // The next stanza tries again, and is answered with an error if that fails.
                keeper.host.logFailure("a privacy list was not read", error)
            }
        }
    }

    // MARK: get

    /// XEP-0016 section 2.3.
    private func get(_ request: IQRequest) async throws -> Element? {
        let account = request.sender.bare
        let children = Array(request.payload.children.prefix(2))
        guard let asked = children.first else { return try await names(of: account, request.session) }
        guard children.count == 1, asked.isNamed("list", .privacy) else { throw StanzaError.badRequest }
        guard let list = try await store.list(named: try PrivacySet.name(asked), of: account) else {
            throw StanzaError.itemNotFound
        }
        return list.query
    }

    private func names(of account: BareJID, _ session: Session?) async throws(StorageError) -> Element {
        let names = try await store.names(of: account, limit: Page<PrivacyList>.itemCountMax)
        var builder = ElementBuilder()
        builder.open("query", .privacy)
        func add(_ element: String, _ name: String) {
            builder.open(element, .privacy)
            builder.attribute("name", name)
            builder.close()
        }
        if let name = session?.rules?.active?.name { add("active", name) }
        if let name = names.defaultName { add("default", name) }
        for name in names.names { add("list", name) }
        builder.close()
        return builder.finish()
    }

    // MARK: set

    private func set(_ request: IQRequest) async throws -> Element? {
        let change = try PrivacySet(request.payload)
        guard let session = request.session else { throw StanzaError.notAllowed }
        let account = session.account
        if case .write(let list) = change { try await check(list, of: account) }
        try await keeper.change(account) {
            switch change {
            case .activate(let name): try await keeper.activate(try await list(name, of: account), for: session)
            case .setDefault(let name): try await setDefault(name, session)
            case .write(let list): try await write(list, session)
            case .remove(let name): try await remove(name, session)
            }
        }
        return nil
    }

    /// Section 2.1: a group that is not in the roster.
    private func check(_ list: PrivacyList, of account: BareJID) async throws {
        for item in list.items {
            guard case .group(let group) = item.subject else { continue }
            guard try await keeper.roster?.hasGroup(group, of: account) == true else { throw StanzaError.itemNotFound }
        }
    }

    private func list(_ name: String?, of account: BareJID) async throws -> PrivacyList? {
        guard let name else { return nil }
        guard let list = try await store.list(named: name, of: account) else { throw StanzaError.itemNotFound }
        return list
    }

    /// Section 2.5.
    private func setDefault(_ name: String?, _ session: Session) async throws {
        let account = session.account
        let list = try await list(name, of: account)
        let old = try await store.defaultList(of: account)
        guard old?.name != name else { return }
        // Section 2.2, rule 11
        guard old == nil || !others(than: session).contains(where: { $0.active == nil }) else {
            throw StanzaError.conflict
        }
        guard try await store.setDefault(name, of: account) == .done else { throw StanzaError.itemNotFound }
        try await keeper.replaceDefault(by: list, of: account)
        keeper.pushBlocklist(from: old, to: list, of: account)
    }

    /// Sections 2.6 and 2.7.
    private func write(_ list: PrivacyList, _ session: Session) async throws {
        let account = session.account
        let old = try await store.defaultList(of: account)
        try await store.set(list, of: account, use: .unchanged, listCountMax: PrivacyLists.listCountMax)
        try await keeper.replace(listNamed: list.name, by: list, of: account)
        pushList(list.name, of: account)
        if old?.name == list.name { keeper.pushBlocklist(from: old, to: list, of: account) }
    }

    /// Section 2.8.
    private func remove(_ name: String, _ session: Session) async throws {
        let account = session.account
        let old = try await store.defaultList(of: account)
        let isInUse = others(than: session).contains { rules in
            rules.active.map { $0.name == name } ?? (old?.name == name)
        }
        guard !isInUse else { throw StanzaError.conflict }
        guard try await store.remove(listNamed: name, of: account) else { throw StanzaError.itemNotFound }
        try await keeper.replace(listNamed: name, by: nil, of: account)
        pushList(name, of: account)
        if old?.name == name { keeper.pushBlocklist(from: old, to: nil, of: account) }
    }

    /// The rules of the account's other sessions.
    private func others(than session: Session) -> [SessionRules] {
        keeper.host.registry.sessions(of: session.account).filter { $0.session !== session }
            .map { $0.session.rules ?? SessionRules() }
    }

    /// Section 2.2, rule 10: to all connected resources.
    private func pushList(_ name: String, of account: BareJID) {
        keeper.push(PrivacyList.push(name), of: account) { _ in true }
    }
}
