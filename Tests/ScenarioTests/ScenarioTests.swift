// SPDX-License-Identifier: Apache-2.0
// Runs the scripts of Tests/Scenarios: each in process, and each against the built program where that is possible.

import Foundation
import Testing

@Suite(.serialized) struct ScenarioTests {
    @Test(arguments: ScenarioFiles.names { !$0.needsSocket })
    func scenarioInProcess(_ name: String) async {
        await report(name) { try await $0.runInProcess() }
    }

    @Test(
        .enabled(if: daemonPath != nil || isContinuousIntegration, "MIMD names no program"),
        arguments: ScenarioFiles.names { !$0.needsManualTime })
    func scenarioAgainstTheDaemon(_ name: String) async {
        await report(name) { try await $0.runAgainstDaemon() }
    }

    @Test func scenarioScriptsAreFound() {
        #expect(ScenarioFiles.names.count > 10)
    }

    private func report(_ name: String, _ body: (Script) async throws -> Void) async {
        do {
            try await body(try ScenarioFiles.script(name))
        } catch {
            let failure = error as? ScenarioFailure ?? ScenarioFailure(line: 1, description: "\(error)")
            let place = SourceLocation(
                fileID: "Scenarios/\(name).xmpp", filePath: ScenarioFiles.path(name), line: failure.line, column: 1)
            Issue.record("\(name).xmpp:\(failure.line): \(failure.description)", sourceLocation: place)
        }
    }
}

/// Runs what blocks on a thread that may block.
func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
}
