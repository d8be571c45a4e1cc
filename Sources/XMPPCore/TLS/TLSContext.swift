// SPDX-License-Identifier: Apache-2.0
// The certificate, key and rules that TLS connections of a listener start with (RFC 6120 section 5, RFC 7590).
// Not here: certificates of clients, which SASL EXTERNAL will ask for.

import COpenSSL
import Glibc
import Synchronization

/// One set of TLS rules, with the certificate as it was when they were made.
///
/// `@unchecked Sendable`: an SSL_CTX may be used by any number of threads once it is set up, which is when `init` ends.
final class TLSContext: @unchecked Sendable {
    fileprivate let pointer: OpaquePointer

    /// - Throws: ``TLSError`` when a file cannot be read, or certificate and key do not belong together.
    init(_ settings: ListenerTLS) throws(TLSError) {
        ERR_clear_error()
        guard let certificatePath = settings.certificatePath else {
            throw TLSError("TLS without a certificate", reason: "certfile is not set")
        }
        guard let pointer = SSL_CTX_new(TLS_server_method()) else { throw TLSError("SSL_CTX_new") }
        self.pointer = pointer
        mimd_ssl_ctx_prepare(pointer)
        try loadCertificate(certificatePath, settings)
        try setVersions(settings)
        try setDiffieHellman(settings)
        setSessions(settings)
    }

    deinit { SSL_CTX_free(pointer) }

    private func loadCertificate(_ certificatePath: String, _ settings: ListenerTLS) throws(TLSError) {
        setPassword(settings.keyPassword ?? "")
        defer { SSL_CTX_set_default_passwd_cb_userdata(pointer, nil) }
        guard SSL_CTX_use_certificate_chain_file(pointer, certificatePath) == 1 else {
            throw TLSError("cannot use the certificate", path: certificatePath)
        }
        let keyPath = settings.keyPath ?? certificatePath
        guard SSL_CTX_use_PrivateKey_file(pointer, keyPath, SSL_FILETYPE_PEM) == 1 else {
            throw TLSError("cannot use the private key", path: keyPath)
        }
        guard SSL_CTX_check_private_key(pointer) == 1 else {
            throw TLSError("the private key is not that of the certificate", path: keyPath)
        }
    }

    /// OpenSSL asks for the password while a key file is read: here, or else at the terminal.
    private func setPassword(_ password: String) {
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: password.utf8.count + 1)
        let bytes = password.utf8.map { CChar(bitPattern: $0) } + [0]
        text.update(from: bytes, count: bytes.count)
        passwords.withLock { $0.append(Password(text: text)) }
        SSL_CTX_set_default_passwd_cb_userdata(pointer, text)
        SSL_CTX_set_default_passwd_cb(pointer) { buffer, capacity, _, text in
            guard let buffer, let text else { return 0 }
            let password = text.assumingMemoryBound(to: CChar.self)
            let count = strlen(password)
            guard count <= Int(capacity) else { return 0 }
            memcpy(buffer, password, count)
            return Int32(count)
        }
    }

    private final class Password: @unchecked Sendable {
        // Unchecked: written before the object is made, freed with it.
        let text: UnsafeMutablePointer<CChar>
        init(text: UnsafeMutablePointer<CChar>) { self.text = text }
        deinit {
            explicit_bzero(text, strlen(text))
            text.deallocate()
        }
    }
    private let passwords = Mutex<[Password]>([])

    private func setVersions(_ settings: ListenerTLS) throws(TLSError) {
        let numbers = settings.versions.map { $0 == .v12 ? TLS1_2_VERSION : TLS1_3_VERSION }
        guard let lowest = numbers.min(), let highest = numbers.max(),
            mimd_ssl_ctx_set_versions(pointer, lowest, highest) == 1
        else { throw TLSError("cannot set the TLS versions", reason: "none is allowed") }
        guard let ciphers = settings.ciphers else { return }
        // One list names the ciphers of both: those of TLS 1.3 are the ones that start so.
        let names = ciphers.split(separator: ":").map(String.init)
        let suites = names.filter { $0.hasPrefix("TLS_") }.joined(separator: ":")
        let others = names.filter { !$0.hasPrefix("TLS_") }.joined(separator: ":")
        guard suites.isEmpty || SSL_CTX_set_ciphersuites(pointer, suites) == 1,
            others.isEmpty || SSL_CTX_set_cipher_list(pointer, others) == 1
        else { throw TLSError("cannot use the ciphers '\(ciphers)'") }
    }

    private func setDiffieHellman(_ settings: ListenerTLS) throws(TLSError) {
        guard let path = settings.diffieHellmanPath else { return mimd_ssl_ctx_auto_dh(pointer) }
        guard let file = BIO_new_file(path, "r") else { throw TLSError("cannot read dhfile", path: path) }
        defer { BIO_free(file) }
        guard let parameters = PEM_read_bio_Parameters(file, nil) else {
            throw TLSError("dhfile holds no Diffie-Hellman parameters", path: path)
        }
        // On success the context owns the parameters.
        guard SSL_CTX_set0_tmp_dh_pkey(pointer, parameters) == 1 else {
            EVP_PKEY_free(parameters)
            throw TLSError("cannot use dhfile", path: path)
        }
    }

    private func setSessions(_ settings: ListenerTLS) {
        switch settings.sessionTickets {
        case .disabled:
            mimd_ssl_ctx_no_tickets(pointer)
            mimd_ssl_ctx_set_cache(pointer, 0)
            SSL_CTX_set_num_tickets(pointer, 0)
        case .stateful:
            mimd_ssl_ctx_no_tickets(pointer)
            mimd_ssl_ctx_set_cache(pointer, 1)
        case .stateless:
            mimd_ssl_ctx_set_cache(pointer, 0)
            // A client needs one; OpenSSL would make two in each handshake.
            SSL_CTX_set_num_tickets(pointer, 1)
        }
    }
}

