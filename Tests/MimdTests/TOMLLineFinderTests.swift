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
        "", "[", "[[", "[a", "[[a]", "a", "a =", "a = [", "a = [1,", "a = {", "a = {b", "a = {b = ", "a = \"",
        "a = '''",
        "a = \"\"\"\\", "a = \"\\", "= 1", "a.b.", ".", "]", "}", "a = 1 2 3", "\"a", "a = [}", "a = {]", "{}", "\"\"",
        "a = \"\"\"\"\"\"\"\"", "[]", "[[]]", "a = [[[[[", "\\", "\0",
    ])
    func whatIsNotTOMLEndsTheScanQuietly(document: String) {
        #expect(TOMLLineFinder.lines(of: document).line == 1)
    }

    @Test(arguments: [
        ("a = 1\nb = \n", "t.toml:2: error: this is not TOML: "),
        ("a = 1\na = 2\n", "t.toml:2: error: this is not TOML: "),
        ("[a]\nb = \"x\n", "t.toml:2: error: this is not TOML: "),
        ("\n\n\u{0}", "t.toml:3: error: the character NUL is not allowed"),
    ])
    func aSyntaxErrorHasItsLine(document: String, prefix: String) {
        var diagnostics: [ConfigurationDiagnostic] = []
        let error = #expect(throws: InvalidConfiguration.self) {
            try TOMLDocument.table(document, file: "t.toml", diagnostics: &diagnostics)
        }
        #expect(error?.description.hasPrefix(prefix) == true, "\(error?.description ?? "")")
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
