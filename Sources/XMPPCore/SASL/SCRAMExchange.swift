// SPDX-License-Identifier: Apache-2.0
// SCRAM, RFC 5802 and RFC 7677, the server's side; downgrade protection by XEP-0474 v0.5.0 where it is switched on.
// From the stored keys a login costs microseconds: PBKDF2 is the client's work, but for accounts whose password is
// stored as it is.

struct SCRAMExchange: SASLMechanismExchange {
    /// Random bytes in the server's nonce: more than RFC 5802 section 5.1 needs to make it unique.
    static let nonceRandomByteCount = 18

    private enum State {
        case awaitingFirst
        /// The client's first message is known, the account's keys are not.
        case awaitingKeys(first: SCRAMClientFirst, localpart: String, isDecoy: Bool)
        case awaitingFinal(Challenge)
        case ended
    }

    /// What the client's last message is checked against.
    private struct Challenge {
        let first: SCRAMClientFirst
        let localpart: String
        let keys: SCRAMCredential.Keys
        /// Whether the keys stand in for an account that does not exist.
        let isDecoy: Bool
        let nonce: [UInt8]
        let serverFirst: [UInt8]
    }

    private let hash: HashFunction
    private let usesChannelBinding: Bool
    private let offer: SASLOffer
    private let channelBindings: ChannelBindings
    private let settings: SASLSettings
    private let nonceSource: @Sendable () throws(CryptoError) -> [UInt8]
    private var state = State.awaitingFirst

    init(
        hash: HashFunction, usesChannelBinding: Bool, offer: SASLOffer, channelBindings: ChannelBindings,
        settings: SASLSettings, nonceSource: @escaping @Sendable () throws(CryptoError) -> [UInt8]
    ) {
        self.hash = hash
        self.usesChannelBinding = usesChannelBinding
        self.offer = offer
        self.channelBindings = channelBindings
        self.settings = settings
        self.nonceSource = nonceSource
    }

    /// The server's part of the nonce.
    @Sendable static func randomNonce() throws(CryptoError) -> [UInt8] {
        Base64.encode(try Crypto.randomBytes(count: nonceRandomByteCount))
    }

    mutating func receive(_ message: [UInt8]) -> SASLExchange.Action {
        do throws(SASLFailure) {
            switch state {
            case .awaitingFirst: return try receive(first: message)
            case .awaitingFinal(let challenge): return try receive(final: message, challenge)
            case .awaitingKeys, .ended: preconditionFailure("it is not the client's turn")
            }
        } catch {
            state = .ended
            return .fail(error)
        }
    }

    // MARK: the client's first message

    private mutating func receive(first message: [UInt8]) throws(SASLFailure) -> SASLExchange.Action {
        guard let first = SCRAMClientFirst(message, nonceByteCountMax: settings.limits.nonceByteCountMax) else {
            throw .malformedRequest
        }
        try check(first.binding)
        let localpart = try settings.localpart(username: first.username, authzid: first.authzid)
        state = .awaitingKeys(first: first, localpart: localpart, isDecoy: true)
        return .lookUp(localpart: localpart)
    }

    /// RFC 5802 section 6: which gs2-cbind-flag goes with which mechanism and offer.
    private func check(_ binding: SCRAMClientFirst.Binding) throws(SASLFailure) {
        switch binding {
        case .unsupportedByClient:
            guard !usesChannelBinding else { throw .malformedRequest }
        case .notAdvertised:
            guard !usesChannelBinding else { throw .malformedRequest }
            // Somebody on the way took the -PLUS mechanisms out of the list.
            guard !offer.mechanisms.contains(where: \.usesChannelBinding) else {
                throw SASLFailure(.notAuthorized, text: "This server does support channel binding.")
            }
        case .used(let name):
            guard usesChannelBinding else { throw .malformedRequest }
            guard let type = ChannelBindingType(rawValue: name), offer.channelBindingTypes.contains(type),
                channelBindings[type] != nil
            else { throw SASLFailure(.notAuthorized, text: "This channel binding type is not offered.") }
        }
    }

    // MARK: the account's keys

