// SPDX-License-Identifier: Apache-2.0
// Stored credentials: MongooseIM's text forms, derivation and checks. The texts were made by an implementation that
// shares nothing with this one.

import Testing

@testable import XMPPCore

@Suite struct StoredCredentialTests {
    /// The password is "pencil", 4,096 iterations.
    static let text = [
        "==MULTI_SCRAM==", "4096",
        "===SHA1===AAECAwQFBgcICQoLDA0ODw==|VDlbg2hiPs7Sz96xRXoDeVxwMPk=|4q9hLjotvo0hqzEIvTJY/oC5Boo=",
        "==SHA224==EBESExQVFhcYGRobHB0eHw==|R3mabaebOH5HADJRq6u4Fxxe0v/crUZSrg7vOw=="
            + "|C0nRNfpJfevJiQwql+kYI9oaBTM9mX9e4oWGpw==",
        "==SHA256==ICEiIyQlJicoKSorLC0uLw==|ZTWgj78bXCcQeJzhvnZQd2TJp4kqhlKdTNdJFHqz7RY="
            + "|2A06aus2br49I9clT6DceiWWCMq9b9KD0OdsGrTNIA4=",
        "==SHA384==MDEyMzQ1Njc4OTo7PD0+Pw==|ns4tPb9To/Anab7mw9mqNYU6MnT78/WIFc3d+EQZtEGo4F6Q3ye33lfYQ0W+JTMm"
            + "|1NEMlxoV5J3/btBtTzvWsaFJLY0/rwd8mz4vqqSabBYo79KlYGns6FNfIY6DOdZw",
        "==SHA512==QEFCQ0RFRkdISUpLTE1OTw=="
            + "|kL+eA6na0KdYmshWOpUObAmMy96pFsGnSGV2Jxa8UUKk2KMnbeIQ0rOUacJhAhB45wHx6ZHmC/zhQvYJ382jLQ=="
            + "|FJO3eCcnTxOc3ZPAwtS9v9S/wpoYY6DNTVZ66w4t/5je8MM/3CbaqwjzdvayVF+8NLM5QU4BsI0budXWjAFUaQ==",
    ].joined(separator: ",")
    static let legacyText =
        "==SCRAM==,VDlbg2hiPs7Sz96xRXoDeVxwMPk=,4q9hLjotvo0hqzEIvTJY/oC5Boo=,AAECAwQFBgcICQoLDA0ODw==,4096"

    @Test func textsGoRoundExactly() throws {
        let credential = try SCRAMCredential(text: Self.text)
        #expect(credential.hashes == HashFunction.allCases)
        #expect(credential.iterationCount == 4096)
        #expect(credential.text == Self.text)
        #expect(credential.legacyText == Self.legacyText)
        let legacy = try SCRAMCredential(text: Self.legacyText)
        #expect(legacy.hashes == [.sha1])
        #expect(legacy[.sha1] == credential[.sha1])
        #expect(legacy.legacyText == Self.legacyText)
        #expect(try SCRAMCredential(text: legacy.text) == legacy)
        guard case .scram(let strong) = try SASLFixture.credential(hashes: [.sha512]) else {
            Issue.record("not SCRAM")
            return
        }
        #expect(strong.legacyText == nil)
        #expect(try SCRAMCredential(text: strong.text) == strong)
    }

    @Test(arguments: HashFunction.allCases) func textsHoldTheKeysOfThePassword(hash: HashFunction) throws {
        let credential = try SCRAMCredential(text: Self.text)
        let keys = try #require(credential[hash])
        let only = StoredCredential.scram(try SCRAMCredential(iterationCount: 4096, keys: [hash: keys]))
        #expect(try only.matches(password: "pencil"))
        #expect(try !only.matches(password: "Pencil"))
        let derived = try StoredCredential.derive(
            password: "pencil", hashes: [hash], iterationCount: 4096, saltFrom: { _ in keys.salt })
        #expect(derived == only, "ServerKey as well")
    }

    @Test(arguments: HashFunction.allCases) func oneHashIsReadAlone(hash: HashFunction) throws {
        let all = try SCRAMCredential(text: Self.text)
        let one = try SCRAMCredential(text: Self.text, for: hash)
        #expect(one.hashes == [hash])
        #expect(one[hash] == all[hash])
        #expect(one.iterationCount == all.iterationCount)
    }

