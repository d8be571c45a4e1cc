// SPDX-License-Identifier: Apache-2.0
// Servers that are not there, or do not answer.

import Foundation
import Testing
import XMPPCore
import XMPPPersistenceSQL

/// What needs no server.
@Suite(.timeLimit(.minutes(5)))
struct DatabaseOutageTests {
    /// A port of this machine on which somebody accepts connections, in the kernel, and never says a word.
    private final class SilentServer {
        let port: Int
        private let descriptor: Int32

        init() throws {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            self.descriptor = descriptor
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let bound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    bind(descriptor, pointer, length) == 0 && listen(descriptor, 16) == 0
                        && getsockname(descriptor, pointer, &length) == 0
                }
            }
            port = Int(UInt16(bigEndian: address.sin_port))
            try #require(bound)
        }

        deinit { close(descriptor) }
    }

    private static func settings(port: Int) -> DatabaseSettings {
        var settings = DatabaseSettings(host: "127.0.0.1", port: port, database: "none", username: "nobody")
        settings.connectionCount = 2
        settings.answerTimeout = .milliseconds(200)
        return settings
    }

    @Test(arguments: DatabaseServer.drivers) func silentServerIsAnOutage(_ driver: DatabaseServer) async throws {
        let server = try SilentServer()
        let database = try driver.open(Self.settings(port: server.port))
        for _ in 0..<3 {
            let error = await #expect(throws: StorageError.self) {
                try await database.query(SQLStatement("SELECT 1"), [])
            }
            #expect("\(String(describing: error))".contains(driver.words.silence))
        }
        await database.close()
        withExtendedLifetime(server) {}
    }

    @Test(arguments: DatabaseServer.drivers) func absentServerIsAnOutage(_ driver: DatabaseServer) async throws {
        // A port that was just given back.
        let port = try SilentServer().port
        let database = try driver.open(Self.settings(port: port))
        let error = await #expect(throws: StorageError.self) {
            try await database.write { transaction throws(StorageError) in
                _ = try await transaction.query(SQLStatement("SELECT 1"), [])
            }
        }
        #expect("\(String(describing: error))".contains(driver.words.absence))
        await database.close()
    }

    @Test(arguments: DatabaseServer.drivers) func unknownHostIsAnOutage(_ driver: DatabaseServer) async throws {
        var settings = Self.settings(port: 1)
        settings.host = "host.invalid"
        let database = try driver.open(settings)
        let error = await #expect(throws: StorageError.self) {
            try await database.query(SQLStatement("SELECT 1"), [])
        }
        #expect("\(String(describing: error))".contains("host.invalid"))
        await database.close()
    }
}
