// SPDX-License-Identifier: Apache-2.0
// A client's stream (RFC 6120 section 4): reads it, keeps its order, opens and closes it. What its elements mean is in
// the extensions: ClientStream+Negotiation, +Authentication, +Binding, +Stanzas, +Management.

import DequeModule
import Logging

/// The server's side of one client-to-server stream.
///
/// `@unchecked Sendable`: confined to its transport's loop.
final class ClientStream: SessionOutlet, StreamTransportHandler, @unchecked Sendable {
    /// How far the stream has come.
    enum Phase {
        /// Nothing is authenticated.
        case unauthenticated
        /// A SASL exchange runs.
        case authenticating(Authentication)
        /// The client is who it says; it has no resource.
        case authenticated(BareJID)
        /// The client has a resource.
        case bound(Session)
        /// Nothing more is read or sent.
        case ended
    }

    /// What was read and waits until what was read before is handled.
    private enum Pending {
        case event(XMLStreamEvent)
        case failure(StreamError)
    }

    let transport: any StreamTransport
    let settings: ClientStreamSettings
    let services: ClientStreamServices
    private let logger: Logger
    var phase = Phase.unauthenticated
    /// The host that the client asked for; nil before it did.
    var host: Host?
    /// The stream management of the session; nil until the client enabled it.
    var managed: ResumableSession?
    var failedAttemptCount = 0
    var strangerRequestCount = 0
    /// The language of the client's stream, for texts; nil when it did not say.
    private(set) var language: String?

    private var parser: XMLStreamParser?
    /// What the client's XML may cost at this time.
    private var limits: XMLLimits
    /// Whether the next bytes begin a new stream: at first, after TLS, after SASL.
    private var expectsHeader = true
    private var hasSentHeader = false
    private var isSecuring = false
    private var isFinished = false
    private var isBusy = false
    private var isProcessing = false
    private var pending: Deque<Pending> = []
    private var unparsed: [UInt8] = []
    /// How the transport ended; nil while it has not. What came before is handled first.
    private var transportEnd: TransportEnd?
    private var stateTimer: TimerToken?
    private var watchTimer: TimerToken?
    /// Runs while more is not acknowledged than is kept for a client that is gone.
    var acknowledgementTimer: TimerToken?
    private var lastReceived: Duration = .zero

    init(
        transport: any StreamTransport,
        settings: ClientStreamSettings,
        services: ClientStreamServices,
        logger: Logger
    ) {
        self.transport = transport
        self.settings = settings
        limits = settings.strangerLimits
        self.services = services
        self.logger = logger
    }

    var loop: EventLoop { transport.loop }

    /// Takes the transport, which must not have reported anything yet.
    func start() {
        transport.handler = self
        services.streams.insert(self)
        lastReceived = loop.now
        expectProgress()
    }

    /// Logs with who the client is. That is put together where it is written: most streams never log anything.
    func log(
        _ level: Logger.Level,
        _ message: @autoclosure () -> Logger.Message,
        _ metadata: @autoclosure () -> Logger.Metadata = [:]
    ) {
        guard logger.logLevel <= level else { return }
        var metadata = metadata()
        metadata["net.peer"] = "\(transport.peerAddress)"
        if let encryption = transport.encryption { metadata["tls.summary"] = "\(encryption)" }
        switch phase {
        case .authenticated(let account): metadata["xmpp.account"] = "\(account)"
        case .bound(let session): metadata["xmpp.jid"] = "\(session.jid)"
        case .unauthenticated, .authenticating, .ended: break
        }
        logger.log(level: level, message(), metadata: metadata)
    }

    // MARK: reading

    func transportReceived(_ bytes: UnsafeBufferPointer<UInt8>) {
        lastReceived = loop.now
        guard !isBusy, pending.isEmpty, unparsed.isEmpty else {
            // Reading is off, so this is the rest of one read at most.
            unparsed.append(contentsOf: bytes)
            return
        }
        process { parse(bytes) }
    }

    func transportSecured() {
        isSecuring = false
        restart()
        expectProgress()
    }

    func transportEnded(_ end: TransportEnd) {
        transportEnd = end
        process {}
    }

