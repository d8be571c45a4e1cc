// SPDX-License-Identifier: Apache-2.0
// SCRAM: whatever begins an exchange, the one last message that proves the password ends it well, and no other does.
// The client is written from RFC 5802 alone.

@testable import XMPPCore

enum SCRAMProperties {
    /// The input is the client's first message, a line feed, and the last one.
    static func check(_ input: [UInt8], _ form: SASLDecoy.StoredForm) throws(PropertyViolation) {
        let messages = input.split(separator: 0x0A, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
        guard let first = messages.first else { return }
        let isBound = first.starts(with: "p".utf8)
        for hash in [HashFunction.sha1, .sha256] {
            let mechanism: SASLMechanism = isBound ? .scramPlus(hash) : .scram(hash)
            var exchange = SASLProperties.exchange(mechanism, form, isBound: isBound)
            let action = exchange.receive(first)
            guard case .lookUp(let localpart) = action else {
                guard case .fail = action else { throw PropertyViolation("SCRAM: \(action)") }
                continue
            }
            let loaded = exchange.credentialLoaded(SASLProperties.credential(of: localpart, form))
            guard case .challenge(let challenge) = try SASLProperties.derive(loaded, &exchange) else {
                throw PropertyViolation("SCRAM: the first message of \(localpart) is not answered by a challenge")
            }
            let last = messages.count > 1 ? messages[1] : []
            let honest = try final(first, challenge, hash)
            let extended = try final(first, challenge, hash, like: last)
            for message in [honest.message, last, last + [0x3D]] {
                let expected = message == extended.message ? extended : honest
                try checkEnd(exchange, message, expected, localpart)
            }
        }
    }

    /// The last message of whoever it is, and what only a client sends that knows the password.
    private static func checkEnd(
        _ exchange: SASLExchange, _ message: [UInt8], _ honest: Final, _ localpart: String
    ) throws(PropertyViolation) {
        let isUser = localpart == SASLProperties.localpart
        // The one that was given stays as it is.
        var exchange = exchange
        let action = exchange.receive(message)
        switch action {
        case .succeed(let identity, let additionalData):
            try require(isUser && message == honest.message, "SCRAM: a wrong proof is taken")
            try require(identity == .account(localpart: localpart), "SCRAM: \(identity) for \(localpart)")
            try require(additionalData == honest.success, "SCRAM: the server proves nothing")
        case .fail:
            let isRefused = isUser && message == honest.message && honest.isPlain
            try require(!isRefused, "SCRAM: the proof is refused")
        default: throw PropertyViolation("SCRAM: the last message gets \(action)")
        }
        guard case .fail = exchange.receive(message) else { throw PropertyViolation("SCRAM goes on after its end") }
    }

    /// The last message of a client that knows the password, and what the server answers.
    private struct Final {
        var message: [UInt8]
        var success: [UInt8]
        /// Whether it has no extensions, which may be such that the server has to refuse them.
        var isPlain: Bool
    }

    /// - Parameter like: a message whose extensions it has, too, if its beginning is right.
    private static func final(
        _ first: [UInt8], _ challenge: [UInt8], _ hash: HashFunction, like other: [UInt8] = []
    ) throws(PropertyViolation) -> Final {
        let comma = UInt8(ascii: ",")
        let fields = first.split(separator: comma, omittingEmptySubsequences: false)
        try require(fields.count >= 4, "SCRAM: a first message of \(fields.count) fields is taken")
        let header = Array(first[..<fields[2].startIndex])
        let bare = Array(first[fields[2].startIndex...])
        let name = String(decoding: fields[0].dropFirst(2), as: UTF8.self)
        let data = ChannelBindingType(rawValue: name).flatMap { SASLProperties.bindings[$0] } ?? []
        let attributes = challenge.split(separator: comma)
        let salt = Base64.decode(attributes[1].dropFirst(2)) ?? []
        let iterations = Int(String(decoding: attributes[2].dropFirst(2), as: UTF8.self)) ?? 0
        try require(attributes[0].starts(with: "r=".utf8) && !salt.isEmpty && iterations > 0, "SCRAM: \(challenge)")
        let start = Array("c=".utf8) + Base64.encode(header + data) + [comma] + attributes[0]
        let extensions = extensions(of: other, after: start)
        let withoutProof = start + extensions
        let authMessage = bare + [comma] + challenge + [comma] + withoutProof
        do throws(CryptoError) {
            let salted = try Crypto.pbkdf2(
                password: SASLProperties.password, salt: salt, iterationCount: iterations, using: hash)
            let clientKey = try Crypto.hmac(key: salted, message: Array("Client Key".utf8), using: hash)
            let storedKey = try Crypto.digest(clientKey, using: hash)
            let signature = try Crypto.hmac(key: storedKey, message: authMessage, using: hash)
            let serverKey = try Crypto.hmac(key: salted, message: Array("Server Key".utf8), using: hash)
            let proof = zip(clientKey, signature).map { $0 ^ $1 }
            return Final(
                message: withoutProof + Array(",p=".utf8) + Base64.encode(proof),
                success: Array("v=".utf8)
                    + Base64.encode(try Crypto.hmac(key: serverKey, message: authMessage, using: hash)),
                isPlain: extensions.isEmpty)
        } catch {
            throw PropertyViolation("OpenSSL: \(error)")
        }
    }

    /// What lies between the nonce and the proof, with the comma in front.
    private static func extensions(of message: [UInt8], after start: [UInt8]) -> ArraySlice<UInt8> {
        guard message.starts(with: start), let comma = message.lastIndex(of: UInt8(ascii: ",")), comma > start.count
        else { return [] }
        return message[start.count..<comma]
    }
}
