// SPDX-License-Identifier: Apache-2.0
// `mimd schema`: the tables of the database that a configuration names.

import ArgumentParser
import Logging
import XMPPCore
import XMPPPersistenceSQL

/// `mimd schema plan|apply|verify|print`.
struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Show, make and check the tables of a database.",
        discussion: "The local store needs none of this: mimd makes and upgrades its tables at the start.",
        subcommands: [Plan.self, Apply.self, Verify.self, Print.self])

    /// `mimd schema plan [--config FILE] [--pool TAG]`: what `apply` would do.
    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print what apply would do, and change nothing.")

        @OptionGroup var file: ConfigurationOption
        @OptionGroup var pool: PoolOption

        func run() async throws {
            try await SchemaCommand.withDatabase(file, pool) { database in
                SchemaCommand.report(try await Schema.plan(database), isDone: false)
            }
        }
    }

    /// `mimd schema apply [--config FILE] [--pool TAG]`.
    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the tables that are missing, in one transaction.",
            discussion: "Tables that are there already, of MongooseIM's for example, are kept with what is in them.")

        @OptionGroup var file: ConfigurationOption
        @OptionGroup var pool: PoolOption

        func run() async throws {
            try await SchemaCommand.withDatabase(file, pool) { database in
                SchemaCommand.report(try await Schema.apply(database), isDone: true)
            }
        }
    }

    /// `mimd schema verify [--config FILE] [--pool TAG]`. Exit code 1 when something differs.
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Check the tables against those that mimd needs.")

        @OptionGroup var file: ConfigurationOption
        @OptionGroup var pool: PoolOption

        func run() async throws {
            try await SchemaCommand.withDatabase(file, pool) { database in
                let drifts = try await Schema.verify(database)
                for drift in drifts { print(drift) }
                guard drifts.isEmpty else { throw ExitCode.failure }
                print("The schema has version \(Schema.version), and its tables are as they should be.")
            }
        }
    }

    /// `mimd schema print [--driver DRIVER]`: the script that makes an empty database into one that mimd opens.
    struct Print: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the script that makes the tables.")

        @Option(help: "The kind of database.")
        var driver = Driver.sqlite

        func run() {
            print(Schema.text(in: driver.dialect), terminator: "")
        }
    }

    /// Which of the configuration's databases is meant.
    struct PoolOption: ParsableArguments {
        @Option(
            name: .customLong("pool"),
            help: ArgumentHelp("The database: the tag of its [outgoing_pools.rdbms.<tag>].", valueName: "tag"))
        var tag = RelationalPool.defaultTag
    }

    /// The databases, by the names that `[outgoing_pools.rdbms]` has for them, and the local store.
    enum Driver: String, CaseIterable, ExpressibleByArgument {
        case sqlite, pgsql, mysql, cockroachdb

        var dialect: Dialect { DatabaseDriver(rawValue: rawValue)?.dialect ?? .sqlite }
    }

    private static func withDatabase(
        _ file: ConfigurationOption, _ option: PoolOption, _ body: (PooledDatabase) async throws -> Void
    ) async throws {
        let loaded = TOMLConfigurationLoader.load(path: file.path)
        // What is in the way is told by the command itself.
        StandardErrorLogHandler.bootstrap(least: .critical)
        guard !loaded.hasErrors else {
            throw SetUpError(loaded.diagnostics.map(\.description).joined(separator: "\n"))
        }
        guard var pool = loaded.pools[option.tag] else {
            throw SetUpError("\(file.path) has no section [outgoing_pools.rdbms.\(option.tag)]")
        }
        pool.settings.connectionCount = 1
        let database = try pool.driver.open(pool.settings, logger: Logger(label: "mimd"))
        do {
            try await body(database)
        } catch let error as SchemaError {
            await database.close()
            throw SetUpError("the database \(pool.place): \(error)")
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }

    private static func report(_ plan: SchemaPlan, isDone: Bool) {
        for statement in plan.statements { print(statement + ";\n") }
        for drift in plan.drifts { print("-- In the way: \(drift).") }
        if !plan.keptTables.isEmpty { print("-- Kept as they are: \(plan.keptTables.joined(separator: ", ")).") }
        let version = "version \(Schema.version)"
        if plan.statements.isEmpty {
            print("-- Nothing to do: the schema has \(version).")
        } else if isDone {
            print("-- Done: the schema has \(version).")
        } else {
            print("-- Nothing was changed; `mimd schema apply` does this, and then the schema has \(version).")
        }
    }
}
