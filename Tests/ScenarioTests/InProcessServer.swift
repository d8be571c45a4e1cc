// SPDX-License-Identifier: Apache-2.0
// A script against a server in this process, with its data in memory and its time moved by hand.

import Testing
import XMPPCore
import XMPPModules
import XMPPPersistenceSQLite

@testable import mimd

private struct InProcessServer: ScenarioServer {
    let server: XMPPServer
    let time: ManualTime

    func connect() -> any Wire { InProcessWire(server.openStream()) }
    func connectPlain() throws -> any Wire { throw WireFailure(reason: "there is no TLS within a process") }
    func timePasses(seconds: Int) { time.advance(by: .seconds(seconds)) }
}

extension Script {
    func runInProcess() async throws {
        let loaded = TOMLConfigurationLoader.load(text: try mergedConfiguration(), file: "mimd.toml")
        guard var configuration = loaded.server else {
            throw ScenarioFailure(line: 1, description: loaded.diagnostics.map(\.description).joined(separator: "\n"))
        }
        // More than one loop, so that what crosses between them is seen.
        configuration.eventLoopCount = 2
        let local = try await LocalStorage.open(.memory, logger: Self.logger)
        do {
            try await addAccounts(to: local.storage)
            try await run(configuration, local.storage)
        } catch {
            await local.close()
            throw error
        }
        await local.close()
    }

    private func run(_ configuration: ServerConfiguration, _ storage: Storage) async throws {
        let time = ManualTime()
        let server = try XMPPServer(
            configuration: configuration, storage: storage, modules: StandardModules.all, time: time,
            logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await onThread { [self] in
                var runner = ScenarioRunner(self, InProcessServer(server: server, time: time))
                try runner.run()
            }
            group.cancelAll()
        }
    }
}
