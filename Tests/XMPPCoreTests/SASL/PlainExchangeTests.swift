// SPDX-License-Identifier: Apache-2.0
// PLAIN, ANONYMOUS, and what every exchange has in common.

import Testing

@testable import XMPPCore

@Suite struct PlainExchangeTests {
    /// Everything that an attempt with PLAIN leads to.
    private func attempt(_ message: String, credential: StoredCredential?) throws -> [SASLExchange.Action] {
        var exchange = SASLFixture.exchange(.plain)
        var actions = [exchange.receive(bytes(message))]
        if case .lookUp = actions[0] { actions.append(exchange.credentialLoaded(credential)) }
        if case .derive(let derivation) = actions[actions.count - 1] {
            actions.append(exchange.derived(try derivation.run()))
        }
        return actions
    }

    @Test(arguments: ["\0User\0pencil", "user@example.com\0user\0pencil", "USER@Example.COM\0user\0pencil"])
    func rightPasswordsSucceed(message: String) throws {
        let success = SASLExchange.Action.succeed(.account(localpart: "user"), additionalData: nil)
        let forms = [
            try SASLFixture.credential(), try SASLFixture.credential(hashes: [.sha512]), .plainPassword("pencil"),
        ]
        for credential in forms {
            let actions = try attempt(message, credential: credential)
            #expect(actions.first == .lookUp(localpart: "user"))
            #expect(actions.count == 3 && actions.last == success)
        }
    }

