// SPDX-License-Identifier: Apache-2.0
// House rules about Swift code: what needs a comment, what must not occur, and who may import whom.

import Foundation

extension TidyRule {
    static let codeRules = [
        namespaceLiteral, swallowedError, discardedResult, uncheckedSendable, forcedTry, sleepingTest, processOwnership,
        layering,
    ]

    /// A namespace is written once, in an extension of `Namespace` in the file of the feature that owns it.
    static let namespaceLiteral = TidyRule(
        name: "namespaceLiteral",
        check: { file in
            guard file.isSwift, file.isUnder("Sources") else { return [] }
            let allowed = namespaceLines(of: file.bare)
            return file.code.indices.compactMap { index in
                guard !allowed.contains(index), hasNamespaceLiteral(file.code[index]) else { return nil }
                return (index, "a namespace is written once, in an extension of Namespace")
            }
        },
        canary: SourceFile(path: "Sources/Modules/A.swift", text: "let ping = \"urn:xmpp:ping\"\n"),
        tidy: SourceFile(
            path: "Sources/Modules/A.swift",
            text: "// \"urn:xmpp:ping\"\nextension Namespace {\n    static let ping = Namespace(\"urn:xmpp:ping\")\n}\n"
        )
    )

    private static func hasNamespaceLiteral(_ line: String) -> Bool {
        ["\"urn:", "\"jabber:", "\"http://jabber.org", "'urn:", "'jabber:", "'http://jabber.org"].contains {
            line.contains($0)
        }
    }

    /// The lines between the braces of `Namespace` and its extensions.
    private static func namespaceLines(of lines: [String]) -> IndexSet {
        var allowed = IndexSet()
        var depth = 0
        for (index, line) in lines.enumerated() {
            let opens =
                depth == 0 && line.containsWord("Namespace")
                && ["extension", "struct", "enum"].contains { line.containsWord($0) }
            guard opens || depth > 0 else { continue }
            allowed.insert(index)
            depth += line.utf8.count { $0 == UInt8(ascii: "{") }
            depth -= line.utf8.count { $0 == UInt8(ascii: "}") }
        }
        return allowed
    }

    static let swallowedError = lines(
        "swallowedError",
        in: ["Sources", "Tests"],
        refuse: { file, index in
            guard file.bare[index].containsWord("try?"), !file.isExplained(index) else { return nil }
            return "say in a comment why the error does not matter"
        },
        canary: ("Sources/A.swift", "try? f()\n", "// Closing twice is harmless.\ntry? f()\n\nvar entry: Entry?\n")
    )

    static let discardedResult = lines(
        "discardedResult",
        in: ["Sources"],
        refuse: { file, index in
            let text = file.bare[index].withoutOuterSpaces
            guard text.hasPrefix("_ = ") || text.contains("{ _ = ") || text.contains("let _ = "),
                !["while let _", "if let _", "guard let _"].contains(where: { text.contains($0) }),
                !file.isExplained(index)
            else { return nil }
            return "say in a comment why the result does not matter"
        },
        canary: ("Sources/A.swift", "_ = f()\n", "_ = f()  // It only fails where close does.\n")
    )

    static let uncheckedSendable = lines(
        "uncheckedSendable",
        in: ["Sources", "Tests"],
        refuse: { file, index in
            guard claimsSafety(file.bare[index]) else { return nil }
            // One comment may stand above several such lines, and the first line of a type may hold its own.
            var first = index
            while first > 0, claimsSafety(file.bare[first - 1]) { first -= 1 }
            guard !file.isExplained(first), !file.isExplained(index), !file.hasComment(index + 1) else { return nil }
            return "prove in a comment beside it that this is safe"
        },
        canary: (
            "Sources/A.swift", "final class A: @unchecked Sendable {}\n",
            "// Nothing in them changes.\nfinal class A: @unchecked Sendable {}\n"
                + "final class B: @unchecked Sendable {}\n"
        )
    )

