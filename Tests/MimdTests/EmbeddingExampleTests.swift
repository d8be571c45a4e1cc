// SPDX-License-Identifier: Apache-2.0
// The program of the README: it is what is compiled, and it does what it says.

import Foundation
import Testing

@Suite struct EmbeddingExampleTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func readmeShowsTheProgramThatIsCompiled() throws {
        let program = try String(
            contentsOf: Self.root.appending(path: "Examples/Embedding/main.swift"), encoding: .utf8)
        let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
        // The README leaves out the licence line and the empty line after it.
        let header = "// SPDX-License-Identifier: Apache-2.0\n\n"
        try #require(program.hasPrefix(header))
        #expect(readme.contains("```swift\n\(program.dropFirst(header.count))```"))
    }

    @Test func theProgramPassesAMessage() throws {
        let process = Process()
        // It is built beside the tests, which depend on it.
        process.executableURL = Self.productsDirectory.appending(path: "Embedding")
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(text == "romeo@example.org says: Call me but love.\n")
        #expect(process.terminationStatus == 0)
    }

    /// Where this test program lies.
    private static var productsDirectory: URL {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    }
}
