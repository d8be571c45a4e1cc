// SPDX-License-Identifier: Apache-2.0
// `mimd serve`, the default: load the configuration, report on it, and serve in the foreground.

import ArgumentParser
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals
import XMPPCore
import XMPPModules
import XMPPPersistenceSQLite

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
        guard !report.hasErrors, let configuration = loaded.server else { throw ExitCode.failure }
        print(report.table)
        fflush(nil)
        raiseDescriptorLimit(logger)
        do {
            try await serve(configuration, logger)
        } catch {
            logger.critical("cannot start", metadata: ["reason": "\(error)"])
            throw ExitCode.failure
        }
    }

    private func serve(_ configured: ServerConfiguration, _ logger: Logger) async throws {
        var configuration = configured
        let local = try await LocalStorage.open(.directory(path: configuration.dataDirectory), logger: logger)
        do {
            let directory = DataDirectory(path: configuration.dataDirectory)
            try directory.provideCertificates(&configuration, logger: logger)
            configuration.secret = try directory.secret()
            let server = try XMPPServer(
                configuration: configuration,
                storage: local.storage,
                modules: StandardModules.all,
                logger: logger
            )
            let group = ServiceGroup(
                configuration: .init(
                    services: [.init(service: server)],
                    gracefulShutdownSignals: [.sigterm, .sigint],
                    logger: logger
                )
            )
            try await group.run()
        } catch {
            await local.close()
            throw error
        }
        await local.close()
    }

    /// Each connection takes a descriptor; what the system allows at most is none too many.
    private func raiseDescriptorLimit(_ logger: Logger) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max
        else {
            return
        }
        limit.rlim_cur = limit.rlim_max
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            logger.warning(
                "cannot raise the limit of descriptors", metadata: ["error": "\(String(cString: strerror(errno)))"])
            return
        }
    }
}