    private static func claimsSafety(_ line: String) -> Bool {
        line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)")
    }

    static let forcedTry = lines(
        "forcedTry",
        in: ["Sources"],
        refuse: { file, index in
            guard file.bare[index].containsWord("try!"), !file.isExplained(index) else { return nil }
            return "prove in a comment that this cannot throw"
        },
        canary: ("Sources/A.swift", "try! f()\n", "// The pattern is a literal.\ntry! f()\n")
    )

    static let sleepingTest = lines(
        "sleepingTest",
        in: ["Tests"],
        refuse: { file, index in
            guard ["Task.sleep(", "usleep(", "Thread.sleep("].contains(where: { file.bare[index].contains($0) }),
                !file.isExplained(index)
            else { return nil }
            return "a test waits for an event or moves its clock; if sleeping is what it tests, say so in a comment"
        },
        canary: ("Tests/A.swift", "usleep(1)\n", "// Sleeping is what the executor is tested with.\nusleep(1)\n")
    )

    /// A library that owns the process cannot be embedded.
    static let processOwnership = lines(
        "processOwnership",
        in: ["Sources/XMPPCore", "Sources/Modules", "Sources/Persistence"],
        refuse: { file, index in
            let text = file.bare[index]
            if text.contains("LoggingSystem.bootstrap") { return "only the program chooses where logs go" }
            if text.containsWord("exit"), text.contains("exit(") { return "only the program ends the process" }
            if text.containsWord("print"), text.contains("print("), !text.contains("func print") {
                return "standard output is the program's: log, or return it"
            }
            return nil
        },
        canary: ("Sources/XMPPCore/A.swift", "exit(1)\n", "onExit(1)\n")
    )

    /// Arrows only go down: mimd -> modules and persistence -> XMPPCore -> the C libraries.
    static let layering = TidyRule(
        name: "layering",
        check: { file in
            guard file.isSwift, let layer = layers.first(where: { file.isUnder($0.folder) }) else { return [] }
            return file.bare.indices.compactMap { index in
                guard let imported = importedModule(file.bare[index]),
                    layer.refused.contains(where: { imported.hasPrefix($0) }),
                    !layer.allowed.contains(imported)
                else { return nil }
                return (index, "\(layer.folder) must not import \(imported)")
            }
        },
        canary: SourceFile(path: "Sources/Modules/A.swift", text: "internal import XMPPPersistenceSQLite\n"),
        tidy: SourceFile(path: "Sources/Modules/A.swift", text: "// import XMPPPersistenceSQLite\nimport XMPPCore\n")
    )

    /// Prefixes of modules that the files below a folder must not import, and the exceptions among them.
    private static let layers: [(folder: String, refused: [String], allowed: Set<String>)] = [
        // Foundation costs start-up time and memory, and its types invite slow paths.
        (
            "Sources/XMPPCore",
            ["XMPPModules", "XMPPPersistence", "Foundation", "CSQLite", "TOMLKit", "ArgumentParser"], []
        ),
        ("Sources/Modules", ["XMPPPersistence", "CSQLite", "CLibXML2", "TOMLKit", "ArgumentParser"], []),
        ("Sources/Persistence/Conformance", ["XMPPModules", "XMPPPersistence", "Testing", "XCTest"], []),
        ("Sources/Persistence/SQL", ["XMPPModules", "XMPPPersistence", "CSQLite"], []),
        ("Sources/Persistence", ["XMPPModules", "XMPPPersistence"], ["XMPPPersistenceSQL"]),
    ]

    private static func importedModule(_ line: String) -> String? {
        let words = line.split(whereSeparator: { $0 == " " || $0 == "." || $0 == ";" })
        guard let keyword = words.firstIndex(of: "import"), keyword <= 2, keyword + 1 < words.count else { return nil }
        let kinds: Set<Substring> = ["class", "struct", "enum", "func", "protocol", "typealias", "var", "let"]
        let name = words.index(keyword, offsetBy: kinds.contains(words[keyword + 1]) ? 2 : 1)
        return name < words.count ? String(words[name]) : nil
    }
}
