// SPDX-License-Identifier: Apache-2.0
// `mimd serve`, the default: load the configuration, report on it, and serve in the foreground.

import ArgumentParser
import Logging
import XMPPCore

/// `mimd [--config FILE]`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve in the foreground (the default).")

    @OptionGroup var file: ConfigurationOption

    func run() async throws {
        let loaded = TOMLConfigurationLoader.load(path: file.path)
        let report = ConfigurationReport(loaded)
        // Whatever the configuration says about logging: why the server does not start is always said.
        StandardErrorLogHandler.bootstrap(
            least: report.hasErrors ? min(loaded.logLevel ?? .critical, .error) : loaded.logLevel)
        let logger = Logger(label: "mimd")
        report.log(to: logger)
        if report.hasErrors { throw ExitCode.failure }
        print(report.table)
    }
}
