// SPDX-License-Identifier: Apache-2.0
// What is to be said about a configuration before anything is opened.

import Glibc
import Logging
import XMPPCore

/// What is to be said about a configuration before anything is opened: the same for a check and for a start.
struct ConfigurationReport {
    /// The backends that this program can open, besides the local store.
    static let availableBackends: Set<String> = [BackendSelection.databaseName]

    /// The errors and warnings, of the file itself and about what it amounts to, in the order of the file.
    let diagnostics: [ConfigurationDiagnostic]
    /// Where the data of each module lies; empty when the file has errors.
    let table: String

    init(_ loaded: LoadedConfiguration) {
        var found = loaded.diagnostics
        if let server = loaded.server {
            found += server.checkBackends(available: Self.availableBackends)
            found += Self.checkPools(server, loaded.pools)
            found += Self.checkFiles(server, loaded.table)
            table = BackendTable.text(server, loaded.pools)
        } else {
            table = ""
        }
        diagnostics = found.inFileOrder
    }

    /// Whether the server must not start.
    var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    /// Everything, for a terminal.
    var text: String {
        let errorCount = diagnostics.count { $0.severity == .error }
        let warningCount = diagnostics.count - errorCount
        let verdict = errorCount == 0 ? "The configuration is valid" : "The configuration is not valid"
        let counts = "\(verdict): \(Self.count(errorCount, "error")), \(Self.count(warningCount, "warning"))."
        return (diagnostics.map(\.description) + (table.isEmpty ? [] : ["", table, ""]) + [counts])
            .joined(separator: "\n")
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    /// What lies in a database needs the pool that reaches it.
    private static func checkPools(
        _ server: ServerConfiguration, _ pools: [String: RelationalPool]
    ) -> [ConfigurationDiagnostic] {
        guard pools[RelationalPool.defaultTag] == nil else { return [] }
        return server.backends.filter { $0.name == BackendSelection.databaseName }.map { backend in
            .init(
                .error, at: backend.location, keyPath: backend.keyPath,
                "the data is to lie in a database, and there is no section [outgoing_pools.rdbms.default]")
        }
    }

    /// The files that listeners name must be readable, or a client would be the first to notice.
    private static func checkFiles(
        _ server: ServerConfiguration, _ table: ConfigurationTable
    ) -> [ConfigurationDiagnostic] {
        var found: [ConfigurationDiagnostic] = []
        guard case .array(let sections)? = table["listen"]?.table?["c2s"]?.kind else { return [] }
        for (index, (section, listener)) in zip(sections, server.listeners).enumerated() {
            let tls = listener.tls
            let paths = [
                ("certfile", tls.certificatePath), ("keyfile", tls.keyPath), ("cacertfile", tls.authorityPath),
                ("dhfile", tls.diffieHellmanPath),
            ]
            for case (let key, let path?) in paths where access(path, R_OK) != 0 {
                let message = "\(path): \(String(cString: strerror(errno)))"
                let location = section.table?["tls"]?.table?.entry(key)?.location ?? listener.location
                let keyPath = "listen.c2s[\(index + 1)].tls.\(key)"
                found.append(.init(.error, at: location, keyPath: keyPath, message))
            }
        }
        return found
    }
}

extension ConfigurationReport {
    /// One line for each error and warning.
    func log(to logger: Logger) {
        for diagnostic in diagnostics {
            let level: Logger.Level = diagnostic.severity == .error ? .error : .warning
            var metadata: Logger.Metadata = ["at": "\(diagnostic.location)", "reason": "\(diagnostic.message)"]
            if !diagnostic.keyPath.isEmpty { metadata["key"] = "\(diagnostic.keyPath)" }
            logger.log(level: level, "configuration", metadata: metadata)
        }
    }
}