    @Test func hashWithoutKeysReadsAll() throws {
        let keys = try #require(try SCRAMCredential(text: Self.text)[.sha256])
        let only = try SCRAMCredential(iterationCount: 4096, keys: [.sha256: keys])
        #expect(try SCRAMCredential(text: only.text, for: .sha512) == only)
        #expect(try SCRAMCredential(text: Self.legacyText, for: .sha512).hashes == [.sha1])
        #expect(throws: StoredCredentialError.noKeys) {
            try SCRAMCredential(text: "==MULTI_SCRAM==,4096,==NEW==x", for: .sha1)
        }
    }

    @Test func textsWithUnknownHashesServe() throws {
        let text = Self.text + ",==SHA3-512==AAAA|AAAA|AAAA"
        #expect(try SCRAMCredential(text: text) == SCRAMCredential(text: Self.text))
    }

    @Test func malformedTextsAreRefused() {
        let sha1 = "===SHA1===AAAA|VDlbg2hiPs7Sz96xRXoDeVxwMPk=|4q9hLjotvo0hqzEIvTJY/oC5Boo="
        let table: [(String, StoredCredentialError)] = [
            ("", .malformedText), ("pencil", .malformedText), ("==MULTI_SCRAM==", .malformedText),
            ("==MULTI_SCRAM==,", .malformedText), ("==MULTI_SCRAM==,4096", .malformedText),
            ("==MULTI_SCRAM==,4096,", .malformedText), ("==MULTI_SCRAM==,4096,==NEW==x", .noKeys),
            ("==MULTI_SCRAM==,x,\(sha1)", .malformedText), ("==MULTI_SCRAM==,+1,\(sha1)", .malformedText),
            ("==MULTI_SCRAM==,-1,\(sha1)", .malformedText), ("==MULTI_SCRAM==,,\(sha1)", .malformedText),
            ("==MULTI_SCRAM==,0,\(sha1)", .iterationCountOutOfRange),
            ("==MULTI_SCRAM==,10000001,\(sha1)", .iterationCountOutOfRange),
            ("==MULTI_SCRAM==,99999999999999999999,\(sha1)", .iterationCountOutOfRange),
            ("==MULTI_SCRAM==,1,\(sha1),\(sha1)", .malformedText), ("==MULTI_SCRAM==,1,\(sha1)|", .malformedText),
            ("==MULTI_SCRAM==,1,\(sha1)x", .malformedText), ("==MULTI_SCRAM==,1,===SHA1===AAAA|AAAA", .malformedText),
            ("==MULTI_SCRAM==,1,===SHA1===AAAA|AAAA|AAAA", .keyLengthWrong(.sha1)),
            ("==MULTI_SCRAM==,1,===SHA1===\(sha1.dropFirst(14))", .keyLengthWrong(.sha1)),
            ("==SCRAM==,AAAA,AAAA,AAAA", .malformedText), ("==SCRAM==,AAAA,AAAA,AAAA,1", .keyLengthWrong(.sha1)),
            (String(repeating: "=", count: SCRAMCredential.textByteCountMax + 1), .malformedText),
        ]
        for (text, error) in table {
            #expect(throws: error, "\(text.prefix(60))") { try SCRAMCredential(text: text) }
        }
        #expect(throws: Never.self) { try SCRAMCredential(text: "==MULTI_SCRAM==,10000000,\(sha1)") }
    }

    @Test func derivationUsesOneSaltPerHash() throws {
        guard case .scram(let credential) = try SASLFixture.credential() else {
            Issue.record("not SCRAM")
            return
        }
        #expect(Set(HashFunction.allCases.compactMap { credential[$0]?.salt }).count == HashFunction.allCases.count)
        #expect(try StoredCredential.scram(credential).matches(password: "pencil"))
        #expect(try !StoredCredential.scram(credential).matches(password: ""))
    }

    @Test func derivationRefusesBadArguments() {
        for password in ["", "\n", "\u{AD}", String(repeating: "x", count: 1_024)] {
            #expect(throws: StoredCredentialError.passwordNotAllowed) {
                try StoredCredential.derive(password: password, iterationCount: 1)
            }
        }
        #expect(throws: StoredCredentialError.noKeys) {
            try StoredCredential.derive(password: "x", hashes: [], iterationCount: 1)
        }
        for count in [0, SCRAMCredential.iterationCountMax + 1] {
            #expect(throws: StoredCredentialError.iterationCountOutOfRange) {
                try StoredCredential.derive(password: "x", hashes: [.sha1], iterationCount: count)
            }
        }
    }

    @Test func plainPasswordsMatch() throws {
        #expect(try StoredCredential.plainPassword("IX").matches(password: "\u{2168}"))
        #expect(try !StoredCredential.plainPassword("pencil").matches(password: "Pencil"))
        #expect(try !StoredCredential.plainPassword("").matches(password: ""))
    }

    @Test func accountStoresKeepEitherForm() throws {
        let keys = StoredCredential.scram(try SCRAMCredential(text: Self.text))
        for credential in [keys, .plainPassword("pencil")] {
            #expect(try StoredCredential(AccountCredential(credential)) == credential)
        }
        #expect(AccountCredential(keys) == AccountCredential(passwordDetails: Self.text))
        #expect(try StoredCredential(AccountCredential(passwordDetails: Self.legacyText, password: "x")) != keys)
        #expect(
            try StoredCredential(AccountCredential(passwordDetails: "", password: "pencil"))
                == .plainPassword("pencil"))
        #expect(throws: StoredCredentialError.malformedText) {
            try StoredCredential(AccountCredential(passwordDetails: "pencil"))
        }
    }
}
