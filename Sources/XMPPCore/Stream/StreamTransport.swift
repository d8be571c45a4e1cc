// SPDX-License-Identifier: Apache-2.0
// What carries a stream: a TCP connection, or two ends in one process. A stream knows no more of it than this.

/// Carries the bytes of one stream. All of it happens on `loop`.
protocol StreamTransport: AnyObject {
    /// The loop that the transport is on.
    var loop: EventLoop { get }
    /// Who is told what happens. Kept until the transport is closed.
    var handler: (any StreamTransportHandler)? { get set }
    /// The peer's address for logs and rules, without its port: `192.0.2.1`, `::1`.
    var peerAddress: String { get }
    /// Whether the other end is in this process, so that there is nothing to encrypt.
    var isInProcess: Bool { get }
    /// Whether the bytes are encrypted.
    var isEncrypted: Bool { get }
    /// For logs: protocol version and cipher; nil while nothing is encrypted.
    var encryption: String? { get }
    /// The channel bindings that a client may use, strongest first; none while nothing is encrypted.
    var channelBindingTypes: [ChannelBindingType] { get }
    /// Their data. It takes as long as a tenth of a handshake, and is computed anew each time.
    var channelBindings: ChannelBindings { get }
    /// Whether `startTLS()` can work.
    var offersTLS: Bool { get }

    /// The bytes that wait until the peer takes them.
    var waitingByteCount: Int { get }
    /// Appends bytes that go out at the end of the loop's turn.
    func write(_ body: (inout ByteBuffer) -> Void)
    /// Starts TLS once everything written so far is out. ``StreamTransportHandler/transportSecured()`` follows.
    func startTLS()
    /// Stops and resumes reading. A transport that does not read makes its peer wait.
    func setReading(_ state: ReadingState)
    /// Writes what is left, then closes. Nothing is reported after this.
    func close()
    /// Takes the transport to another loop on a later turn, and calls `body` there with nothing read in between; also
    /// if it is closed. The caller has stopped reading, and does nothing with the transport before `body`.
    func move(to loop: EventLoop, _ body: @escaping @Sendable () -> Void)
}

enum ReadingState { case on, off }

/// What a transport reports.
protocol StreamTransportHandler: AnyObject {
    /// Bytes came in. They are valid during the call.
    func transportReceived(_ bytes: UnsafeBufferPointer<UInt8>)
    /// TLS is established.
    func transportSecured()
    /// The peer ended the connection, or it broke. Nothing follows.
    func transportEnded(_ reason: TransportEnd)
    /// More output waits than ``TransportLimits/outputByteCountMax``: the peer does not read.
    func transportOverflowed()
}

/// How a transport came to its end.
enum TransportEnd: Equatable {
    /// The peer closed its side.
    case closed
    /// The connection broke, or TLS failed; with the system's or OpenSSL's reason.
    case failed(String)
}

/// What a transport may cost.
struct TransportLimits: Sendable {
    /// The bytes that may wait for a peer that does not read.
    var outputByteCountMax = 4_194_304
    /// Beyond so many waiting bytes, what can wait elsewhere is not sent yet.
    static let roomByteCount = 1_048_576
    /// The bytes read from one connection before others get their turn.
    var turnByteCountMax = 65_536
    /// Bytes per second that are read; nil for as many as come.
    var inboundRateMax: Int?
    /// How long a closed connection may take to take its last bytes.
    var lingerDuration: Duration = .seconds(5)
}
