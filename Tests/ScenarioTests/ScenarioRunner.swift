// SPDX-License-Identifier: Apache-2.0
// Runs a script, step by step, on one thread.

import Foundation

/// The server that a script runs against.
protocol ScenarioServer {
    /// A new connection, through TLS if the server has TLS.
    func connect() throws -> any Wire
    func connectPlain() throws -> any Wire
    func timePasses(seconds: Int) throws
}

struct ScenarioRunner {
    private let script: Script
    private let server: any ScenarioServer
    private let clients: [ScenarioClient]
    private var holes = Holes()

    init(_ script: Script, _ server: any ScenarioServer) {
        self.script = script
        self.server = server
        clients = script.clients.map(ScenarioClient.init)
    }

    /// - Throws: `ScenarioFailure` for the first line that does not come true, or for what arrives and no line expects.
    mutating func run() throws {
        defer { for client in clients { client.cut() } }
        for line in script.lines {
            try at(line.number) {
                guard let name = line.client else { return try perform(line.step) }
                guard let client = clients.first(where: { $0.declaration.name == name }) else { return }
                try perform(line.step, client)
            }
        }
        try at(script.lines.last?.number ?? 1) {
            try settle()
            for client in clients { try expectNothing(client) }
        }
    }

    private func at(_ line: Int, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let failure as ScenarioFailure {
            throw failure
        } catch let failure as Failure {
            throw ScenarioFailure(line: line, description: failure.reason)
        } catch is WireTimeout {
            throw ScenarioFailure(line: line, description: "nothing arrived")
        } catch {
            throw ScenarioFailure(line: line, description: "\(error)")
        }
    }

    private struct Failure: Error { let reason: String }

    private func perform(_ step: Step) throws {
        try settle()
        if case .timePasses(let seconds) = step { try server.timePasses(seconds: seconds) }
    }

    private mutating func perform(_ step: Step, _ client: ScenarioClient) throws {
        switch step {
        case .connect: try connect(client)
        case .openConnection: client.take(try server.connect())
        case .openPlainConnection: client.take(try server.connectPlain())
        case .startTLS: try client.startTLS()
        case .becomeAvailable(let priority): try becomeAvailable(client, priority: priority)
        case .disconnect:
            try client.send("</stream:stream>")
            try expect([.closed, .disconnected], client)
        case .cut: client.cut()
        case .send(let text): try client.send(try filled(text))
        case .sendBytes(let bytes): try client.send(bytes)
        case .receive(let block, .asWritten): try expect(try StreamReader.events(block), client)
        case .receive(let block, .any): try expectInAnyOrder(try StreamReader.events(block), client)
        case .receiveNothing:
            try settle()
            try expectNothing(client)
        case .isDisconnected: try expect([.disconnected], client)
        case .timePasses, .settle: try perform(step)
        }
    }

    private func filled(_ text: String) throws -> String {
        guard let filled = holes.fill(text) else { throw Failure(reason: "a hole has met nothing yet") }
        return filled
    }

    // MARK: expecting

    private mutating func expect(_ events: [StreamEvent], _ client: ScenarioClient) throws {
        for event in events {
            let actual: StreamEvent
            do {
                actual = try client.next()
            } catch is WireTimeout {
                throw Failure(reason: "nothing arrived; expected: \(event)")
            }
            guard matches(event, actual) else { throw Failure(reason: "expected: \(event)\narrived:  \(actual)") }
        }
    }

    private mutating func expectInAnyOrder(_ events: [StreamEvent], _ client: ScenarioClient) throws {
        var rest = events
        while !rest.isEmpty {
            let actual: StreamEvent
            do {
                actual = try client.next()
            } catch is WireTimeout {
                throw Failure(reason: "nothing more arrived; expected: \(rest)")
            }
            guard let index = rest.firstIndex(where: { matches($0, actual) }) else {
                throw Failure(reason: "expected one of: \(rest)\narrived:  \(actual)")
            }
            rest.remove(at: index)
        }
    }

    private mutating func matches(_ expected: StreamEvent, _ actual: StreamEvent) -> Bool {
        switch (expected, actual) {
        case (.opened(let expected), .opened(let actual)), (.element(let expected), .element(let actual)):
            holes.match(expected, actual)
        case (.closed, .closed), (.disconnected, .disconnected): true
        default: false
        }
    }

    private func expectNothing(_ client: ScenarioClient) throws {
        let unexpected = client.unexpected
        guard unexpected.isEmpty else {
            throw Failure(reason: "not expected by \(client.declaration.name): \(unexpected)")
        }
    }

    /// Each client's stanzas are handled after the first round, and what that made the server send has arrived, and was
    /// answered by it, after the second.
    private func settle() throws {
        for _ in 0..<2 {
            for client in clients { try client.fence() }
        }
    }

    // MARK: the usual beginnings

    private mutating func connect(_ client: ScenarioClient) throws {
        let own = client.declaration
        client.take(try server.connect())
        try open(client)
        let message = Data("\0\(own.localpart)\0\(own.password)".utf8).base64EncodedString()
        try client.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>\(message)</auth>")
        try expect(try StreamReader.events("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"), client)
        try open(client)
        let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
        try client.send("<iq type='set' id='bind'>\(bind)<resource>\(own.resourcepart)</resource></bind></iq>")
        let jid = "\(own.localpart)@\(own.domainpart)/\(own.resourcepart)"
        try expect(try StreamReader.events("<iq type='result' id='bind'>\(bind)<jid>\(jid)</jid></bind></iq>"), client)
    }

    private mutating func open(_ client: ScenarioClient) throws {
        let namespaces = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        let domain = client.declaration.domainpart
        try client.send("<?xml version='1.0'?><stream:stream to='\(domain)' version='1.0' \(namespaces)>")
        let header = "<stream:stream from='\(domain)' id='{any}' version='1.0' xml:lang='{any}' \(namespaces)>"
        try expect(try StreamReader.events("\(header)<stream:features>{more}</stream:features>"), client)
    }

    private func becomeAvailable(_ client: ScenarioClient, priority: Int) throws {
        for each in clients { try each.fence() }
        try client.send(priority == 0 ? "<presence/>" : "<presence><priority>\(priority)</priority></presence>")
        try settle()
        let account = client.declaration
        for each in clients
        where each.declaration.localpart == account.localpart && each.declaration.domainpart == account.domainpart {
            each.dropOwnPresence()
        }
    }
}
