// SPDX-License-Identifier: Apache-2.0
// A TCP connection on an event loop, in plain text or TLS.

import CLinux
import Glibc

/// Reads, writes, encrypts and closes one accepted socket.
///
/// `@unchecked Sendable`: confined to its loop. It crosses threads only while it is on no loop: between `accept` and
/// `open()`, and inside `move(to:_:)`.
final class Connection: EventSource, EndOfTurnWork, StreamTransport, @unchecked Sendable {
    private enum Phase { case idle, open, closing, closed }

    private(set) var loop: EventLoop
    let peerAddress: String
    weak var owner: (any ConnectionOwner)?
    var handler: (any StreamTransportHandler)?
    private let descriptor: Int32
    private let limits: TransportLimits
    private let tlsSource: TLSContextSource?
    private var token: SourceToken?
    private var phase = Phase.idle
    private var interest: ReadyEvents = .readable
    private var reading = ReadingState.on
    private var tls: TLSSession?
    private var isSecured = false
    private var wantsTLS = false
    private var output = ByteBuffer()
    private var isFlushScheduled = false
    private var hasOverflowed = false
    private var rateLimiter: RateLimiter?
    private var isThrottled = false
    private var lingerTimer: TimerToken?

    init(
        descriptor: Int32,
        peerAddress: String,
        loop: EventLoop,
        tls: TLSContextSource?,
        limits: TransportLimits
    ) {
        self.descriptor = descriptor
        self.peerAddress = peerAddress
        self.loop = loop
        self.limits = limits
        tlsSource = tls
    }

    deinit {
        assert(phase == .idle || phase == .closed, "a connection was lost while it was open")
        if phase == .idle { Glibc.close(descriptor) }
    }

    /// Starts reading; with TLS from the first byte if `security` says so.
    func open(_ security: InitialSecurity) throws(SystemError) {
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        if let rate = limits.inboundRateMax { rateLimiter = RateLimiter(rate: rate, now: loop.now) }
        do throws(SystemError) {
            token = try loop.register(descriptor, self, interest)
        } catch {
            finish()
            throw error
        }
        phase = .open
        if security == .tls { startTLS() }
    }

    enum InitialSecurity { case plain, tls }

    // MARK: StreamTransport

    var offersTLS: Bool { tlsSource != nil && !isSecured }

    var security: TransportSecurity? {
        guard isSecured, let bindings = tls?.channelBindings, let summary = tls?.summary else { return nil }
        return TransportSecurity(channelBindings: bindings, summary: summary)
    }

    func write(_ body: (inout ByteBuffer) -> Void) {
        loop.assertCurrent()
        guard phase == .open else { return }
        body(&output)
        scheduleFlush()
        if output.count > limits.outputByteCountMax, !hasOverflowed {
            hasOverflowed = true
            handler?.transportOverflowed()
        }
    }

    func startTLS() {
        loop.assertCurrent()
        guard phase == .open, tlsSource != nil, tls == nil else { return }
        wantsTLS = true
        flush()
    }

    func setReading(_ state: ReadingState) {
        loop.assertCurrent()
        guard reading != state else { return }
        reading = state
        updateInterest()
        // TLS may hold decrypted bytes that no event will announce.
        if state == .on, phase == .open, tls?.hasPending == true { loop.atEndOfTurn(self) }
    }

    func close() {
        loop.assertCurrent()
        guard phase == .open else { return }
        phase = .closing
        handler = nil
        flush()
        guard phase == .closing else { return }
        lingerTimer = loop.schedule(after: limits.lingerDuration) { [weak self] in self?.finish() }
    }

    func move(to loop: EventLoop, _ body: @escaping @Sendable () -> Void) {
        self.loop.assertCurrent()
        guard phase == .open, let token else { return loop.post(body) }
        self.loop.unregister(descriptor, token)
        self.token = nil
        self.loop = loop
        loop.post { [self] in
            rateLimiter = limits.inboundRateMax.map { RateLimiter(rate: $0, now: loop.now) }
            do throws(SystemError) {
                self.token = try loop.register(descriptor, self, interest)
            } catch {
                finish(reporting: .failed("\(error)"))
            }
            body()
            guard phase == .open else { return }
            if !output.isEmpty || tls?.hasPending == true { scheduleFlush() }
        }
    }

    // MARK: events

    func ready(_ events: ReadyEvents) {
        if tls != nil, !isSecured, phase == .open {
            handshake()
            return
        }
        if events.contains(.writable) { flush() }
        if !events.isDisjoint(with: [.readable, .ended]) { read(events) }
    }

    func endTurn() {
        isFlushScheduled = false
        if phase == .open, reading == .on, !isThrottled, tls?.hasPending == true { read(.readable) }
        flush()
    }

    private func handshake() {
        guard let outcome = tls?.handshake() else { return }
        switch outcome {
        case .done:
            isSecured = true
            interest = .readable
            updateInterest()
            handler?.transportSecured()
            // The client's first bytes may have come with the end of the handshake.
            if phase == .open, tls?.hasPending == true { loop.atEndOfTurn(self) }
        case .wantsRead:
            setInterest(.readable)
        case .wantsWrite:
            setInterest(.writable)
        case .ended:
            finish(reporting: .closed)
        case .failed(let reason):
            finish(reporting: .failed("TLS: \(reason)"))
        }
    }

