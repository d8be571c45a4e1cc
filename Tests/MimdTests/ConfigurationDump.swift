// SPDX-License-Identifier: Apache-2.0
// A configuration as text, one line for each thing, to compare with a file that a person has read.

import Logging
import XMPPCore

@testable import mimd

/// What loading a file gave: its diagnostics, then the configuration when there are no errors.
func dump(_ loaded: LoadedConfiguration) -> String {
    var lines = loaded.diagnostics.map(\.description)
    if let server = loaded.server {
        lines += ["", "log level \(loaded.logLevel.map { "\($0)" } ?? "none")"]
        lines += dump(server)
    }
    return lines.joined(separator: "\n") + "\n"
}

private func dump(_ server: ServerConfiguration) -> [String] {
    var lines = [
        "default domain \(server.defaultDomain), language \(server.language), "
            + "unserved streams \(server.unservedStreams)",
        "registration interval \(server.registrationInterval.map { "\($0)" } ?? "none")",
        "event loops \(server.eventLoopCount.map { "\($0)" } ?? "one per core"), data in \(server.localStorePath)",
        "sessions \(words(for: server.sessionBackend))",
    ]
    for (name, shaper) in server.shapers.sorted(by: { $0.key < $1.key }) {
        lines.append("shaper \(name) \(shaper.ratePerSecond)")
    }
    for listener in server.listeners { lines += dump(listener) }
    for host in server.hosts { lines += dump(host) }
    return lines
}

private func dump(_ listener: ListenerConfiguration) -> [String] {
    let tls = listener.tls
    let methods = listener.allowedMethods.map { $0.map(\.rawValue).joined(separator: " ") } ?? "all"
    return [
        "listener \(listener.address ?? "*") \(listener.ipVersion) port \(listener.port) backlog \(listener.backlog)",
        "  connections \(number(listener.connectionCountMax)), stanza bytes \(number(listener.stanzaByteCountMax)), "
            + "state timeout \(listener.stateTimeout.map { "\($0)" } ?? "none")",
        "  shaper \(listener.shaper ?? "none"), access \(listener.accessRule), methods \(methods)",
        "  tls \(tls.mode), verify \(tls.verifyMode), versions \(tls.versions.map(\.rawValue)), "
            + "tickets \(tls.sessionTickets)",
        "  certificate \(tls.certificatePath ?? "-"), key \(tls.keyPath ?? "-"), password \(tls.keyPassword ?? "-")",
        "  authorities \(tls.authorityPath ?? "-"), dh \(tls.diffieHellmanPath ?? "-"), ciphers \(tls.ciphers ?? "-")",
    ]
}

private func number(_ number: Int?) -> String { number.map { "\($0)" } ?? "unlimited" }

private func dump(_ host: HostConfiguration) -> [String] {
    let authentication = host.authentication
    let hashes = authentication.passwordHashes.map(\.name).joined(separator: " ")
    var lines = ["host \(host.domain), replaced wait timeout \(host.replacedWaitTimeout)"]
    lines += authentication.methods.map { "  auth \($0.name) \(words(for: $0.backend)) \(dump($0.options))" }
    lines.append("  mechanisms \(authentication.mechanisms.map(\.name).joined(separator: " "))")
    lines.append("  password \(authentication.passwordFormat) \(hashes) x \(authentication.scramIterationCount)")
    lines.append("  accounts \(number(authentication.accountCountMax))")
    for module in host.modules {
        lines.append("  \(module.name) \(words(for: module.backend)) \(dump(module.options))")
        for (part, backend) in module.parts.sorted(by: { $0.key < $1.key }) {
            lines.append("    \(part) \(words(for: backend))")
        }
    }
    for (name, patterns) in host.accessControlLists.classes.sorted(by: { $0.key < $1.key }) {
        lines.append("  class \(name): \(patterns.count) \(patterns.map { "\($0.match)" }.joined(separator: " "))")
    }
    for (name, clauses) in host.accessRules.rules.sorted(by: { $0.key < $1.key }) {
        lines.append("  rule \(name): \(clauses.map { "\($0.className) \($0.value)" }.joined(separator: ", "))")
    }
    return lines
}

private func words(for backend: BackendSelection?) -> String {
    guard let backend else { return "-" }
    return "\(backend.name) \(backend.origin) \(backend.lifetime) line \(backend.location.line)"
}

private func dump(_ table: ConfigurationTable) -> String {
    "{\(table.entries.map { "\($0.key): \(dump($0.value))" }.joined(separator: ", "))}"
}

private func dump(_ value: ConfigurationValue) -> String {
    switch value.kind {
    case .table(let table): dump(table)
    case .array(let elements): "[\(elements.map { dump($0) }.joined(separator: ", "))]"
    case .string(let string): string.debugDescription
    case .integer(let integer): "\(integer)"
    case .float(let float): "\(float)"
    case .boolean(let boolean): "\(boolean)"
    }
}
