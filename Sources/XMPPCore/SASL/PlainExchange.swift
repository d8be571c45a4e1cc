// SPDX-License-Identifier: Apache-2.0
// PLAIN, RFC 4616: [authzid] NUL authcid NUL passwd. One PBKDF2 per attempt, whether the account exists or not.

struct PlainExchange: SASLMechanismExchange {
    /// What the derived keys are compared with.
    private enum Expectation {
        /// SCRAM keys were stored.
        case storedKey([UInt8])
        /// The password itself was stored; the derivation only costs what it costs everyone.
        case password([UInt8])
        /// There is no such account.
        case nothing
    }

    private let settings: SASLSettings
    private var localpart = ""
    private var password: [UInt8] = []
    private var expectation = Expectation.nothing

    init(settings: SASLSettings) {
        self.settings = settings
    }

    mutating func receive(_ message: [UInt8]) -> SASLExchange.Action {
        // RFC 4616 section 2: exactly two NULs; authcid and passwd are not empty.
        let parts = message.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
        guard parts.count == 3, !parts[1].isEmpty, !parts[2].isEmpty,
            String(validating: message, as: UTF8.self) != nil
        else { return .fail(.malformedRequest) }
        do throws(SASLFailure) {
            localpart = try settings.localpart(username: parts[1], authzid: parts[0])
        } catch {
            return .fail(error)
        }
        // RFC 4616 section 2: when the preparation of the password fails, so does the verification.
        guard let prepared = StoredCredential.prepare(password: parts[2]) else { return .fail(.notAuthorized) }
        password = prepared
        return .lookUp(localpart: localpart)
    }

    mutating func credentialLoaded(_ credential: StoredCredential?) -> SASLExchange.Action {
        let decoy = settings.decoy
        if case .scram(let credential) = credential {
            let (hash, keys) = credential.cheapest
            expectation = .storedKey(keys.storedKey)
            return .derive(
                SCRAMKeyDerivation(
                    hash: hash, salt: keys.salt, iterationCount: credential.iterationCount, password: password))
        }
        if case .plainPassword(let stored) = credential,
            let prepared = StoredCredential.prepare(password: Array(stored.utf8))
        {
            expectation = .password(prepared)
        }
        do throws(CryptoError) {
            let hash = decoy.cheapestHash
            let salt = try decoy.salt(localpart: localpart, domain: settings.domain, hash: hash)
            return .derive(
                SCRAMKeyDerivation(
                    hash: hash, salt: salt, iterationCount: decoy.iterationCount, password: password))
        } catch {
            return .fail(.temporaryAuthFailure)
        }
    }

    mutating func derived(_ keys: SCRAMCredential.Keys) -> SASLExchange.Action {
        let isRight =
            switch expectation {
            case .storedKey(let storedKey): Crypto.isEqualInConstantTime(keys.storedKey, storedKey)
            case .password(let stored): Crypto.isEqualInConstantTime(password, stored)
            case .nothing: false
            }
        return isRight
            ? .succeed(.account(localpart: localpart), additionalData: nil)
            : .fail(.notAuthorized)
    }
}
