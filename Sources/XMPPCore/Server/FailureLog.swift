// SPDX-License-Identifier: Apache-2.0
// Failures that come by the thousand: a store that is away fails each message that it should have kept.

import Logging
import Synchronization

/// Logs the first failure of a kind at once, and of those that follow within ``interval`` how many there were. May be used
/// from any thread.
final class FailureLog: Sendable {
    /// The shortest time between two lines of one kind.
    static let interval = Duration.seconds(10)

    private struct Kind {
        var nextLine: Duration
        var unloggedCount = 0
    }

    private let logger: Logger
    private let time: any TimeSource
    private let kinds = Mutex<[String: Kind]>([:])

    init(_ logger: Logger, _ time: any TimeSource) {
        self.logger = logger
        self.time = time
    }

    /// Logs a failure, or counts it: the next line of its kind has the number of those before it that were not logged.
    ///
    /// - Parameter message: names the kind: a constant, so that there are few.
    func report(_ message: StaticString, _ error: any Error, level: Logger.Level) {
        let now = time.uptime
        let unloggedCount: Int? = kinds.withLock { kinds in
            let kind = kinds["\(message)"]
            if let kind, now < kind.nextLine {
                kinds["\(message)"]?.unloggedCount += 1
                return nil
            }
            kinds["\(message)"] = Kind(nextLine: now + Self.interval)
            return kind?.unloggedCount ?? 0
        }
        guard let unloggedCount else { return }
        var metadata: Logger.Metadata = ["error": "\(error)"]
        if unloggedCount > 0 { metadata["not_logged_before"] = "\(unloggedCount)" }
        logger.log(level: level, "\(message)", metadata: metadata)
    }
}
