// SPDX-License-Identifier: Apache-2.0
// Stores that fail now and then, as a seed decides: for tests of whoever uses stores.

import Synchronization
public import XMPPCore

/// Makes calls of stores fail and wait: `storage.decorated(by: FaultyStorage(seed: 7))`.
///
/// One seed gives the same faults to the same calls in the same order. What does not fail does what the store does.
public final class FaultyStorage: StorageDecorator {
    /// How often a call meets each fault, from 0 for never to 1 for always.
    public struct Rates: Hashable, Sendable {
        /// The call throws ``StorageError/unavailable(detail:)``, and nothing was done.
        public var refused: Double
        /// The call does its work, and throws ``StorageError/unavailable(detail:)`` nevertheless, as when a connection
        /// is cut before the answer. Only calls that may change data.
        public var unacknowledged: Double
        /// The call lets others overtake it, before it does its work or after.
        public var delayed: Double

        /// Rates.
        public init(refused: Double = 0.1, unacknowledged: Double = 0.1, delayed: Double = 0.2) {
            self.refused = refused
            self.unacknowledged = unacknowledged
            self.delayed = delayed
        }

        /// No faults.
        public static let none = Rates(refused: 0, unacknowledged: 0, delayed: 0)
    }

    /// What becomes of one call.
    fileprivate struct Fault {
        var isRefused = false
        var isUnacknowledged = false
        /// How often it lets others go first, before its work and after.
        var turnCounts = (before: 0, after: 0)
    }

    fileprivate struct State {
        var numbers: SeededNumbers
        var rates: Rates
        var failedCallCount = 0
    }

    /// Most often that a call lets others go first.
    fileprivate static let turnCountMax = 8

    private let state: Mutex<State>

    /// Begins with the first fault of a seed.
    public init(seed: UInt64, rates: Rates = Rates()) {
        state = Mutex(State(numbers: SeededNumbers(seed: seed), rates: rates))
    }

    /// The rates; those that are set hold for calls that begin afterwards.
    public var rates: Rates {
        get { state.withLock { $0.rates } }
        set { state.withLock { $0.rates = newValue } }
    }

    /// How many calls were made to fail.
    public var failedCallCount: Int { state.withLock { $0.failedCallCount } }

    /// Does a call, or fails it.
    public func around<Value: Sendable>(
        _ method: StorageMethod, _ body: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let fault = state.withLock { $0.next(for: method) }
        for _ in 0..<fault.turnCounts.before { await Task.yield() }
        if fault.isRefused { throw .unavailable(detail: "\(method) was made to fail, and nothing was done") }
        let value = try await body()
        for _ in 0..<fault.turnCounts.after { await Task.yield() }
        if fault.isUnacknowledged { throw .unavailable(detail: "\(method) was made to fail after it was done") }
        return value
    }
}

extension FaultyStorage.State {
    /// Every call takes as many numbers, so that a rate of one fault does not move the others.
    fileprivate mutating func next(for method: StorageMethod) -> FaultyStorage.Fault {
        let isRefused = Double.random(in: 0..<1, using: &numbers) < rates.refused
        let isUnacknowledged = Double.random(in: 0..<1, using: &numbers) < rates.unacknowledged
        let isDelayed = Double.random(in: 0..<1, using: &numbers) < rates.delayed
        let turns = (numbers.next(), numbers.next())
        var fault = FaultyStorage.Fault()
        fault.isRefused = isRefused
        fault.isUnacknowledged = isUnacknowledged && !isRefused && method.changesData
        if isDelayed {
            let count = UInt64(FaultyStorage.turnCountMax + 1)
            fault.turnCounts = (Int(turns.0 % count), Int(turns.1 % count))
        }
        if fault.isRefused || fault.isUnacknowledged { failedCallCount += 1 }
        return fault
    }
}

/// Numbers that a seed decides: SplitMix64.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
