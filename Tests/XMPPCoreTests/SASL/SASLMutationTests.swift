// SPDX-License-Identifier: Apache-2.0
// Damaged messages: nothing traps, and a login in which one byte differs from what was proven does not succeed.

import Testing

@testable import XMPPCore

@Suite struct SASLMutationTests {
    /// SplitMix64: the same damage for the same seed.
    private struct Damage {
        var state: UInt64

        mutating func next(below bound: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((value ^ (value >> 31)) % UInt64(bound))
        }

        /// A copy with one to three bytes changed, taken out or put in.
        mutating func damage(_ message: [UInt8]) -> [UInt8] {
            let likely = bytes(",=nyparmc\0\u{E9}@/|ABC+")
            var copy = message
            for _ in 0...next(below: 3) {
                let byte = next(below: 2) == 0 ? likely[next(below: likely.count)] : UInt8(next(below: 256))
                switch next(below: 3) {
                case 0 where !copy.isEmpty: copy[next(below: copy.count)] = byte
                case 1 where !copy.isEmpty: copy.remove(at: next(below: copy.count))
                default: copy.insert(byte, at: next(below: copy.count + 1))
                }
            }
            return copy
        }
    }

    @Test(arguments: 0..<8) func damagedSCRAMNeverSucceeds(seed: UInt64) throws {
        var damage = Damage(state: seed)
        let credential = try SASLFixture.credential(hashes: [.sha1])
        for round in 0..<300 {
            var client = SCRAMClient(hash: .sha1)
            client.gs2Header = "p=tls-exporter,a=user@example.com,"
            client.channelBindingData = bytes("exporter")
            var exchange = SASLFixture.exchange(.scramPlus(.sha1))
            let first = round.isMultiple(of: 2) ? damage.damage(client.first) : client.first
            var action = exchange.receive(first)
            if case .lookUp = action { action = exchange.credentialLoaded(credential) }
            guard case .challenge(let challenge) = action else { continue }
            let honest = try client.final(to: challenge).message
            let final = round.isMultiple(of: 2) ? honest : damage.damage(honest)
            guard first != client.first || final != honest else { continue }
            #expect(SASLFixture.condition(exchange.receive(final)) != nil, "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: 0..<8) func damagedPlainEndsInOneOfItsActions(seed: UInt64) throws {
        var damage = Damage(state: seed)
        for round in 0..<500 {
            var exchange = SASLFixture.exchange(.plain)
            let message = damage.damage(bytes("user@example.com\0user\0pencil"))
            var action = exchange.receive(message)
            if case .lookUp = action { action = exchange.credentialLoaded(nil) }
            if case .derive(let derivation) = action { action = exchange.derived(try derivation.run()) }
            #expect(SASLFixture.condition(action) != nil, "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: 0..<8) func damagedTextsAreRefusedOrGoRound(seed: UInt64) throws {
        var damage = Damage(state: seed)
        for round in 0..<500 {
            let text = String(decoding: damage.damage(bytes(StoredCredentialTests.text)), as: UTF8.self)
            do {
                let credential = try SCRAMCredential(text: text)
                #expect(try SCRAMCredential(text: credential.text) == credential, "seed \(seed), round \(round)")
            } catch {
                continue
            }
        }
    }
}
