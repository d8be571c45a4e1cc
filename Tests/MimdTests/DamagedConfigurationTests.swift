// SPDX-License-Identifier: Apache-2.0
// Files damaged at random: nothing traps, and whatever is still TOML has a line for every key, which shows that key.

import Testing
import XMPPCore

@testable import mimd

/// A generator that gives the same numbers for the same seed, everywhere.
private struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

private let pieces = [
    "", "\"", "'", "\"\"\"", "'''", "[", "]", "[[", "]]", "{", "}", "#", "\n", "=", ".", ",", "\\", " ", "a", "1",
].map { Array($0.utf8) }

private func damaged(_ original: [UInt8], with generator: inout SplitMix64) -> String {
    var bytes = original
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let start = Int.random(in: 0..<bytes.count, using: &generator)
        let end = min(bytes.count, start + Int.random(in: 0...4, using: &generator))
        bytes.replaceSubrange(start..<end, with: pieces[Int.random(in: 0..<pieces.count, using: &generator)])
    }
    return String(decoding: bytes, as: UTF8.self)
}

private func allEntries(of table: ConfigurationTable) -> [ConfigurationTable.Entry] {
    table.entries.flatMap { [$0] + allEntries(of: $0.value) }
}

private func allEntries(of value: ConfigurationValue) -> [ConfigurationTable.Entry] {
    switch value.kind {
    case .table(let table): allEntries(of: table)
    case .array(let elements): elements.flatMap { allEntries(of: $0) }
    default: []
    }
}

@Suite struct DamagedConfigurationTests {
    @Test(arguments: ["mongooseim", "mistakes"], [1, 2, 3] as [UInt64])
    func whatIsStillTOMLHasALineForEveryKey(name: String, seed: UInt64) throws {
        let original = Array(try fixture("\(name).toml").utf8)
        var generator = SplitMix64(seed: seed)
        var acceptedCount = 0
        for _ in 0..<300 {
            let document = damaged(original, with: &generator)
            var diagnostics: [ConfigurationDiagnostic] = []
            // Most of what random damage gives is not TOML, which is refused with a line of its own.
            guard let table = try? TOMLDocument.table(document, file: "t", diagnostics: &diagnostics) else { continue }
            acceptedCount += 1
            let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
            for entry in allEntries(of: table) {
                let line = entry.location.line
                try #require(line >= 1 && line <= lines.count, "\(entry.key) has no line in:\n\(document)")
                // A key with an escape does not look like what it stands for.
                guard !lines[line - 1].contains("\\") else { continue }
                try #require(
                    lines[line - 1].contains(entry.key), "\(entry.key) is not in line \(line) of:\n\(document)")
            }
            // Whatever the sections make of it, nothing traps.
            _ = ConfigurationReader.load(table, file: "t")
        }
        #expect(acceptedCount > 20)
    }
}
