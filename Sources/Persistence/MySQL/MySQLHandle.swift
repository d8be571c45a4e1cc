// SPDX-License-Identifier: Apache-2.0
// Connecting: by the library's waiting call, on a thread that may wait. Its other way looks names up on the caller's
// thread, or takes an address, against which no certificate can be verified.

import CMariaDB
import Glibc
import XMPPCore
import XMPPPersistenceSQL

/// The library's handle of a connection, on its way from the thread that made it to the loop.
///
/// `@unchecked Sendable`: it is used by one thread at a time.
struct MySQLHandle: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<MYSQL>

    /// What the library's calls run on when they must not wait. Only what is used of it takes memory.
    private static let stackByteCount = 256 * 1_024

    /// The ways to prove a password that tell nobody what it is. A server that asks for another, the plain one first of
    /// all, is not given it.
    private static let authentications =
        "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519,parsec"

    /// Connects. Blocks for some answers' time at most.
    ///
    /// - Throws: `StorageError.unavailable`.
    static func connect(_ settings: DatabaseSettings) throws(StorageError) -> MySQLHandle {
        guard isLibraryReady, let pointer = mysql_init(nil) else {
            throw .unavailable(detail: "no memory for a connection")
        }
        let handle = MySQLHandle(pointer: pointer)
        do throws(StorageError) {
            try handle.connect(settings)
            return handle
        } catch {
            mysql_close(pointer)
            throw error
        }
    }

    /// The library is made ready once, before threads use it.
    private static let isLibraryReady = mysql_server_init(0, nil, nil) == 0

    private func connect(_ settings: DatabaseSettings) throws(StorageError) {
        setOptions(settings)
        let isLocal = settings.host.hasPrefix("/")
        let connected = mysql_real_connect(
            pointer, isLocal ? nil : settings.host, settings.username, settings.password, settings.database,
            UInt32(clamping: settings.port), isLocal ? settings.host : nil, UInt(CLIENT_FOUND_ROWS))
        guard connected != nil else {
            // The number at the end is the system's for "goes on", whatever happened.
            throw .unavailable(detail: MySQLError(pointer).message.replacing(/\ \(\d+\)$/, with: ""))
        }
        if let tls = settings.tls, tls.isRequired, !isLocal, mysql_get_ssl_cipher(pointer) == nil {
            throw .unavailable(detail: "the server has no TLS, which is required")
        }
        // From here on its calls must not wait.
        var stackByteCount = Self.stackByteCount
        guard mysql_options(pointer, MYSQL_OPT_NONBLOCK, &stackByteCount) == 0 else {
            throw .unavailable(detail: "no memory for a connection")
        }
        let descriptor = mysql_get_socket(pointer)
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw .unavailable(
                detail: "the connection cannot be made non-blocking: \(String(cString: strerror(errno)))")
        }
    }

    private func setOptions(_ settings: DatabaseSettings) {
        // The library counts seconds.
        var seconds = UInt32(clamping: max(1, Int((settings.answerTimeout / .seconds(1)).rounded(.up))))
        for option in [MYSQL_OPT_CONNECT_TIMEOUT, MYSQL_OPT_READ_TIMEOUT, MYSQL_OPT_WRITE_TIMEOUT] {
            mysql_options(pointer, option, &seconds)
        }
        // To the library "localhost" is a socket's name otherwise.
        var transport = MYSQL_PROTOCOL_TCP
        if !settings.host.hasPrefix("/") { mysql_options(pointer, MYSQL_OPT_PROTOCOL, &transport) }
        mysql_options(pointer, MYSQL_SET_CHARSET_NAME, "utf8mb4")
        mysql_options(pointer, MARIADB_OPT_RESTRICTED_AUTH, Self.authentications)
        // A server may else ask for any file of ours.
        var isFileSent: UInt32 = 0
        mysql_options(pointer, MYSQL_OPT_LOCAL_INFILE, &isFileSent)
        setTLS(settings.tls)
    }

    private func setTLS(_ tls: DatabaseSettings.TLS?) {
        var isUsed = my_bool(tls == nil ? 0 : 1)
        mysql_options(pointer, MYSQL_OPT_SSL_ENFORCE, &isUsed)
        // Where no authority is named the library verifies the name as well, or nothing.
        let wantsName = tls?.verification == .hostName || (tls?.verification == .authority && tls?.authorityPath == nil)
        var isNameVerified = my_bool(wantsName ? 1 : 0)
        mysql_options(pointer, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &isNameVerified)
        guard let tls else { return }
        let texts = [
            (MYSQL_OPT_SSL_CA, tls.verification == .none ? nil : tls.authorityPath),
            (MYSQL_OPT_SSL_CERT, tls.certificatePath), (MYSQL_OPT_SSL_KEY, tls.keyPath),
            (MARIADB_OPT_TLS_PASSPHRASE, tls.keyPassword),
        ]
        for case (let option, let text?) in texts { mysql_options(pointer, option, text) }
    }
}
