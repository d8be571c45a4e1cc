// SPDX-License-Identifier: Apache-2.0
// What is left when the process is killed in the midst of writing: everything that was acknowledged.

import Foundation
import Glibc
import Testing
import XMPPCore
import XMPPPersistenceSQLite

@Suite struct KilledProcessTests {
    /// Stores messages from many tasks, notes each in a file once it is acknowledged, and kills its own process in the
    /// midst of that.
    @Sendable private static func writeUntilKilled(in directory: String) async throws {
        let local = try await LocalStorage.open(.directory(path: directory), logger: Backend.logger)
        let notes = open(directory + "/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        try #require(notes >= 0)
        let from = try JID("romeo@montague.example")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<50 {
                let account = try BareJID("account\(writer)@capulet.example")
                group.addTask {
                    for index in 0..<1_000 {
                        let line = "\(account) \(index)\n"
                        let message = OfflineMessage(from: from, stanza: Array(line.utf8), receivedMicroseconds: 0)
                        let result = try await local.storage.offlineMessages.append(
                            message, for: account, messageCountMax: nil)
                        try #require(result == .stored)
                        let count = line.utf8CString.withUnsafeBytes { write(notes, $0.baseAddress, $0.count - 1) }
                        try #require(count == line.utf8.count)
                        if writer == 25, index == 40 { kill(getpid(), SIGKILL) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func acknowledgedMessagesSurviveTheProcess() async throws {
        try await Backend.withDirectory { directory in
            await #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String] in
                try await Self.writeUntilKilled(in: directory)
            }
            let notes = try String(contentsOfFile: directory + "/acknowledged", encoding: .utf8)
            let acknowledged = notes.split(separator: "\n").map { String($0) + "\n" }
            #expect(acknowledged.count > 40)
            try await Backend.withStorage(in: directory) { storage in
                var found: [String] = []
                for writer in 0..<50 {
                    let account = try BareJID("account\(writer)@capulet.example")
                    var cursor: PageCursor?
                    repeat {
                        let page = try await storage.offlineMessages.messages(
                            for: account, at: 0, after: cursor, limit: 100)
                        found += page.items.map { String(decoding: $0.message.stanza, as: UTF8.self) }
                        cursor = page.next
                    } while cursor != nil
                }
                let lostCount = Set(acknowledged).subtracting(found).count
                #expect(lostCount == 0)
                #expect(Set(found).count == found.count)
                // At most one message of each writer was on its way.
                #expect(found.count - acknowledged.count <= 50)
            }
        }
    }
}