    /// Handles what was read, then what waits, as far as nothing has to be waited for.
    private func process(_ body: () -> Void) {
        guard !isProcessing else { return body() }
        isProcessing = true
        body()
        while !isBusy, !isEnded {
            if let next = pending.popFirst() {
                handle(next)
            } else if !unparsed.isEmpty, !isSecuring {
                let bytes = unparsed
                unparsed = []
                bytes.withUnsafeBufferPointer { parse($0) }
            } else if let transportEnd {
                lost(transportEnd)
            } else {
                break
            }
        }
        isProcessing = false
        if !isEnded { transport.setReading(isBusy ? .off : .on) }
    }

    var isEnded: Bool { if case .ended = phase { true } else { false } }
    private var isBound: Bool { if case .bound = phase { true } else { false } }

    /// Feeds the parser. Until a resource is bound, no further than the next `>`: what follows an element may belong to
    /// TLS or to a new stream.
    private func parse(_ bytes: UnsafeBufferPointer<UInt8>) {
        var rest = bytes[...]
        var headerStart: Int?
        while !rest.isEmpty, !isEnded {
            guard !isBusy, !isSecuring, pending.isEmpty else {
                if isSecuring { return refuseInjection() }
                unparsed.append(contentsOf: rest)
                return
            }
            if parser == nil, expectsHeader {
                if let known = loop.parserPool.header(at: UnsafeBufferPointer(rebasing: rest)) {
                    rest = rest.dropFirst(known.byteCount)
                    opened(known.header)
                    continue
                }
                headerStart = rest.startIndex
            } else if parser == nil {
                // White space between stanzas keeps a connection alive (RFC 6120 section 4.6.1) and needs no parser.
                rest = rest.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
                if rest.isEmpty { return }
                // Nor does the end: without a parser of its own, the stream has the usual header.
                if rest.elementsEqual("</stream:stream>".utf8) { return close() }
            }
            var end = rest.endIndex
            if !isBound, let close = rest.firstIndex(of: 0x3E) { end = close + 1 }
            let header = feed(UnsafeBufferPointer(rebasing: rest[..<end]))
            if let header, let headerStart {
                loop.parserPool.learn(header, UnsafeBufferPointer(rebasing: bytes[headerStart..<end]))
            }
            rest = rest[end...]
        }
    }

    // RFC 6120 section 5.4.3.3: what comes in plain text after <starttls/> must not be taken for what TLS protects.
    private func refuseInjection() {
        log(.info, "bytes after <starttls/>: the connection is closed")
        finish()
    }

    /// - Returns: the stream's header, if it ended with these bytes and the parser is ready for any stream's stanzas.
    private func feed(_ bytes: UnsafeBufferPointer<UInt8>) -> StreamHeader? {
        let expectedHeader = expectsHeader
        let parser = self.parser ?? (expectsHeader ? XMLStreamParser(limits: limits) : takeParser())
        self.parser = parser
        let failure = parser.feed(bytes) { enqueue(.event($0)) }
        if let failure {
            enqueue(.failure(failure))
            return nil
        }
        // A restart has let go of it already.
        guard parser.isInterchangeable, self.parser === parser || self.parser == nil else { return nil }
        self.parser = nil
        loop.parserPool.put(parser)
        return expectedHeader ? parser.header : nil
    }

    private func takeParser() -> XMLStreamParser { loop.parserPool.take(limits, language: language) }

    private func enqueue(_ next: Pending) {
        if isBusy || !pending.isEmpty { pending.append(next) } else { handle(next) }
    }

    private func handle(_ next: Pending) {
        switch next {
        case .event(.opened(let header)): opened(header)
        case .event(.element(let element)): handle(element)
        case .event(.closed): close()
        case .failure(let error): fail(error)
        }
    }

    private func handle(_ element: Element) {
        switch phase {
        case .unauthenticated: handleUnauthenticated(element)
        case .authenticating(let authentication): handleAuthenticating(element, authentication)
        case .authenticated(let account): handleAuthenticated(element, account)
        case .bound(let session): handleBound(element, session)
        case .ended: break
        }
    }