    private func read(_ events: ReadyEvents) {
        guard phase != .closing else { return drainInput() }
        guard reading == .on, !isThrottled else {
            // The peer is gone, and nobody will read what it sent last: nobody waits for it either.
            if events.contains(.ended) { finish(reporting: .closed) }
            return
        }
        var turnByteCount = 0
        while phase == .open, reading == .on, !isThrottled, !wantsTLS, turnByteCount < limits.turnByteCountMax {
            let buffer = loop.readBuffer
            switch receive(buffer) {
            case .done(let count):
                turnByteCount += count
                throttle(count)
                handler?.transportReceived(UnsafeBufferPointer(rebasing: UnsafeBufferPointer(buffer)[..<count]))
                // A short read of a socket means that it is empty: one call less.
                if tls == nil, count < buffer.count { return }
            case .wantsRead:
                return
            case .wantsWrite:
                return setInterest([.readable, .writable])
            case .ended:
                return finish(reporting: .closed)
            case .failed(let reason):
                return finish(reporting: .failed(reason))
            }
        }
        if phase == .open, reading == .on, tls?.hasPending == true { loop.atEndOfTurn(self) }
    }

    private func receive(_ buffer: UnsafeMutableBufferPointer<UInt8>) -> TLSSession.Outcome {
        if let outcome = tls?.read(buffer) { return outcome }
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count > 0 { return .done(byteCount: count) }
        if count == 0 { return .ended }
        return errno == EAGAIN || errno == EINTR ? .wantsRead : .failed(String(cString: strerror(errno)))
    }

    private func throttle(_ byteCount: Int) {
        guard let wait = rateLimiter?.take(byteCount, now: loop.now), wait > .zero else { return }
        isThrottled = true
        updateInterest()
        loop.schedule(after: wait) { [weak self] in
            guard let self, phase == .open else { return }
            isThrottled = false
            updateInterest()
            if tls?.hasPending == true { scheduleFlush() }
        }
    }

    // MARK: writing

    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        loop.atEndOfTurn(self)
    }

    private func flush() {
        guard phase == .open || phase == .closing, tls == nil || isSecured else {
            if phase == .closing { finish() }
            return
        }
        while !output.isEmpty {
            let outcome = tls?.write(output.pending) ?? send(output.pending)
            switch outcome {
            case .done(let count):
                output.consume(count)
            case .wantsWrite:
                return setInterest(interest.union(.writable))
            case .wantsRead:
                return
            case .ended:
                return finish(reporting: .closed)
            case .failed(let reason):
                return finish(reporting: .failed(reason))
            }
        }
        drained()
    }

    private func send(_ bytes: UnsafeBufferPointer<UInt8>) -> TLSSession.Outcome {
        let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        if count >= 0 { return .done(byteCount: count) }
        return errno == EAGAIN || errno == EINTR ? .wantsWrite : .failed(String(cString: strerror(errno)))
    }

    private func drained() {
        output.release()
        if interest.contains(.writable) {
            interest.remove(.writable)
            updateInterest()
        }
        if phase == .closing { return endWriting() }
        if wantsTLS { return beginTLS() }
        hasOverflowed = false
        handler?.transportDrained()
    }

    private func beginTLS() {
        wantsTLS = false
        guard let source = tlsSource, let session = TLSSession(source.current, descriptor: descriptor) else {
            return finish(reporting: .failed("TLS is not configured"))
        }
        tls = consume session
        handshake()
    }

    // MARK: closing

    /// Says that nothing more will come, and waits for the peer to do the same: closing a socket with unread input
    /// would reset the connection and take the last bytes with it.
    private func endWriting() {
        tls?.shutdown()
        guard shutdown(descriptor, Int32(SHUT_WR)) == 0 else { return finish() }
        reading = .on
        isThrottled = false
        setInterest(.readable)
    }

    private func drainInput() {
        let buffer = loop.readBuffer
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { finish() }
    }

    private func finish(reporting end: TransportEnd? = nil) {
        guard phase != .closed else { return }
        phase = .closed
        if let lingerTimer { loop.cancel(lingerTimer) }
        if let token { loop.unregister(descriptor, token) }
        token = nil
        tls = nil
        Glibc.close(descriptor)
        owner?.connectionClosed()
        let handler = handler
        self.handler = nil
        if let end { handler?.transportEnded(end) }
    }

    private func setInterest(_ wanted: ReadyEvents) {
        guard interest != wanted else { return }
        interest = wanted
        updateInterest()
    }

    private func updateInterest() {
        guard let token, phase != .closed else { return }
        var effective = interest
        if phase == .open, reading == .off || isThrottled { effective.remove(.readable) }
        loop.update(descriptor, token, effective)
    }
}

/// Who counts the connections.
protocol ConnectionOwner: AnyObject, Sendable {
    /// A connection that was opened is closed. May come from any loop.
    func connectionClosed()
}
