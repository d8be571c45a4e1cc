// SPDX-License-Identifier: Apache-2.0
// How often the stores are called, how long that takes, and what comes of it: numbers for whoever runs the server.

import Synchronization

/// What the calls of one method came to.
public struct StorageMeasurement: Hashable, Sendable {
    /// How many calls ended, errors included.
    public internal(set) var callCount = 0
    /// How many calls ended with an error, by its kind: a case's name of ``StorageError``, like `unavailable`.
    public internal(set) var errorCounts: [String: Int] = [:]
    /// How long the calls took, all together.
    public internal(set) var duration = Duration.zero
    /// How long the longest call took.
    public internal(set) var durationMax = Duration.zero
    /// The calls by how long they took: at index `n` are those of less than 2^n microseconds that are at no lower index;
    /// the last index has all longer ones.
    public internal(set) var callCountsByDuration = [Int](repeating: 0, count: durationClassCount)

    /// How many classes of durations there are: the last but one ends at 2^24 microseconds, 17 seconds.
    public static let durationClassCount = 26

    /// A duration that so many of the calls did not exceed, in other words a percentile: an upper bound that is at most
    /// twice the true value, above a microsecond; nil when there were no calls.
    ///
    /// - Parameter share: of the calls, from 0 to 1.
    public func duration(ofShare share: Double) -> Duration? {
        guard callCount > 0 else { return nil }
        var count = 0
        for (index, callCount) in callCountsByDuration.enumerated().dropLast() {
            count += callCount
            if Double(count) >= share * Double(self.callCount) { return min(.microseconds(1 << index), durationMax) }
        }
        return durationMax
    }

    mutating func add(_ duration: Duration, _ error: StorageError?) {
        callCount += 1
        if let error { errorCounts[error.kind, default: 0] += 1 }
        self.duration += duration
        durationMax = max(durationMax, duration)
        var index = 0
        while index < Self.durationClassCount - 1, duration >= .microseconds(1 << index) { index += 1 }
        callCountsByDuration[index] += 1
    }
}

/// Counts and times the calls of stores: `storage.decorated(by: measured)`. It costs a call two readings of
/// the clock and a lock that is held for a moment.
public final class MeasuredStorage: StorageDecorator {
    private let time: any TimeSource
    private let state = Mutex<[StorageMethod: StorageMeasurement]>([:])

    /// Begins with nothing counted.
    public init(time: any TimeSource = SystemTime()) { self.time = time }

    /// What has been measured until now, by method; one that was never called is not there.
    public var measurements: [StorageMethod: StorageMeasurement] { state.withLock { $0 } }

    /// Does a call, and counts it.
    public func around<Value: Sendable>(
        _ method: StorageMethod, _ body: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let start = time.uptime
        do throws(StorageError) {
            let value = try await body()
            note(method, since: start, nil)
            return value
        } catch {
            note(method, since: start, error)
            throw error
        }
    }

    private func note(_ method: StorageMethod, since start: Duration, _ error: StorageError?) {
        let duration = time.uptime - start
        state.withLock { $0[method, default: StorageMeasurement()].add(duration, error) }
    }
}

extension StorageError {
    /// The name of the case.
    fileprivate var kind: String {
        switch self {
        case .unavailable: "unavailable"
        case .conflict: "conflict"
        case .limitExceeded: "limitExceeded"
        case .corrupt: "corrupt"
        case .backend: "backend"
        }
    }
}