    @Test func passwordsArePrepared() throws {
        let credential = try SASLFixture.credential(password: "IX")
        #expect(
            try attempt("\0user\0\u{2168}", credential: credential).last
                == .succeed(.account(localpart: "user"), additionalData: nil))
    }

    @Test func theCheapestHashIsUsed() throws {
        let credential = try SASLFixture.credential(hashes: [.sha256, .sha224, .sha512])
        guard case .derive(let derivation) = try attempt("\0user\0pencil", credential: credential)[1] else {
            Issue.record("no derivation")
            return
        }
        #expect(derivation.hash == .sha224)
    }

    @Test func unknownAccountsLookLikeWrongPasswords() throws {
        let candidates = [try SASLFixture.credential(), .plainPassword("pencil"), .plainPassword(""), nil]
        for credential in candidates {
            let actions = try attempt("\0user\0crayon", credential: credential)
            #expect(actions.count == 3)
            guard case .derive(let derivation) = actions[1] else {
                Issue.record("no derivation for \(credential as Any)")
                continue
            }
            #expect(derivation.hash == .sha1 && derivation.iterationCount == SASLFixture.iterationCount)
            #expect(derivation.salt.count == SCRAMCredential.saltByteCount)
            #expect(actions[2] == .fail(.notAuthorized))
        }
    }

    @Test func messagesThatFail() throws {
        let table: [(String, SASLFailure.Condition)] = [
            ("", .malformedRequest), ("user", .malformedRequest), ("\0user", .malformedRequest),
            ("\0user\0", .malformedRequest), ("\0\0pencil", .malformedRequest), ("\0\0\0", .malformedRequest),
            ("\0user\0pencil\0", .malformedRequest), ("a\0b\0c\0d", .malformedRequest),
            ("\0user\0\(String(repeating: "x", count: 4_091))", .malformedRequest),
            ("\0user\0\(String(repeating: "x", count: 1_024))", .notAuthorized),
            ("\0\(String(repeating: "x", count: 1_024))\0pencil", .notAuthorized),
            ("\0us@er\0pencil", .notAuthorized), ("\0\u{AD}\0pencil", .notAuthorized),
            ("\0us\ner\0pencil", .notAuthorized), ("\0user\0pen\ncil", .notAuthorized),
            ("\0user\0\u{AD}", .notAuthorized),
            ("other@example.com\0user\0pencil", .invalidAuthzid), ("user\0user\0pencil", .invalidAuthzid),
            ("user@example.com/x\0user\0pencil", .invalidAuthzid), ("@\0user\0pencil", .invalidAuthzid),
            ("user@\0user\0pencil", .invalidAuthzid), ("user@example.co\0user\0pencil", .invalidAuthzid),
        ]
        for (message, condition) in table {
            let actions = try attempt(message, credential: nil)
            #expect(actions.count == 1)
            #expect(SASLFixture.condition(actions[0]) == condition, "\(message.prefix(60))")
        }
        var exchange = SASLFixture.exchange(.plain)
        #expect(exchange.receive([0, 0xFF, 0, 0x61]) == .fail(.malformedRequest))
    }

    @Test func longestPasswordPasses() throws {
        let password = String(repeating: "x", count: StoredCredential.passwordByteCountMax)
        let credential = try SASLFixture.credential(password: password)
        #expect(
            try attempt("\0user\0\(password)", credential: credential).last
                == .succeed(.account(localpart: "user"), additionalData: nil))
    }

    // MARK: every exchange

    @Test(arguments: SASLMechanism.all.filter { $0 != .anonymous })
    func withoutInitialResponseTheChallengeIsEmpty(mechanism: SASLMechanism) {
        var exchange = SASLFixture.exchange(mechanism)
        #expect(exchange.receive(nil) == .challenge([]))
        #expect(exchange.receive(nil) == .fail(.malformedRequest))
    }

    @Test func aClientThatDoesNotWaitFails() throws {
        var exchange = SASLFixture.exchange(.plain)
        #expect(exchange.receive(bytes("\0user\0pencil")) == .lookUp(localpart: "user"))
        #expect(exchange.receive(bytes("\0user\0pencil")) == .fail(.malformedRequest))
        #expect(exchange.credentialLoaded(try SASLFixture.credential()) == .fail(.malformedRequest))
    }

    @Test func whatComesAfterTheEndChangesNothing() throws {
        let credential = try SASLFixture.credential()
        var exchange = SASLFixture.exchange(.plain)
        #expect(exchange.receive(bytes("\0user\0pencil")) == .lookUp(localpart: "user"))
        guard case .derive(let derivation) = exchange.credentialLoaded(credential) else {
            Issue.record("no derivation")
            return
        }
        #expect(exchange.end(with: .aborted) == .fail(.aborted))
        #expect(exchange.derived(try derivation.run()) == .fail(.aborted))
        #expect(exchange.end(with: .temporaryAuthFailure) == .fail(.aborted))
        #expect(exchange.receive(bytes("\0user\0pencil")) == .fail(.aborted))
    }

    @Test func nothingPrintsAPassword() throws {
        var exchange = SASLFixture.exchange(.plain)
        #expect(exchange.receive(bytes("\0user\0pencil")) == .lookUp(localpart: "user"))
        let action = exchange.credentialLoaded(.plainPassword("pencil"))
        var dumped = ""
        dump(action, to: &dumped)
        dump(StoredCredential.plainPassword("pencil"), to: &dumped)
        dump(exchange, to: &dumped)
        let pencil = bytes("pencil").map(String.init).joined(separator: ", ")
        for text in ["\(action)", String(reflecting: action), "\(exchange)", dumped] {
            #expect(!text.contains("pencil") && !text.contains(pencil))
        }
        #expect(!dumped.contains("- 112"), "112 is the letter p")
    }

    // MARK: ANONYMOUS

    @Test func anonymousSucceedsWithAndWithoutTrace() {
        let trace = String(repeating: "\u{E9}", count: AnonymousExchange.traceCharacterCountMax)
        for message in [nil, [], bytes("sirhc"), bytes(trace)] {
            var exchange = SASLFixture.exchange(.anonymous)
            #expect(exchange.receive(message) == .succeed(.anonymous, additionalData: nil))
        }
        for message in [bytes(trace + "x"), [0xFF], [0]] {
            var exchange = SASLFixture.exchange(.anonymous)
            #expect(exchange.receive(message) == .fail(.malformedRequest))
        }
    }
}
