// SPDX-License-Identifier: Apache-2.0
// The storage contract, check by check, on SQLite and on each server that there is.

import Testing
import XMPPCore
import XMPPPersistenceConformance

@Suite struct ConformanceTests {
    @Test(arguments: Backend.available, AccountStoreChecks.all)
    func accountStore(_ backend: Backend, _ check: ConformanceCheck<any AccountStore>) async throws {
        try await Self.run(check, on: backend, \.accounts)
    }

    @Test(arguments: Backend.available, RosterStoreChecks.all)
    func rosterStore(_ backend: Backend, _ check: ConformanceCheck<any RosterStore>) async throws {
        try await Self.run(check, on: backend, \.rosters)
    }

    @Test(arguments: Backend.available, OfflineStoreChecks.all)
    func offlineStore(_ backend: Backend, _ check: ConformanceCheck<any OfflineStore>) async throws {
        try await Self.run(check, on: backend, \.offlineMessages)
    }

    @Test(arguments: Backend.available, PrivateStoreChecks.all)
    func privateStore(_ backend: Backend, _ check: ConformanceCheck<any PrivateStore>) async throws {
        try await Self.run(check, on: backend, \.privateElements)
    }

    @Test(arguments: Backend.available, PrivacyStoreChecks.all)
    func privacyStore(_ backend: Backend, _ check: ConformanceCheck<any PrivacyStore>) async throws {
        try await Self.run(check, on: backend, \.privacyLists)
    }

    @Test(arguments: Backend.available, LastActivityStoreChecks.all)
    func lastActivityStore(_ backend: Backend, _ check: ConformanceCheck<any LastActivityStore>) async throws {
        try await Self.run(check, on: backend, \.lastActivity)
    }

    @Test(arguments: Backend.available, VCardStoreChecks.all)
    func vCardStore(_ backend: Backend, _ check: ConformanceCheck<any VCardStore>) async throws {
        try await Self.run(check, on: backend, \.vCards)
    }

    @Test(arguments: Backend.available, ArchiveStoreChecks.ofAccounts.all)
    func messageArchive(_ backend: Backend, _ check: ConformanceCheck<any ArchiveStore>) async throws {
        try await Self.run(check, on: backend, \.messageArchive)
    }

    @Test(arguments: Backend.available, ArchiveStoreChecks.ofRooms.all)
    func roomArchive(_ backend: Backend, _ check: ConformanceCheck<any ArchiveStore>) async throws {
        try await Self.run(check, on: backend, \.roomArchive)
    }

    @Test(arguments: Backend.available, ArchivePreferencesStoreChecks.all)
    func archivePreferencesStore(
        _ backend: Backend, _ check: ConformanceCheck<any ArchivePreferencesStore>
    ) async throws {
        try await Self.run(check, on: backend, \.archivePreferences)
    }

    @Test(arguments: Backend.available, RoomStoreChecks.all)
    func roomStore(_ backend: Backend, _ check: ConformanceCheck<any RoomStore>) async throws {
        try await Self.run(check, on: backend, \.rooms)
    }

    @Test(arguments: Backend.lasting, AccountStoreChecks.reopening)
    func accountStoreOpenedAgain(_ backend: Backend, _ check: ReopenCheck<any AccountStore>) async throws {
        try await Self.run(check, on: backend, \.accounts)
    }

    @Test(arguments: Backend.lasting, RosterStoreChecks.reopening)
    func rosterStoreOpenedAgain(_ backend: Backend, _ check: ReopenCheck<any RosterStore>) async throws {
        try await Self.run(check, on: backend, \.rosters)
    }

    @Test(arguments: Backend.lasting, OfflineStoreChecks.reopening)
    func offlineStoreOpenedAgain(_ backend: Backend, _ check: ReopenCheck<any OfflineStore>) async throws {
        try await Self.run(check, on: backend, \.offlineMessages)
    }

    @Test(arguments: Backend.lasting, PrivateStoreChecks.reopening)
    func privateStoreOpenedAgain(_ backend: Backend, _ check: ReopenCheck<any PrivateStore>) async throws {
        try await Self.run(check, on: backend, \.privateElements)
    }

    @Test(arguments: Backend.lasting, PrivacyStoreChecks.reopening)
    func privacyStoreOpenedAgain(_ backend: Backend, _ check: ReopenCheck<any PrivacyStore>) async throws {
        try await Self.run(check, on: backend, \.privacyLists)
    }

    @Test(arguments: Backend.lasting, LastActivityStoreChecks.reopening)
    func lastActivityStoreOpenedAgain(_ backend: Backend, _ check: ReopenCheck<any LastActivityStore>) async throws {
        try await Self.run(check, on: backend, \.lastActivity)
    }

    @Test(arguments: Backend.lasting, VCardStoreChecks.reopening)
    func vCardStoreOpenedAgain(_ backend: Backend, _ check: ReopenCheck<any VCardStore>) async throws {
        try await Self.run(check, on: backend, \.vCards)
    }

    @Test(arguments: Backend.lasting, ArchiveStoreChecks.ofAccounts.reopening)
    func messageArchiveOpenedAgain(_ backend: Backend, _ check: ReopenCheck<any ArchiveStore>) async throws {
        try await Self.run(check, on: backend, \.messageArchive)
    }

    @Test(arguments: Backend.lasting, ArchiveStoreChecks.ofRooms.reopening)
    func roomArchiveOpenedAgain(_ backend: Backend, _ check: ReopenCheck<any ArchiveStore>) async throws {
        try await Self.run(check, on: backend, \.roomArchive)
    }

    @Test(arguments: Backend.lasting, ArchivePreferencesStoreChecks.reopening)
    func archivePreferencesStoreOpenedAgain(
        _ backend: Backend, _ check: ReopenCheck<any ArchivePreferencesStore>
    ) async throws {
        try await Self.run(check, on: backend, \.archivePreferences)
    }

    @Test(arguments: Backend.lasting, RoomStoreChecks.reopening)
    func roomStoreOpenedAgain(_ backend: Backend, _ check: ReopenCheck<any RoomStore>) async throws {
        try await Self.run(check, on: backend, \.rooms)
    }

    private static func run<Store>(
        _ check: ConformanceCheck<Store>, on backend: Backend, _ store: any KeyPath<Storage, Store> & Sendable
    ) async throws {
        try await ConformanceRecord.note(check.name, of: "\(Store.self)", on: backend) {
            try await backend.withStorage { try await check.run($0[keyPath: store], limits: backend.limits) }
        }
    }

    private static func run<Store>(
        _ check: ReopenCheck<Store>, on backend: Backend, _ store: any KeyPath<Storage, Store> & Sendable
    ) async throws {
        let limits = backend.limits
        try await ConformanceRecord.note(check.name, of: "\(Store.self)", on: backend) {
            try await backend.withStorage(openedFor: [
                { try await check.prepare($0[keyPath: store], limits: limits) },
                { try await check.verify($0[keyPath: store], limits: limits) },
            ])
        }
    }
}
