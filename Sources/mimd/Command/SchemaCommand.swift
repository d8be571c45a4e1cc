// SPDX-License-Identifier: Apache-2.0
// `mimd schema`: the tables of a database.

import ArgumentParser
import XMPPPersistenceSQL

/// `mimd schema print`.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Show the tables of a database.", subcommands: [Print.self])

    /// `mimd schema print [--driver DRIVER]`: the script that makes an empty database into one that mimd opens.
    struct Print: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the script that makes the tables.")

        @Option(help: "The kind of database.")
        var driver = Driver.sqlite

        func run() {
            print(Schema.text(in: driver.dialect), terminator: "")
        }
    }

    /// The databases, by the names that `[outgoing_pools.rdbms]` has for them, and the local store.
    enum Driver: String, CaseIterable, ExpressibleByArgument {
        case sqlite, pgsql, cockroachdb

        var dialect: Dialect {
            switch self {
            case .sqlite: .sqlite
            case .pgsql: .postgreSQL
            case .cockroachdb: .cockroachDB
            }
        }
    }
}
