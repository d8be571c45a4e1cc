// SPDX-License-Identifier: Apache-2.0
// The command line, as far as it goes without running anything.

import ArgumentParser
import Testing
import XMPPCore

@testable import mimd

@Suite struct CommandLineTests {
    @Test(arguments: [
        ([], "config/mimd.toml"), (["--config", "a.toml"], "a.toml"), (["serve", "--config", "a.toml"], "a.toml"),
    ])
    func withoutASubcommandItServes(arguments: [String], path: String) throws {
        let command = try #require(try MimdCommand.parseAsRoot(arguments) as? ServeCommand)
        #expect(command.file.path == path)
    }

    @Test func theConfigurationCanBeChecked() throws {
        let parsed = try MimdCommand.parseAsRoot(["check-config", "--config", "b.toml"])
        let command = try #require(parsed as? CheckConfigCommand)
        #expect(command.file.path == "b.toml")
    }

    @Test func accountsAreNamedByTheirPreparedAddress() throws {
        let parsed = try MimdCommand.parseAsRoot(["account", "add", "Juliet@LOCALHOST", "--password", "r0m30"])
        let add = try #require(parsed as? AccountCommand.Add)
        #expect(add.jid.jid == (try BareJID("juliet@localhost")))
        #expect(try add.password.read() == "r0m30")
        let change = try MimdCommand.parseAsRoot(["account", "passwd", "juliet@localhost", "--password-stdin"])
        #expect((change as? AccountCommand.ChangePassword)?.password.passwordStdin == true)
        let remove = try MimdCommand.parseAsRoot(["account", "remove", "juliet@localhost", "--config", "c.toml"])
        #expect((remove as? AccountCommand.Remove)?.file.path == "c.toml")
        let list = try MimdCommand.parseAsRoot(["account", "list", "localhost"])
        #expect((list as? AccountCommand.List)?.domain == "localhost")
    }

    @Test(arguments: [
        ["account", "add", "juliet@localhost"],
        ["account", "add", "juliet@localhost", "--password", "x", "--password-stdin"],
        ["account", "add", "juliet@localhost", "--password", ""],
        ["account", "add", "localhost", "--password", "x"],
        ["account", "add", "juliet@localhost/balcony", "--password", "x"],
        ["account", "remove", "@"],
        ["serve", "--port", "5222"],
        ["frobnicate"],
    ])
    func whatMakesNoSenseIsRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { try MimdCommand.parseAsRoot(arguments) }
    }

    @Test func theVersionIsTheLibrarys() throws {
        let error = #expect(throws: (any Error).self) { try MimdCommand.parseAsRoot(["--version"]) }
        #expect(MimdCommand.fullMessage(for: try #require(error)) == mimdVersion)
        #expect(MimdCommand.exitCode(for: try #require(error)) == .success)
    }
}
