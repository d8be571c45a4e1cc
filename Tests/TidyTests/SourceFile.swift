// SPDX-License-Identifier: Apache-2.0
// A file of the repository as the house rules look at it: its lines, and the same lines without comments and without
// string contents, so that a rule about code is not fooled by prose. The scanner knows Swift's comments and strings,
// nothing more of the grammar.

import Foundation

struct SourceFile: Sendable {
    /// Path from the root of the repository.
    let path: String
    /// The lines as they are.
    let lines: [String]
    /// The lines without comments. Strings stay. Empty for a file that is not Swift.
    let code: [String]
    /// The lines without comments and without the contents of strings. Empty for a file that is not Swift.
    let bare: [String]

    init(path: String, text: String) {
        self.path = path
        lines = Self.split(Array(text.utf8))
        guard path.hasSuffix(".swift") else {
            (code, bare) = ([], [])
            return
        }
        var scanner = SwiftScanner(Array(text.utf8))
        scanner.run()
        code = Self.split(scanner.code)
        bare = Self.split(scanner.bare)
    }

    var isSwift: Bool { path.hasSuffix(".swift") }

    func isUnder(_ folder: String) -> Bool { path.hasPrefix(folder + "/") }

    /// Whether this line (numbered from 0) carries a comment.
    func hasComment(_ index: Int) -> Bool {
        lines.indices.contains(index) && code[index] != lines[index]
    }

    /// Whether a comment stands on this line or on the one before.
    func isExplained(_ index: Int) -> Bool { hasComment(index) || hasComment(index - 1) }

    private static func split(_ bytes: [UInt8]) -> [String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        // A file ends with a line feed, which starts no further line.
        if lines.last == "" { lines.removeLast() }
        return lines
    }
}

/// Blanks comments, and the contents of strings, of a Swift file. Line feeds stay, so that line numbers do.
struct SwiftScanner {
    private let text: [UInt8]
    private var position = 0
    private(set) var code: [UInt8] = []
    private(set) var bare: [UInt8] = []

    init(_ text: [UInt8]) {
        self.text = text
        code.reserveCapacity(text.count)
        bare.reserveCapacity(text.count)
    }

    mutating func run() {
        while position < text.count { scanCode() }
    }

    private enum Kind { case code, comment, string }

    private func at(_ offset: Int) -> UInt8 {
        position + offset < text.count ? text[position + offset] : 0
    }

    private mutating func take(_ kind: Kind) {
        guard position < text.count else { return }
        let byte = text[position]
        position += 1
        let isLineFeed = byte == UInt8(ascii: "\n")
        if kind != .comment || isLineFeed { code.append(byte) }
        if kind == .code || isLineFeed { bare.append(byte) }
    }

    /// One comment, one string, or one byte of code.
    private mutating func scanCode() {
        let byte = at(0)
        if byte == UInt8(ascii: "/"), at(1) == UInt8(ascii: "/") {
            while position < text.count, at(0) != UInt8(ascii: "\n") { take(.comment) }
        } else if byte == UInt8(ascii: "/"), at(1) == UInt8(ascii: "*") {
            scanBlockComment()
        } else if byte == UInt8(ascii: "\"") {
            scanString(poundCount: 0)
        } else if byte == UInt8(ascii: "#") {
            var poundCount = 0
            while at(poundCount) == UInt8(ascii: "#") { poundCount += 1 }
            if at(poundCount) == UInt8(ascii: "\"") {
                for _ in 0..<poundCount { take(.code) }
                scanString(poundCount: poundCount)
            } else {
                for _ in 0..<poundCount { take(.code) }
            }
        } else {
            take(.code)
        }
    }

    private mutating func scanBlockComment() {
        var depth = 0
        repeat {
            if at(0) == UInt8(ascii: "/"), at(1) == UInt8(ascii: "*") {
                depth += 1
                take(.comment)
            } else if at(0) == UInt8(ascii: "*"), at(1) == UInt8(ascii: "/") {
                depth -= 1
                take(.comment)
            }
            take(.comment)
        } while depth > 0 && position < text.count
    }

    /// A string literal, from its first quotation mark to its last. Interpolations are code, with strings of their own.
    private mutating func scanString(poundCount: Int) {
        let quote = UInt8(ascii: "\"")
        let quoteCount = at(1) == quote && at(2) == quote ? 3 : 1
        for _ in 0..<quoteCount { take(.code) }
        while position < text.count {
            if quoteCount == 1, at(0) == UInt8(ascii: "\n") { return }
            if at(0) == quote, endsString(quoteCount: quoteCount, poundCount: poundCount) {
                for _ in 0..<(quoteCount + poundCount) { take(.code) }
                return
            }
            if at(0) == UInt8(ascii: "\\"), isEscape(poundCount: poundCount) {
                for _ in 0...poundCount { take(.string) }
                if at(0) == UInt8(ascii: "(") { scanInterpolation() } else { take(.string) }
            } else {
                take(.string)
            }
        }
    }

    private func endsString(quoteCount: Int, poundCount: Int) -> Bool {
        (0..<quoteCount).allSatisfy { at($0) == UInt8(ascii: "\"") }
            && (0..<poundCount).allSatisfy { at(quoteCount + $0) == UInt8(ascii: "#") }
    }

    private func isEscape(poundCount: Int) -> Bool {
        (0..<poundCount).allSatisfy { at(1 + $0) == UInt8(ascii: "#") }
    }

    private mutating func scanInterpolation() {
        var depth = 0
        repeat {
            if at(0) == UInt8(ascii: "(") { depth += 1 }
            if at(0) == UInt8(ascii: ")") { depth -= 1 }
            scanCode()
        } while depth > 0 && position < text.count
    }
}
