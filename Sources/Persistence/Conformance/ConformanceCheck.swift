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
    /// Throws when the store breaks the promise. It is given an empty store, which it does not share with other checks.
    public let run: @Sendable (Store) async throws -> Void

    init(_ name: String, _ sentence: String, _ run: @escaping @Sendable (Store) async throws -> Void) {
        self.name = name
        self.sentence = sentence
        self.run = run
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
    /// Fills an empty store. After it the store is closed and opened again.
    public let prepare: @Sendable (Store) async throws -> Void
    /// Throws when the store that was opened again does not hold what it should.
    public let verify: @Sendable (Store) async throws -> Void

    init(
        _ name: String, _ sentence: String, prepare: @escaping @Sendable (Store) async throws -> Void,
        verify: @escaping @Sendable (Store) async throws -> Void
    ) {
        self.name = name
        self.sentence = sentence
        self.prepare = prepare
        self.verify = verify
    }

    /// The check's name.
    public var description: String { name }
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
