// SPDX-License-Identifier: Apache-2.0
// Domains beside a host's own that belong to one of its modules, such as `vjud.example.org` for user search: what is
// sent to them and to their nodes goes to the module.

/// A domain that a module serves, and its nodes: `conference.example.org`, `room@conference.example.org`.
///
/// A module makes one in `register`, says what it answers, and hands it to ``Registrar/serve(_:)``. No client can log in
/// at it, and it has no accounts. What a service may rely on:
/// - IQ gets and sets go to the handlers that it registers: at the target ``IQTarget/host`` those for the domain itself,
///   at ``IQTarget/account`` those for a node, with or without a resource (``IQRequest/iq`` has the whole address). Of
///   what it does not answer, the host's handlers for ``IQTarget/service`` answer what is for the domain itself; service
///   discovery is among them. All else goes to the handler of ``onOtherIQ(_:)``, without which it is
///   `<service-unavailable/>`.
/// - Messages and presence, those of type error included, go to its handlers. Without one, messages are answered with
///   `<service-unavailable/>` and presence is ignored.
/// - Handlers run on the loop where the stanza was routed. The sender's address is what the server says it is.
/// - What the service sends goes through ``Router/route(_:)``.
/// - The host lists it in its disco#items.
public struct ServiceDomain: Sendable, IQRegistration {
    /// The domain, as an address.
    public let address: BareJID
    /// What disco#info says of the domain itself.
    public private(set) var discoInfo: DiscoInfo

    private(set) var iqHandlers: [Registrar.IQKey: IQHandler] = [:]
    private(set) var otherIQHandler: IQHandler?
    private(set) var messageHandler: (@Sendable (Message) -> Work)?
    private(set) var presenceHandler: (@Sendable (Presence) -> Work)?

    /// What stands for the host's domain in the name of a service domain, as in MongooseIM's configuration.
    public static let hostMark = "@HOST@"

    /// Makes a service that answers nothing yet.
    ///
    /// - Parameters:
    ///   - address: its domain; see ``address(_:of:)``.
    ///   - identity: what it is, with the name that people see.
    public init(_ address: BareJID, _ identity: DiscoIdentity) {
        self.address = address
        discoInfo = DiscoInfo(identities: [identity])
    }

    /// The address that a module's key `host` means.
    ///
    /// - Parameter pattern: a domain, in which ``hostMark`` stands for the host's: `"vjud.@HOST@"`.
    /// - Throws: ``ModuleError`` when it is no domain.
    public static func address(_ pattern: String, of host: Host) throws(ModuleError) -> BareJID {
        guard let address = address(pattern, at: host.configuration.domain) else {
            throw ModuleError("host: '\(pattern)' makes no domain of '\(host.configuration.domain)'")
        }
        return address
    }

    fileprivate static func address(_ pattern: String, at domain: String) -> BareJID? {
        // Nil says it.
        guard let address = try? BareJID(pattern.replacing(hostMark, with: domain)) else { return nil }
        return address.localpart == nil ? address : nil
    }

    /// Lists features in disco#info of the domain itself.
    public mutating func advertise(_ features: Namespace...) {
        discoInfo.features.formUnion(features.map(\.uri))
    }

    /// Answers gets or sets whose child has this name, at once where the answer is at hand.
    ///
    /// - Parameter target: ``IQTarget/host`` for the domain itself, ``IQTarget/account`` for its nodes.
    public mutating func iq(
        _ type: IQType, _ name: String, _ namespace: Namespace, at target: IQTarget, _ answer: @escaping IQHandler
    ) {
        precondition(target == .host || target == .account, "a service has no accounts of its own")
        iqHandlers[Registrar.IQKey(target: target, type: type, name: name, namespace: namespace)] = answer
    }

    /// Answers the gets and sets that nobody else answers, for the domain and its nodes.
    public mutating func onOtherIQ(_ handler: @escaping IQHandler) { otherIQHandler = handler }

    /// Takes messages for the domain and its nodes.
    public mutating func onMessage(_ handler: @escaping @Sendable (Message) -> Work) { messageHandler = handler }

    /// Takes presence of every type for the domain and its nodes.
    public mutating func onPresence(_ handler: @escaping @Sendable (Presence) -> Work) { presenceHandler = handler }
}

extension OptionReader {
    /// Reads the domain of a service, in which ``ServiceDomain/hostMark`` stands for the host's.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func readServiceDomain(_ key: String, into pattern: inout String) throws(OptionError) {
        var written = pattern
        try read(key, into: &written)
        guard ServiceDomain.address(written, at: "example.org") != nil else {
            return try reject(key, "\"\(written)\" is no domain")
        }
        pattern = written
    }
}

/// A service domain of a host that runs.
struct RunningService: Sendable {
    let domain: ServiceDomain
    let host: Host
    private let iqHandlers: IQHandlerTable

    init(_ domain: ServiceDomain, of host: Host) {
        self.domain = domain
        self.host = host
        iqHandlers = IQHandlerTable(domain.iqHandlers)
    }

    /// Whether an address is the domain's or one of its nodes'.
    func serves(_ address: JIDStorage) -> Bool {
        address.withDomainpart { domainpart in
            domain.address.storage.bytes.withUnsafeBufferPointer { $0.hasSameBytes(as: domainpart) }
        }
    }

    /// Who answers a request.
    func handler(for request: IQRequest) -> Result<IQHandler, StanzaError> {
        let isForDomain = request.account == nil
        let own = iqHandlers.handlers(for: request.payload)?[isForDomain ? .host : .account, request.iq.type]
        let general = isForDomain && request.iq.to?.isBare == true ? host.serviceHandler(for: request) : nil
        guard let handler = own ?? general ?? domain.otherIQHandler else { return .failure(.serviceUnavailable) }
        return .success(handler)
    }
}

extension Router {
    /// Takes a stanza that is for no host's domain: for a service domain, or for nobody here.
    func receive(_ stanza: Stanza, outsideHosts to: JID, session: Session?) -> Work {
        guard let service = service(to) else { return bounce(stanza, StanzaError(.remoteServerNotFound)) }
        switch stanza.kind {
        case .message:
            guard let message = Message(stanza) else { return .done }
            return service.domain.messageHandler?(message) ?? bounce(stanza, .serviceUnavailable)
        case .presence:
            guard let presence = Presence(stanza) else { return .done }
            return service.domain.presenceHandler?(presence) ?? .done
        case .iq:
            guard let iq = IQ(stanza), iq.type == .get || iq.type == .set, let payload = iq.payload,
                let sender = stanza.from
            else { return .done }
            let request = IQRequest(
                iq: iq, payload: payload, sender: sender, account: to.isDomain ? nil : to.bare, service: service.domain,
                session: session)
            return carryOut(request, service.handler(for: request))
        }
    }
}
