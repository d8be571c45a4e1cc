// SPDX-License-Identifier: Apache-2.0
// How far a long command has come: at a terminal a line that is written again and again, elsewhere one line at the end.

import Glibc
import XMPPCore

/// The progress of one store, on standard error.
struct ProgressLine {
    /// The shortest time between two writings of the line.
    static let interval = Duration.milliseconds(250)
    /// What was done in less time tells nothing about how long the rest takes.
    static let estimateElapsedMin = Duration.seconds(2)
    /// The rate is that of so much time: what a copy finds to be there already goes faster than what it writes.
    static let rateTime = Duration.seconds(10)

    /// Where it is written.
    enum Output {
        /// A line of so many columns can be written again.
        case terminal(columnCount: Int)
        /// Only the end is written.
        case log

        /// Standard error as it is.
        static var standardError: Output {
            guard isatty(STDERR_FILENO) == 1 else { return .log }
            var size = winsize()
            let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
            return .terminal(columnCount: isKnown ? Int(size.ws_col) : 80)
        }
    }

    private let subject: String
    private let total: Int?
    private let output: Output
    private let time: any TimeSource
    private let write: (String) -> Void
    private let start: Duration
    /// What was written, and when, as far back as the rate needs it.
    private var writings: [(time: Duration, progress: StoreProgress)] = []
    private var latest = StoreProgress()

    /// Begins to measure; nothing is written yet.
    ///
    /// - Parameters:
    ///   - subject: what is done, such as "copying rosters".
    ///   - total: how many accounts there are; nil when that is not known.
    init(
        _ subject: String, total: Int?, output: Output, time: any TimeSource = SystemTime(),
        write: @escaping (String) -> Void = StandardError.write
    ) {
        self.subject = subject
        self.total = total
        self.output = output
        self.time = time
        self.write = write
        start = time.uptime
    }

    /// Writes the line, unless it was written a moment ago.
    mutating func update(_ progress: StoreProgress) {
        latest = progress
        guard case .terminal(let columnCount) = output else { return }
        let now = time.uptime
        if let last = writings.last, now - last.time < Self.interval { return }
        writings.append((now, progress))
        while writings.count > 2, now - writings[1].time >= Self.rateTime { writings.removeFirst() }
        // A line that goes on in a second one could not be written again.
        write("\r" + text(at: now).prefix(max(columnCount - 1, 1)) + "\u{1B}[K")
    }

    /// Writes how it ended.
    func end() {
        let elapsed = time.uptime - start
        let counts = "\(subject): \(Self.count(latest.accountCount, "account")), \(Self.entries(latest.entryCount))"
        let line = "\(counts) in \(Self.words(elapsed))\(Self.rate(latest.entryCount, in: elapsed))\n"
        if case .terminal = output { write("\r\u{1B}[K" + line) } else { write(line) }
    }

    private func text(at now: Duration) -> String {
        let accounts =
            total.map { "\(latest.accountCount) of \(Self.count($0, "account"))" }
            ?? Self.count(latest.accountCount, "account")
        let (since, before) = writings.first ?? (start, StoreProgress())
        let elapsed = now - since
        let line =
            "\(subject): \(accounts), \(Self.entries(latest.entryCount))"
            + Self.rate(latest.entryCount - before.entryCount, in: elapsed)
        let doneCount = latest.accountCount - before.accountCount
        guard let total, doneCount > 0, now - start >= Self.estimateElapsedMin else { return line }
        let remainingCount = max(total - latest.accountCount, 0)
        let remaining = Self.seconds(elapsed) * Double(remainingCount) / Double(doneCount)
        return line + ", \(Self.words(.seconds(remaining))) left"
    }

    /// So many entries as a number in a second; nothing when it is too early to say.
    private static func rate(_ entryCount: Int, in elapsed: Duration) -> String {
        let seconds = seconds(elapsed)
        guard seconds >= 0.1, entryCount > 0 else { return "" }
        return ", \(Int(Double(entryCount) / seconds))/s"
    }

    private static func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

    private static func words(_ duration: Duration) -> String {
        let count = Int(seconds(duration).rounded(.up))
        if count < 60 { return "\(count) s" }
        if count < 3_600 { return "\(count / 60) min \(count % 60) s" }
        return "\(count / 3_600) h \(count / 60 % 60) min"
    }

    private static func entries(_ count: Int) -> String { count == 1 ? "1 entry" : "\(count) entries" }

    /// A number with its noun.
    static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
