// SPDX-License-Identifier: Apache-2.0
// The line of every key and element, in every form that TOML has for them.

import Testing
import XMPPCore

@testable import mimd

/// Every key path of the document with its line.
private func lines(_ document: String) throws -> [String] {
    var diagnostics: [ConfigurationDiagnostic] = []
    let table = try TOMLDocument.table(document, file: "t", diagnostics: &diagnostics)
    #expect(diagnostics.isEmpty)
    return flatten(table, "")
}

private func flatten(_ table: ConfigurationTable, _ path: String) -> [String] {
    table.entries.flatMap { entry in
        ["\(path)\(entry.key) \(entry.location.line)"] + flatten(entry.value, "\(path)\(entry.key)")
    }
}

private func flatten(_ value: ConfigurationValue, _ path: String) -> [String] {
    switch value.kind {
    case .table(let table): flatten(table, path + ".")
    case .array(let elements):
        elements.enumerated().flatMap { index, element in
            ["\(path)[\(index)] \(element.location.line)"] + flatten(element, "\(path)[\(index)]")
        }
    default: []
    }
}

@Suite struct TOMLLineFinderTests {
    @Test(
        arguments: [
            ("a = 1\nb = 2\n", ["a 1", "b 2"]),
            ("\r\n# c = 1\r\n  a = 1 # b = 2\r\n\tb = 2", ["a 3", "b 4"]),
            ("[t]\na = 1\n\n[u]\na = 1", ["t 1", "t.a 2", "u 4", "u.a 5"]),
            ("z = 1\ny = 2\nx = 3", ["z 1", "y 2", "x 3"]),
            ("[a.b.c]\nd = 1\n[a]\ne = 1", ["a 3", "a.b 1", "a.b.c 1", "a.b.c.d 2", "a.e 4"]),
            ("a.b.c = 1\na.d = 2", ["a 1", "a.b 1", "a.b.c 1", "a.d 2"]),
            ("[ a . \"b.c\" ]\n'd e' . f = 1", ["a 1", "a.b.c 1", "a.b.c.d e 2", "a.b.c.d e.f 2"]),
            ("\"\\u00e9\\\"\" = 1\n\"\" = 2", ["\u{E9}\" 1", " 2"]),
            (
                "[[l]]\na = 1\n[[l]]\na = 2\n[l.t]\nb = 3",
                [
                    "l 1", "l[0] 1", "l[0].a 2", "l[1] 3", "l[1].a 4", "l[1].t 5", "l[1].t.b 6",
                ]
            ),
            (
                "[[a.b]]\n[[a.b.c]]\nd = 1\n[[a.b.c]]\nd = 1\n[[a.b]]",
                [
                    "a 1", "a.b 1", "a.b[0] 1", "a.b[0].c 2", "a.b[0].c[0] 2", "a.b[0].c[0].d 3", "a.b[0].c[1] 4",
                    "a.b[0].c[1].d 5", "a.b[1] 6",
                ]
            ),
            ("a = {b = 1, c.d = {e = '}'}}\nf = 2", ["a 1", "a.b 1", "a.c 1", "a.c.d 1", "a.c.d.e 1", "f 2"]),
            (
                "a = [\n  1, # ]\n\n  [2,\n 3],\n {x = 1},\n]\nb = 1",
                [
                    "a 1", "a[0] 2", "a[1] 4", "a[1][0] 4", "a[1][1] 5", "a[2] 6", "a[2].x 6", "b 8",
                ]
            ),
            ("a = \"\"\"\nb = 1\n[c]\\\n \\\"\"\" \"\"\"\nd = 1", ["a 1", "d 5"]),
            ("a = '''\n'b' = 1\n'''''\nc = 1", ["a 1", "c 4"]),
            ("a = \"x # \\\" y\" # z\nb = '\\'\nc = ''\nd = \"\"\ne = 1", ["a 1", "b 2", "c 3", "d 4", "e 5"]),
            ("a = \"\"\"x\"\"\"\"\"\nb = 1", ["a 1", "b 2"]),
            (
                "a = [\"]\", ']', \"\"\"]\n\"\"\", '''\n]''']\nb = 1",
                [
                    "a 1", "a[0] 1", "a[1] 1", "a[2] 1", "a[3] 2", "b 4",
                ]
            ),
            ("a = -1_000\nb = 1e3\nc = 0xff\nd = true\ne = inf", ["a 1", "b 2", "c 3", "d 4", "e 5"]),
            ("\u{FEFF}a = 1\nb = 2", ["a 1", "b 2"]),
            ("", []),
        ] as [(String, [String])])
    func everyKeyHasItsLine(document: String, expected: [String]) throws {
        #expect(try lines(document) == expected)
    }

