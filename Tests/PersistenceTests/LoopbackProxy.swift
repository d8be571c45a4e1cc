// SPDX-License-Identifier: Apache-2.0
// A proxy for TCP connections on this machine that holds answers back and cuts connections when it is told to.

import Glibc
import Synchronization
import XMPPPersistenceConformance

/// Passes connections to a port of its own on to a server, on a thread of its own.
final class LoopbackProxy: Sendable {
    struct Failure: Error {
        let call: String
        let code = errno
    }

    /// Both ends of a connection.
    private struct Pair {
        let client: Int32
        let server: Int32
        var isHeld = false
    }

    private enum Order {
        case hold, release, cut, end
    }

    private struct State {
        var orders: [(Order, CheckedContinuation<Void, Never>?)] = []
        var isHeld = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    let port: Int
    private let target: sockaddr_in
    private let listener: Int32
    /// The ends of a pipe: a byte in it says that there are orders.
    private let orderReader: Int32
    private let orderWriter: Int32
    private let state = Mutex(State())

    /// - Parameter host: an IPv4 address.
    init(host: String, port: Int) throws {
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = in_port_t(port).bigEndian
        target.sin_addr.s_addr = inet_addr(host)
        self.target = target
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var ends: [Int32] = [-1, -1]
        let isPiped = pipe(&ends) == 0
        (orderReader, orderWriter) = (ends[0], ends[1])
        let listener = listener
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 128) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        guard target.sin_addr.s_addr != INADDR_NONE, isListening, isPiped else { throw Failure(call: "listen") }
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<LoopbackProxy>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        guard code == 0 else { throw Failure(call: "pthread_create") }
        pthread_detach(thread)
    }

    /// Cuts all connections, and takes no more.
    func end() async { await tell(.end) }

    private func tell(_ order: Order) async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.orders.append((order, continuation)) }
            write(orderWriter, [1], 1)
        }
    }

    // MARK: The thread

    private func run() {
        var pairs: [Pair] = []
        var isHolding = false
        while true {
            var polled = [pollfd(fd: orderReader, events: Int16(POLLIN), revents: 0)]
            polled.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0))
            for pair in pairs {
                polled.append(pollfd(fd: pair.client, events: Int16(POLLIN), revents: 0))
                // An end that is not to be read must not be reported, either.
                polled.append(pollfd(fd: pair.isHeld ? -1 : pair.server, events: Int16(POLLIN), revents: 0))
            }
            guard poll(&polled, nfds_t(polled.count), -1) >= 0 || errno == EINTR else { return }
            var gone: Set<Int> = []
            for index in pairs.indices {
                if polled[3 + 2 * index].revents != 0 {
                    if isHolding {
                        pairs[index].isHeld = true
                    } else if !pass(from: pairs[index].server, to: pairs[index].client) {
                        gone.insert(index)
                    }
                }
                if polled[2 + 2 * index].revents != 0, !pass(from: pairs[index].client, to: pairs[index].server) {
                    gone.insert(index)
                }
            }
            for index in gone.sorted().reversed() { Self.close(pairs.remove(at: index)) }
            if polled[1].revents != 0 { accept(into: &pairs) }
            if polled[0].revents != 0, !obey(&pairs, &isHolding) { return }
            noteHeld(pairs.contains(where: \.isHeld))
        }
    }

    private func noteHeld(_ isHeld: Bool) {
        let waiting = state.withLock { state in
            state.isHeld = isHeld
            guard isHeld else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Does what it was told to; false when that was to end.
    private func obey(_ pairs: inout [Pair], _ isHolding: inout Bool) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 64)
        read(orderReader, &bytes, bytes.count)
        let orders = state.withLock { state in
            defer { state.orders = [] }
            return state.orders
        }
        var goesOn = true
        for (order, _) in orders {
            isHolding = order == .hold
            if order == .hold { continue }
            for index in pairs.indices { pairs[index].isHeld = false }
            if order == .release { continue }
            for pair in pairs { Self.close(pair) }
            pairs = []
            if order == .end { goesOn = false }
        }
        if !goesOn { for descriptor in [listener, orderReader, orderWriter] { Glibc.close(descriptor) } }
        noteHeld(false)
        for (_, continuation) in orders { continuation?.resume() }
        return goesOn
    }

    private func accept(into pairs: inout [Pair]) {
        let client = Glibc.accept(listener, nil, nil)
        guard client >= 0 else { return }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let isConnected = withUnsafePointer(to: target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                connect(server, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        let pair = Pair(client: client, server: server)
        if isConnected { pairs.append(pair) } else { Self.close(pair) }
    }

    /// Passes on what has come; false when that was the end.
    private func pass(from source: Int32, to destination: Int32) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(source, &bytes, bytes.count, 0)
        guard count > 0 else { return false }
        var sentCount = 0
        while sentCount < count {
            let sent = bytes[sentCount..<count].withUnsafeBytes {
                send(destination, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { return false }
            sentCount += sent
        }
        return true
    }

    private static func close(_ pair: Pair) {
        Glibc.close(pair.client)
        Glibc.close(pair.server)
    }
}

extension LoopbackProxy {
    func holdAnswers() async { await tell(.hold) }
    func releaseAnswers() async { await tell(.release) }
    func cut() async { await tell(.cut) }

    func answersAreHeld() async {
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                if !state.isHeld { state.waiting.append(continuation) }
                return state.isHeld
            }
            if isHeld { continuation.resume() }
        }
    }
}
