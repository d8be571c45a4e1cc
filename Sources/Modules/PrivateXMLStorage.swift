// SPDX-License-Identifier: Apache-2.0
// Private XML Storage (XEP-0049 1.2): a client keeps elements of its own on the server, one for each namespace. Not
// here: several elements of one namespace in one set, which are refused rather than lost.

public import XMPPCore

/// Keeps private elements of accounts.
public struct PrivateXMLStorage: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_private", implements: [.xep(49, "1.2")])
    /// There is nothing to configure.
    public typealias Options = NoOptions

    /// Most elements of one account.
    static let elementCountMax = 1_000

    private let store: any PrivateStore

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        store = host.storage.privateElements
    }

    /// Hands accounts their own elements, and keeps them.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.privateStorage, on: .account)
        registrar.iq(.get, "query", .privateStorage, at: .ownAccount, later: element)
        registrar.iq(.set, "query", .privateStorage, at: .ownAccount, later: keep)
    }

    private func element(_ request: IQRequest) async throws -> Element? {
        let asked = Array(request.payload.children.prefix(2))
        // XEP-0049 sections 2.1 and 3: exactly one namespace in a get.
        guard asked.count == 1, let account = request.account, Self.isNamespaced(asked[0]) else {
            throw StanzaError.badRequest
        }
        let stored = try await store.element(namespace: asked[0].namespace.uri, of: account)
        guard let stored else { return Element("query", .privateStorage) { asked[0] } }
        guard let element = Element(parsing: stored.xml) else {
            throw StorageError.corrupt(detail: "a private element is not XML")
        }
        return Element("query", .privateStorage) { element }
    }

    private func keep(_ request: IQRequest) async throws -> Element? {
        let elements = Array(request.payload.children)
        let namespaces = Set(elements.map(\.namespace))
        // XEP-0049 section 2.3: at least one, and none without a namespace of its own.
        guard let account = request.account, !elements.isEmpty, namespaces.count == elements.count,
            elements.allSatisfy(Self.isNamespaced)
        else { throw StanzaError.notAcceptable }
        let kept = elements.map { PrivateElement(namespace: $0.namespace.uri, xml: Array($0.xml.utf8)) }
        try await store.set(kept, of: account, elementCountMax: Self.elementCountMax)
        return nil
    }

    private static func isNamespaced(_ element: Element) -> Bool {
        let namespace = element.namespace
        return namespace != .privateStorage && !namespace.uri.isEmpty
    }
}

extension Namespace {
    /// Private XML storage (XEP-0049).
    static let privateStorage: Namespace = "jabber:iq:private"
}
