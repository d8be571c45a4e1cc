// SPDX-License-Identifier: Apache-2.0
// House rules about files as text: length, licence line, leftovers, paths of one machine.

private let fileLineCountMax = 800
private let functionLineCountMax = 70
private let licence = "SPDX-License-Identifier: Apache-2.0"
// Put together here, so that this file does not break its own rule.
private let leftoverWords = ["TO" + "DO", "FIX" + "ME"]
private let machinePaths = ["/wo" + "rk", "/t" + "mp"]

extension TidyRule {
    static let textRules = [fileLength, functionLength, licenceLine, leftovers, absolutePath]

    static let fileLength = TidyRule(
        name: "fileLength",
        check: { file in
            guard file.isSwift || file.path.hasSuffix(".py"), file.lines.count > fileLineCountMax else { return [] }
            return [(fileLineCountMax, "\(file.lines.count) lines, at most \(fileLineCountMax): split it")]
        },
        canary: SourceFile(path: "Sources/A.swift", text: String(repeating: "\n", count: fileLineCountMax + 1)),
        tidy: SourceFile(path: "Sources/A.swift", text: String(repeating: "\n", count: fileLineCountMax))
    )

    static let functionLength = TidyRule(
        name: "functionLength",
        check: { file in
            FunctionFinder.functions(in: file.bare).compactMap { function in
                guard function.lineCount > functionLineCountMax else { return nil }
                return (function.first, "a function of \(function.lineCount) lines, at most \(functionLineCountMax)")
            }
        },
        canary: SourceFile(path: "Sources/A.swift", text: function(lineCount: functionLineCountMax + 1)),
        tidy: SourceFile(path: "Sources/A.swift", text: function(lineCount: functionLineCountMax))
    )

    private static func function(lineCount: Int) -> String {
        "protocol P { func f() }\nextension P {\n    func g(\n        a: () -> Void = {}\n    ) {\n"
            + String(repeating: "        h()\n", count: lineCount - 4) + "    }\n}\n"
    }

    static let licenceLine = TidyRule(
        name: "licenceLine",
        check: { file in
            // Package.swift must begin with the version of its tools, a script with its interpreter.
            let isScript = [".py", ".sh"].contains { file.path.hasSuffix($0) }
            guard (file.isSwift && !file.path.hasSuffix("Package.swift")) || isScript else { return [] }
            let wanted = (isScript ? "# " : "// ") + licence
            let first = file.lines.first { !(isScript && $0.hasPrefix("#!")) }
            return first == wanted ? [] : [(0, "the first line must be: \(wanted)")]
        },
        canary: SourceFile(path: "Sources/A.swift", text: "import B\n"),
        tidy: SourceFile(path: "Sources/A.swift", text: "// \(licence)\nimport B\n")
    )

    static let leftovers = TidyRule(
        name: "leftovers",
        check: { file in
            file.lines.indices.compactMap { index in
                leftoverWords.first { file.lines[index].containsWord($0) }
                    .map { (index, "\($0): do it now, or open an issue") }
            }
        },
        canary: SourceFile(path: "docs/a.md", text: "\(leftoverWords[0]): later\n"),
        tidy: SourceFile(path: "docs/a.md", text: "Later.\n")
    )

    static let absolutePath = TidyRule(
        name: "absolutePath",
        check: { file in
            file.lines.indices.compactMap { index in
                machinePaths.first { isPathRoot($0, in: file.lines[index]) }
                    .map { (index, "\($0) is a path of one machine: ask the system for a directory") }
            }
        },
        canary: SourceFile(path: "scripts/a.sh", text: "cp a \(machinePaths[1])/a\n"),
        tidy: SourceFile(path: "scripts/a.sh", text: "cp a docs\(machinePaths[0])/a\n")
    )

    /// Whether the path occurs, at its beginning, as a whole component.
    private static func isPathRoot(_ root: String, in line: String) -> Bool {
        guard line.containsWord(root) else { return false }
        return line.split(whereSeparator: { " \"'`=:({[<,;".contains($0) }).contains {
            $0 == root || $0.hasPrefix(root + "/")
        }
    }
}

/// Finds the functions, initializers and subscripts of a Swift file by their braces.
struct FunctionFinder {
    struct Function {
        let first: Int, last: Int
        var lineCount: Int { last - first + 1 }
    }

    /// The functions in lines that have neither comments nor contents of strings.
    static func functions(in lines: [String]) -> [Function] {
        lines.indices.compactMap { index in
            guard startsFunction(lines[index]), let last = lastLine(of: index, in: lines) else { return nil }
            return Function(first: index, last: last)
        }
    }

    private static func startsFunction(_ line: String) -> Bool {
        if line.containsWord("func") { return true }
        let text = line.withoutOuterSpaces
        return ["init", "deinit", "subscript"].contains { name in
            text.split(separator: " ").contains { word in
                word.hasPrefix(name) && word.dropFirst(name.count).first.map { "(<?!{".contains($0) } ?? true
            }
        } && !text.contains(".init")
    }

    /// The line of the closing brace; nil if there is no body, as in a protocol.
    private static func lastLine(of first: Int, in lines: [String]) -> Int? {
        var parentheses = 0
        var braces = 0
        for index in first..<lines.count {
            if index > first, parentheses == 0, braces == 0, !continuesSignature(lines[index]) { return nil }
            for byte in lines[index].utf8 {
                switch byte {
                case UInt8(ascii: "(") where braces == 0: parentheses += 1
                case UInt8(ascii: ")") where braces == 0: parentheses -= 1
                case UInt8(ascii: "{") where parentheses == 0: braces += 1
                case UInt8(ascii: "}") where parentheses == 0:
                    braces -= 1
                    // Below zero, the brace is that of the protocol which the requirement stands in.
                    if braces <= 0 { return braces == 0 ? index : nil }
                default: break
                }
            }
        }
        return nil
    }

    private static func continuesSignature(_ line: String) -> Bool {
        let text = line.withoutOuterSpaces
        return text.isEmpty || ["{", ")", "->", "where", "async", "throws", ",", "&"].contains { text.hasPrefix($0) }
    }
}
