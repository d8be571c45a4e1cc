// SPDX-License-Identifier: Apache-2.0
// TLS over one descriptor, and the data that binds a login to it (RFC 9266, RFC 5929).

import COpenSSL
import Glibc

/// The TLS of one connection. Confined to the connection's loop.
struct TLSSession: ~Copyable {
    /// What a call came to.
    enum Outcome: Equatable {
        case done(byteCount: Int)
        /// Nothing can be done before the descriptor is readable.
        case wantsRead
        /// Nothing can be done before the descriptor is writable.
        case wantsWrite
        /// The peer ended TLS, or the connection.
        case ended
        /// The peer broke the protocol, or the connection broke.
        case failed(String)
    }

    private let pointer: OpaquePointer

    init(pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_free(pointer) }

    /// Whether the handshake is complete.
    var isEstablished: Bool { SSL_is_init_finished(pointer) == 1 }

    /// Whether bytes are decrypted and wait to be read, without an event of the descriptor.
    var hasPending: Bool { SSL_has_pending(pointer) == 1 }

    mutating func handshake() -> Outcome {
        ERR_clear_error()
        return outcome(SSL_do_handshake(pointer))
    }

    mutating func read(_ buffer: UnsafeMutableBufferPointer<UInt8>) -> Outcome {
        ERR_clear_error()
        return outcome(SSL_read(pointer, buffer.baseAddress, Int32(clamping: buffer.count)))
    }

    mutating func write(_ bytes: UnsafeBufferPointer<UInt8>) -> Outcome {
        ERR_clear_error()
        return outcome(SSL_write(pointer, bytes.baseAddress, Int32(clamping: bytes.count)))
    }

    /// Sends close_notify, if the handshake got so far.
    mutating func shutdown() {
        guard isEstablished else { return }
        ERR_clear_error()
        // The result does not matter: the connection is closed next.
        _ = SSL_shutdown(pointer)
        ERR_clear_error()
    }

    /// For the log: `TLSv1.3 TLS_AES_256_GCM_SHA384`.
    var summary: String {
        let cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(pointer)).map { String(cString: $0) } ?? "?"
        return "\(String(cString: SSL_get_version(pointer))) \(cipher)"
    }

    /// The channel bindings that a client may use on this connection, strongest first.
    var channelBindingTypes: [ChannelBindingType] {
        // RFC 9266 section 4.2: with TLS 1.2 only if the extended master secret is used, which is not looked into here.
        mimd_ssl_is_tls13(pointer) == 1 ? [.tlsExporter, .tlsServerEndPoint] : [.tlsServerEndPoint]
    }

    /// The data of these bindings.
    var channelBindings: ChannelBindings {
        var data: [ChannelBindingType: [UInt8]] = [:]
        for type in channelBindingTypes {
            switch type {
            case .tlsExporter: data[type] = exporterData()
            case .tlsServerEndPoint: data[type] = endPointData()
            }
        }
        return ChannelBindings(data)
    }

    private func exporterData() -> [UInt8]? {
        let label = "EXPORTER-Channel-Binding"
        var data = [UInt8](repeating: 0, count: 32)
        let status = SSL_export_keying_material(pointer, &data, data.count, label, label.utf8.count, nil, 0, 1)
        return status == 1 ? data : nil
    }

    /// RFC 5929 section 4.1: the certificate, hashed by its own signature's hash; SHA-256 in place of MD5 and SHA-1.
    private func endPointData() -> [UInt8]? {
        guard let certificate = SSL_get_certificate(pointer) else { return nil }
        var hash: Int32 = 0
        guard X509_get_signature_info(certificate, &hash, nil, nil, nil) == 1 else { return nil }
        if hash == NID_md5 || hash == NID_sha1 || hash == NID_undef { hash = NID_sha256 }
        guard let name = OBJ_nid2sn(hash), let digest = EVP_get_digestbyname(name) else { return nil }
        var data = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard X509_digest(certificate, digest, &data, &count) == 1 else { return nil }
        return Array(data.prefix(Int(count)))
    }

    private func outcome(_ status: Int32) -> Outcome {
        if status > 0 { return .done(byteCount: Int(status)) }
        switch SSL_get_error(pointer, status) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .ended
        case SSL_ERROR_SYSCALL:
            return errno == 0 ? .ended : .failed(String(cString: strerror(errno)))
        default:
            let reason = TLSError.takeReason()
            // Peers that drop the connection without close_notify are common, and no fault worth a word.
            return reason.contains("unexpected eof") ? .ended : .failed(reason)
        }
    }
}
