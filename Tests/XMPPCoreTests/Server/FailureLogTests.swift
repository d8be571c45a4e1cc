// SPDX-License-Identifier: Apache-2.0
// An outage is told in a few lines, however many messages it fails.

import Logging
import Synchronization
import Testing

@testable import XMPPCore

@Suite struct FailureLogTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let values = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.add(([event.level.rawValue, "\(event.message)"] + values).joined(separator: " "))
        }
    }

    @Test func theFirstIsLoggedAndTheOthersAreCounted() {
        let lines = Lines()
        let time = ManualTime()
        let log = FailureLog(Logger(label: "test") { _ in Handler(lines: lines) }, time)
        let error = StorageError.conflict
        for _ in 0..<1_000 { log.report("message not stored", error, level: .error) }
        log.report("last activity not stored", error, level: .warning)
        time.advance(by: FailureLog.interval)
        for _ in 0..<2 { log.report("message not stored", error, level: .error) }
        time.advance(by: FailureLog.interval * 2)
        log.report("last activity not stored", error, level: .warning)
        #expect(
            lines.all == [
                "error message not stored error=\(error)",
                "warning last activity not stored error=\(error)",
                "error message not stored error=\(error) not_logged_before=999",
                "warning last activity not stored error=\(error)",
            ])
    }
}
