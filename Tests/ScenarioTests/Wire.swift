// SPDX-License-Identifier: Apache-2.0
// How a client's bytes reach the server: within the process, or through TLS on a socket. All calls block; a scenario
// runs on a thread of its own.

import COpenSSL
import Foundation
import XMPPCore

/// A connection, used by one thread at a time.
protocol Wire: AnyObject {
    func write(_ bytes: [UInt8]) throws
    /// The next bytes; nil at the end of the connection.
    /// - Throws: ``WireTimeout`` when none come within ``wireTimeout``.
    func read() throws -> [UInt8]?
    func startTLS() throws
    /// Ends the connection without a word.
    func cut()
}

/// How long a scenario waits for what it expects: so long that only what never comes is late.
let wireTimeout = 15

struct WireTimeout: Error {}
struct WireFailure: Error { let reason: String }

/// A stream of a server in this process.
///
/// `@unchecked Sendable`: `chunks` and `hasEnded` are used under the condition's lock, the rest is constant.
final class InProcessWire: Wire, @unchecked Sendable {
    private let stream: InProcessXMLStream
    private let condition = NSCondition()
    private var chunks: [[UInt8]] = []
    private var hasEnded = false

    init(_ stream: InProcessXMLStream) {
        self.stream = stream
        Task.detached { [self] in
            for await chunk in stream.output { put(chunk) }
            put(nil)
        }
    }

    private func put(_ chunk: [UInt8]?) {
        condition.withLock {
            if let chunk { chunks.append(chunk) } else { hasEnded = true }
            condition.broadcast()
        }
    }

    func write(_ bytes: [UInt8]) { stream.write(bytes) }

    func read() throws -> [UInt8]? {
        let deadline = Date(timeIntervalSinceNow: TimeInterval(wireTimeout))
        return try condition.withLock {
            while chunks.isEmpty {
                if hasEnded { return nil }
                guard condition.wait(until: deadline) else { throw WireTimeout() }
            }
            return chunks.removeFirst()
        }
    }

    func startTLS() throws { throw WireFailure(reason: "there is no TLS within a process") }

    /// The server knows of it before the script goes on: time that passes then passes for what the cut began.
    func cut() {
        stream.disconnect()
        let deadline = Date(timeIntervalSinceNow: TimeInterval(wireTimeout))
        condition.withLock { while !hasEnded, condition.wait(until: deadline) {} }
    }
}

/// A connection to a port of this machine.
final class SocketWire: Wire {
    private let descriptor: Int32
    private var context: OpaquePointer?
    private var tls: OpaquePointer?

    init(port: UInt16) throws {
        signal(SIGPIPE, SIG_IGN)
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: wireTimeout, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw WireFailure(reason: String(cString: strerror(errno))) }
    }

    deinit {
        cut()
        if let tls { SSL_free(tls) }
        if let context { SSL_CTX_free(context) }
        close(descriptor)
    }

    func startTLS() throws {
        context = SSL_CTX_new(TLS_client_method())
        tls = SSL_new(context)
        guard let tls, SSL_set_fd(tls, descriptor) == 1, SSL_connect(tls) == 1 else {
            throw WireFailure(reason: "the TLS handshake failed")
        }
    }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { bytes in
                if let tls { return Int(SSL_write(tls, bytes.baseAddress, Int32(bytes.count))) }
                return Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            }
            // A server that has ended the connection says so when it is read from.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func read() throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count: Int
        var timedOut = false
        if let tls {
            count = Int(SSL_read(tls, &bytes, Int32(bytes.count)))
            if count <= 0 { timedOut = SSL_get_error(tls, Int32(count)) == SSL_ERROR_WANT_READ }
        } else {
            count = Glibc.read(descriptor, &bytes, bytes.count)
            timedOut = count < 0 && errno == EAGAIN
        }
        if timedOut { throw WireTimeout() }
        return count > 0 ? Array(bytes.prefix(count)) : nil
    }

    func cut() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}
