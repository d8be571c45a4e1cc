// SPDX-License-Identifier: Apache-2.0
// The authentication of one host: which mechanisms, whose credentials.

import Synchronization

/// What SASL exchanges of a host need. May be used from any thread.
final class Authenticator: Sendable {
    let settings: SASLSettings
    private let methods: Set<AuthenticationConfiguration.MethodName>
    private let configured: Set<SASLMechanism>
    private let accounts: any AccountStore
    /// Made once for each sort of stream. There are as many as the configuration makes possible.
    private let offers = Mutex<[OfferKey: SASLOffer]>([:])

    private struct OfferKey: Hashable {
        let allowed: [AuthenticationConfiguration.MethodName]?
        let transport: SASLOffer.Transport
        let bindingTypes: [ChannelBindingType]
    }
    private let workers: WorkerPool

    init(_ host: Host, decoySecret: [UInt8]) {
        let configuration = host.configuration.authentication
        let hashes = Set(configuration.passwordHashes)
        settings = SASLSettings(
            domain: host.configuration.domain,
            decoy: SASLDecoy(
                secret: decoySecret,
                iterationCount: configuration.scramIterationCount,
                hashes: hashes,
                storedForm: configuration.passwordFormat == .scram ? .scram : .plainPassword
            )
        )
        methods = Set(configuration.methods.map(\.name))
        // Plain passwords serve every hash; stored keys only those that they were derived for.
        let usable = configuration.passwordFormat == .plain ? Set(HashFunction.allCases) : hashes
        configured = Set(
            configuration.mechanisms.filter { mechanism in
                switch mechanism {
                case .anonymous, .plain: true
                case .scram(let hash), .scramPlus(let hash): usable.contains(hash)
                }
            }
        )
        accounts = host.storage.accounts
        workers = host.workers
    }

    /// What SASL offers on a stream.
    ///
    /// - Parameter allowed: the methods that the listener allows; nil for all.
    func offer(
        allowed: [AuthenticationConfiguration.MethodName]?,
        transport: SASLOffer.Transport,
        channelBindingTypes: [ChannelBindingType]
    ) -> SASLOffer {
        let key = OfferKey(allowed: allowed, transport: transport, bindingTypes: channelBindingTypes)
        return offers.withLock { offers in
            if let offer = offers[key] { return offer }
            let offer = SASLOffer(
                configured: mechanisms(allowed: allowed), transport: transport, channelBindingTypes: channelBindingTypes
            )
            offers[key] = offer
            return offer
        }
    }

    /// The mechanisms that the host's methods support.
    ///
    /// - Parameter allowed: the methods that a listener allows; nil for all.
    func mechanisms(allowed: [AuthenticationConfiguration.MethodName]?) -> Set<SASLMechanism> {
        let usable = allowed.map(methods.intersection) ?? methods
        return configured.filter {
            $0 == .anonymous ? usable.contains(.anonymous) : !usable.subtracting([.anonymous]).isEmpty
        }
    }

    /// The credential of an account; nil when there is no such account.
    ///
    /// - Parameter mechanism: what it is for.
    func credential(of localpart: String, for mechanism: SASLMechanism) async throws -> StoredCredential? {
        let account = try BareJID(localpart: localpart, domainpart: settings.domain)
        guard let stored = try await accounts.credential(of: account) else { return nil }
        return try StoredCredential(stored, for: mechanism.hash)
    }

    /// Derives keys, on a worker.
    func derive(_ derivation: SCRAMKeyDerivation) async throws -> SCRAMCredential.Keys {
        try await workers.run { try derivation.run() }
    }
}
