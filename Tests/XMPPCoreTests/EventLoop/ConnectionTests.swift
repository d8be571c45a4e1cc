// SPDX-License-Identifier: Apache-2.0
// Connections and listeners over real sockets: order at the end, moving between loops, back-pressure both ways, limits.

import Glibc
import Logging
import Testing

@testable import XMPPCore

@Suite(.timeLimit(.minutes(1)))
struct ConnectionTests {
    @Test func whatCameBeforeTheEndIsReported() async throws {
        let fixture = try Fixture()
        let peer = try fixture.connect()
        peer.send("words")
        peer.finish()
        #expect(await fixture.next() == .opened)
        #expect(await fixture.next() == .received("words"))
        #expect(await fixture.next() == .ended(.closed))
        await fixture.stop()
    }

    /// The handler asks for the move in the midst of a read, with output waiting: neither is lost or done on two loops.
    @Test(arguments: [nil, 4]) func movesToAnotherLoop(inboundRateMax: Int?) async throws {
        let fixture = try Fixture { $0.inboundRateMax = inboundRateMax }
        let peer = try fixture.connect()
        #expect(await fixture.next() == .opened)
        for round in 0..<4 {
            peer.send("move\(round)")
            #expect(await fixture.next() == .received("move\(round)"))
            #expect(await fixture.next() == .moved)
            #expect(peer.receive(12) == "before after")
            // Past what the rate limit may make it wait.
            fixture.time.advance(by: .seconds(60))
        }
        peer.finish()
        #expect(await fixture.next() == .ended(.closed))
        await fixture.stop()
    }

    @Test func isNotReadWhileReadingIsOff() async throws {
        let fixture = try Fixture()
        let peer = try fixture.connect()
        #expect(await fixture.next() == .opened)
        peer.send("pause")
        #expect(await fixture.next() == .received("pause"))
        peer.send("more")
        await fixture.onLoop { $0.write { $0.append("x") } }
        #expect(peer.receive(1) == "x")
        await fixture.onLoop { $0.setReading(.on) }
        #expect(await fixture.next() == .received("more"))
        peer.finish()
        #expect(await fixture.next() == .ended(.closed))
        await fixture.stop()
    }

    /// A peer that reads nothing is reported once, and the last it gets is time, not memory.
    @Test func aPeerThatDoesNotReadIsReported() async throws {
        let fixture = try Fixture { $0.outputByteCountMax = 65_536 }
        let peer = try fixture.connect()
        #expect(await fixture.next() == .opened)
        await fixture.onLoop { connection in
            let piece = [UInt8](repeating: 0x20, count: 32_768)
            for _ in 0..<512 { connection.write { $0.append(piece) } }
        }
        #expect(await fixture.next() == .overflowed)
        await fixture.onLoop { $0.close() }
        #expect(fixture.listener.openCount == 1)
        fixture.time.advance(by: TransportLimits().lingerDuration)
        await fixture.settle()
        #expect(fixture.listener.openCount == 0)
        peer.finish()
        await fixture.stop()
    }

    /// Nobody waits in the backlog of a listener that accepts no more.
    @Test func aStoppedListenerRefuses() async throws {
        let fixture = try Fixture()
        let peer = try fixture.connect()
        #expect(await fixture.next() == .opened)
        fixture.listener.stop()
        await fixture.settle()
        #expect(throws: SystemError.self) { try fixture.connect() }
        peer.send("still here")
        #expect(await fixture.next() == .received("still here"))
        await fixture.stop()
    }

    @Test func aLoopThatStopsClosesItsConnections() async throws {
        let fixture = try Fixture()
        let peer = try fixture.connect()
        #expect(await fixture.next() == .opened)
        await fixture.stop()
        #expect(peer.receive(1) == "")
        #expect(fixture.listener.openCount == 0)
    }

