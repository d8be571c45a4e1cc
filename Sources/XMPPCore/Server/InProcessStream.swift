// SPDX-License-Identifier: Apache-2.0
// Streams inside the server's own process: of stanzas, for the host program, and of XML, for clients under test.

import Synchronization

/// A bound resource that the host program speaks for. May be used from any isolation.
public struct InProcessStream: Sendable {
    /// The address of this end.
    public let jid: FullJID
    /// What is sent to this address, in order. Ends when the stream ends.
    public let stanzas: AsyncStream<Stanza>
    private let outlet: InProcessOutlet

    /// The messages among ``stanzas``; what else comes meanwhile is passed over.
    public var messages: some AsyncSequence<Message, Never> & Sendable { stanzas.compactMap { Message($0) } }

    /// Stanzas that wait to be taken; with more, the stream ends.
    public static let waitingStanzaCountMax = 10_000

    static func open(_ jid: FullJID, host: Host, loop: EventLoop) async -> InProcessStream {
        let (stanzas, continuation) = AsyncStream.makeStream(
            of: Stanza.self,
            bufferingPolicy: .bufferingOldest(waitingStanzaCountMax)
        )
        let session = Session(jid: jid, host: host, loop: loop, peerAddress: "")
        let outlet = InProcessOutlet(session, continuation)
        if case .inserted(let replaced?) = host.registry.insert(session, sessionCountMax: .max) {
            await replaced.endNow(StreamError(.conflict))
        }
        await outlet.perform {
            // Another connection may have taken the resource meanwhile.
            guard !session.isEnded else {
                continuation.finish()
                return .done
            }
            session.outlet = outlet
            return host.events.sessionBound.raise(session)
        }
        return InProcessStream(jid: jid, stanzas: stanzas, outlet: outlet)
    }

    /// Sends a stanza, from this address. Returns once the server has taken responsibility for it.
    public func send(_ stanza: Stanza) async {
        await outlet.send(fromClient: stanza)
    }
    /// Sends a message, from this address.
    public func send(_ message: Message) async { await send(message.stanza) }
    /// Sends presence, from this address.
    public func send(_ presence: Presence) async { await send(presence.stanza) }
    /// Sends an IQ, from this address.
    public func send(_ iq: IQ) async { await send(iq.stanza) }

    /// Ends the session.
    public func close() async { await outlet.close() }
}

/// The server's end of an in-process stream.
///
/// `@unchecked Sendable`: constant; the session is used on its loop.
private final class InProcessOutlet: SessionOutlet, @unchecked Sendable {
    private let session: Session
    private let continuation: AsyncStream<Stanza>.Continuation

    init(_ session: Session, _ continuation: AsyncStream<Stanza>.Continuation) {
        self.session = session
        self.continuation = continuation
    }

    /// Runs a step on the loop, then what it left to do. Nothing happens when the server is gone.
    func perform(_ body: @escaping @Sendable () -> Work) async {
        let loop = session.loop
        guard let work = await loop.run(body) else { return }
        guard !work.isDone else { return }
        await withTaskExecutorPreference(loop) { await work.finish() }
    }

    func send(fromClient stanza: Stanza) async {
        await perform { [session] in
            guard !session.isEnded else { return .done }
            var stanza = stanza
            let isSubscription = stanza.kind == .presence && stanza.type.managesSubscription
            stanza.from = isSubscription ? session.account.jid : session.jid.jid
            return session.host.router.route(stanza, from: session)
        }
    }

    func close() async {
        await perform { [self] in
            continuation.finish()
            session.end(.closed)
            return .later { [session] in
                await withCheckedContinuation { continuation in session.whenGone { continuation.resume() } }
            }
        }
    }

    /// What waits for the program is counted in stanzas.
    let hasRoom = true

    func send(_ stanza: Stanza) {
        if case .dropped = continuation.yield(stanza) { end(StreamError(.policyViolation)) }
    }

    func end(_ error: StreamError) {
        continuation.finish()
        session.end(.replaced)
    }
}

/// A stream that is spoken in XML, without a socket. For clients under test. May be used from any isolation.
public struct InProcessXMLStream: Sendable {
    /// What the server writes, in pieces of any length. Ends when the server closes the stream.
    public let output: AsyncStream<[UInt8]>
    private let transport: MemoryTransport
    private let loop: EventLoop

    init(loop: EventLoop, _ start: @escaping @Sendable (MemoryTransport) -> Void) {
        let (output, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        let transport = MemoryTransport(loop: loop) { bytes in
            if let bytes { continuation.yield(bytes) } else { continuation.finish() }
        }
        self.output = output
        self.transport = transport
        self.loop = loop
        loop.post { start(transport) }
    }

    /// Sends text as the client.
    public func write(_ xml: String) { write(Array(xml.utf8)) }

    /// Sends bytes as the client.
    public func write(_ bytes: [UInt8]) { perform { $0.receive(bytes) } }

    /// Breaks the connection without a word.
    public func disconnect() { perform { $0.disconnect(.failed("cut")) } }

    /// On the transport's loop, which is another once a stream resumed a session there.
    private func perform(_ body: @escaping @Sendable (MemoryTransport) -> Void) {
        @Sendable func follow() {
            if transport.loop.isCurrent { body(transport) } else { transport.loop.post(follow) }
        }
        loop.post(follow)
    }
}