    // MARK: waiting

    /// Holds back what the client sends next until `work` is done, unless somebody else is at it.
    func wait(for work: Work) {
        guard work.holdsUp else { return }
        // What is under way after that is waited for by nobody here: nothing is acknowledged.
        perform { _ = await work.proceed() }
    }

    /// Holds back what the client sends next until `body` returns. It stays on the loop.
    func perform(_ body: @escaping @Sendable () async -> Void) {
        precondition(!isBusy, "a stream waits for one thing at a time")
        isBusy = true
        // The time until the client's next step does not run while the server takes its own.
        pauseProgress()
        loop.start { [self] in
            await body()
            // The stream may have gone to another loop.
            if loop.isCurrent { performed() } else { loop.post { self.performed() } }
        }
    }

    private func performed() {
        isBusy = false
        guard !isEnded else { return }
        expectProgress()
        process {}
    }

    /// Goes on on a session's loop, and does `body` there, unless the stream ends on the way. From within `perform`,
    /// which holds back what the client sends.
    func onLoop(of session: Session, _ body: @escaping @Sendable () async -> Void) async {
        guard !session.loop.isCurrent else { return await body() }
        // A parser belongs to its loop's pool, and between stanzas one is as good as another.
        parser = nil
        await withCheckedContinuation { continuation in
            transport.move(to: session.loop) { continuation.resume() }
        }
        await withTaskExecutorPreference(session.loop) { [self] in
            guard !isEnded else { return }
            services.streams.insert(self)
            await body()
        }
    }

    // MARK: opening

    /// Expects a new stream header on the same connection (RFC 6120 section 4.3.3).
    func restart() {
        parser = nil
        expectsHeader = true
        hasSentHeader = false
    }

    /// Takes more from the client, which is no stranger any more.
    func liftLimits() {
        limits = settings.limits
        parser?.adopt(limits, language: language)
    }

    private func opened(_ header: StreamHeader) {
        expectsHeader = false
        language = header.language
        parser?.adopt(limits, language: language)
        // RFC 6120 section 4.7.5: a client that says no version, or 0.x, does not speak this protocol.
        guard let version = header.version, let major = Int(version.prefix { $0 != "." }), major >= 1 else {
            return fail(StreamError(.unsupportedVersion))
        }
        guard let to = header.to else { return fail(StreamError(.improperAddressing)) }
        guard let address = try? JID(to), address.isDomain, address.isBare,  // what is no domain is not served either
            let host = services.router.host(address)
        else {
            if settings.unservedStreams == .dropped { return finish() }
            return fail(StreamError(.hostUnknown))
        }
        // RFC 6120 section 4.7.2: a stream goes on for whom it began.
        guard self.host == nil || self.host === host else { return fail(StreamError(.hostUnknown)) }
        self.host = host
        sendHeader(to: header.from)
        sendFeatures()
    }

    func sendHeader(to peer: String?) {
        hasSentHeader = true
        let from = host?.configuration.domain ?? services.router.defaultDomain
        transport.write { buffer in
            buffer.append("<?xml version='1.0'?><stream:stream")
            buffer.appendAttribute("xmlns", Namespace.client.uri)
            buffer.appendAttribute("xmlns:stream", Namespace.stream.uri)
            buffer.appendAttribute("id", RandomToken.make())
            buffer.appendAttribute("from", from)
            if let peer { buffer.appendAttribute("to", peer) }
            buffer.appendAttribute("version", "1.0")
            buffer.appendAttribute("xml:lang", language ?? settings.language)
            buffer.append(0x3E)
        }
    }

    func send(_ element: Element) {
        guard !isEnded else { return }
        transport.write { $0.append(element, inside: .client) }
    }

    /// Starts TLS, after `<proceed/>`.
    func secure() {
        isSecuring = true
        transport.startTLS()
    }

    // MARK: closing

