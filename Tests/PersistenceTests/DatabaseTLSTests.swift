// SPDX-License-Identifier: Apache-2.0
// TLS to databases, verified and not.

import Testing
import XMPPCore
import XMPPPersistenceSQL

/// TLS, with a server whose certificate names `localhost` and is its own authority.
@Suite(.enabled(if: !DatabaseServer.withCertificate.isEmpty), .timeLimit(.minutes(5)))
struct DatabaseTLSTests {
    private static func isEncrypted(
        _ server: DatabaseServer, host: String, _ change: (inout DatabaseSettings.TLS) -> Void
    ) async throws -> Bool {
        var settings = server.settings()
        settings.host = host
        settings.connectionCount = 1
        var tls = DatabaseSettings.TLS()
        change(&tls)
        settings.tls = tls
        let database = try server.open(settings)
        let rows = await Result { try await database.query(SQLStatement(server.words.cipher), []) }
        await database.close()
        return try rows.get().first?.text(1).isEmpty == false
    }

    @Test(arguments: DatabaseServer.withCertificate) func unverifiedServerIsReachedEncrypted(_ server: DatabaseServer)
        async throws
    {
        let isEncrypted = try await Self.isEncrypted(server, host: "127.0.0.1") {
            $0.verification = .none
            $0.isRequired = true
        }
        #expect(isEncrypted)
    }

    @Test(arguments: DatabaseServer.withCertificate) func verifiedServerIsReached(_ server: DatabaseServer) async throws
    {
        let isEncrypted = try await Self.isEncrypted(server, host: "localhost") {
            $0.authorityPath = server.certificatePath
        }
        #expect(isEncrypted)
    }

    @Test(arguments: DatabaseServer.withCertificate) func serverOfAnotherNameIsRefused(_ server: DatabaseServer)
        async throws
    {
        let error = await #expect(throws: StorageError.self) {
            try await Self.isEncrypted(server, host: "127.0.0.1") { $0.authorityPath = server.certificatePath }
        }
        #expect("\(String(describing: error))".contains(server.words.otherName))
        // Its authority alone is known: enough where the operator says so.
        let isEncrypted = try await Self.isEncrypted(server, host: "127.0.0.1") {
            $0.authorityPath = server.certificatePath
            $0.verification = .authority
        }
        #expect(isEncrypted)
    }

    @Test(arguments: DatabaseServer.withCertificate) func serverOfAnotherAuthorityIsRefused(_ server: DatabaseServer)
        async throws
    {
        try await SQLiteDatabaseTests.withFile { path in
            try SelfSignedCertificate.write(for: ["localhost"], to: path)
            for verification in [DatabaseSettings.TLS.Verification.hostName, .authority] {
                let error = await #expect(throws: StorageError.self) {
                    try await Self.isEncrypted(server, host: "localhost") {
                        $0.authorityPath = path
                        $0.verification = verification
                    }
                }
                #expect("\(String(describing: error))".contains(server.words.unknownAuthority))
            }
        }
    }
}
