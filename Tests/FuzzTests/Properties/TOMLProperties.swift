// SPDX-License-Identifier: Apache-2.0
// The configuration: whatever the file holds, an answer comes of it, and what is wrong is said with a line of the file.

import XMPPCore

// The package of the fuzzer compiles the reader's sources itself: no package imports another one's program.
#if !FUZZING
    @testable import mimd
#endif

enum TOMLProperties {
    static func check(_ input: [UInt8]) throws(PropertyViolation) {
        // A file that is not UTF-8 is refused before it is parsed.
        guard let text = String(validating: input, as: UTF8.self) else { return }
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let loaded = TOMLConfigurationLoader.load(text: text, file: "t")
        try require(loaded.hasErrors == (loaded.server == nil), "a configuration in spite of errors, or neither")
        for diagnostic in loaded.diagnostics {
            // The sentence that the rest is not shown is about no line.
            if diagnostic.keyPath.isEmpty, diagnostic.message.hasPrefix("there are too many errors") { continue }
            let location = diagnostic.location
            try require(location.file == "t" && (1...lines.count).contains(location.line), "\(diagnostic)")
            try require(!diagnostic.message.isEmpty, "nothing is said about \(location)")
        }
        for entry in entries(of: loaded.table) {
            let line = entry.location.line
            try require((1...lines.count).contains(line), "the line of \(entry.key) is \(line)")
            let shown = lines[line - 1]
            // A key with an escape does not look like what it stands for.
            guard !shown.contains(UInt8(ascii: "\\")) else { continue }
            try require(shown.contains(entry.key.utf8), "\(entry.key) is not in line \(line)")
        }
    }

    private static func entries(of table: ConfigurationTable) -> [ConfigurationTable.Entry] {
        table.entries.flatMap { [$0] + entries(of: $0.value) }
    }

    private static func entries(of value: ConfigurationValue) -> [ConfigurationTable.Entry] {
        switch value.kind {
        case .table(let table): entries(of: table)
        case .array(let elements): elements.flatMap { entries(of: $0) }
        default: []
        }
    }
}

extension Substring.UTF8View {
    /// Whether these bytes occur; the empty ones do everywhere.
    fileprivate func contains(_ part: String.UTF8View) -> Bool {
        let bytes = Array(self), part = Array(part)
        guard let first = part.first else { return true }
        guard bytes.count >= part.count else { return false }
        return (0...(bytes.count - part.count)).contains {
            bytes[$0] == first && bytes[$0..<($0 + part.count)].elementsEqual(part)
        }
    }
}
