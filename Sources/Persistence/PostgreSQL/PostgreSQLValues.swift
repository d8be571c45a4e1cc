// SPDX-License-Identifier: Apache-2.0
// Values in the binary form of the protocol: what a text holds is never cut at a NUL, and no number is printed and read.

import CPostgreSQL
import XMPPCore
import XMPPPersistenceSQL

/// The types that are told apart, by their numbers in pg_type.
enum PostgreSQLType {
    /// The server finds out by itself: that is how a text fits a column of any text type.
    static let unspecified: Oid = 0
    static let flag: Oid = 16
    static let bytes: Oid = 17
    static let integer8: Oid = 20
    static let integer2: Oid = 21
    static let integer4: Oid = 23
    static let texts: Set<Oid> = [18, 19, 25, 114, 705, 1042, 1043]
}

extension SQLValue {
    /// The type that a parameter is sent as.
    var postgreSQLType: Oid {
        switch self {
        case .null, .text, .utf8: PostgreSQLType.unspecified
        case .integer: PostgreSQLType.integer8
        case .flag: PostgreSQLType.flag
        case .bytes: PostgreSQLType.bytes
        }
    }

    /// Appends the bytes that a parameter is sent as; NULL has none.
    func append(to buffer: inout [UInt8]) {
        switch self {
        case .null: break
        case .integer(let number): withUnsafeBytes(of: number.bigEndian) { buffer.append(contentsOf: $0) }
        case .flag(let isTrue): buffer.append(isTrue ? 1 : 0)
        case .text(let text): buffer.append(contentsOf: text.utf8)
        case .utf8(let bytes), .bytes(let bytes): buffer.append(contentsOf: bytes)
        }
    }
}

extension SQLRow {
    /// A row of a result.
    init(_ result: OpaquePointer, row: Int32) throws(StorageError) {
        let count = PQnfields(result)
        var values: [SQLValue] = []
        values.reserveCapacity(Int(count))
        for column in 0..<count { values.append(try Self.value(result, row, column)) }
        self.init(values: values)
    }

    private static func value(_ result: OpaquePointer, _ row: Int32, _ column: Int32) throws(StorageError) -> SQLValue {
        guard PQgetisnull(result, row, column) == 0 else { return .null }
        let count = Int(PQgetlength(result, row, column))
        let bytes = UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: count)
        switch PQftype(result, column) {
        case PostgreSQLType.integer8 where count == 8:
            return .integer(Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)))
        case PostgreSQLType.integer4 where count == 4:
            return .integer(Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))))
        case PostgreSQLType.integer2 where count == 2:
            return .integer(Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self))))
        case PostgreSQLType.flag where count == 1:
            return .integer(bytes[0] == 0 ? 0 : 1)
        case PostgreSQLType.bytes:
            return .bytes(Array(bytes))
        case let type where PostgreSQLType.texts.contains(type):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .corrupt(detail: "column \(column) is no UTF-8")
            }
            return .text(text)
        case let type:
            throw .corrupt(detail: "column \(column) is of the type \(type), which no table has")
        }
    }
}
