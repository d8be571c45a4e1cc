// SPDX-License-Identifier: Apache-2.0
// The command line of the program.

import ArgumentParser
import XMPPCore

/// `mimd`: without a subcommand it serves.
@main
struct MimdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mimd",
        abstract: "An XMPP server.",
        version: mimdVersion,
        subcommands: [
            ServeCommand.self, CheckConfigCommand.self, AccountCommand.self, SchemaCommand.self, StoreCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)
}

/// The option that every subcommand has.
struct ConfigurationOption: ParsableArguments {
    @Option(name: .customLong("config"), help: ArgumentHelp("The configuration file.", valueName: "file"))
    var path = "config/mimd.toml"
}
