// SPDX-License-Identifier: Apache-2.0
// In-Band Registration (XEP-0077 2.4): accounts are made, removed and given passwords by their owners. Not here: data
// forms, redirection to a web page, registration for others.

public import XMPPCore

/// Lets clients register and remove accounts, and change their passwords.
public struct InBandRegistration: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_register", implements: [.xep(77, "2.4")])
    /// The options of mod_register.
    public typealias Options = RegistrationOptions

    private let options: Options
    let host: Host
    private let intervals: RegistrationIntervals?

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.options = options
        self.host = host
        intervals = host.server.registrationInterval.map(RegistrationIntervals.init)
    }

    /// Answers the registration requests of accounts, and of clients that have not authenticated.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.registration, on: .host)
        registrar.streamFeature(StreamFeature(.unauthenticated) { Element("register", .registrationFeature) })
        registrar.unauthenticatedIQ("query", .registration, answerStranger)
        for target in [IQTarget.host, .ownAccount] {
            registrar.iq(.get, "query", .registration, at: target, registeredForm)
            registrar.iq(.set, "query", .registration, at: target, later: change)
        }
    }

    // MARK: before authentication

    private func answerStranger(_ request: UnauthenticatedRequest) async throws -> Element? {
        guard options.allows(request.peerAddress) else { throw StanzaError.forbidden }
        switch request.iq.type {
        case .get: return Self.form
        case .set: break
        case .result, .error: return nil
        }
        // XEP-0077 section 3.2: nothing to remove for somebody who is nobody yet.
        guard request.payload.child("remove") == nil else { throw StanzaError(.unexpectedRequest) }
        let (account, password) = try credentials(in: request.payload)
        guard host.access(options.accessRule, of: account.jid) == .allow else { throw StanzaError.forbidden }
        let now = host.time.uptime
        guard intervals?.enter(request.peerAddress, now: now) ?? true else {
            let text = "wait before you register another account"
            throw StanzaError(.resourceConstraint, type: .wait, text: text)
        }
        do {
            try await create(account, password: password)
        } catch {
            // Whoever has got no account may try again.
            intervals?.leave(request.peerAddress)
            throw error
        }
        greet(account, from: request.peerAddress)
        return nil
    }

    /// XEP-0077 section 3.1.
    private static let form = Element("query", .registration) {
        Element("instructions", .registration) { "Choose a username and a password to use with this server." }
        Element("username", .registration)
        Element("password", .registration)
    }

    /// The account and password that a client wants.
    private func credentials(in query: Element) throws(StanzaError) -> (account: BareJID, password: String) {
        // XEP-0077 section 3.1: an empty element is as good as none.
        guard let name = query.childText("username"), let password = query.childText("password"), !name.isEmpty,
            !password.isEmpty
        else { throw .notAcceptable }
        let account: BareJID
        do throws(JIDError) {
            account = try BareJID(localpart: name, domainpart: host.address.domainpart)
        } catch {
            throw .jidMalformed
        }
        try checkStrength(password)
        return (account, password)
    }

    private func checkStrength(_ password: String) throws(StanzaError) {
        guard PasswordStrength.bits(of: password) < Double(options.passwordBitsMin) else { return }
        throw StanzaError(.notAcceptable, text: "the password is too weak")
    }

    private func create(_ account: BareJID, password: String) async throws {
        // Before the costly part. The store decides between two who ask at once.
        guard try await !host.storage.accounts.contains(account) else { throw StanzaError.conflict }
        let credential = try await credential(for: password)
        let maximum = host.configuration.authentication.accountCountMax
        try await host.storage.accounts.create(account, credential: credential, accountCountMax: maximum)
    }

    /// What is stored of a password, as the host is configured.
    private func credential(for password: String) async throws -> AccountCredential {
        let authentication = host.configuration.authentication
        do {
            return try await host.workers.run { try authentication.makeCredential(password: password) }
        } catch StoredCredentialError.passwordNotAllowed {
            throw StanzaError(.notAcceptable, text: "the password has characters that are not allowed, or is too long")
        }
    }

    /// Tells the new account and those who watch.
    private func greet(_ account: BareJID, from peerAddress: String) {
        if let welcome = options.welcome {
            let message = Message(to: account.jid, from: host.address.jid, type: .normal, body: welcome.body) {
                Element("subject", .client) { welcome.subject }
            }
            host.router.routeFromServer(message.stanza)
        }
        for watcher in options.watchers {
            let text = "\(account) was registered from \(peerAddress.isEmpty ? "this process" : peerAddress)"
            host.router.routeFromServer(Message(to: watcher.jid, from: host.address.jid, body: text).stanza)
        }
    }

    // MARK: after authentication

    private func registeredForm(_ request: IQRequest) throws(StanzaError) -> Element? {
        let account = try ownAccount(request)
        return Element("query", .registration) {
            Element("registered", .registration)
            Element("username", .registration) { account.localpart ?? "" }
            Element("password", .registration)
        }
    }

    private func change(_ request: IQRequest) async throws -> Element? {
        let account = try ownAccount(request)
        if request.payload.child("remove") != nil {
            try await remove(account, request.payload)
        } else {
            try await setPassword(of: account, request.payload)
        }
        return nil
    }

    /// Whose account a request is about: the sender's, whether it is addressed to that or to the host.
    private func ownAccount(_ request: IQRequest) throws(StanzaError) -> BareJID {
        guard request.session?.host === host else { throw .notAllowed }
        return request.sender.bare
    }

    /// XEP-0077 section 3.2. The result is sent before the streams end.
    private func remove(_ account: BareJID, _ query: Element) async throws {
        guard Array(query.children.prefix(2)).count == 1 else { throw StanzaError.badRequest }
        guard try await host.storage.accounts.contains(account) else { throw StanzaError(.registrationRequired) }
        try await host.removeAccount(account)
    }

    /// XEP-0077 section 3.3.
    private func setPassword(of account: BareJID, _ query: Element) async throws {
        guard let name = query.childText("username"), let password = query.childText("password"), !password.isEmpty
        else { throw StanzaError.badRequest }
        guard Self.localpart(name, of: host.address) == account.localpart else { throw StanzaError.notAllowed }
        try checkStrength(password)
        let credential = try await credential(for: password)
        guard try await host.storage.accounts.setCredential(credential, of: account) else {
            throw StanzaError(.registrationRequired)
        }
    }

    /// The prepared form of a name; nil when it cannot be one.
    private static func localpart(_ name: String, of domain: BareJID) -> String? {
        do throws(JIDError) {
            return try BareJID(localpart: name, domainpart: domain.domainpart).localpart
        } catch {
            return nil
        }
    }
}

extension Namespace {
    /// In-band registration (XEP-0077).
    static let registration: Namespace = "jabber:iq:register"
    /// The stream feature of servers that register accounts (XEP-0077 section 8).
    static let registrationFeature: Namespace = "http://jabber.org/features/iq-register"
}
