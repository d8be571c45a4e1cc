// SPDX-License-Identifier: Apache-2.0
// Whole files: each .toml in Fixtures has a .txt beside it with what must come of it. MIMD_WRITE_GOLDEN=1 in the
// environment writes the .txt files anew, for a person to read the difference.

import Foundation
import Testing
import XMPPCore

@testable import mimd

private let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

private func text(_ path: String) throws -> String {
    try ConfigurationFile.text(at: root.appendingPathComponent(path).path)
}

@Suite struct GoldenConfigurationTests {
    @Test(arguments: ["mongooseim", "mistakes"])
    func aFileGivesWhatTheOneBesideItSays(name: String) throws {
        let toml = try text("Tests/MimdTests/Fixtures/\(name).toml")
        let dumped = dump(TOMLConfigurationLoader.load(text: toml, file: "\(name).toml"))
        let path = "Tests/MimdTests/Fixtures/\(name).txt"
        if ProcessInfo.processInfo.environment["MIMD_WRITE_GOLDEN"] != nil {
            try dumped.write(to: root.appendingPathComponent(path), atomically: true, encoding: .utf8)
        }
        let lines = dumped.split(separator: "\n", omittingEmptySubsequences: false)
        let expected = try text(path).split(separator: "\n", omittingEmptySubsequences: false)
        for (line, expected) in zip(lines, expected) { #expect(line == expected) }
        #expect(lines.count == expected.count)
    }

    @Test func theExampleIsValidWithoutAWarning() throws {
        let loaded = TOMLConfigurationLoader.load(text: try text("config/mimd.example.toml"), file: "example.toml")
        #expect(loaded.diagnostics == [])
        let report = ConfigurationReport(loaded)
        #expect(report.diagnostics == [])
        let server = try #require(loaded.server)
        #expect(server.listeners.map(\.isLoopbackOnly) == [true])
        #expect(server.listeners.map(\.port) == [5222])
        #expect(server.backends.filter { !$0.isLocalStore && !$0.isProcessMemory } == [])
    }

    @Test func aFileThatCannotBeReadIsAnError() {
        let loaded = TOMLConfigurationLoader.load(path: "/nowhere/mimd.toml")
        #expect(loaded.diagnostics.map(\.description) == ["/nowhere/mimd.toml: error: No such file or directory"])
        #expect(loaded.server == nil)
    }
}