    mutating func credentialLoaded(_ credential: StoredCredential?) -> SASLExchange.Action {
        guard case .awaitingKeys(let first, let localpart, _) = state else {
            preconditionFailure("no account was asked for")
        }
        let decoy = settings.decoy
        do throws(CryptoError) {
            // Computed for every account, so that known ones take as long.
            let decoyKeys = try decoy.keys(localpart: localpart, domain: settings.domain, hash: hash)
            var password: [UInt8]?
            switch credential {
            case .scram(let credential):
                if let keys = credential[hash] {
                    return challenge(
                        first, localpart, keys, iterationCount: credential.iterationCount, isDecoy: false)
                }
            case .plainPassword(let stored):
                password = StoredCredential.prepare(password: Array(stored.utf8))
            case nil:
                break
            }
            guard password != nil || decoy.storedForm == .plainPassword else {
                return challenge(first, localpart, decoyKeys, iterationCount: decoy.iterationCount, isDecoy: true)
            }
            state = .awaitingKeys(first: first, localpart: localpart, isDecoy: password == nil)
            return .derive(
                SCRAMKeyDerivation(
                    hash: hash, salt: decoyKeys.salt, iterationCount: decoy.iterationCount,
                    password: password ?? decoyKeys.storedKey))
        } catch {
            return fail(.temporaryAuthFailure)
        }
    }

    mutating func derived(_ keys: SCRAMCredential.Keys) -> SASLExchange.Action {
        guard case .awaitingKeys(let first, let localpart, let isDecoy) = state else {
            preconditionFailure("no keys were asked for")
        }
        return challenge(first, localpart, keys, iterationCount: settings.decoy.iterationCount, isDecoy: isDecoy)
    }

    /// RFC 5802 section 5: `r=`, `s=`, `i=`.
    private mutating func challenge(
        _ first: SCRAMClientFirst, _ localpart: String, _ keys: SCRAMCredential.Keys, iterationCount: Int,
        isDecoy: Bool
    ) -> SASLExchange.Action {
        do throws(CryptoError) {
            let nonce = first.nonce + (try nonceSource())
            var message = Array("r=".utf8) + nonce + Array(",s=".utf8) + Base64.encode(keys.salt)
            message += Array(",i=\(iterationCount)".utf8)
            if settings.downgradeProtection == .hash {
                message += Array(",h=".utf8)
                message += Base64.encode(try Crypto.digest(offer.downgradeProtectionInput, using: hash))
            }
            state = .awaitingFinal(
                Challenge(
                    first: first, localpart: localpart, keys: keys, isDecoy: isDecoy, nonce: nonce,
                    serverFirst: message))
            return .challenge(message)
        } catch {
            return fail(.temporaryAuthFailure)
        }
    }

    // MARK: the client's last message

    private mutating func receive(
        final message: [UInt8], _ challenge: Challenge
    ) throws(SASLFailure) -> SASLExchange.Action {
        guard let final = SCRAMClientFinal(message), final.proof.count == hash.digestByteCount else {
            throw .malformedRequest
        }
        // RFC 5802 section 5.1: nonce and channel binding must be what this server knows them to be.
        let isBound = Crypto.isEqualInConstantTime(final.channelBinding, channelBinding(challenge.first))
        let isFresh = Crypto.isEqualInConstantTime(final.nonce, challenge.nonce)
        let comma = [UInt8(ascii: ",")]
        let authMessage = challenge.first.bare + comma + challenge.serverFirst + comma + final.withoutProof
        let isProven: Bool
        let serverSignature: [UInt8]
        do throws(CryptoError) {
            isProven = try isProof(final.proof, of: authMessage, storedKey: challenge.keys.storedKey)
            serverSignature = try Crypto.hmac(key: challenge.keys.serverKey, message: authMessage, using: hash)
        } catch {
            throw .temporaryAuthFailure
        }
        // Everything is computed by now, whatever was wrong and whether or not the account exists.
        guard isBound, isFresh, isProven, !challenge.isDecoy else { throw .notAuthorized }
        state = .ended
        return .succeed(
            .account(localpart: challenge.localpart),
            additionalData: Array("v=".utf8) + Base64.encode(serverSignature))
    }

    /// The only right value of `c=`: gs2-header and, under `p=`, the connection's data, in Base 64.
    private func channelBinding(_ first: SCRAMClientFirst) -> [UInt8] {
        guard case .used(let name) = first.binding, let type = ChannelBindingType(rawValue: name),
            let data = channelBindings[type]
        else { return Base64.encode(first.gs2Header) }
        return Base64.encode(first.gs2Header + data)
    }

    /// RFC 5802 section 3: H(ClientProof XOR ClientSignature) is StoredKey.
    private func isProof(
        _ proof: [UInt8], of authMessage: [UInt8], storedKey: [UInt8]
    ) throws(CryptoError) -> Bool {
        let clientSignature = try Crypto.hmac(key: storedKey, message: authMessage, using: hash)
        let clientKey = zip(proof, clientSignature).map { $0 ^ $1 }
        return Crypto.isEqualInConstantTime(try Crypto.digest(clientKey, using: hash), storedKey)
    }

    private mutating func fail(_ failure: SASLFailure) -> SASLExchange.Action {
        state = .ended
        return .fail(failure)
    }
}
