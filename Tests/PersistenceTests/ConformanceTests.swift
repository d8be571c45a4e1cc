// SPDX-License-Identifier: Apache-2.0
// The storage contract, check by check, on SQLite and on each server that there is.

import Testing
import XMPPCore
import XMPPPersistenceConformance
import XMPPPersistenceSQLite

@Suite struct ConformanceTests {
    @Test(arguments: Backend.available, AccountStoreChecks.all)
    func accountStore(_ backend: Backend, _ check: ConformanceCheck<any AccountStore>) async throws {
        try await backend.withStorage { try await check.run($0.accounts) }
    }

    @Test(arguments: Backend.available, RosterStoreChecks.all)
    func rosterStore(_ backend: Backend, _ check: ConformanceCheck<any RosterStore>) async throws {
        try await backend.withStorage { try await check.run($0.rosters) }
    }

    @Test(arguments: Backend.available, OfflineStoreChecks.all)
    func offlineStore(_ backend: Backend, _ check: ConformanceCheck<any OfflineStore>) async throws {
        try await backend.withStorage { try await check.run($0.offlineMessages) }
    }

    @Test(arguments: Backend.available, PrivateStoreChecks.all)
    func privateStore(_ backend: Backend, _ check: ConformanceCheck<any PrivateStore>) async throws {
        try await backend.withStorage { try await check.run($0.privateElements) }
    }

    @Test(arguments: Backend.available, LastActivityStoreChecks.all)
    func lastActivityStore(_ backend: Backend, _ check: ConformanceCheck<any LastActivityStore>) async throws {
        try await backend.withStorage { try await check.run($0.lastActivity) }
    }

    @Test(arguments: AccountStoreChecks.reopening)
    func accountStoreOpenedAgain(_ check: ReopenCheck<any AccountStore>) async throws {
        try await Backend.withDirectory { directory in
            try await Backend.withStorage(in: directory) { try await check.prepare($0.accounts) }
            try await Backend.withStorage(in: directory) { try await check.verify($0.accounts) }
        }
    }

    @Test(arguments: RosterStoreChecks.reopening)
    func rosterStoreOpenedAgain(_ check: ReopenCheck<any RosterStore>) async throws {
        try await Backend.withDirectory { directory in
            try await Backend.withStorage(in: directory) { try await check.prepare($0.rosters) }
            try await Backend.withStorage(in: directory) { try await check.verify($0.rosters) }
        }
    }

    @Test(arguments: OfflineStoreChecks.reopening)
    func offlineStoreOpenedAgain(_ check: ReopenCheck<any OfflineStore>) async throws {
        try await Backend.withDirectory { directory in
            try await Backend.withStorage(in: directory) { try await check.prepare($0.offlineMessages) }
            try await Backend.withStorage(in: directory) { try await check.verify($0.offlineMessages) }
        }
    }

    @Test(arguments: PrivateStoreChecks.reopening)
    func privateStoreOpenedAgain(_ check: ReopenCheck<any PrivateStore>) async throws {
        try await Backend.withDirectory { directory in
            try await Backend.withStorage(in: directory) { try await check.prepare($0.privateElements) }
            try await Backend.withStorage(in: directory) { try await check.verify($0.privateElements) }
        }
    }

    @Test(arguments: LastActivityStoreChecks.reopening)
    func lastActivityStoreOpenedAgain(_ check: ReopenCheck<any LastActivityStore>) async throws {
        try await Backend.withDirectory { directory in
            try await Backend.withStorage(in: directory) { try await check.prepare($0.lastActivity) }
            try await Backend.withStorage(in: directory) { try await check.verify($0.lastActivity) }
        }
    }
}
