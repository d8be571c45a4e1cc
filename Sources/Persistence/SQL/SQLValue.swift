// SPDX-License-Identifier: Apache-2.0
// Values that go into a statement and come out of it.

public import XMPPCore

/// A value of a column or of a statement's parameter.
public enum SQLValue: Hashable, Sendable {
    /// SQL's NULL.
    case null
    /// A whole number.
    case integer(Int64)
    /// A text.
    case text(String)
    /// A text given as UTF-8. Parameters only: a column's text comes out as `.text`.
    case utf8([UInt8])
    /// True or false. Parameters only: a column's comes out as `.integer`, 1 or 0.
    case flag(Bool)
    /// Bytes.
    case bytes([UInt8])

    /// A text, or NULL for nil.
    static func optional(_ text: String?) -> SQLValue { text.map { .text($0) } ?? .null }
    /// A number, or NULL for nil.
    static func optional(_ number: Int64?) -> SQLValue { number.map { .integer($0) } ?? .null }
}

/// A row of a statement's result. Columns are counted from 0.
///
/// Every accessor throws ``StorageError/corrupt(detail:)`` when the column is not there or holds something else: the
/// fault of who wrote the row.
public struct SQLRow: Hashable, Sendable {
    /// The values, column by column.
    public var values: [SQLValue]

    /// Makes a row; for drivers.
    public init(values: [SQLValue]) { self.values = values }

    /// A text that is not NULL.
    public func text(_ column: Int) throws(StorageError) -> String {
        guard let text = try optionalText(column) else { throw mismatch(column) }
        return text
    }

    /// A text; nil for NULL.
    public func optionalText(_ column: Int) throws(StorageError) -> String? {
        switch try value(column) {
        case .null: return nil
        case .text(let text): return text
        case .integer, .bytes, .utf8, .flag: throw mismatch(column)
        }
    }

    /// A number that is not NULL.
    public func integer(_ column: Int) throws(StorageError) -> Int64 {
        guard let number = try optionalInteger(column) else { throw mismatch(column) }
        return number
    }

    /// A number; nil for NULL.
    public func optionalInteger(_ column: Int) throws(StorageError) -> Int64? {
        switch try value(column) {
        case .null: return nil
        case .integer(let number): return number
        case .text, .bytes, .utf8, .flag: throw mismatch(column)
        }
    }

    /// Bytes that are not NULL, or the bytes of a text.
    public func bytes(_ column: Int) throws(StorageError) -> [UInt8] {
        switch try value(column) {
        case .bytes(let bytes): return bytes
        case .text(let text): return Array(text.utf8)
        case .null, .integer, .utf8, .flag: throw mismatch(column)
        }
    }

    private func value(_ column: Int) throws(StorageError) -> SQLValue {
        guard values.indices.contains(column) else { throw mismatch(column) }
        return values[column]
    }

    private func mismatch(_ column: Int) -> StorageError {
        .corrupt(detail: "column \(column) does not hold what its table says")
    }
}
