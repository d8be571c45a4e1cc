// SPDX-License-Identifier: Apache-2.0
// What the server of a script is configured with, and what it stores before it starts.

import Foundation
import Logging
import XMPPCore
import XMPPPersistenceSQLite

enum ScenarioFiles {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Scenarios")

    /// The names of all scripts, without the extension.
    static let names: [String] = {
        // A directory that cannot be read has no scripts, and a test demands some.
        let files = (try? FileManager.default.subpathsOfDirectory(atPath: directory.path)) ?? []
        return files.filter { $0.hasSuffix(".xmpp") }.map { String($0.dropLast(5)) }.sorted()
    }()

    /// The names of the scripts that `isWanted`, and of those that cannot be read, which fail when they are run.
    static func names(_ isWanted: (Script) -> Bool) -> [String] {
        names.filter { name in
            do { return isWanted(try script(name)) } catch { return true }
        }
    }

    static func path(_ name: String) -> String { directory.appending(path: "\(name).xmpp").path }

    static func script(_ name: String) throws -> Script {
        try Script(String(contentsOfFile: path(name), encoding: .utf8))
    }

    static func defaultConfiguration() throws -> String {
        try String(contentsOf: directory.appending(path: "mimd.toml"), encoding: .utf8)
    }
}

extension Script {
    static let logger = Logger(label: "scenario") { _ in SwiftLogNoOpLogHandler() }

    /// The default configuration, in which the script's sections replace those of the same name.
    func mergedConfiguration() throws -> String {
        let own = Self.sections(configuration)
        let replaced = Set(own.map(\.header) + absentModules.map { "[modules.\($0)]" })
        let kept = Self.sections(try ScenarioFiles.defaultConfiguration()).filter { !replaced.contains($0.header) }
        // Sections of sections follow theirs, and a host's come last, so the order of the default may stay.
        return (kept + own).map(\.text).joined(separator: "\n") + "\n"
    }

    private static func sections(_ toml: String) -> [(header: String, text: String)] {
        var sections: [(header: String, text: String)] = []
        for line in toml.split(separator: "\n").map(String.init) where !line.hasPrefix("#") {
            if line.trimmed.hasPrefix("[") {
                sections.append((line.trimmed, line))
            } else if !sections.isEmpty {
                sections[sections.count - 1].text += "\n" + line
            }
        }
        return sections
    }

    /// Registers the accounts of the script's clients.
    func addAccounts(to storage: Storage) async throws {
        for client in clients {
            let account = try BareJID("\(client.localpart)@\(client.domainpart)")
            guard try await !storage.accounts.contains(account) else { continue }
            // The password itself, for deriving keys from it would take most of a scenario's time.
            let credential = AccountCredential(password: client.password)
            try await storage.accounts.create(account, credential: credential, accountCountMax: nil)
        }
    }
}
