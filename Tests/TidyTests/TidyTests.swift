// SPDX-License-Identifier: Apache-2.0
// The house rules as tests: each rule holds for every file of the repository, but for the exceptions listed here, and
// each rule is seen to refuse its canary.

import Testing

/// Places that break a rule and were there when the rule came: rule, path, how many. The list may shrink, never grow.
private let exceptions: [String: [String: Int]] = [:]

private let rules = TidyRule.textRules + TidyRule.codeRules

@Suite struct TidyTests {
    @Test(arguments: rules) func everyFileKeeps(_ rule: TidyRule) {
        let allowed = exceptions[rule.name] ?? [:]
        for file in Repository.files {
            let violations = rule.violations(in: file)
            let allowedCount = allowed[file.path] ?? 0
            if violations.count > allowedCount {
                for violation in violations { Issue.record("\(violation)") }
            }
            #expect(
                violations.count >= allowedCount,
                "\(rule.name): \(file.path) is better: its exception is now \(violations.count)"
            )
        }
        for path in allowed.keys {
            #expect(Repository.files.contains { $0.path == path }, "\(rule.name): there is no \(path) any more")
        }
    }

    @Test(arguments: rules) func everyRuleRefusesItsCanary(_ rule: TidyRule) {
        #expect(!rule.violations(in: rule.canary).isEmpty)
        #expect(rule.violations(in: rule.tidy).isEmpty)
    }

    @Test func everyRuleHasANameOfItsOwn() {
        #expect(Set(rules.map(\.name)).count == rules.count)
        for name in exceptions.keys { #expect(rules.contains { $0.name == name }) }
    }

    @Test func theRepositoryIsFound() {
        let paths = Set(Repository.files.map(\.path))
        #expect(paths.isSuperset(of: ["Package.swift", "Makefile", "Tests/TidyTests/TidyTests.swift"]))
    }

    /// A limit or a test that gets another name takes the threat model with it.
    @Test func theThreatModelNamesWhatIsThere() throws {
        func isPartOfWord(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
            default: false
            }
        }
        func words(_ text: String) -> [String] {
            let parts = Array(text.utf8).split(whereSeparator: { !isPartOfWord($0) })
            return parts.map { String(decoding: $0, as: UTF8.self) }
        }
        let path = "docs/threat-model.md"
        let model = try #require(Repository.files.first { $0.path == path }).lines.joined(separator: "\n")
        let others = Repository.files.filter { !$0.path.hasSuffix(".md") }
        let known = Set(others.flatMap { words($0.path) + $0.lines.flatMap { words($0) } })
        let tests = known.filter { $0.hasPrefix("test_") }
        // What stands between backticks, and the suites.
        var names = words(model).filter { $0.hasSuffix("Tests") && $0 != "Tests" }
        for (index, quoted) in model.split(separator: "`", omittingEmptySubsequences: false).enumerated()
        where index % 2 == 1 {
            guard quoted.contains("..") else {
                names += words(String(quoted))
                continue
            }
            let parts = words(String(quoted))
            #expect(tests.contains { test in parts.allSatisfy { test.contains($0) } }, "there is no test \(quoted)")
        }
        #expect(names.count > 100)
        for name in names where !known.contains(name) { Issue.record("\(path): there is no \(name)") }
    }

    @Test(arguments: [
        ("let a = 1 // b", "let a = 1 ", "let a = 1 "),
        (#"let a = "// \(f("b")) c" // d"#, #"let a = "// \(f("b")) c" "#, #"let a = "(f(""))" "#),
        (
            ##"let a = #"\(b) " // "# /* c /* d */ */ + e"##, ##"let a = #"\(b) " // "#  + e"##,
            ##"let a = #""#  + e"##
        ),
        (
            "let a = \"\"\"\n  \"b\" // c\n  \"\"\"", "let a = \"\"\"\n  \"b\" // c\n  \"\"\"",
            "let a = \"\"\"\n\n\"\"\""
        ),
    ])
    func theScannerTellsCodeFromCommentsAndStrings(_ text: String, _ code: String, _ bare: String) {
        var scanner = SwiftScanner(Array(text.utf8))
        scanner.run()
        #expect(String(decoding: scanner.code, as: UTF8.self) == code)
        #expect(String(decoding: scanner.bare, as: UTF8.self) == bare)
    }
}
