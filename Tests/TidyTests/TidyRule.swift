// SPDX-License-Identifier: Apache-2.0
// What a house rule is: a name, a check of one file, and the canary that proves that the check can fail.

import Testing

/// A place that breaks a rule.
struct Violation: Sendable, CustomStringConvertible {
    let path: String
    /// Numbered from 1.
    let line: Int
    let message: String
    var description: String { "\(path):\(line): \(message)" }
}

/// A house rule.
struct TidyRule: Sendable, CustomTestStringConvertible {
    /// Names the rule in exceptions and in test results.
    let name: String
    /// Lines (numbered from 0) of the file that break the rule, each with what to do about it.
    let check: @Sendable (SourceFile) -> [(line: Int, message: String)]
    /// A file that breaks the rule.
    let canary: SourceFile
    /// The same file as it should be.
    let tidy: SourceFile

    var testDescription: String { name }

    func violations(in file: SourceFile) -> [Violation] {
        check(file).map { Violation(path: file.path, line: $0.line + 1, message: "\(name): \($0.message)") }
    }

    /// A rule about lines of Swift below some folders.
    static func lines(
        _ name: String,
        in folders: [String],
        refuse isRefused: @escaping @Sendable (SourceFile, Int) -> String?,
        canary: (path: String, bad: String, good: String)
    ) -> TidyRule {
        TidyRule(
            name: name,
            check: { file in
                guard file.isSwift, folders.contains(where: { file.isUnder($0) }) else { return [] }
                return file.lines.indices.compactMap { index in isRefused(file, index).map { (index, $0) } }
            },
            canary: SourceFile(path: canary.path, text: canary.bad),
            tidy: SourceFile(path: canary.path, text: canary.good)
        )
    }
}

extension StringProtocol {
    /// Whether `word` occurs with no letter, digit or underscore on either side of it.
    func containsWord(_ word: String) -> Bool {
        let text = Array(utf8)
        let wanted = Array(word.utf8)
        guard !wanted.isEmpty, text.count >= wanted.count else { return false }
        return (0...(text.count - wanted.count)).contains { start in
            let end = start + wanted.count
            return text[start] == wanted[0] && text[start..<end].elementsEqual(wanted)
                && (start == 0 || !text[start - 1].isNameByte) && (end == text.count || !text[end].isNameByte)
        }
    }

    /// Spaces before the first other character.
    var indentation: Int { prefix { $0 == " " }.count }

    var withoutOuterSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

extension UInt8 {
    fileprivate var isNameByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
