// SPDX-License-Identifier: Apache-2.0
// What mimd keeps in its data directory besides the local store.

import Glibc
import Logging
import XMPPCore

/// The directory `mimd.data_directory`.
struct DataDirectory {
    let path: String

    /// Keeps other servers from the directory for as long as it is held; at the end of the process the system lets go.
    struct Lock {
        fileprivate let descriptor: Int32

        /// Lets others have the directory.
        func release() { close(descriptor) }
    }

    /// Takes the directory for one server: two would not know of each other's sessions. Makes it where it is missing.
    ///
    /// - Throws: `SetUpError` when another server has it, or the file `lock` cannot be made.
    func lock() throws(SetUpError) -> Lock {
        make()
        let file = "\(path)/lock"
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SetUpError("\(file): \(String(cString: strerror(errno)))") }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            close(descriptor)
            if code == EWOULDBLOCK { throw SetUpError("another mimd serves from the data directory \(path)") }
            throw SetUpError("\(file): \(String(cString: strerror(code)))")
        }
        return Lock(descriptor: descriptor)
    }

    /// Makes what is missing of the path. Why it cannot is reported by whoever opens a file in it.
    private func make() {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? part : "/" + part
            mkdir(made, 0o700)
        }
    }

    /// The random bytes that make up salts for accounts that do not exist: the same after a restart, or it would show
    /// which these are.
    ///
    /// - Throws: `SetUpError` when they can be neither read nor written.
    func secret() throws -> [UInt8] {
        let file = "\(path)/secret"
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SetUpError("\(file): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.secretByteCount)
        if read(descriptor, &bytes, bytes.count) == bytes.count { return bytes }
        bytes = try Crypto.randomBytes(count: Self.secretByteCount)
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw SetUpError("\(file): \(String(cString: strerror(errno)))")
        }
        return bytes
    }
    private static let secretByteCount = 32
    /// How long a certificate must still be valid at a start, or it is made anew: 30 days.
    private static let certificateRest = Duration.seconds(30 * 86_400)

    /// Gives listeners on loopback addresses that have no certificate one that mimd made itself.
    ///
    /// - Throws: `SetUpError` when a listener that others can reach has none; `TLSError` when it cannot be made.
    func provideCertificates(_ configuration: inout ServerConfiguration, logger: Logger) throws {
        for index in configuration.listeners.indices {
            let listener = configuration.listeners[index]
            guard listener.tls.mode != .none, listener.tls.certificatePath == nil else { continue }
            guard listener.isLoopbackOnly else {
                throw SetUpError("\(listener.location): the listener on port \(listener.port) needs tls.certfile")
            }
            let file = "\(path)/self-signed.pem"
            let domains = configuration.hosts.map(\.domain)
            if !SelfSignedCertificate.isFit(at: file, for: domains, lasting: Self.certificateRest) {
                try SelfSignedCertificate.write(for: domains, to: file)
            }
            configuration.listeners[index].tls.certificatePath = file
            configuration.listeners[index].tls.keyPath = file
            logger.notice(
                "no certificate is configured; a self-signed one serves this machine",
                metadata: ["net.port": "\(listener.port)", "path": "\(file)"]
            )
        }
    }
}

/// Why the program cannot start, for the operator.
struct SetUpError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
