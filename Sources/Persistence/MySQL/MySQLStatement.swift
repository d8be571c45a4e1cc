// SPDX-License-Identifier: Apache-2.0
// A statement that a server has prepared: parameters go in and rows come out in the binary form of the protocol.

import CMariaDB
import XMPPCore
import XMPPPersistenceSQL

/// A prepared statement of one connection.
///
/// It is closed by `close()`, or with its connection; whoever lets go of it otherwise leaks it.
final class MySQLStatement {
    let handle: UnsafeMutablePointer<MYSQL_STMT>
    /// What was given for the last execution. The library reads it while the execution lasts.
    private var parameters = ParameterBuffer()
    private var columns: ColumnBuffer?

    init(_ handle: UnsafeMutablePointer<MYSQL_STMT>) { self.handle = handle }

    /// Tells the server, and frees what the client has. Only when nothing is under way.
    func close() { mysql_stmt_close(handle) }

    /// Gives the values of the next execution.
    ///
    /// - Returns: whether the library took them.
    func bind(_ values: [SQLValue]) -> Bool {
        guard mysql_stmt_param_count(handle) == UInt(values.count) else { return false }
        parameters = ParameterBuffer(values)
        return values.isEmpty || mysql_stmt_bind_param(handle, parameters.binds.baseAddress) == 0
    }

    /// Whether the last execution has rows to read.
    var hasRows: Bool { mysql_stmt_field_count(handle) > 0 }

    /// How many rows the last execution wrote: those that it found, of which it may have changed none.
    var writtenCount: Int { Int(clamping: mysql_stmt_affected_rows(handle)) }

    /// Reads the rows of the last execution, which the client has already.
    ///
    /// - Throws: `StorageError.corrupt` when a value is none that a table has.
    func rows() throws(StorageError) -> [SQLRow] {
        defer { mysql_stmt_free_result(handle) }
        let columns: ColumnBuffer
        if let known = self.columns { columns = known } else { columns = try ColumnBuffer(handle) }
        self.columns = columns
        guard mysql_stmt_bind_result(handle, columns.binds.baseAddress) == 0 else {
            throw .backend(code: "client", detail: MySQLError(handle).message)
        }
        var rows: [SQLRow] = []
        rows.reserveCapacity(Int(clamping: mysql_stmt_num_rows(handle)))
        while true {
            switch mysql_stmt_fetch(handle) {
            // Texts are "truncated": their length is known only now.
            case 0, MYSQL_DATA_TRUNCATED: rows.append(try columns.row(of: handle))
            case MYSQL_NO_DATA: return rows
            default: throw .backend(code: "client", detail: MySQLError(handle).message)
            }
        }
    }
}

/// The values of an execution, where the library can read them.
private final class ParameterBuffer {
    let binds: UnsafeMutableBufferPointer<MYSQL_BIND>
    private let bytes: UnsafeMutableRawBufferPointer

    init(_ values: [SQLValue] = []) {
        binds = .allocate(capacity: values.count)
        bytes = .allocate(byteCount: values.reduce(0) { $0 + $1.byteCount }, alignment: 1)
        var end = 0
        for (index, value) in values.enumerated() {
            let start = end
            switch value {
            case .null: break
            case .integer(let number):
                bytes.storeBytes(of: number, toByteOffset: start, as: Int64.self)
                end += MemoryLayout<Int64>.size
            case .flag(let isTrue):
                bytes.storeBytes(of: isTrue ? 1 : 0, toByteOffset: start, as: Int64.self)
                end += MemoryLayout<Int64>.size
            case .text(let text):
                var text = text
                text.withUTF8 { copy($0, to: &end) }
            case .utf8(let content), .bytes(let content):
                content.withUnsafeBufferPointer { copy($0, to: &end) }
            }
            var bind = MYSQL_BIND()
            bind.buffer_type = value.mySQLType
            // An empty value has an address too.
            bind.buffer = bytes.baseAddress.map { $0 + start } ?? UnsafeMutableRawPointer(binds.baseAddress)
            bind.buffer_length = UInt(end - start)
            binds.initializeElement(at: index, to: bind)
        }
    }

    private func copy(_ content: UnsafeBufferPointer<UInt8>, to end: inout Int) {
        let place = UnsafeMutableRawBufferPointer(rebasing: bytes[end..<end + content.count])
        place.copyMemory(from: UnsafeRawBufferPointer(content))
        end += content.count
    }

    deinit {
        binds.deallocate()
        bytes.deallocate()
    }
}

/// Where the library puts the values of a row.
private final class ColumnBuffer {
    private enum Form {
        case integer
        case text
        case bytes
    }

    let binds: UnsafeMutableBufferPointer<MYSQL_BIND>
    /// For each column: the number, whether it is NULL, and how many bytes it has.
    private let integers: UnsafeMutableBufferPointer<Int64>
    private let nulls: UnsafeMutableBufferPointer<my_bool>
    private let lengths: UnsafeMutableBufferPointer<UInt>
    private let forms: [Form]

