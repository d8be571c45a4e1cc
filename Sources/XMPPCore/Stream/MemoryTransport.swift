// SPDX-License-Identifier: Apache-2.0
// A stream's bytes without a socket: the other end is in this process.

import Synchronization

/// The server's end of a stream in memory. Nobody can read along, so it counts as confidential, and has no TLS.
///
/// `@unchecked Sendable`: confined to its loop, but for `client`, which is safe from anywhere.
final class MemoryTransport: StreamTransport, EndOfTurnWork, @unchecked Sendable {
    private(set) var loop: EventLoop
    var handler: (any StreamTransportHandler)?
    let peerAddress = ""
    let isInProcess = true
    let isEncrypted = false
    var encryption: String? { nil }
    let channelBindingTypes: [ChannelBindingType] = []
    var channelBindings: ChannelBindings { ChannelBindings() }
    var offersTLS: Bool { false }
    var waitingByteCount: Int { output.count }
    private let sink: @Sendable ([UInt8]?) -> Void
    private var output = ByteBuffer()
    private var isScheduled = false
    private var isClosed = false
    private var reading = ReadingState.on
    private var waiting: [UInt8] = []

    /// - Parameter sink: takes what the server writes; nil when it closed.
    init(loop: EventLoop, sink: @escaping @Sendable ([UInt8]?) -> Void) {
        self.loop = loop
        self.sink = sink
    }

    /// Bytes from the client. On the loop.
    func receive(_ bytes: [UInt8]) {
        loop.assertCurrent()
        guard !isClosed else { return }
        waiting += bytes
        deliver()
    }

    /// The client is gone. On the loop.
    func disconnect(_ end: TransportEnd) {
        loop.assertCurrent()
        guard !isClosed else { return }
        // What came before the end comes first.
        handOver()
        guard !isClosed else { return }
        isClosed = true
        let handler = handler
        self.handler = nil
        handler?.transportEnded(end)
        sink(nil)
    }

    func write(_ body: (inout ByteBuffer) -> Void) {
        loop.assertCurrent()
        guard !isClosed else { return }
        body(&output)
        schedule()
    }

    func startTLS() {}

    func setReading(_ state: ReadingState) {
        reading = state
        if state == .on, !waiting.isEmpty { schedule() }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        handler = nil
        flush()
        sink(nil)
    }

    func move(to loop: EventLoop, _ body: @escaping @Sendable () -> Void) {
        // As a connection does: nobody on this loop is in the midst of something with it when it goes.
        self.loop.post { [self] in
            guard !isScheduled else { return move(to: loop, body) }
            self.loop = loop
            loop.post { [self] in
                if !output.isEmpty || !waiting.isEmpty { schedule() }
                body()
            }
        }
    }

    func endTurn() {
        isScheduled = false
        flush()
        deliver()
    }

    private func schedule() {
        guard !isScheduled else { return }
        isScheduled = true
        loop.atEndOfTurn(self)
    }

    private func flush() {
        guard !output.isEmpty else { return }
        let bytes = output.bytes
        output.consume(output.count)
        output.release()
        sink(bytes)
    }

    private func deliver() {
        if reading == .on { handOver() }
    }

    private func handOver() {
        guard !waiting.isEmpty, !isClosed else { return }
        let bytes = waiting
        waiting = []
        bytes.withUnsafeBufferPointer { handler?.transportReceived($0) }
    }
}
