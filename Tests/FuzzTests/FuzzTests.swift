// SPDX-License-Identifier: Apache-2.0
// Damaged input for what reads the bytes of others: the corpus as it is, and a few seconds of seeded changes to it. The
// long runs are those of scripts/fuzz.sh, on the same properties, corpus and dictionaries.

import Glibc
import Testing

/// Seeds that found something once, and a new one for each run; `FUZZ_SEED` in the environment repeats a run.
private let seeds: [UInt64] = [
    1, getenv("FUZZ_SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: .min ... .max),
]

extension FuzzTarget {
    /// How many changed inputs take about a second in a debug build.
    fileprivate var inputCount: Int {
        switch self {
        case .xml: 600
        case .stanza: 1_000
        case .jid: 6_000
        case .sasl: 1_000
        case .toml: 200
        case .term: 1_000
        }
    }
}

@Suite struct FuzzTests {
    /// The names of the files say what they hold; `found-` begins those that something was wrong with once.
    @Test(arguments: Corpus.files)
    func everyPropertyHoldsForTheCorpus(_ file: Corpus.File) throws {
        try file.target.check(file.bytes())
    }

    @Test(arguments: FuzzTarget.allCases, seeds)
    func everyPropertyHoldsForChangedInput(_ target: FuzzTarget, _ seed: UInt64) throws {
        print("FUZZ_SEED=\(seed)")
        let inputs = try Corpus.files.filter { $0.target == target }.map { try $0.bytes() }
        var mutator = Mutator(seed: seed, pieces: try Corpus.dictionary(of: target))
        for _ in 0..<target.inputCount {
            let input = mutator.mutate(mutator.pick(inputs))
            do throws(PropertyViolation) {
                try target.check(input)
            } catch {
                Issue.record("seed \(seed): \(error), of \(input)")
            }
        }
    }

    @Test(arguments: FuzzTarget.allCases)
    func everyTargetHasACorpus(_ target: FuzzTarget) throws {
        #expect(Corpus.files.contains { $0.target == target })
        #expect(try !Corpus.dictionary(of: target).isEmpty)
    }
}
