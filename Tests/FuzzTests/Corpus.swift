// SPDX-License-Identifier: Apache-2.0
// The inputs in Corpus/, one folder for each target, and the dictionaries of the fuzzer.

import Foundation
import Testing

enum Corpus {
    /// An input.
    struct File: Sendable, CustomTestStringConvertible {
        let target: FuzzTarget
        let name: String

        var testDescription: String { "\(target)/\(name)" }

        func bytes() throws -> [UInt8] {
            Array(try Data(contentsOf: folder.appendingPathComponent("\(target)/\(name)")))
        }
    }

    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    private static let folder = tests.appendingPathComponent("Corpus")

    /// Every input of every target.
    static let files: [File] = FuzzTarget.allCases.flatMap { target in
        // A target without a folder has no inputs, which a test says.
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: folder.appendingPathComponent("\(target)").path)
        return (names ?? []).sorted().map { File(target: target, name: $0) }
    }

    /// The pieces of a target's language, in libFuzzer's format: `"text"` with escapes, a line each.
    static func dictionary(of target: FuzzTarget) throws -> [[UInt8]] {
        let dictionaries = tests.appendingPathComponent("../../Fuzzing/Dictionaries")
        let text = try String(contentsOf: dictionaries.appendingPathComponent("\(target).dict"), encoding: .utf8)
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { unescaped($0.dropFirst().dropLast()) }
    }

    private static func unescaped(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            guard escaped == UInt8(ascii: "x") else {
                bytes.append(escaped)
                continue
            }
            bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
