// SPDX-License-Identifier: Apache-2.0
// The files of the repository that the house rules are about.

import Foundation

enum Repository {
    /// The root of the repository, found from where this file lies.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let folders = [
        ".ci", "Benchmarks", "Examples", "Fuzzing", "Sources", "Tests", "config", "docs", "priv", "scripts",
    ]
    private static let skippedFolders: Set<String> = [".build", ".swiftpm", "__pycache__", ".pytest_cache"]
    private static let textExtensions: Set<String> = [
        "", "c", "cql", "h", "json", "md", "modulemap", "py", "sh", "sql", "swift", "toml", "txt", "xmpp",
    ]

    /// Every text file, read once.
    static let files: [SourceFile] = {
        var paths = names(in: "").filter { !$0.hasPrefix(".") || $0 == ".swift-format" }
        for folder in folders { paths += walk(folder) }
        return paths.sorted().compactMap { path in
            guard textExtensions.contains((path as NSString).pathExtension),
                let data = FileManager.default.contents(atPath: root.appendingPathComponent(path).path)
            else { return nil }
            return SourceFile(path: path, text: String(decoding: data, as: UTF8.self))
        }
    }()

    private static func names(in folder: String) -> [String] {
        // A folder that this version of the project does not have holds no files.
        (try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path)) ?? []
    }

    private static func walk(_ folder: String) -> [String] {
        names(in: folder).flatMap { name -> [String] in
            let path = folder + "/" + name
            let place = root.appendingPathComponent(path).path
            var isDirectory: ObjCBool = false
            guard !skippedFolders.contains(name),
                FileManager.default.fileExists(atPath: place, isDirectory: &isDirectory)
            else { return [] }
            return isDirectory.boolValue ? walk(path) : [path]
        }
    }
}
