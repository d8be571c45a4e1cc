// SPDX-License-Identifier: Apache-2.0
// SCRAM against the RFCs' examples and a client of every kind.

import Testing

@testable import XMPPCore

@Suite struct SCRAMExchangeTests {
    struct Example: Sendable {
        let hash: HashFunction
        let salt: String
        let serverNonce: String
        let first: String
        let challenge: String
        let final: String
        let success: String
    }

    static let examples = [
        // RFC 5802 section 5
        Example(
            hash: .sha1, salt: "QSXCR+Q6sek8bf92", serverNonce: "3rfcNHYJY1ZVvWVs7j",
            first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            challenge: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            success: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="),
        // RFC 7677 section 3
        Example(
            hash: .sha256, salt: "W22ZaJ0SNY7soEsUEjb6gQ==", serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            success: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
    ]

    @Test(arguments: examples) func examplesOfTheRFCsSucceed(example: Example) throws {
        let salt = try #require(Base64.decode(example.salt.utf8))
        let credential = try StoredCredential.derive(
            password: "pencil", hashes: [example.hash], iterationCount: 4096, saltFrom: { _ in salt })
        var exchange = SASLExchange(
            mechanism: .scram(example.hash), offer: SASLFixture.offerWithoutBinding, channelBindings: ChannelBindings(),
            settings: SASLFixture.settings(), nonceSource: { bytes(example.serverNonce) })
        #expect(exchange.receive(bytes(example.first)) == .lookUp(localpart: "user"))
        #expect(exchange.credentialLoaded(credential) == .challenge(bytes(example.challenge)))
        #expect(
            exchange.receive(bytes(example.final))
                == .succeed(.account(localpart: "user"), additionalData: bytes(example.success)))
    }

    @Test(arguments: SASLMechanism.all.filter { $0.hash != nil }, ["n,,", "n,a=user@example.com,"])
    func everyMechanismSucceeds(mechanism: SASLMechanism, header: String) throws {
        let credential = try SASLFixture.credential()
        let types: [ChannelBindingType?] = mechanism.usesChannelBinding ? ChannelBindingType.allCases : [nil]
        for type in types {
            var client = SCRAMClient(hash: try #require(mechanism.hash))
            client.gs2Header = type.map { "p=\($0.rawValue)\(header.dropFirst())" } ?? header
            client.channelBindingData = type.flatMap { SASLFixture.bindings[$0] } ?? []
            client.finalExtensions = ",x=ignored"
            var exchange = SASLFixture.exchange(mechanism)
            let final = try client.final(
                to: SASLFixture.challenge(&exchange, to: client, credential: credential))
            #expect(
                exchange.receive(final.message)
                    == .succeed(.account(localpart: "user"), additionalData: final.success))
            #expect(exchange.receive(final.message) == .fail(.malformedRequest), "a finished exchange stays finished")
        }
    }

    @Test(arguments: HashFunction.allCases) func rowsWithThePasswordItselfServeEveryHash(hash: HashFunction) throws {
        let client = SCRAMClient(hash: hash)
        var exchange = SASLFixture.exchange(.scram(hash))
        let challenge = try SASLFixture.challenge(&exchange, to: client, credential: .plainPassword("pencil"))
        let final = try client.final(to: challenge)
        #expect(
            exchange.receive(final.message) == .succeed(.account(localpart: "user"), additionalData: final.success))
    }

    @Test(arguments: ["", "\u{7}", String(repeating: "x", count: 2_000)])
    func rowsWithAnImpossiblePasswordLetNobodyIn(stored: String) throws {
        var client = SCRAMClient(hash: .sha256)
        client.password = stored
        var exchange = SASLFixture.exchange(.scram(.sha256))
        let challenge = try SASLFixture.challenge(&exchange, to: client, credential: .plainPassword(stored))
        #expect(exchange.receive(try client.final(to: challenge).message) == .fail(.notAuthorized))
    }