    /// Ends the stream with an error (RFC 6120 section 4.9.1.1).
    func fail(_ error: StreamError) {
        guard !isEnded else { return }
        log(.debug, "stream error", ["error": "\(error.condition.rawValue)"])
        // RFC 6120 section 4.9.1.2: an error in the first bytes still follows a header.
        if !hasSentHeader { sendHeader(to: nil) }
        transport.write { buffer in
            buffer.append("<stream:error>")
            buffer.append(Element(error.condition.rawValue, .streamErrors), inside: .client)
            if let text = error.text {
                buffer.append(
                    Element("text", .streamErrors) { text },
                    inside: .client
                )
            }
            if let detail = error.detail { buffer.append(detail, inside: .client) }
            buffer.append("</stream:error>")
        }
        close(.replaced)
    }

    /// Ends the stream without an error (RFC 6120 section 4.4).
    func close(_ reason: SessionEnd = .closed) {
        guard !isEnded else { return }
        if !hasSentHeader { sendHeader(to: nil) }
        transport.write { $0.append("</stream:stream>") }
        guard !isEnded else { return }  // there was no room for that either
        endSession(reason)
        finish()
    }

    /// The connection is gone, or as good as that.
    private func lost(_ end: TransportEnd) {
        guard !isEnded else { return }
        if case .failed(let reason) = end { log(.debug, "connection lost", ["error": "\(reason)"]) }
        if case .bound = phase, let managed, managed.id != nil {
            self.managed = nil
            managed.detach()
        } else {
            endSession(.lost)
        }
        finish()
    }

    private func endSession(_ reason: SessionEnd) {
        guard case .bound(let session) = phase else { return }
        log(.info, "session ended", ["reason": "\(reason)"])
        phase = .ended
        if let managed {
            self.managed = nil
            managed.give(up: reason)
        } else {
            session.end(reason)
        }
    }

    /// Another stream resumed the session of this one.
    func loseSession() {
        guard case .bound = phase else { return }
        managed = nil
        phase = .unauthenticated
        fail(StreamError(.conflict, text: "the session was resumed on another stream"))
    }

    func finish() {
        guard !isFinished else { return }
        isFinished = true
        phase = .ended
        managed = nil
        pauseProgress()
        for timer in [watchTimer, acknowledgementTimer] { if let timer { loop.cancel(timer) } }
        watchTimer = nil
        acknowledgementTimer = nil
        parser = nil
        pending = []
        unparsed = []
        services.streams.remove(self)
        transport.close()
    }

    // MARK: time

    /// Gives the client the time of one step of negotiation to come to the next.
    func expectProgress() {
        pauseProgress()
        guard let timeout = settings.stateTimeout, !isBound, !isBusy else { return }
        stateTimer = loop.schedule(after: timeout) { [self] in
            fail(StreamError(.connectionTimeout))
        }
    }

    /// Begins to look whether the client is still there.
    func watch() {
        expectProgress()
        watchTimer = loop.schedule(after: settings.keepaliveInterval) { [self] in lookAfter() }
    }

    private func lookAfter() {
        var next = lastReceived + settings.keepaliveInterval - loop.now
        if next <= .zero {
            next = settings.keepaliveInterval
            if let managed {
                if let requestTime = managed.state.requestTime {
                    // It was asked, and a live client answers at once.
                    next = requestTime + settings.acknowledgementTimeout - loop.now
                    guard next > .zero else { return lost(.failed("no acknowledgement in time")) }
                } else {
                    requestAcknowledgementNow()
                    next = settings.acknowledgementTimeout
                }
            } else {
                // TCP finds out whether somebody takes it.
                transport.write { $0.append(0x20) }
            }
        }
        guard !isEnded else { return }
        watchTimer = loop.schedule(after: next) { [self] in lookAfter() }
    }

    private func pauseProgress() {
        if let stateTimer { loop.cancel(stateTimer) }
        stateTimer = nil
    }

    func transportOverflowed() {
        log(.info, "the client does not read; the stream ends")
        // A managed session waits for a better connection; another gets the error, though it may never read it.
        if case .bound = phase, managed?.id != nil {
            lost(.failed("the client does not read"))
        } else {
            fail(StreamError(.policyViolation, text: "too much output is waiting"))
        }
    }

    func end(_ error: StreamError) { fail(error) }
}
