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
