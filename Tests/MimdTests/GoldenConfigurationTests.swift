// SPDX-License-Identifier: Apache-2.0
// Whole files: each .toml in Fixtures has a .txt beside it with what must come of it. MIMD_WRITE_GOLDEN=1 in the
// environment writes the .txt files anew, for a person to read the difference.

import Foundation
import Testing
import XMPPCore

@testable import mimd

@Suite struct GoldenConfigurationTests {
    @Test(arguments: ["mongooseim", "mistakes"])
    func aFileGivesWhatTheOneBesideItSays(name: String) throws {
        let dumped = dump(TOMLConfigurationLoader.load(text: try fixture("\(name).toml"), file: "\(name).toml"))
        if ProcessInfo.processInfo.environment["MIMD_WRITE_GOLDEN"] != nil {
            let url = repositoryURL("Tests/MimdTests/Fixtures/\(name).txt")
            try dumped.write(to: url, atomically: true, encoding: .utf8)
        }
        let lines = dumped.split(separator: "\n", omittingEmptySubsequences: false)
        let expected = try fixture("\(name).txt").split(separator: "\n", omittingEmptySubsequences: false)
        // The first line that differs says enough; after it everything does.
        if let index = lines.indices.first(where: { !expected.indices.contains($0) || lines[$0] != expected[$0] }) {
            Issue.record("line \(index + 1) is: \(lines[index])")
        }
        #expect(lines.count == expected.count)
    }

    @Test func theExampleIsValidWithoutAWarning() throws {
        let loaded = TOMLConfigurationLoader.load(
            text: try repositoryText("config/mimd.example.toml"), file: "example.toml")
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
        #expect(
            loaded.diagnostics.map(\.description) == [
                "/nowhere/mimd.toml: error: No such file or directory; name the configuration with --config FILE"
            ])
        #expect(loaded.server == nil)
    }
}
