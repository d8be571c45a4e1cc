// SPDX-License-Identifier: Apache-2.0
// Mechanisms, what is offered when, and how payloads travel.

import Testing

@testable import XMPPCore

@Suite struct SASLOfferTests {
    @Test func namesAreTheRegistrysStrongestFirst() {
        #expect(
            SASLMechanism.all.map(\.name) == [
                "SCRAM-SHA-512-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-384-PLUS", "SCRAM-SHA-384", "SCRAM-SHA-256-PLUS",
                "SCRAM-SHA-256", "SCRAM-SHA-224-PLUS", "SCRAM-SHA-224", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN",
                "ANONYMOUS",
            ])
        for mechanism in SASLMechanism.all { #expect(SASLMechanism(name: mechanism.name) == mechanism) }
        for name in ["", "plain", "DIGEST-MD5", "SCRAM-SHA-1-", "SCRAM-SHA-512-PLUS "] {
            #expect(SASLMechanism(name: name) == nil)
        }
    }

    @Test func channelBindingIsOfferedOnlyWhereThereIsData() {
        let configured: Set<SASLMechanism> = [.plain, .scram(.sha1), .scramPlus(.sha1)]
        let plaintext = SASLOffer(
            configured: configured, transport: .plaintext, channelBindingTypes: SASLFixture.bindings.types)
        #expect(plaintext.mechanisms == [.scram(.sha1)])
        #expect(plaintext.channelBindingTypes.isEmpty)
        let secure = SASLOffer(configured: configured, transport: .secure)
        #expect(secure.mechanisms == [.scram(.sha1), .plain])
        let bound = SASLOffer(
            configured: configured, transport: .secure, channelBindingTypes: SASLFixture.bindings.types)
        #expect(bound.mechanisms == [.scramPlus(.sha1), .scram(.sha1), .plain])
        #expect(bound.channelBindingTypes == [.tlsExporter, .tlsServerEndPoint])
        let unused = SASLOffer(
            configured: [.plain], transport: .secure, channelBindingTypes: SASLFixture.bindings.types)
        #expect(unused.channelBindingTypes.isEmpty)
    }

    @Test func mechanismsThatAreNotOfferedAreRefused() throws {
        let offer = SASLOffer(configured: [.plain, .scram(.sha1)], transport: .plaintext)
        #expect(try offer.mechanism(named: "SCRAM-SHA-1") == .scram(.sha1))
        #expect(throws: SASLFailure.encryptionRequired) { try offer.mechanism(named: "PLAIN") }
        #expect(throws: SASLFailure.invalidMechanism) { try offer.mechanism(named: "ANONYMOUS") }
        #expect(throws: SASLFailure.invalidMechanism) { try offer.mechanism(named: "X-NONE") }
    }

    @Test func payloadsDecodeStrictly() throws {
        #expect(try SASLPayload.decode("".utf8, emptyElement: .meansNoMessage) == nil)
        #expect(try SASLPayload.decode("".utf8, emptyElement: .meansEmptyMessage) == [])
        #expect(try SASLPayload.decode("=".utf8, emptyElement: .meansNoMessage) == [])
        #expect(try SASLPayload.decode("biws".utf8, emptyElement: .meansNoMessage) == bytes("n,,"))
        for text in ["biw", "biws\n", "==", "bi=s", "bi-s", "bm==="] {
            #expect(throws: SASLFailure.incorrectEncoding, "\(text)") {
                try SASLPayload.decode(text.utf8, emptyElement: .meansNoMessage)
            }
        }
    }

    @Test func conditionsHaveTheirNames() {
        #expect(
            SASLFailure.Condition.allCases.map(\.rawValue) == [
                "aborted", "account-disabled", "credentials-expired", "encryption-required", "incorrect-encoding",
                "invalid-authzid", "invalid-mechanism", "malformed-request", "mechanism-too-weak", "not-authorized",
                "temporary-auth-failure",
            ])
    }
}
