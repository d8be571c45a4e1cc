// SPDX-License-Identifier: Apache-2.0
// `mimd check-config`: what the server would say about its configuration, without starting it.

import ArgumentParser

/// `mimd check-config [--config FILE]`. Exit code 1 when the server would not start.
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Check the configuration and show where each module's data lies.")

    @OptionGroup var file: ConfigurationOption

    func run() throws {
        let report = ConfigurationReport(TOMLConfigurationLoader.load(path: file.path))
        print(report.text)
        if report.hasErrors { throw ExitCode.failure }
    }
}