/// The TLS rules of a listener, read again when their files change. May be used from any thread.
final class TLSContextSource: Sendable {
    private let settings: ListenerTLS
    private struct State {
        var context: TLSContext
        var stamps: [FileStamp?]
    }
    private let state: Mutex<State>

    /// - Throws: ``TLSError`` when the settings cannot work now.
    init(_ settings: ListenerTLS) throws(TLSError) {
        self.settings = settings
        let stamps = FileStamp.read(settings)
        state = Mutex(State(context: try TLSContext(settings), stamps: stamps))
    }

    /// The rules for the next connection.
    var current: TLSContext { state.withLock { $0.context } }

    /// Reads certificate and key anew if their files changed. Reads files, so it is not for event loops.
    ///
    /// - Returns: whether they were read.
    /// - Throws: ``TLSError`` when the new ones cannot work; the old ones stay in use until the files change again.
    func reloadIfChanged() throws(TLSError) -> Bool {
        let stamps = FileStamp.read(settings)
        guard state.withLock({ $0.stamps != stamps }) else { return false }
        state.withLock { $0.stamps = stamps }
        let context = try TLSContext(settings)
        state.withLock { $0.context = context }
        return true
    }
}

/// What tells that a file was replaced or written.
private struct FileStamp: Equatable {
    let inode: UInt64
    let byteCount: Int
    let seconds: Int
    let nanoseconds: Int

    static func read(_ settings: ListenerTLS) -> [FileStamp?] {
        [settings.certificatePath, settings.keyPath, settings.diffieHellmanPath].map { path in
            var status = stat()
            guard let path, stat(path, &status) == 0 else { return nil }
            return FileStamp(
                inode: UInt64(status.st_ino),
                byteCount: Int(status.st_size),
                seconds: status.st_mtim.tv_sec,
                nanoseconds: status.st_mtim.tv_nsec
            )
        }
    }
}

extension TLSSession {
    /// A session of the server's side over a connected descriptor.
    init?(_ context: TLSContext, descriptor: Int32) {
        guard let pointer = SSL_new(context.pointer) else { return nil }
        guard SSL_set_fd(pointer, descriptor) == 1 else {
            SSL_free(pointer)
            return nil
        }
        SSL_set_accept_state(pointer)
        self.init(pointer: pointer)
    }
}
