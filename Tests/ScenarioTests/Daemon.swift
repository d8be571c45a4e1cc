// SPDX-License-Identifier: Apache-2.0
// A script against the built program, over TLS. Each has a process and a data directory of its own.

import Foundation
import XMPPCore
import XMPPPersistenceSQLite

private struct DaemonServer: ScenarioServer {
    let tlsPort: UInt16
    let plainPort: UInt16

    func connect() throws -> any Wire {
        let wire = try SocketWire(port: tlsPort)
        try wire.startTLS()
        return wire
    }

    func connectPlain() throws -> any Wire { try SocketWire(port: plainPort) }
    func timePasses(seconds: Int) throws { throw WireFailure(reason: "nobody moves the time of a process") }
}

/// The path of the program, from the environment variable MIMD; nil when it is not set.
var daemonPath: String? { ProcessInfo.processInfo.environment["MIMD"] }
/// Whether a missing program is a failure.
var isContinuousIntegration: Bool { ProcessInfo.processInfo.environment["CI"] == "true" }

extension Script {
    func runAgainstDaemon() async throws {
        guard let path = daemonPath else { throw ScenarioFailure(line: 1, description: "MIMD is not set") }
        let directory = FileManager.default.temporaryDirectory.appending(path: "mimd-scenario-\(UUID())")
        defer {
            // What is left in a directory for temporary files does no harm.
            try? FileManager.default.removeItem(at: directory)
        }
        let data = directory.appending(path: "data").path
        let local = try await LocalStorage.open(.directory(path: data), logger: Self.logger)
        try await addAccounts(to: local.storage)
        await local.close()
        let ports = try freePorts(count: 2)
        var text = try mergedConfiguration() + "[mimd]\n  data_directory = \"\(data)\"\n"
        for (port, mode) in zip(ports, ["tls", "starttls_required"]) {
            text += """
                [[listen.c2s]]
                  ip_address = "127.0.0.1"
                  port = \(port)
                  tls.mode = "\(mode)"

                """
        }
        let file = directory.appending(path: "mimd.toml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        try await onThread { [self] in
            let process = try DaemonProcess(program: path, configuration: file.path, listenerCount: ports.count)
            defer { process.stop() }
            var runner = ScenarioRunner(self, DaemonServer(tlsPort: ports[0], plainPort: ports[1]))
            do {
                try runner.run()
            } catch let failure as ScenarioFailure {
                process.stop()
                let description = "\(failure.description)\nThe server's log:\n\(process.log)"
                throw ScenarioFailure(line: failure.line, description: description)
            }
        }
    }

    private func freePorts(count: Int) throws -> [UInt16] {
        let sockets = (0..<count).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
        defer { for each in sockets { close(each) } }
        return try sockets.map { descriptor in
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let bound = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
                }
            }
            guard bound else { throw WireFailure(reason: String(cString: strerror(errno))) }
            return UInt16(bigEndian: address.sin_port)
        }
    }
}

/// The program, while it runs.
private final class DaemonProcess {
    private let process = Process()
    private let output = Pipe()
    private var collected = Data()

    var log: String { String(decoding: collected, as: UTF8.self) }

    /// Starts the program, and returns when it listens.
    init(program: String, configuration: String, listenerCount: Int) throws {
        process.executableURL = URL(filePath: program)
        process.arguments = ["--config", configuration]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = output
        try process.run()
        // The log is small enough for a pipe: the rest is read when the process is gone.
        while log.ranges(of: "listening").count < listenerCount {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { throw WireFailure(reason: "mimd did not start:\n\(log)") }
            collected += data
        }
    }

    func stop() {
        guard process.isRunning else { return }
        process.terminate()
        collected += output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
    }
}
