// SPDX-License-Identifier: Apache-2.0
// `mimd serve`, the default: load the configuration, report on it, and serve in the foreground.

import ArgumentParser
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals
import XMPPCore
import XMPPModules

/// `mimd [--config FILE]`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve in the foreground (the default).")

    @OptionGroup var file: ConfigurationOption

    func run() async throws {
        // A reader of the log that goes away must not take the server with it: writing then fails instead.
        signal(SIGPIPE, SIG_IGN)
        // Nor must a log or a store that has grown as large as a file may be (`ulimit -f`).
        signal(SIGXFSZ, SIG_IGN)
        let loaded = TOMLConfigurationLoader.load(path: file.path)
        let report = ConfigurationReport(loaded)
        // Whatever the configuration says about logging: why the server does not start is always said.
        StandardErrorLogHandler.bootstrap(
            least: report.hasErrors ? min(loaded.logLevel ?? .critical, .error) : loaded.logLevel)
        let logger = Logger(label: "mimd")
        report.log(to: logger)
        guard !report.hasErrors, let configuration = loaded.server else { throw ExitCode.failure }
        print(BackendTable.text(configuration, loaded.pools, rows: .keepingData))
        fflush(nil)
        raiseDescriptorLimit(logger)
        try await serve(configuration, loaded.pools, logger)
    }

    private func serve(
        _ configuration: ServerConfiguration, _ pools: [String: RelationalPool], _ logger: Logger
    ) async throws {
        let directory = DataDirectory(path: configuration.dataDirectory)
        let lock: DataDirectory.Lock
        let stores: ConfiguredStores
        do {
            // Before the store is opened, which may bring its tables up to date.
            lock = try directory.lock()
            stores = try await ConfiguredStores.open(
                configuration, pools, file: file.path, logger: logger, whenUnreachable: .awaited)
        } catch {
            logger.critical("cannot start", metadata: ["reason": "\(error)"])
            throw ExitCode.failure
        }
        let isSuccess = await run(configuration, directory, stores, logger)
        await stores.close()
        lock.release()
        if !isSuccess { throw ExitCode.failure }
    }

    /// Serves until a signal; false when an error kept it from starting or ended it, which is logged.
    private func run(
        _ configured: ServerConfiguration, _ directory: DataDirectory, _ stores: ConfiguredStores, _ logger: Logger
    ) async -> Bool {
        let server: XMPPServer
        do {
            var configuration = configured
            try directory.provideCertificates(&configuration, logger: logger)
            configuration.secret = try directory.secret()
            server = try XMPPServer(
                configuration: configuration, storage: stores.storage(of:), modules: StandardModules.all,
                logger: logger)
        } catch {
            logger.critical("cannot start", metadata: ["reason": "\(error)"])
            return false
        }
        var services = [ServiceGroupConfiguration.ServiceConfiguration(service: server)]
        if let check = stores.schemaCheck {
            services.append(
                .init(
                    service: check, successTerminationBehavior: .ignore,
                    failureTerminationBehavior: .gracefullyShutdownGroup, serviceName: "schema check"))
        }
        let group = ServiceGroup(
            configuration: .init(services: services, gracefulShutdownSignals: Self.shutdownSignals(), logger: logger))
        do {
            try await group.run()
            return true
        } catch {
            logger.critical("ended by an error", metadata: ["reason": "\(error)"])
            return false
        }
    }

    /// What ends the server in good order. A terminal that hangs up is among it, unless whoever started the program
    /// chose that it survives that (`nohup`).
    private static func shutdownSignals() -> [UnixSignal] {
        var hangUp = sigaction()
        let isIgnored =
            sigaction(SIGHUP, nil, &hangUp) == 0
            && unsafeBitCast(hangUp.__sigaction_handler.sa_handler, to: Int.self)
                == unsafeBitCast(SIG_IGN, to: Int.self)
        return isIgnored ? [.sigterm, .sigint] : [.sigterm, .sigint, .sighup]
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
