// SPDX-License-Identifier: Apache-2.0
// Blocking Command (XEP-0191 1.3): block lists, which are a part of the default privacy list. Not here: privacy lists
// (Privacy), and reasons for blocking (XEP-0377).

public import XMPPCore

/// Blocks and unblocks addresses.
public struct Blocking: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest(
        "mod_blocking",
        implements: [.xep(191, "1.3")],
        needs: [Privacy.manifest.name]
    )
    /// There is nothing to configure.
    public typealias Options = NoOptions

    /// The list of an account that has no default list: MongooseIM's name for it.
    static let listName = "blocking"

    private let host: Host

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) { self.host = host }

    /// Handles block lists and changes of them.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.blocking, on: .host)
        registrar.iq(.get, "blocklist", .blocking, at: .ownAccount, later: blocklist)
        registrar.iq(.set, "block", .blocking, at: .ownAccount, later: block)
        registrar.iq(.set, "unblock", .blocking, at: .ownAccount, later: unblock)
    }

    /// The module that this one needs has registered it.
    private func keeper() throws(StanzaError) -> PrivacyKeeper {
        guard let keeper = host.service(PrivacyKeeper.self) else { throw .serviceUnavailable }
        return keeper
    }

    /// Section 3.1.
    private func blocklist(_ request: IQRequest) async throws -> Element? {
        guard request.payload.children.first == nil else { throw StanzaError.badRequest }
        // Before anything is read, so that every later change is pushed.
        request.session?.setMark(.wantsBlocklist, .on)
        let list = try await keeper().store.defaultList(of: request.sender.bare)
        return BlockingPayload.element("blocklist", list?.blockedAddresses ?? [])
    }

    /// Section 3.2.
    private func block(_ request: IQRequest) async throws -> Element? {
        let account = request.sender.bare
        let addresses = try BlockingPayload.addresses(request.payload)
        guard !addresses.isEmpty else { throw StanzaError.badRequest }
        // No rule holds between an account's own resources.
        guard !addresses.contains(where: { $0.bare == account }) else { throw StanzaError.notAllowed }
        let keeper = try keeper(), store = keeper.store
        try await keeper.change(account) {
            var list = try await store.defaultList(of: account)
            if list == nil { list = try await store.list(named: Self.listName, of: account) }
            var changed = list ?? PrivacyList(name: Self.listName, items: [])
            changed.block(addresses)
            guard changed.items.count <= PrivacyLists.itemCountMax else { throw StanzaError.notAcceptable }
            try await store.set(
                changed, of: account, use: .becomesDefault, listCountMax: PrivacyLists.listCountMax)
            try await keeper.replace(listNamed: changed.name, by: changed, of: account, becomesDefault: true)
            keeper.push(BlockingPayload.element("block", addresses), of: account) {
                $0.marks.contains(.wantsBlocklist)
            }
        }
        return nil
    }

    /// Sections 3.3 and 3.4.
    private func unblock(_ request: IQRequest) async throws -> Element? {
        let account = request.sender.bare
        let addresses = try BlockingPayload.addresses(request.payload)
        let keeper = try keeper(), store = keeper.store
        try await keeper.change(account) {
            if let list = try await store.defaultList(of: account) {
                var changed = list
                changed.unblock(addresses.isEmpty ? list.blockedAddresses : addresses)
                if changed.items.isEmpty {
                    // A list without items is none (XEP-0016 section 2.1). Whether it was there is known.
                    _ = try await store.remove(listNamed: list.name, of: account)
                    try await keeper.replace(listNamed: list.name, by: nil, of: account)
                } else if changed != list {
                    try await store.set(changed, of: account, use: .unchanged, listCountMax: nil)
                    try await keeper.replace(listNamed: list.name, by: changed, of: account)
                }
            }
            keeper.push(BlockingPayload.element("unblock", addresses), of: account) {
                $0.marks.contains(.wantsBlocklist)
            }
        }
        return nil
    }
}

extension PrivacyList {
    /// Puts addresses that are to be blocked before all other items (XEP-0191 section 5), in place of what the list says
    /// of all stanzas from and to them.
    mutating func block(_ addresses: [JID]) {
        let kept = items.filter { item in
            guard case .address(let address) = item.subject, item.kinds.isEmpty else { return true }
            return !addresses.contains(address)
        }
        items = addresses.map { PrivacyItem(order: 0, subject: .address($0), action: .block) } + kept
        for index in items.indices { items[index].order = Int32(clamping: index) }
    }

    /// Takes out the items that block these addresses.
    mutating func unblock(_ addresses: [JID]) {
        items.removeAll { item in item.blockedAddress.map(addresses.contains) ?? false }
    }
}

/// The payloads of the blocking command.
enum BlockingPayload {
    /// An element with an `<item/>` for each address.
    static func element(_ name: String, _ addresses: [JID]) -> Element {
        var builder = ElementBuilder()
        builder.open(name, .blocking)
        for address in addresses {
            builder.open("item", .blocking)
            builder.attribute("jid", address.description)
            builder.close()
        }
        builder.close()
        return builder.finish()
    }

    /// The addresses of the items, each once.
    ///
    /// - Throws: the error that answers an element with something else in it, or too much.
    static func addresses(_ element: Element) throws(StanzaError) -> [JID] {
        var addresses: [JID] = []
        var seen: Set<JID> = []
        for child in element.children {
            guard child.isNamed("item", .blocking), let text = child["jid"] else { throw .badRequest }
            guard seen.count < PrivacyLists.itemCountMax else { throw .notAcceptable }
            let address: JID
            do throws(JIDError) { address = try JID(text) } catch { throw .jidMalformed }
            if seen.insert(address).inserted { addresses.append(address) }
        }
        return addresses
    }
}

extension Namespace {
    /// The blocking command (XEP-0191).
    static let blocking: Namespace = "urn:xmpp:blocking"
}
