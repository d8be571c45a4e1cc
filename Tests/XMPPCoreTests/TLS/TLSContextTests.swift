// SPDX-License-Identifier: Apache-2.0
// TLS settings, with OpenSSL's own client at the other end of a socket pair.

import COpenSSL
import Foundation
import Glibc
import Testing

@testable import XMPPCore

@Suite struct TLSContextTests {
    @Test func theConfiguredVersionsAreNegotiated() throws {
        let files = try Files()
        for (versions, expected) in [
            ([ListenerTLS.Version.v12], "TLSv1.2"), ([.v13], "TLSv1.3"), ([.v12, .v13], "TLSv1.3"),
        ] {
            let pair = try #require(try Pair(files.settings { $0.versions = versions }))
            #expect(pair.shakeHands())
            #expect(pair.clientVersion == expected)
        }
    }

    @Test func aClientOfAnOlderVersionIsRefused() throws {
        let files = try Files()
        let pair = try #require(try Pair(files.settings { $0.versions = [.v13] }, clientHighest: TLS1_2_VERSION))
        #expect(!pair.shakeHands())
    }

    @Test func theConfiguredCiphersAreTheOnlyOnes() throws {
        let files = try Files()
        let pair = try #require(
            try Pair(
                files.settings {
                    $0.versions = [.v12]
                    $0.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305"
                }
            )
        )
        #expect(pair.shakeHands())
        #expect(pair.clientCipher == "ECDHE-ECDSA-CHACHA20-POLY1305")
    }

    @Test func bothSidesBindToTheSameChannel() throws {
        let files = try Files()
        let pair = try #require(try Pair(files.settings()))
        #expect(pair.shakeHands())
        let bindings = pair.server.channelBindings
        #expect(bindings[.tlsExporter] == pair.clientExporterData)
        #expect(bindings[.tlsExporter]?.count == 32)
        #expect(bindings[.tlsServerEndPoint]?.count == 32)
    }

    // RFC 9266 section 4.2: without the extended master secret, an exporter of TLS 1.2 binds to nothing.
    @Test func tlsExporterIsNotOfferedBelowTLS13() throws {
        let files = try Files()
        let pair = try #require(try Pair(files.settings { $0.versions = [.v12] }))
        #expect(pair.shakeHands())
        #expect(pair.server.channelBindings.types == [.tlsServerEndPoint])
    }

    @Test func aCertificateThatWasReplacedServesTheNextConnection() throws {
        let files = try Files()
        let source = try TLSContextSource(files.settings())
        #expect(try source.reloadIfChanged() == false)
        let old = try #require(Pair(source.current))
        #expect(old.shakeHands())
        try SelfSignedCertificate.write(for: ["other.example"], to: files.certificate)
        #expect(try source.reloadIfChanged())
        let new = try #require(Pair(source.current))
        #expect(new.shakeHands())
        #expect(old.server.channelBindings[.tlsServerEndPoint] != new.server.channelBindings[.tlsServerEndPoint])
    }

    @Test func aReplacementThatCannotBeUsedLeavesTheOldInUse() throws {
        let files = try Files()
        let source = try TLSContextSource(files.settings())
        try files.write("no certificate", to: files.certificate)
        #expect(throws: TLSError.self) { try source.reloadIfChanged() }
        #expect(try source.reloadIfChanged() == false, "it is told once")
        let pair = try #require(Pair(source.current))
        #expect(pair.shakeHands())
    }

    @Test func whatIsWrongIsNamedWithItsFile() throws {
        let files = try Files()
        let other = try Files()
        let wrong: [(ListenerTLS, String?)] = [
            (files.settings { $0.certificatePath = nil }, nil),
            (files.settings { $0.certificatePath = "/nowhere.pem" }, "/nowhere.pem"),
            (files.settings { $0.keyPath = other.certificate }, other.certificate),
            (files.settings { $0.diffieHellmanPath = files.certificate }, files.certificate),
            (files.settings { $0.ciphers = "NO-SUCH-CIPHER" }, nil),
            (files.settings { $0.versions = [] }, nil),
        ]
        for (settings, path) in wrong {
            let error = #expect(throws: TLSError.self) { try TLSContext(settings) }
            #expect(error?.path == path)
            #expect(error?.reason.isEmpty == false)
        }
    }
}

/// A certificate in a directory of its own, removed with it.
private final class Files {
    let directory: String
    var certificate: String { directory + "/certificate.pem" }

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "mimd-tls-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        try SelfSignedCertificate.write(for: ["localhost"], to: certificate)
    }

    deinit {
        unlink(certificate)
        rmdir(directory)
    }

    func settings(_ change: (inout ListenerTLS) -> Void = { _ in }) -> ListenerTLS {
        var settings = ListenerTLS(mode: .tls, certificatePath: certificate)
        change(&settings)
        return settings
    }

    func write(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
    }
}

/// A server's session and OpenSSL's client, connected.
private final class Pair {
    var server: TLSSession
    private let client: OpaquePointer
    private let context: OpaquePointer
    private let descriptors: [Int32]

    convenience init?(_ settings: ListenerTLS, clientHighest: Int32 = TLS1_3_VERSION) throws {
        self.init(try TLSContext(settings), clientHighest: clientHighest)
    }

    init?(_ serverContext: TLSContext, clientHighest: Int32 = TLS1_3_VERSION) {
        var descriptors: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, type, 0, &descriptors) == 0,
            let server = TLSSession(serverContext, descriptor: descriptors[0]),
            let context = SSL_CTX_new(TLS_client_method()),
            mimd_ssl_ctx_set_versions(context, TLS1_2_VERSION, clientHighest) == 1,
            let client = SSL_new(context), SSL_set_fd(client, descriptors[1]) == 1
        else { return nil }
        self.server = server
        self.client = client
        self.context = context
        self.descriptors = descriptors
        SSL_set_connect_state(client)
    }

    deinit {
        SSL_free(client)
        SSL_CTX_free(context)
        for descriptor in descriptors { close(descriptor) }
    }

    /// Lets both sides speak in turn until both are done; false when one fails.
    func shakeHands() -> Bool {
        for _ in 0..<20 {
            let clientStatus = SSL_do_handshake(client)
            if clientStatus != 1, SSL_get_error(client, clientStatus) != SSL_ERROR_WANT_READ { return false }
            switch server.handshake() {
            case .done: if clientStatus == 1 { return true }
            case .wantsRead, .wantsWrite: continue
            case .ended, .failed: return false
            }
        }
        return false
    }

    var clientVersion: String { String(cString: SSL_get_version(client)) }
    var clientCipher: String { String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(client))) }
    var clientExporterData: [UInt8] {
        let label = "EXPORTER-Channel-Binding"
        var data = [UInt8](repeating: 0, count: 32)
        let status = SSL_export_keying_material(client, &data, data.count, label, label.utf8.count, nil, 0, 1)
        return status == 1 ? data : []
    }
}
