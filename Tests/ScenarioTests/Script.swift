// SPDX-License-Identifier: Apache-2.0
// A scenario script as a value. The language is described in Tests/Scenarios/README.md.

/// Why a scenario failed, and where its script says so.
struct ScenarioFailure: Error, CustomStringConvertible {
    let line: Int
    let description: String
}

/// What one line, with the block below it, asks for.
enum Step: Equatable {
    /// From a new connection to a bound resource.
    case connect
    /// A new connection, with TLS where there is TLS, and nothing more.
    case openConnection
    /// A new connection without TLS, which only a socket can be.
    case openPlainConnection
    case startTLS
    /// Available presence, and what it tells the account's own resources.
    case becomeAvailable(priority: Int)
    /// The closing tag, and the server's.
    case disconnect
    /// The end of the connection without a word.
    case cut
    case send(String)
    case sendBytes([UInt8])
    case receive(String, order: Order)
    case receiveNothing
    /// The server ends the connection.
    case isDisconnected
    case timePasses(seconds: Int)
    /// Every client learns that what it sent is handled.
    case settle

    enum Order: Equatable { case asWritten, any }
}

struct ClientDeclaration: Equatable {
    let name: String
    let localpart: String
    let domainpart: String
    let resourcepart: String
    let password: String
}

struct Script {
    struct Line {
        let number: Int
        /// Nil when the step is about all clients.
        let client: String?
        let step: Step
    }

    private(set) var clients: [ClientDeclaration] = []
    /// Sections of TOML that replace those of the same name, or are added.
    private(set) var configuration = ""
    /// The modules that do not run.
    private(set) var absentModules: [String] = []
    private(set) var lines: [Line] = []

    /// Whether time has to be moved by hand.
    var needsManualTime: Bool { lines.contains { if case .timePasses = $0.step { true } else { false } } }
    /// Whether it is about a connection that TLS can be started on.
    var needsSocket: Bool { lines.contains { $0.step == .openPlainConnection } }

    init(_ text: String) throws {
        let source = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var index = 0
        while index < source.count {
            let number = index + 1
            let line = source[index]
            index += 1
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard !line.hasPrefix(" ") else {
                throw ScenarioFailure(line: number, description: "an indented line without a step")
            }
            guard let (head, inline) = Self.splitBlock(line) else {
                try read(line, nil, number)
                continue
            }
            var block = inline.map { [$0] } ?? []
            while inline == nil, index < source.count, source[index].isEmpty || source[index].hasPrefix("    ") {
                block.append(String(source[index].dropFirst(4)))
                index += 1
            }
            while block.last?.isEmpty == true { block.removeLast() }
            guard !block.isEmpty else { throw ScenarioFailure(line: number, description: "an empty block") }
            try read(head, block.joined(separator: "\n"), number)
        }
    }

    /// `head:`, or `head: content` where the content is XML.
    private static func splitBlock(_ line: String) -> (head: String, inline: String?)? {
        if line.hasSuffix(":") { return (String(line.dropLast()), nil) }
        guard let range = line.firstRange(of: ": <") else { return nil }
        return (String(line[..<range.lowerBound]), "<" + line[range.upperBound...])
    }

    private mutating func read(_ head: String, _ block: String?, _ number: Int) throws {
        let wrong = ScenarioFailure(line: number, description: "this is no step: \(head)")
        let words = head.split(separator: " ").map(String.init)
        if head == "Configuration", let block {
            configuration += block + "\n"
        } else if words.first == "without", words.count == 2, block == nil {
            absentModules.append(words[1])
        } else if words.starts(with: ["time", "passes"]), words.count == 4, words[3].hasPrefix("second"),
            let seconds = Int(words[2]), block == nil
        {
            lines.append(Line(number: number, client: nil, step: .timePasses(seconds: seconds)))
        } else if head == "everything settles", block == nil {
            lines.append(Line(number: number, client: nil, step: .settle))
        } else if words.count >= 3, words[1] == "is", words[2].contains("@"), block == nil {
            guard let client = Self.declaration(words) else { throw wrong }
            clients.append(client)
        } else {
            guard let name = words.first, clients.contains(where: { $0.name == name }) else { throw wrong }
            let action = words.dropFirst().joined(separator: " ")
            guard let step = Self.step(action, block) else { throw wrong }
            lines.append(Line(number: number, client: name, step: step))
        }
    }

    /// `NAME is LOCALPART@DOMAIN/RESOURCE`, perhaps with `, password PASSWORD`.
    private static func declaration(_ words: [String]) -> ClientDeclaration? {
        guard words.count == 3 || (words.count == 5 && words[2].hasSuffix(",") && words[3] == "password") else {
            return nil
        }
        let address = words.count == 5 ? words[2].dropLast() : words[2][...]
        guard let at = address.firstIndex(of: "@"), let slash = address.firstIndex(of: "/"), at < slash else {
            return nil
        }
        return ClientDeclaration(
            name: words[0],
            localpart: String(address[..<at]),
            domainpart: String(address[address.index(after: at)..<slash]),
            resourcepart: String(address[address.index(after: slash)...]),
            password: words.count == 5 ? words[4] : "secret"
        )
    }

    private static func step(_ action: String, _ block: String?) -> Step? {
        if let block {
            switch action {
            case "sends": return .send(block)
            case "sends bytes":
                let bytes = block.split(whereSeparator: \.isWhitespace).map { UInt8($0, radix: 16) }
                return bytes.contains(nil) ? nil : .sendBytes(bytes.compactMap(\.self))
            case "receives": return .receive(block, order: .asWritten)
            case "receives in any order": return .receive(block, order: .any)
            default: return nil
            }
        }
        switch action {
        case "connects": return .connect
        case "opens a connection": return .openConnection
        case "opens a connection without TLS": return .openPlainConnection
        case "starts TLS": return .startTLS
        case "becomes available": return .becomeAvailable(priority: 0)
        case "disconnects": return .disconnect
        case "cuts the connection": return .cut
        case "receives nothing": return .receiveNothing
        case "is disconnected": return .isDisconnected
        default: break
        }
        let words = action.split(separator: " ")
        guard words.starts(with: ["becomes", "available", "with", "priority"]), words.count == 5 else { return nil }
        return Int(words[4]).map { .becomeAvailable(priority: $0) }
    }
}
