// SPDX-License-Identifier: Apache-2.0
// Where the data of each module lies, as a table for a terminal.

import XMPPCore

/// The table that a start and a check print: host, what keeps data, its backend, and where the data lies.
enum BackendTable {
    /// Which rows are shown.
    enum Rows {
        /// All methods of authentication and all modules.
        case all
        /// Those that keep data, and the sessions.
        case keepingData
    }

    static func text(
        _ server: ServerConfiguration, _ pools: [String: RelationalPool] = [:], rows shown: Rows = .all
    ) -> String {
        let database = pools[RelationalPool.defaultTag]
        var rows = [["host", "part", "backend", "data"]]
        rows.append(row("", "sessions", server.sessionBackend, server, database))
        for host in server.hosts {
            for method in host.authentication.methods where shown == .all || method.backend != nil {
                rows.append(row(host.domain, "auth.\(method.name.rawValue)", method.backend, server, database))
            }
            for module in host.modules {
                if module.parts.isEmpty, shown == .all || module.backend != nil {
                    rows.append(row(host.domain, module.name, module.backend, server, database))
                }
                for (part, backend) in module.parts.sorted(by: { $0.key < $1.key }) {
                    rows.append(row(host.domain, "\(module.name).\(part)", backend, server, database))
                }
            }
        }
        return TextTable.text(rows)
    }

    private static func row(
        _ host: String, _ part: String, _ backend: BackendSelection?, _ server: ServerConfiguration,
        _ database: RelationalPool?
    ) -> [String] {
        guard let backend else { return [host, part, "-", "-"] }
        if backend.isLocalStore { return [host, part, BackendSelection.localStoreName, server.localStorePath] }
        if backend.lifetime == .process { return [host, part, "-", "memory of the process"] }
        if backend.name == BackendSelection.databaseName, let database {
            return [host, part, backend.name, database.place]
        }
        return [host, part, backend.name, "not available"]
    }
}
