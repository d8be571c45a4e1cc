// SPDX-License-Identifier: Apache-2.0
// Logs to standard error, one line for each event:
// `2026-01-31T23:59:59.123Z warning message key=value key="two words"`.

import Glibc
import Logging
import Synchronization

/// Writes each event as one line to standard error.
struct StandardErrorLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    private let label: String

    init(label: String, logLevel: Logger.Level, metadataProvider: Logger.MetadataProvider? = nil) {
        self.label = label
        self.logLevel = logLevel
        self.metadataProvider = metadataProvider
    }

    /// Makes every logger of the process write here. Call it once, before the first logger is made.
    /// - Parameter least: the least level that is logged; nil for nothing.
    static func bootstrap(least: Logger.Level?) {
        LoggingSystem.bootstrap(
            { label, provider in
                guard let least else { return SwiftLogNoOpLogHandler() }
                return StandardErrorLogHandler(label: label, logLevel: least, metadataProvider: provider)
            }, metadataProvider: nil)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all["error"] = "\(error)" }
        Self.write(Self.line(at: Self.now, event.level, event.message.description, all))
    }

    private static var now: timespec {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return now
    }

    /// One event as text, with the line feed.
    static func line(
        at time: timespec, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata
    ) -> String {
        var line = "\(timestamp(time)) \(level.rawValue) \(escaped(message))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=\(quoted("\(value)"))"
        }
        return line + "\n"
    }

    /// The time in UTC with milliseconds (RFC 3339).
    private static func timestamp(_ time: timespec) -> String {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let date = [(parts.tm_year + 1_900, 4), (parts.tm_mon + 1, 2), (parts.tm_mday, 2)]
        let clock = [(parts.tm_hour, 2), (parts.tm_min, 2), (parts.tm_sec, 2)]
        return "\(padded(date, "-"))T\(padded(clock, ":")).\(padded(time.tv_nsec / 1_000_000, 3))Z"
    }

    private static func padded(_ numbers: [(Int32, Int)], _ separator: String) -> String {
        numbers.map { padded(Int($0), $1) }.joined(separator: separator)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// A value, in quotes when it would not be one word otherwise.
    private static func quoted(_ text: String) -> String {
        let escaped = escaped(text, quotes: true)
        let isWord = !text.isEmpty && escaped == text && !text.contains { $0 == " " || $0 == "=" }
        return isWord ? text : "\"\(escaped)\""
    }

    /// Text in which nothing can start a new line or move the cursor: what peers choose ends up in logs.
    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\"" where quotes: result.append(contentsOf: "\\\"".unicodeScalars)
            case "\\" where quotes: result.append(contentsOf: "\\\\".unicodeScalars)
            case _
            where scalar.properties.generalCategory == .control
                || scalar.properties.generalCategory == .lineSeparator
                || scalar.properties.generalCategory == .paragraphSeparator:
                result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// What could not be written, because nobody read what was written before.
    private struct Backlog {
        var droppedCount = 0
        /// Whether the last line was written in part.
        var isTorn = false
    }
    private static let backlog = Mutex(Backlog())

    /// One line at a time, so that lines of several threads do not mix. Event loops log: a line that would have to wait
    /// for a reader is dropped, and counted in the next that is not.
    private static func write(_ line: String) {
        backlog.withLock { backlog in
            var text = backlog.isTorn ? "\n" : ""
            if backlog.droppedCount > 0 {
                text += Self.line(
                    at: now, .warning, "lines of the log were dropped: nobody read them",
                    ["count": "\(backlog.droppedCount)"])
            }
            let bytes = Array((text + line).utf8)
            let count = put(bytes)
            if count == bytes.count {
                backlog = Backlog()
            } else {
                backlog.droppedCount += 1
                if count > 0 { backlog.isTorn = true }
            }
        }
    }

    /// Writes as much as there is room for without waiting.
    ///
    /// - Returns: how many bytes that was.
    private static func put(_ bytes: [UInt8]) -> Int {
        var start = 0
        while start < bytes.count {
            var descriptor = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
            let readyCount = poll(&descriptor, 1, 0)
            if readyCount < 0, errno == EINTR { continue }
            guard readyCount > 0 else { break }
            // A pipe that is ready has room for so much.
            let slice = bytes[start..<min(start + Int(PIPE_BUF), bytes.count)]
            let count = slice.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Nobody is left to be told that the log cannot be written.
            guard count > 0 else { break }
            start += count
        }
        return start
    }
}
