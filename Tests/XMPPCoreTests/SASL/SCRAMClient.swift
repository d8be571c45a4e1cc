// SPDX-License-Identifier: Apache-2.0
// The client's side of SCRAM (RFC 5802) and what else the SASL tests share. The client is written from the RFC alone:
// it shares the hash wrappers with the server, none of its messages.

import Testing

@testable import XMPPCore

/// A SCRAM client that answers one challenge.
struct SCRAMClient {
    var hash: HashFunction
    var username = "user"
    var password = "pencil"
    var nonce = "fyko+d2lbbFgONRv9qkxdawL"
    var gs2Header = "n,,"
    var channelBindingData: [UInt8] = []
    /// Goes between nonce and proof, comma in front.
    var finalExtensions = ""
    /// Sent, and proven, in place of the nonce that the server gave.
    var otherNonce: String?

    var firstBare: String { "n=\(username),r=\(nonce)" }
    var first: [UInt8] { bytes(gs2Header + firstBare) }

    /// The last message, and the `v=` that a server which knows the password answers.
    func final(to challenge: [UInt8]) throws -> (message: [UInt8], success: [UInt8]) {
        let attributes = SCRAMClient.attributes(challenge)
        let salt = try #require(attributes["s"].flatMap { Base64.decode($0.utf8) })
        let iterationCount = try #require(attributes["i"].flatMap { Int($0) })
        let nonce = try otherNonce ?? #require(attributes["r"])
        let binding = Base64.encodeToString(bytes(gs2Header) + channelBindingData)
        let withoutProof = "c=\(binding),r=\(nonce)\(finalExtensions)"
        let authMessage = bytes(firstBare) + bytes(",") + challenge + bytes("," + withoutProof)
        let salted = try Crypto.pbkdf2(
            password: bytes(password), salt: salt, iterationCount: iterationCount, using: hash)
        let clientKey = try Crypto.hmac(key: salted, message: bytes("Client Key"), using: hash)
        let storedKey = try Crypto.digest(clientKey, using: hash)
        let signature = try Crypto.hmac(key: storedKey, message: authMessage, using: hash)
        let proof = zip(clientKey, signature).map { $0 ^ $1 }
        let serverKey = try Crypto.hmac(key: salted, message: bytes("Server Key"), using: hash)
        let serverSignature = try Crypto.hmac(key: serverKey, message: authMessage, using: hash)
        return (
            bytes(withoutProof + ",p=" + Base64.encodeToString(proof)),
            bytes("v=" + Base64.encodeToString(serverSignature))
        )
    }

    static func attributes(_ message: [UInt8]) -> [String: String] {
        var attributes: [String: String] = [:]
        for field in String(decoding: message, as: UTF8.self).split(separator: ",") {
            attributes[String(field.prefix(1))] = String(field.dropFirst(2))
        }
        return attributes
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Settings, credentials and whole exchanges of the SASL tests.
enum SASLFixture {
    /// Few iterations, so that the tests are quick.
    static let iterationCount = 16
    static let bindings = ChannelBindings([.tlsExporter: bytes("exporter"), .tlsServerEndPoint: bytes("certificate")])
    static let everything = Set(SASLMechanism.all)
    static let secureOffer = SASLOffer(configured: everything, transport: .secure, channelBindingTypes: bindings.types)
    static let offerWithoutBinding = SASLOffer(configured: everything, transport: .secure)

    static func settings(storedForm: SASLDecoy.StoredForm = .scram) -> SASLSettings {
        SASLSettings(
            domain: "example.com",
            decoy: SASLDecoy(
                secret: bytes("a secret of the tests"), iterationCount: iterationCount, storedForm: storedForm))
    }

    static func exchange(
        _ mechanism: SASLMechanism, offer: SASLOffer = secureOffer, bindings: ChannelBindings = bindings,
        settings: SASLSettings = settings()
    ) -> SASLExchange {
        SASLExchange(mechanism: mechanism, offer: offer, channelBindings: bindings, settings: settings)
    }

    static func credential(password: String = "pencil", hashes: Set<HashFunction> = Set(HashFunction.allCases)) throws
        -> StoredCredential
    {
        try StoredCredential.derive(password: password, hashes: hashes, iterationCount: iterationCount)
    }

    /// The challenge to a SCRAM client whose account has that credential.
    static func challenge(
        _ exchange: inout SASLExchange, to client: SCRAMClient, credential: StoredCredential?
    ) throws -> [UInt8] {
        try #require(exchange.receive(client.first) == .lookUp(localpart: client.username))
        return try challengeBytes(answer(exchange.credentialLoaded(credential), &exchange))
    }

    /// Does the work that `action` asks for, if any.
    static func answer(_ action: SASLExchange.Action, _ exchange: inout SASLExchange) throws -> SASLExchange.Action {
        guard case .derive(let derivation) = action else { return action }
        return exchange.derived(try derivation.run())
    }

    static func challengeBytes(_ action: SASLExchange.Action) throws -> [UInt8] {
        guard case .challenge(let message) = action else {
            Issue.record("expected a challenge, got \(action)")
            return []
        }
        return message
    }

    /// The failure's condition; nil for another action.
    static func condition(_ action: SASLExchange.Action) -> SASLFailure.Condition? {
        if case .fail(let failure) = action { failure.condition } else { nil }
    }
}
