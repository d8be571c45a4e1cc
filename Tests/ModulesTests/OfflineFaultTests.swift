// SPDX-License-Identifier: Apache-2.0
// Offline messages on stores that fail now and then: none is lost of which nobody was told so, whatever the seed.

import Testing
import XMPPCore
import XMPPPersistenceConformance

struct OfflineFaultTests {
    static let juliet = "juliet@example.com"
    static let messageCount = 12

    /// What comes of messages that are sent to somebody who is not there, and who comes until nothing is left.
    private struct Outcome {
        /// Those that came back to the sender as errors.
        var bounced: Set<String> = []
        /// In the order in which they came.
        var delivered: [String] = []
        /// Calls that were to remove what had been delivered, and did not answer so.
        var failedRemovalCount = 0
        var failedCallCount = 0
    }

    private static func run(seed: UInt64, _ rates: FaultyStorage.Rates) async throws -> Outcome {
        let faults = FaultyStorage(seed: seed, rates: .none)
        let measured = MeasuredStorage()
        var outcome = Outcome()
        let modules = ["mod_roster", "mod_presence", "mod_offline"].map { ModuleConfiguration($0) }
        let wrap = { (storage: Storage) in storage.decorated(by: faults).decorated(by: measured) }
        try await Verona.run(modules: modules, storage: wrap) { verona in
            let romeo = try await verona.connect("romeo@example.net/orchard")
            faults.rates = rates
            for number in 0..<messageCount {
                try await romeo.send("<message to='\(juliet)' type='chat' id='\(number)'><body>!</body></message>")
            }
            outcome.bounced = Set(ids(await romeo.received()))
            // She comes and goes; each time the stores may fail before everything was handed over.
            var visitCount = 0
            while try await verona.storage.offlineMessages.messageCount(for: BareJID(juliet)) > 0 {
                visitCount += 1
                try #require(visitCount < 200, "messages stay where they are")
                let juliet = try await verona.connect("\(juliet)/\(visitCount)")
                try await juliet.send("<presence/>")
                outcome.delivered += ids(await juliet.received())
                await juliet.close()
            }
        }
        let removal = measured.measurements.first { $0.key.description == "offlineMessages.remove(_:for:)" }?.value
        outcome.failedRemovalCount = removal?.errorCounts.values.reduce(0, +) ?? 0
        outcome.failedCallCount = faults.failedCallCount
        return outcome
    }

    /// The ids of messages, in the order in which they came.
    private static func ids(_ stanzas: [String]) -> [String] {
        stanzas.compactMap { Stanza.literal($0) }.filter { $0.kind == .message }.compactMap(\.id)
    }

    @Test(arguments: 0..<60)
    func nothingIsLostAndNothingComesTwiceWithoutReason(_ seed: UInt64) async throws {
        let rates = FaultyStorage.Rates(refused: 0.15, unacknowledged: 0.15, delayed: 0.3)
        let outcome = try await Self.run(seed: seed, rates)
        let all = (0..<Self.messageCount).map(String.init)
        // Whose sender was told that it could not be kept may come nevertheless; no other may be missing.
        #expect(outcome.bounced.union(outcome.delivered) == Set(all))
        let first = outcome.delivered.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        #expect(first == first.sorted { Int($0) ?? 0 < Int($1) ?? 0 })
        // Only a removal that failed makes a message come once more.
        let repeatedCount = outcome.delivered.count - first.count
        #expect(repeatedCount <= outcome.failedRemovalCount * Self.messageCount)
        #expect(outcome.failedCallCount > 0)
    }

    @Test func oneSeedIsOneStory() async throws {
        let one = try await Self.run(seed: 7, FaultyStorage.Rates(refused: 0.3, unacknowledged: 0.2, delayed: 0.3))
        let other = try await Self.run(seed: 7, FaultyStorage.Rates(refused: 0.3, unacknowledged: 0.2, delayed: 0.3))
        #expect(one.bounced == other.bounced && one.delivered == other.delivered)
        #expect(!one.bounced.isEmpty)
    }
}
