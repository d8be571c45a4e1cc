// SPDX-License-Identifier: Apache-2.0
// A client of a scenario: what it has sent matters to the server, what it has received waits here to be expected.

/// One of a script's clients, with its connection while it has one.
final class ScenarioClient {
    let declaration: ClientDeclaration
    private(set) var wire: (any Wire)?
    private var reader = StreamReader()
    /// What arrived and was not expected yet.
    private var waiting: [StreamEvent] = []
    /// Whether stanzas are answered, so that a fence is.
    private(set) var isBound = false
    private var managesStream = false
    private var fenceCount = 0

    init(_ declaration: ClientDeclaration) { self.declaration = declaration }

    func take(_ wire: any Wire) {
        self.wire = wire
        reader = StreamReader()
        waiting = []
        (isBound, managesStream) = (false, false)
    }

    func send(_ text: String) throws {
        // A header begins a new stream, whose answer is another document.
        if text.contains("<stream:stream") { reader = StreamReader() }
        try send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) throws {
        guard let wire else { throw WireFailure(reason: "\(declaration.name) is not connected") }
        try wire.write(bytes)
    }

    func startTLS() throws { try wire?.startTLS() }

    /// Ends the connection, of which nothing is expected any more.
    func cut() {
        wire?.cut()
        wire = nil
        isBound = false
    }

    /// What arrives next, if it is not there already.
    func next() throws -> StreamEvent {
        while waiting.isEmpty { try read() }
        return waiting.removeFirst()
    }

    private func read() throws {
        guard let wire else { throw WireFailure(reason: "\(declaration.name) is not connected") }
        guard let bytes = try wire.read() else {
            waiting.append(.disconnected)
            self.wire = nil
            isBound = false
            return
        }
        for event in try reader.feed(bytes) {
            if case .element(let node) = event { note(node) }
            waiting.append(event)
        }
    }

    private func note(_ node: Node) {
        let management = "urn:xmpp:sm:3"
        if node.holds("jid", "urn:ietf:params:xml:ns:xmpp-bind") || node.holds("bound", "urn:xmpp:bind:0")
            || node.holds("resumed", management)
        {
            isBound = true
        }
        if node.holds("enabled", management) || node.holds("resumed", management) { managesStream = true }
    }

    /// Learns that the server has handled all that this client sent: stanzas of a stream are handled in order (RFC 6120
    /// section 10.1), so when it answers the last, it has handled the others.
    func fence() throws {
        guard isBound else { return }
        fenceCount += 1
        let id = "fence-\(fenceCount)"
        // Under stream management a request for the count does not change the count.
        let iq = "<iq type='get' id='\(id)'><fence xmlns='mimd:fence'/></iq>"
        try send(managesStream ? "<r xmlns='urn:xmpp:sm:3'/>" : iq)
        var seen = waiting.count
        while true {
            while seen < waiting.count {
                switch waiting[seen] {
                case .element(let node) where managesStream ? node.name == "a" : node.attributes["id"] == id:
                    waiting.remove(at: seen)
                    return
                case .disconnected: return
                default: seen += 1
                }
            }
            try read()
        }
    }

    /// What has arrived and was not expected.
    var unexpected: [StreamEvent] { waiting }

    /// Drops what the server said about the account's own presence.
    func dropOwnPresence() {
        waiting.removeAll {
            guard case .element(let node) = $0, node.name == "presence", node.attributes["type"] == nil else {
                return false
            }
            let account = "\(declaration.localpart)@\(declaration.domainpart)/"
            return node.attributes["from"]?.hasPrefix(account) == true
        }
    }
}