    @Test func tooManyConnectionsAreRefused() async throws {
        let fixture = try Fixture(connectionCountMax: 1)
        let first = try fixture.connect()
        #expect(await fixture.next() == .opened)
        let second = try fixture.connect()
        #expect(second.receive(1) == "")
        first.finish()
        #expect(await fixture.next() == .ended(.closed))
        await fixture.stop()
    }
}

/// A listener on two loops, and what its connections report.
private final class Fixture: Sendable {
    enum Event: Equatable, Sendable {
        case opened
        case received(String)
        case moved, overflowed
        case ended(TransportEnd)
    }

    let group: EventLoopGroup
    let listener: Listener
    let time = ManualTime()
    private let events: AsyncStream<Event>
    private let handler: Handler

    init(connectionCountMax: Int? = nil, limits configure: (inout TransportLimits) -> Void = { _ in }) throws {
        var limits = TransportLimits()
        configure(&limits)
        let group = try EventLoopGroup(loopCount: 2, time: time)
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let handler = Handler(group.loops, continuation)
        self.group = group
        self.events = events
        self.handler = handler
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let settings = ListenerConfiguration(address: "127.0.0.1", port: 0, connectionCountMax: connectionCountMax)
        listener = try Listener(settings, tls: nil, limits: limits, logger: logger) { connection in
            handler.take(connection)
        }
        listener.start(on: [group.loops[0]])
    }

    func connect() throws -> Peer { try Peer(port: listener.port) }

    func next() async -> Event? {
        var iterator = events.makeAsyncIterator()
        return await iterator.next()
    }

    func onLoop(_ body: @escaping @Sendable (Connection) -> Void) async {
        for loop in group.loops {
            loop.post { [handler] in
                if let connection = handler.connection, connection.loop.isCurrent { body(connection) }
            }
        }
        await settle()
    }

    func settle() async { for _ in 0..<3 { for loop in group.loops { await loop.settle() } } }

    func stop() async {
        listener.stop()
        await settle()
        group.shutdown()
    }
}

/// Reports what happens, and does what the peer's words say.
///
/// Unchecked: used on the loop that the connection is on, one at a time.
private final class Handler: StreamTransportHandler, @unchecked Sendable {
    private let loops: [EventLoop]
    private let events: AsyncStream<Fixture.Event>.Continuation
    private(set) var connection: Connection?

    init(_ loops: [EventLoop], _ events: AsyncStream<Fixture.Event>.Continuation) {
        self.loops = loops
        self.events = events
    }

    func take(_ connection: Connection) {
        self.connection = connection
        connection.handler = self
        do { try connection.open(.plain) } catch { Issue.record(error) }
        events.yield(.opened)
    }

    func transportReceived(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let connection else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        events.yield(.received(text))
        if text == "pause" { connection.setReading(.off) }
        guard text.hasPrefix("move"), let other = loops.first(where: { !$0.isCurrent }) else { return }
        connection.write { $0.append("before ") }
        connection.move(to: other) { [self] in
            other.assertCurrent()
            connection.write { $0.append("after") }
            connection.setReading(.on)
            events.yield(.moved)
        }
        connection.setReading(.off)
    }

    func transportSecured() {}
    func transportEnded(_ reason: TransportEnd) { events.yield(.ended(reason)) }
    func transportOverflowed() { events.yield(.overflowed) }
}

/// A client with a plain blocking socket, whose reads end after ten seconds at the latest.
private final class Peer: Sendable {
    private let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        let address = try #require(SocketAddress("127.0.0.1", port: port, version: .v4))
        let status = address.withPointer { Glibc.connect(descriptor, $0, $1) }
        if status != 0 {
            let error = SystemError("connect")
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// So many bytes, or as many as come before the end.
    func receive(_ count: Int) -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        var received = 0
        while received < count {
            let read = bytes.withUnsafeMutableBytes { buffer in
                recv(descriptor, buffer.baseAddress.map { $0 + received }, count - received, 0)
            }
            guard read > 0 else { break }
            received += read
        }
        return String(decoding: bytes.prefix(received), as: UTF8.self)
    }
}
