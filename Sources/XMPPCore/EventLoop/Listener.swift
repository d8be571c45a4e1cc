// SPDX-License-Identifier: Apache-2.0
// A listening socket, accepted from on every loop.

import CLinux
import Glibc
import Logging
import Synchronization

/// Accepts connections on one address and hands them to the loops in turn: the kernel wakes whichever loop waits, which
/// would give all of a rush to one.
///
/// When the process runs out of descriptors, a spare one is spent on accepting and closing the next connection, and
/// accepting pauses: the peers learn that they are refused, and the loops do not spin.
final class Listener: ConnectionOwner, Sendable {
    /// Connections taken per loop and turn, so that those that are connected get their turn in a rush.
    static let acceptCountMax = 32
    /// How long accepting pauses when there are no descriptors.
    static let exhaustionPause: Duration = .milliseconds(250)

    /// The port; that which the system chose when 0 was asked for.
    let port: UInt16
    private let descriptor: Int32
    private let connectionCountMax: Int
    private let connectionCount = Atomic<Int>(0)
    private let spare: Mutex<Int32>
    private let logger: Logger
    private let limits: TransportLimits
    private let tls: TLSContextSource?
    private let acceptors = Mutex<[Acceptor]>([])
    /// Connections accepted so far, which says whose turn it is.
    private let acceptedCount = Atomic<Int>(0)
    private let accepted: @Sendable (Connection) -> Void

    /// Binds and listens; nothing is accepted before `start`.
    ///
    /// - Parameter accepted: takes each connection, on its loop. It sets the handler and opens it.
    /// - Throws: ``SystemError`` when the address cannot be had.
    init(
        _ settings: ListenerConfiguration,
        tls: TLSContextSource?,
        limits: TransportLimits,
        logger: Logger,
        accepted: @escaping @Sendable (Connection) -> Void
    ) throws(SystemError) {
        let name = "listen on \(settings.address ?? "*"):\(settings.port)"
        guard let address = SocketAddress(settings.address, port: settings.port, version: settings.ipVersion) else {
            throw SystemError(name, code: EINVAL)
        }
        descriptor = try Self.bind(address, backlog: settings.backlog, name)
        port = SocketAddress(of: descriptor)?.port ?? settings.port
        connectionCountMax = settings.connectionCountMax ?? .max
        spare = Mutex(open("/dev/null", O_RDONLY | O_CLOEXEC))
        self.tls = tls
        self.limits = limits
        self.logger = logger
        self.accepted = accepted
    }

    deinit {
        Glibc.close(descriptor)
        spare.withLock { _ = Glibc.close($0) }  // the result changes nothing at this point
    }

    private static func bind(_ address: SocketAddress, backlog: Int, _ name: String) throws(SystemError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, type, 0)
        guard descriptor >= 0 else { throw SystemError(name) }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        let isBound = address.withPointer { Glibc.bind(descriptor, $0, $1) } == 0
        guard isBound, listen(descriptor, Int32(clamping: backlog)) == 0 else {
            let error = SystemError(name)
            Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Starts accepting on each of the loops.
    func start(on loops: [EventLoop]) {
        for loop in loops {
            let acceptor = Acceptor(self, loop, loops)
            acceptors.withLock { $0.append(acceptor) }
            loop.post { acceptor.resume() }
        }
    }

    /// Accepts no more: whoever comes now is refused by the kernel. What is connected stays.
    func stop() {
        let all = acceptors.withLock { acceptors in
            defer { acceptors = [] }
            return acceptors
        }
        for acceptor in all { acceptor.loop.post { acceptor.pause() } }
        shutdown(descriptor, Int32(SHUT_RD))
    }

    /// How many connections are open.
    var openCount: Int { connectionCount.load(ordering: .relaxed) }

    func connectionClosed() { connectionCount.subtract(1, ordering: .relaxed) }

    /// Watches the socket on one loop.
    ///
    /// `@unchecked Sendable`: confined to `loop`.
    private final class Acceptor: EventSource, @unchecked Sendable {
        let loop: EventLoop
        /// Who gets the connections, in turn.
        private let loops: [EventLoop]
        private let listener: Listener
        private var token: SourceToken?

        init(_ listener: Listener, _ loop: EventLoop, _ loops: [EventLoop]) {
            self.listener = listener
            self.loop = loop
            self.loops = loops
        }

        func resume() {
            guard token == nil else { return }
            do throws(SystemError) {
                token = try loop.register(listener.descriptor, self, [.readable, .exclusive])
            } catch {
                listener.logger.error("cannot watch the listening socket", metadata: ["error": "\(error)"])
            }
        }

        func pause() {
            guard let token else { return }
            loop.unregister(listener.descriptor, token)
            self.token = nil
        }

        func ready(_ events: ReadyEvents) {
            for _ in 0..<Listener.acceptCountMax where token != nil {
                guard listener.acceptOne(for: loops, self) else { return }
            }
        }

        func abandoned() { token = nil }

        func rest() {
            pause()
            loop.schedule(after: Listener.exhaustionPause) { [weak self] in self?.resume() }
        }
    }

    /// - Returns: whether there may be more to accept.
    private func acceptOne(for loops: [EventLoop], _ acceptor: Acceptor) -> Bool {
        var address = sockaddr_storage()
        var byteCount = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let accepted = mimd_accept(descriptor, &address, &byteCount)
        guard accepted >= 0 else {
            switch errno {
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                refuseOne()
                acceptor.rest()
                return false
            // The peer gave up while it waited.
            case ECONNABORTED, EINTR, EPROTO, EPERM: return true
            default: return false
            }
        }
        guard connectionCount.add(1, ordering: .relaxed).newValue <= connectionCountMax else {
            connectionClosed()
            Glibc.close(accepted)
            logger.notice("connection refused: max_connections reached", metadata: ["limit": "\(connectionCountMax)"])
            return true
        }
        let number = acceptedCount.add(1, ordering: .relaxed).oldValue
        let loop = loops[Int(UInt(bitPattern: number) % UInt(loops.count))]
        let connection = Connection(
            descriptor: accepted,
            peerAddress: SocketAddress(address, byteCount: byteCount).text,
            loop: loop,
            tls: tls,
            limits: limits
        )
        connection.owner = self
        if loop === acceptor.loop { self.accepted(connection) } else { loop.post { self.accepted(connection) } }
        return true
    }

    private func refuseOne() {
        logger.error("out of file descriptors: a connection is refused; raise the limit with `ulimit -n`")
        spare.withLock { spare in
            if spare >= 0 {
                Glibc.close(spare)
                let refused = accept(descriptor, nil, nil)
                if refused >= 0 { Glibc.close(refused) }
            }
            spare = open("/dev/null", O_RDONLY | O_CLOEXEC)
        }
    }
}
