// SPDX-License-Identifier: Apache-2.0
// Stores used as servers use them: by tasks that prefer an event loop.

import Testing
import XMPPCore
import XMPPPersistenceSQLite

@Suite struct ExecutorTests {
    /// A transaction's body runs on the database's thread, whatever executor the calling task prefers.
    @Test func tasksThatPreferAnEventLoopMayReadAtOnce() async throws {
        let group = try EventLoopGroup(loopCount: 1)
        let local = try await LocalStorage.open(.memory)
        let account = try BareJID("juliet@capulet.example")
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<200 {
                tasks.addTask(executorPreference: group.loops[0]) {
                    let roster = try await local.storage.rosters.roster(of: account, after: nil, limit: 10)
                    #expect(roster.items.isEmpty)
                }
            }
            try await tasks.waitForAll()
        }
        await local.close()
        group.shutdown()
    }
}