    /// - Throws: `StorageError.corrupt` for a column of a type that no table has.
    init(_ statement: UnsafeMutablePointer<MYSQL_STMT>) throws(StorageError) {
        guard let metadata = mysql_stmt_result_metadata(statement) else {
            throw .backend(code: "client", detail: "no memory for the columns")
        }
        defer { mysql_free_result(metadata) }
        let fields = UnsafeBufferPointer(start: mysql_fetch_fields(metadata), count: Int(mysql_num_fields(metadata)))
        var forms: [Form] = []
        for field in fields { forms.append(try Self.form(of: field)) }
        self.forms = forms
        binds = .allocate(capacity: forms.count)
        integers = .allocate(capacity: forms.count)
        integers.initialize(repeating: 0)
        nulls = .allocate(capacity: forms.count)
        nulls.initialize(repeating: 0)
        lengths = .allocate(capacity: forms.count)
        lengths.initialize(repeating: 0)
        for (index, form) in forms.enumerated() {
            var bind = MYSQL_BIND()
            bind.is_null = nulls.baseAddress.map { $0 + index }
            bind.length = lengths.baseAddress.map { $0 + index }
            if form == .integer {
                bind.buffer_type = MYSQL_TYPE_LONGLONG
                bind.buffer = UnsafeMutableRawPointer(integers.baseAddress.map { $0 + index })
                bind.buffer_length = UInt(MemoryLayout<Int64>.size)
                bind.is_unsigned = fields[index].flags & UInt32(UNSIGNED_FLAG) != 0 ? 1 : 0
            } else {
                bind.buffer_type = form == .text ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB
            }
            binds.initializeElement(at: index, to: bind)
        }
    }

    deinit {
        binds.deallocate()
        integers.deallocate()
        nulls.deallocate()
        lengths.deallocate()
    }

    /// The number of the character set that bytes have.
    private static let binaryCharacterSet: UInt32 = 63

    private static func form(of field: MYSQL_FIELD) throws(StorageError) -> Form {
        switch field.type {
        case MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_INT24, MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_NULL:
            return .integer
        // VARBINARY is what MongooseIM keeps some addresses in.
        case MYSQL_TYPE_STRING, MYSQL_TYPE_VAR_STRING, MYSQL_TYPE_VARCHAR, MYSQL_TYPE_ENUM:
            return .text
        case MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_BLOB, MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_LONG_BLOB:
            return field.charsetnr == binaryCharacterSet ? .bytes : .text
        default:
            throw .corrupt(detail: "a column is of the type \(field.type.rawValue), which no table has")
        }
    }

    /// The row that was fetched last.
    func row(of statement: UnsafeMutablePointer<MYSQL_STMT>) throws(StorageError) -> SQLRow {
        var values: [SQLValue] = []
        values.reserveCapacity(forms.count)
        for (index, form) in forms.enumerated() { values.append(try value(index, form, of: statement)) }
        return SQLRow(values: values)
    }

    private func value(
        _ index: Int, _ form: Form, of statement: UnsafeMutablePointer<MYSQL_STMT>
    ) throws(StorageError) -> SQLValue {
        guard nulls[index] == 0 else { return .null }
        switch form {
        case .integer:
            guard binds[index].is_unsigned == 0 || integers[index] >= 0 else {
                throw .corrupt(detail: "column \(index) holds a number above \(Int64.max)")
            }
            return .integer(integers[index])
        case .text:
            let bytes = try bytes(index, of: statement)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .corrupt(detail: "column \(index) is no UTF-8")
            }
            return .text(text)
        case .bytes:
            return .bytes(try bytes(index, of: statement))
        }
    }

    private func bytes(_ index: Int, of statement: UnsafeMutablePointer<MYSQL_STMT>) throws(StorageError) -> [UInt8] {
        let count = Int(lengths[index])
        var isRead = count == 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            guard count > 0 else { return }
            var bind = MYSQL_BIND()
            bind.buffer_type = MYSQL_TYPE_BLOB
            bind.buffer = UnsafeMutableRawPointer(buffer.baseAddress)
            bind.buffer_length = UInt(count)
            isRead = mysql_stmt_fetch_column(statement, &bind, UInt32(index), 0) == 0
            if isRead { initializedCount = count }
        }
        guard isRead else { throw .backend(code: "client", detail: MySQLError(statement).message) }
        return bytes
    }
}

extension SQLValue {
    /// The type that a parameter is sent as.
    fileprivate var mySQLType: enum_field_types {
        switch self {
        case .null: MYSQL_TYPE_NULL
        case .integer, .flag: MYSQL_TYPE_LONGLONG
        case .text, .utf8: MYSQL_TYPE_STRING
        case .bytes: MYSQL_TYPE_BLOB
        }
    }
}