    @Test func namesArePreparedAndUnescaped() {
        // (as sent, localpart asked for)
        let table: [(String, String)] = [
            ("User", "user"), ("a=2Cb=3D", "a,b="), ("I\u{AD}X", "ix"), ("\u{2168}", "ix"), ("\u{AA}", "a"),
            ("r\u{F6}m\u{E9}o", "r\u{F6}m\u{E9}o"),
        ]
        for (sent, localpart) in table {
            var exchange = SASLFixture.exchange(.scram(.sha1))
            #expect(exchange.receive(bytes("n,,n=\(sent),r=abc")) == .lookUp(localpart: localpart))
        }
    }

    @Test func passwordsArePrepared() throws {
        // RFC 4013 section 3: the Roman numeral nine is IX; the soft hyphen is nothing.
        let credential = try SASLFixture.credential(password: "\u{2168}\u{AD}")
        var client = SCRAMClient(hash: .sha512)
        client.password = "IX"
        var exchange = SASLFixture.exchange(.scram(.sha512))
        let final = try client.final(to: SASLFixture.challenge(&exchange, to: client, credential: credential))
        #expect(
            exchange.receive(final.message) == .succeed(.account(localpart: "user"), additionalData: final.success))
    }

    @Test func noncesAreLongAndDiffer() throws {
        let client = SCRAMClient(hash: .sha1)
        let credential = try SASLFixture.credential()
        let nonces = try (0..<8).map { _ in
            var exchange = SASLFixture.exchange(.scram(.sha1))
            let challenge = try SASLFixture.challenge(&exchange, to: client, credential: credential)
            return try #require(SCRAMClient.attributes(challenge)["r"])
        }
        #expect(Set(nonces).count == 8)
        #expect(nonces.allSatisfy { $0.hasPrefix(client.nonce) && $0.count == client.nonce.count + 24 })
    }

    @Test func challengeOfDowngradeProtectionIsTheExampleOfXEP0474() throws {
        let bindings = SASLFixture.bindings
        let offer = SASLOffer(
            configured: [.scram(.sha1), .scramPlus(.sha1)], transport: .secure, channelBindingTypes: bindings.types)
        var settings = SASLFixture.settings()
        settings.downgradeProtection = .hash
        var exchange = SASLFixture.exchange(.scram(.sha1), offer: offer, settings: settings)
        let client = SCRAMClient(hash: .sha1)
        let challenge = try SASLFixture.challenge(&exchange, to: client, credential: SASLFixture.credential())
        #expect(SCRAMClient.attributes(challenge)["h"] == "G6k/rBLDqgOhRRaCuuatSDFkJ08=")
        #expect(SASLFixture.condition(exchange.receive(try client.final(to: challenge).message)) == nil)
    }

    // MARK: failures

    @Test(arguments: HashFunction.allCases) func unknownAccountsLookLikeWrongPasswords(hash: HashFunction) throws {
        var client = SCRAMClient(hash: hash)
        client.password = "crayon"
        let credential = try SASLFixture.credential()
        let otherHashes = try SASLFixture.credential(hashes: Set(HashFunction.allCases).subtracting([hash]))
        var shapes: Set<[Int]> = []
        for candidate in [credential, nil, otherHashes] {
            var exchange = SASLFixture.exchange(.scram(hash))
            let challenge = try SASLFixture.challenge(&exchange, to: client, credential: candidate)
            let attributes = SCRAMClient.attributes(challenge)
            shapes.insert(["r", "s", "i"].map { attributes[$0]?.count ?? 0 } + [challenge.count])
            #expect(exchange.receive(try client.final(to: challenge).message) == .fail(.notAuthorized))
        }
        #expect(shapes.count == 1)
    }

    @Test func saltsOfUnknownAccountsAreStableAndTheirOwn() throws {
        func salt(_ name: String, _ hash: HashFunction) throws -> String {
            var client = SCRAMClient(hash: hash)
            client.username = name
            var exchange = SASLFixture.exchange(.scram(hash))
            let challenge = try SASLFixture.challenge(&exchange, to: client, credential: nil)
            return try #require(SCRAMClient.attributes(challenge)["s"])
        }
        #expect(try salt("romeo", .sha256) == salt("romeo", .sha256))
        #expect(try salt("romeo", .sha256) != salt("juliet", .sha256))
        #expect(try salt("romeo", .sha256) != salt("romeo", .sha512))
    }

    @Test func unknownAccountsCostAsMuchWherePasswordsAreStoredPlain() throws {
        let settings = SASLFixture.settings(storedForm: .plainPassword)
        var derivations: [SCRAMKeyDerivation] = []
        for candidate in [StoredCredential.plainPassword("pencil"), nil] {
            var exchange = SASLFixture.exchange(.scram(.sha256), settings: settings)
            var client = SCRAMClient(hash: .sha256)
            client.password = "crayon"
            #expect(exchange.receive(client.first) == .lookUp(localpart: "user"))
            guard case .derive(let derivation) = exchange.credentialLoaded(candidate) else {
                Issue.record("no derivation for \(candidate as Any)")
                continue
            }
            derivations.append(derivation)
            let challenge = try SASLFixture.challengeBytes(exchange.derived(try derivation.run()))
            #expect(exchange.receive(try client.final(to: challenge).message) == .fail(.notAuthorized))
        }
        #expect(derivations.count == 2 && derivations.first?.salt == derivations.last?.salt)
        #expect(derivations.first?.iterationCount == derivations.last?.iterationCount)
    }

    /// What a decoy is made of is known to everyone who reads the source: it must not open anything.
    @Test func clientsThatKnowTheDecoyFail() throws {
        var client = SCRAMClient(hash: .sha256)
        client.password = String(repeating: "\0", count: 32)
        var exchange = SASLFixture.exchange(.scram(.sha256), settings: SASLFixture.settings(storedForm: .plainPassword))
        let challenge = try SASLFixture.challenge(&exchange, to: client, credential: nil)
        #expect(exchange.receive(try client.final(to: challenge).message) == .fail(.notAuthorized))
    }

    @Test func noncesThatTheServerDidNotGiveFail() throws {
        var client = SCRAMClient(hash: .sha256)
        for nonce in [client.nonce, "x"] {
            client.otherNonce = nonce
            var exchange = SASLFixture.exchange(.scram(.sha256))
            let challenge = try SASLFixture.challenge(&exchange, to: client, credential: SASLFixture.credential())
            #expect(exchange.receive(try client.final(to: challenge).message) == .fail(.notAuthorized))
        }
    }

    @Test func firstMessagesThatFail() {
        let plus = SASLMechanism.scramPlus(.sha1)
        let bare = SASLMechanism.scram(.sha1)
        let table: [(SASLMechanism, String, SASLFailure.Condition)] = [
            // Channel binding, RFC 5802 section 6.
            (bare, "y,,n=user,r=abc", .notAuthorized),
            (plus, "y,,n=user,r=abc", .malformedRequest),
            (plus, "n,,n=user,r=abc", .malformedRequest),
            (bare, "p=tls-exporter,,n=user,r=abc", .malformedRequest),
            (plus, "p=tls-unique,,n=user,r=abc", .notAuthorized),
            // Authorization identities.
            (bare, "n,a=other@example.com,n=user,r=abc", .invalidAuthzid),
            (bare, "n,a=user@example.org,n=user,r=abc", .invalidAuthzid),
            (bare, "n,a=user@example.com/home,n=user,r=abc", .invalidAuthzid),
            (bare, "n,a=user,n=user,r=abc", .invalidAuthzid),
            (bare, "n,a=@example.com,n=user,r=abc", .invalidAuthzid),
            // Names that no account has.
            (bare, "n,,n=user@example.com,r=abc", .notAuthorized),
            (bare, "n,,n=\u{7F},r=abc", .notAuthorized),
            (bare, "n,,n=\u{AD},r=abc", .notAuthorized),
            (bare, "n,,n=\(String(repeating: "x", count: 1_024)),r=abc", .notAuthorized),
            // Grammar.
            (bare, "", .malformedRequest), (bare, ",", .malformedRequest), (bare, "n,,", .malformedRequest),
            (bare, "n,,n=user", .malformedRequest), (bare, "n,,r=abc,n=user", .malformedRequest),
            (bare, "n=user,r=abc", .malformedRequest), (bare, "n,n=user,r=abc", .malformedRequest),
            (bare, "x,,n=user,r=abc", .malformedRequest), (bare, "F,n,,n=user,r=abc", .malformedRequest),
            (bare, "n,,m=must,n=user,r=abc", .malformedRequest), (bare, "n,,n=user,r=abc,m=x", .malformedRequest),
            (bare, "n,,n=,r=abc", .malformedRequest), (bare, "n,,n=user,r=", .malformedRequest),
            (bare, "n,a=,n=user,r=abc", .malformedRequest), (bare, "n,b=user,n=user,r=abc", .malformedRequest),
            (bare, "n,,n=us=er,r=abc", .malformedRequest), (bare, "n,,n=user=,r=abc", .malformedRequest),
            (bare, "n,,n=user=2c,r=abc", .malformedRequest), (bare, "n,,n=user=2,r=abc", .malformedRequest),
            (bare, "n,,n=user,r=a c", .malformedRequest), (bare, "n,,n=user,r=\u{E9}", .malformedRequest),
            (bare, "n,,n=us\0er,r=abc", .malformedRequest), (bare, "n,,n=user,r=abc,", .malformedRequest),
            (bare, "n,,n=user,r=abc,x", .malformedRequest), (bare, "n,,n=user,r=abc,1=x", .malformedRequest),
            (bare, "n,,n=user,r=\(String(repeating: "x", count: 257))", .malformedRequest),
            (bare, "n,,n=user,r=abc,x=\(String(repeating: "x", count: 4_096))", .malformedRequest),
            (plus, "p,,n=user,r=abc", .malformedRequest), (plus, "p=,,n=user,r=abc", .malformedRequest),
            (plus, "p=tls_exporter,,n=user,r=abc", .malformedRequest),
        ]
        for (mechanism, message, condition) in table {
            var exchange = SASLFixture.exchange(mechanism)
            #expect(SASLFixture.condition(exchange.receive(bytes(message))) == condition, "\(message.prefix(80))")
        }
        var exchange = SASLFixture.exchange(bare)
        #expect(exchange.receive(bytes("n,,n=") + [0xC3] + bytes(",r=abc")) == .fail(.malformedRequest))
    }

    @Test func firstMessagesAtTheirLimitsPass() {
        let table = [
            "n,,n=\(String(repeating: "x", count: 1_023)),r=abc",
            "n,,n=user,r=\(String(repeating: "x", count: 256))",
            "n,,n=user,r=abc,x=\(String(repeating: "x", count: 4_096 - 18))",
        ]
        for message in table {
            var exchange = SASLFixture.exchange(.scram(.sha1))
            guard case .lookUp = exchange.receive(bytes(message)) else {
                Issue.record("\(message.prefix(80)) was refused")
                continue
            }
        }
    }

    /// `y` says that no server with channel binding was seen: right where none was offered.
    @Test func clientsThatSawNoChannelBindingPassWhereNoneIsOffered() throws {
        var client = SCRAMClient(hash: .sha1)
        client.gs2Header = "y,,"
        var exchange = SASLFixture.exchange(
            .scram(.sha1), offer: SASLFixture.offerWithoutBinding, bindings: ChannelBindings())
        let challenge = try SASLFixture.challenge(&exchange, to: client, credential: SASLFixture.credential())
        let final = try client.final(to: challenge)
        #expect(
            exchange.receive(final.message) == .succeed(.account(localpart: "user"), additionalData: final.success))
    }

    @Test func channelBindingThatIsNotThisConnectionsFails() throws {
        // (header of the first message, header and data of the last one)
        let table: [(String, String, String)] = [
            ("p=tls-exporter,,", "p=tls-exporter,,", "another connection"),
            ("p=tls-exporter,,", "p=tls-exporter,,", ""),
            ("p=tls-exporter,,", "p=tls-exporter,,", "certificate"),
            ("p=tls-exporter,,", "p=tls-server-end-point,,", "exporter"),
            ("p=tls-exporter,,", "n,,", ""),
            ("p=tls-exporter,,", "p=tls-exporter,a=user@example.com,", "exporter"),
        ]
        for (firstHeader, finalHeader, data) in table {
            var client = SCRAMClient(hash: .sha256)
            client.gs2Header = firstHeader
            var exchange = SASLFixture.exchange(.scramPlus(.sha256))
            let challenge = try SASLFixture.challenge(&exchange, to: client, credential: SASLFixture.credential())
            client.gs2Header = finalHeader
            client.channelBindingData = bytes(data)
            #expect(
                exchange.receive(try client.final(to: challenge).message) == .fail(.notAuthorized),
                "\(firstHeader) \(finalHeader) \(data)")
        }
    }

    @Test func lastMessagesThatFail() throws {
        let proof = Base64.encodeToString([UInt8](repeating: 7, count: 20))
        // NONCE stands for the right nonce, PROOF for a wrong proof of the right length.
        let table: [(String, SASLFailure.Condition)] = [
            ("c=biws,r=NONCE,p=PROOF", .notAuthorized),
            ("c=eSws,r=NONCE,p=PROOF", .notAuthorized),
            ("c=biws,r=other,p=PROOF", .notAuthorized),
            ("c=biws,r=NONCE,p=", .malformedRequest), ("c=biws,r=NONCE,p=AAAA", .malformedRequest),
            ("c=biws,r=NONCE,p=####", .malformedRequest), ("c=biws,r=NONCE", .malformedRequest),
            ("c=biws,p=PROOF", .malformedRequest), ("r=NONCE,c=biws,p=PROOF", .malformedRequest),
            ("c=biws,r=NONCE,p=PROOF,x=y", .malformedRequest), ("c=biws,r=NONCE,m=y,p=PROOF", .malformedRequest),
            ("c=biw,r=NONCE,p=PROOF", .malformedRequest), ("c=,r=NONCE,p=PROOF", .malformedRequest),
            ("c=biws,r=,p=PROOF", .malformedRequest), ("c=biws,r=NONCE,,p=PROOF", .malformedRequest),
            ("", .malformedRequest), (",,", .malformedRequest), ("c=biws,r=NONCE,p=PROOF\0", .malformedRequest),
        ]
        for (message, condition) in table {
            for credential in [try SASLFixture.credential(), nil] {
                var exchange = SASLFixture.exchange(.scram(.sha1))
                let client = SCRAMClient(hash: .sha1)
                let challenge = try SASLFixture.challenge(&exchange, to: client, credential: credential)
                let nonce = try #require(SCRAMClient.attributes(challenge)["r"])
                let parts = message.replacing("NONCE", with: nonce).replacing("PROOF", with: proof)
                #expect(SASLFixture.condition(exchange.receive(bytes(parts))) == condition, "\(message)")
            }
        }
    }

    @Test func replayedProofsFail() throws {
        let credential = try SASLFixture.credential()
        let client = SCRAMClient(hash: .sha1)
        var exchange = SASLFixture.exchange(.scram(.sha1))
        let recorded = try client.final(
            to: SASLFixture.challenge(&exchange, to: client, credential: credential))
        var second = SASLFixture.exchange(.scram(.sha1))
        _ = try SASLFixture.challenge(&second, to: client, credential: credential)  // only to get the nonce sent
        #expect(second.receive(recorded.message) == .fail(.notAuthorized))
    }
}
