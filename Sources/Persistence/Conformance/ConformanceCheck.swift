// SPDX-License-Identifier: Apache-2.0
// The storage contract as checks that anybody's test of a backend can run. No test framework is imported: a check
// throws.

import XMPPCore

/// One sentence of a storage protocol, and the code that finds out whether a store keeps it.
public struct ConformanceCheck<Store: Sendable>: Sendable, CustomStringConvertible {
    /// The name of the check; no other check of the store has it.
    public let name: String
    /// The promise.
    public let sentence: String
    private let body: @Sendable (Store, ConformanceLimits) async throws -> Void

    init(
        _ name: String, _ sentence: String, _ body: @escaping @Sendable (Store, ConformanceLimits) async throws -> Void
    ) {
        self.name = name
        self.sentence = sentence
        self.body = body
    }

    init(_ name: String, _ sentence: String, _ body: @escaping @Sendable (Store) async throws -> Void) {
        self.init(name, sentence) { store, _ in try await body(store) }
    }

    /// Finds out whether a store keeps the promise.
    ///
    /// - Parameters:
    ///   - store: is empty, and is not shared with other checks.
    ///   - limits: what the backend holds, where that is less than XMPP allows.
    /// - Throws: ``ConformanceFailure`` when it does not, or the error of a call that should have worked.
    public func run(_ store: Store, limits: ConformanceLimits = ConformanceLimits()) async throws {
        try await body(store, limits)
    }

    /// The check's name.
    public var description: String { name }
}

/// One sentence about what is left when a store is closed and opened again.
public struct ReopenCheck<Store: Sendable>: Sendable, CustomStringConvertible {
    /// The name of the check; no other check of the store has it.
    public let name: String
    /// The promise.
    public let sentence: String
    private let preparation: @Sendable (Store, ConformanceLimits) async throws -> Void
    private let verification: @Sendable (Store, ConformanceLimits) async throws -> Void

    init(
        _ name: String, _ sentence: String,
        prepare: @escaping @Sendable (Store, ConformanceLimits) async throws -> Void,
        verify: @escaping @Sendable (Store, ConformanceLimits) async throws -> Void
    ) {
        self.name = name
        self.sentence = sentence
        preparation = prepare
        verification = verify
    }

    /// Fills an empty store. After it the store is closed and opened again.
    public func prepare(_ store: Store, limits: ConformanceLimits = ConformanceLimits()) async throws {
        try await preparation(store, limits)
    }

    /// Throws when the store that was opened again does not hold what it should.
    public func verify(_ store: Store, limits: ConformanceLimits = ConformanceLimits()) async throws {
        try await verification(store, limits)
    }

    /// The check's name.
    public var description: String { name }
}

/// The longest that a backend holds, for one that cannot hold all that XMPP allows. It holds all lengths up to these,
/// and refuses a longer name or text whole, which is checked.
public struct ConformanceLimits: Hashable, Sendable {
    /// The longest localpart of an account, in characters.
    public var localpartCharacterCountMax = 1_023
    /// The longest address of a contact or a sender, in characters.
    public var addressCharacterCountMax = 3_071
    /// The longest name of a roster group and the longest private namespace, in characters. XMPP sets no bound.
    public var nameCharacterCountMax = 1_023
    /// The longest text and the longest stanza, in bytes of UTF-8. XMPP sets no bound.
    public var textByteCountMax = 65_536

    /// What RFC 7622 allows for addresses, and the defaults of the rest.
    public init() {}
}

/// A promise that a store has broken.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
    /// What was expected, and what was found.
    public let message: String
    /// The line of the check.
    public let line: UInt

    /// The message, and where the check failed.
    public var description: String { "\(message) (line \(line) of the checks)" }
}

func expect(_ condition: Bool, _ message: @autoclosure () -> String, line: UInt = #line) throws {
    guard condition else { throw ConformanceFailure(message: message(), line: line) }
}

func expectEqual<Value: Equatable>(_ found: Value, _ expected: Value, line: UInt = #line) throws {
    guard found == expected else {
        throw ConformanceFailure(message: "expected \(expected), found \(found)", line: line)
    }
}

func expectError<Value>(
    _ expected: ErrorName, line: UInt = #line, _ body: () async throws(StorageError) -> Value
) async throws {
    do throws(StorageError) {
        _ = try await body()  // what it returns is not the question
    } catch {
        try expect(expected.matches(error), "expected \(expected), found \(error)", line: line)
        return
    }
    throw ConformanceFailure(message: "expected \(expected), and nothing was thrown", line: line)
}

/// A storage error without its details.
enum ErrorName {
    case conflict
    case limitExceeded

    func matches(_ error: StorageError) -> Bool {
        switch (self, error) {
        case (.conflict, .conflict), (.limitExceeded, .limitExceeded): true
        default: false
        }
    }
}
