// SPDX-License-Identifier: Apache-2.0
// The program of docs/backends.md: it is what is compiled, and what runs.

import Foundation
import Testing

@Suite struct BackendGuideTests {
    @Test func guideShowsTheBackendThatIsTested() throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let root = tests.deletingLastPathComponent().deletingLastPathComponent()
        let program = try String(contentsOf: tests.appending(path: "ExampleBackend.swift"), encoding: .utf8)
        let guide = try String(contentsOf: root.appending(path: "docs/backends.md"), encoding: .utf8)
        // The guide leaves out the comment at the head, and begins with the first import.
        let start = try #require(program.firstRange(of: "\n\nimport "))
        #expect(guide.contains("```swift\(program[program.index(after: start.lowerBound)...])```"))
    }
}
