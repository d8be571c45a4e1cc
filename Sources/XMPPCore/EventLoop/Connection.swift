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
    let isInProcess = false
    var owner: (any ConnectionOwner)?
    var handler: (any StreamTransportHandler)?
    private let descriptor: Int32
    private let limits: TransportLimits
    private let tlsSource: TLSContextSource?
    private var token: SourceToken?
    private var phase = Phase.idle
    private var interest: ReadyEvents = .readable
    /// What the loop watches for, which may be more than is of interest: that is put right when it comes.
    private var watched: ReadyEvents = .readable
    private var reading = ReadingState.on
    private var tls: TLSSession?
    private var isSecured = false
    private var wantsTLS = false
    /// Whether the client has been sent the server's part of the handshake.
    private var awaitsFinished = false
    /// Whether the kernel holds back what does not fill a packet.
    private var isCorked = false
    /// Behind a pointer: checks of exclusive access would cost as much as what is appended.
    private let output: UnsafeMutablePointer<ByteBuffer>
    private var isFlushScheduled = false
    private var hasOverflowed = false
    private var rateLimiter: RateLimiter?
    /// Runs while the peer has sent more than it may, and nothing is read.
    private var throttleTimer: TimerToken?
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
        output = .allocate(capacity: 1)
        output.initialize(to: ByteBuffer())
    }

    deinit {
        output.deinitialize(count: 1)
        output.deallocate()
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
    var waitingByteCount: Int { output.pointee.count }

    var isEncrypted: Bool { isSecured }
    var encryption: String? { isSecured ? tls?.summary : nil }
    var channelBindingTypes: [ChannelBindingType] { isSecured ? tls?.channelBindingTypes ?? [] : [] }
    var channelBindings: ChannelBindings { isSecured ? tls?.channelBindings ?? ChannelBindings() : ChannelBindings() }

    func write(_ body: (inout ByteBuffer) -> Void) {
        loop.assertCurrent()
        guard phase == .open else { return }
        body(&output.pointee)
        scheduleFlush()
        if output.pointee.count > limits.outputByteCountMax, !hasOverflowed {
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
        // Most pauses end before the peer sends more, and cost no call of the kernel.
        guard state == .on else { return }
        updateInterest()
        // TLS may hold decrypted bytes that no event will announce.
        if phase == .open, tls?.hasPending == true { scheduleFlush() }
    }

    func close() {
        loop.assertCurrent()
        guard phase == .open else { return }
        phase = .closing
        handler = nil
        flush()
        guard phase == .closing else { return }
        lingerTimer = loop.schedule(after: limits.lingerDuration) { [self] in finish() }
    }

    func move(to loop: EventLoop, _ body: @escaping @Sendable () -> Void) {
        self.loop.assertCurrent()
        if phase == .open, let token {
            self.loop.unregister(descriptor, token)
            self.token = nil
        }
        leave(for: loop, body)
    }

    /// Goes once nobody on this loop is in the midst of something with the connection: whoever asked has returned, and
    /// the turn's end is over.
    private func leave(for loop: EventLoop, _ body: @escaping @Sendable () -> Void) {
        self.loop.post { [self] in
            guard !isFlushScheduled else { return leave(for: loop, body) }
            if let throttleTimer { self.loop.cancel(throttleTimer) }
            throttleTimer = nil
            // What is closing has its last timer and its descriptor here; nothing else of it is asked for any more.
            if phase != .closing { self.loop = loop }
            loop.post { [self] in
                arrive()
                body()
            }
        }
    }

    private func arrive() {
        guard phase == .open else { return }
        rateLimiter = limits.inboundRateMax.map { RateLimiter(rate: $0, now: loop.now) }
        watched = effectiveInterest
        do throws(SystemError) {
            token = try loop.register(descriptor, self, watched)
        } catch {
            return finish(reporting: .failed("\(error)"))
        }
        if !output.pointee.isEmpty || tls?.hasPending == true { scheduleFlush() }
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
        if isReadable, tls?.hasPending == true { read(.readable) }
        flush()
        if phase != .closed { setCorked(false) }
    }

    func abandoned() { finish() }

    /// Whether bytes for the handler may be read. Not while TLS is about to begin: what comes then is TLS's.
    private var isReadable: Bool {
        phase == .open && reading == .on && throttleTimer == nil && !wantsTLS && (tls == nil || isSecured)
    }

    private func handshake() {
        // What ends the handshake comes mostly with the client's first words: the ticket for its next connection goes
        // out in one packet with the answer to them.
        if awaitsFinished { setCorked(true) }
        guard let outcome = tls?.handshake() else { return }
        if isCorked { scheduleFlush() }
        awaitsFinished = outcome == .wantsRead
        switch outcome {
        case .done:
            isSecured = true
            interest = .readable
            updateInterest()
            handler?.transportSecured()
            // The client's first bytes may have come with the end of the handshake.
            if phase == .open, tls?.hasPending == true { scheduleFlush() }
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
        guard isReadable else {
            // The peer is gone, and nobody will read what it sent last: nobody waits for it either.
            if events.contains(.ended) { finish(reporting: .closed) } else { updateInterest() }
            return
        }
        var turnByteCount = 0
        while isReadable, turnByteCount < limits.turnByteCountMax {
            let buffer = loop.readBuffer
            switch receive(buffer) {
            case .done(let count):
                turnByteCount += count
                throttle(count)
                handler?.transportReceived(UnsafeBufferPointer(rebasing: UnsafeBufferPointer(buffer)[..<count]))
                // A short read means that the socket is empty: one call less. What TLS holds back, no event announces.
                if count < buffer.count, tls?.hasPending != true { return }
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
        if isReadable, tls?.hasPending == true { scheduleFlush() }
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
        throttleTimer = loop.schedule(after: wait) { [self] in
            guard phase == .open else { return }
            throttleTimer = nil
            updateInterest()
            if tls?.hasPending == true { scheduleFlush() }
        }
        updateInterest()
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
        while !output.pointee.isEmpty {
            let outcome = tls?.write(output.pointee.pending) ?? send(output.pointee.pending)
            switch outcome {
            case .done(let count):
                output.pointee.consume(count)
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
        output.pointee.release()
        if interest.contains(.writable) {
            interest.remove(.writable)
            updateInterest()
        }
        if phase == .closing { return endWriting() }
        if wantsTLS { return beginTLS() }
        hasOverflowed = false
    }

    private func beginTLS() {
        wantsTLS = false
        guard let source = tlsSource, let session = TLSSession(source.current, descriptor: descriptor) else {
            return finish(reporting: .failed("TLS is not configured"))
        }
        tls = consume session
        // The client speaks first.
        updateInterest()
    }

    private func setCorked(_ isOn: Bool) {
        guard isCorked != isOn else { return }
        isCorked = isOn
        var value: Int32 = isOn ? 1 : 0
        // It only saves packets, so nothing depends on its success.
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CORK, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    // MARK: closing

    /// Says that nothing more will come, and waits for the peer to do the same: closing a socket with unread input
    /// would reset the connection and take the last bytes with it.
    private func endWriting() {
        tls?.shutdown()
        guard shutdown(descriptor, Int32(SHUT_WR)) == 0 else { return finish() }
        // The interest is another while nothing was to be read.
        interest = .readable
        updateInterest()
    }

    private func drainInput() {
        let buffer = loop.readBuffer
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { finish() }
    }

    private func finish(reporting end: TransportEnd? = nil) {
        guard phase != .closed else { return }
        phase = .closed
        for timer in [lingerTimer, throttleTimer] { if let timer { loop.cancel(timer) } }
        if let token { loop.unregister(descriptor, token) }
        token = nil
        tls = nil
        Glibc.close(descriptor)
        owner?.connectionClosed()
        owner = nil
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
        let wanted = effectiveInterest
        guard let token, phase != .closed, wanted != watched else { return }
        watched = wanted
        loop.update(descriptor, token, wanted)
    }

    private var effectiveInterest: ReadyEvents {
        let isHandshake = tls != nil && !isSecured
        return phase == .open && !isHandshake && !isReadable ? interest.subtracting(.readable) : interest
    }
}

/// Who counts the connections.
protocol ConnectionOwner: AnyObject, Sendable {
    /// A connection that was opened is closed. May come from any loop.
    func connectionClosed()
}