    @Test(arguments: [
        ("a = 1\nb = \n", 2, "expected a value, found the end of the line"),
        ("a = ", 1, "expected a value, found the end of the file"),
        ("a = # b", 1, "expected a value, found \"#\""),
        ("a", 1, "expected \"=\", found the end of the file"),
        ("a b = 1", 1, "expected \"=\", found \"b\""),
        ("= 1", 1, "expected a key, found \"=\""),
        ("a..b = 1", 1, "expected a key, found \".\""),
        ("a. = 1", 1, "expected a key, found \"=\""),
        ("\u{E9} = 1", 1, "expected a key, found \"\u{E9}\""),
        ("\"\"\"a\"\"\" = 1", 1, "a key cannot be a string of several lines"),
        ("]", 1, "expected a key, found \"]\""),
        ("a = 1 2", 1, "expected the end of the line, found \"2\""),
        ("a = 1, b = 2", 1, "expected the end of the line, found \",\""),
        ("a = 1 [b]", 1, "expected the end of the line, found \"[\""),
        ("a = \"b\" c", 1, "expected the end of the line, found \"c\""),
        ("a = 1\n[.b]", 2, "expected a key, found \".\""),
        ("[[ # b", 1, "expected a key, found \"#\""),
        ("[\n]", 1, "expected a key, found the end of the line"),
        ("[]", 1, "expected a key, found \"]\""),
        ("[a", 1, "expected \"]\", found the end of the file"),
        ("[[a]", 1, "expected \"]\", found the end of the file"),
        ("[[a] ]", 1, "expected \"]\", found \" \""),
        ("[a]]", 1, "expected the end of the line, found \"]\""),
        ("\na = [\n1\n", 2, "this array is not closed"),
        ("a = [,]", 1, "expected a value, found \",\""),
        ("a = [1\n 2]", 2, "expected \",\" or \"]\", found \"2\""),
        ("a = [1 2]", 1, "expected \",\" or \"]\", found \"2\""),
        ("a = [1}", 1, "expected \",\" or \"]\", found \"}\""),
        ("a = 1\nb = 1979-05-27 1\n", 2, "expected a time after the date, found \"1\""),
        ("a = 1979-05-27TY:00", 1, "expected a time after the date, found \"Y\""),
        ("a = 1979-05-27t", 1, "expected a time after the date, found the end of the file"),
        ("a = [1979-05-27 1]", 1, "expected a time after the date, found \"1\""),
        ("a = {", 1, "expected a key, found the end of the file"),
        ("a = {b = 1,}", 1, "expected a key, found \"}\""),
        ("a = {b = 1\n}", 1, "expected \",\" or \"}\", found the end of the line"),
        ("a = {b = }", 1, "expected a value, found \"}\""),
        ("[a]\nb = \"x\nc = 1", 2, "this string is not closed"),
        ("a = 'x", 1, "this string is not closed"),
        ("a = \"\\\"", 1, "this string is not closed"),
        ("a = \"\\", 1, "this string is not closed"),
        ("a = 1\nb = \"\"\"x\n\n\"\"", 2, "this string is not closed"),
        ("\n\n\u{0}", 3, "the character NUL is not allowed"),
        ("a = 1\nb = \"x\\u0000\"", 2, "the character NUL is not allowed"),
        ("a = 1\n\"\\U00000000\" = 2", 2, "the character NUL is not allowed"),
        (
            "a = 1\nb = \(String(repeating: "[", count: 100_000))", 2,
            "values nested deeper than 64 levels are not allowed"
        ),
        (
            "a = 1\nb = \(String(repeating: "{a = ", count: 65))", 2,
            "values nested deeper than 64 levels are not allowed"
        ),
        ("[\(String(repeating: "a.", count: 64))a]", 1, "keys of more than 64 parts are not allowed"),
    ])
    func wrongStructureIsRefusedWithItsLine(document: String, line: Int, message: String) {
        let problem = #expect(throws: TOMLLineFinder.Problem.self) { try TOMLLineFinder.lines(of: document) }
        #expect(problem == .init(line: line, message: message))
    }

    @Test(arguments: [
        ("a = 1\na = 2\n", "t.toml:2: error: this is not TOML: "),
        ("a = 1\nb = 1x\n", "t.toml:2: error: this is not TOML: "),
        ("a = 1\n\nb = \"\\q\"\n", "t.toml:3: error: this is not TOML: "),
        ("a = 1\n[b\n", "t.toml:2: error: this is not TOML: expected \"]\", found the end of the line"),
    ])
    func whatIsNotTOMLIsAnErrorOfTheFile(document: String, prefix: String) {
        var diagnostics: [ConfigurationDiagnostic] = []
        let error = #expect(throws: InvalidConfiguration.self) {
            try TOMLDocument.table(document, file: "t.toml", diagnostics: &diagnostics)
        }
        #expect(error?.description.hasPrefix(prefix) == true, "\(error?.description ?? "")")
    }

    @Test func valuesAndKeysMayNestAsDeeplyAsTheLimit() throws {
        let array = "a = \(String(repeating: "[", count: 64))\(String(repeating: "]", count: 64))"
        #expect(try lines(array).count == 64)
        let key = "[\(String(repeating: "a.", count: 63))a]"
        #expect(try lines(key).count == 64)
    }

    @Test func aDateIsNoValueOfAnOption() throws {
        var diagnostics: [ConfigurationDiagnostic] = []
        let document = "a = 1\n[b]\nc = [1, 1979-05-27 07:32:00Z]\nd = 2"
        let table = try TOMLDocument.table(document, file: "t.toml", diagnostics: &diagnostics)
        #expect(table == ["a": 1, "b": ["c": [1], "d": 2]])
        #expect(
            diagnostics.map(\.description) == ["t.toml:3: error: b.c[2]: dates and times are not allowed here"])
    }

    @Test func valuesKeepTheirKinds() throws {
        var diagnostics: [ConfigurationDiagnostic] = []
        let document = "a = \"1\"\nb = 1\nc = 1.0\nd = true\ne = [1, \"2\"]\nf = {}"
        let table = try TOMLDocument.table(document, file: "t.toml", diagnostics: &diagnostics)
        #expect(table == ["a": "1", "b": 1, "c": 1.0, "d": true, "e": [1, "2"], "f": [:]])
    }
}
