// SPDX-License-Identifier: Apache-2.0
// One open SQLite connection and its prepared statements. It is used on one thread at a time.

import CSQLite
import Glibc
import XMPPCore
import XMPPPersistenceSQL

/// An open database.
final class SQLiteHandle {
    /// Most statements that are kept prepared. The stores have about fifty; the rest is room.
    static let statementCountMax = 128

    private let pointer: OpaquePointer
    private var statements: [String: SQLitePreparedStatement] = [:]
    private var useCount: UInt64 = 0

    /// Opens a file, or makes it.
    ///
    /// - Parameters:
    ///   - path: of the file; `:memory:` for none.
    ///   - lockWaitMax: how long a statement waits for another process that writes; in whole milliseconds.
    init(path: String, lockWaitMax: Duration = .zero) throws(StorageError) {
        var opened: OpaquePointer?
        // NOMUTEX: the connection is confined to its thread, so SQLite's own locks would only cost.
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard let opened else { throw .unavailable(detail: "no memory for the database") }
        guard code == SQLITE_OK else {
            let message = String(cString: sqlite3_errmsg(opened))
            sqlite3_close_v2(opened)  // a handle that never opened has nothing to lose
            throw .sqlite(code, message)
        }
        pointer = opened
        let milliseconds = Int32(clamping: Int64(lockWaitMax / .milliseconds(1)))
        sqlite3_busy_timeout(pointer, milliseconds)  // cannot fail on an open database
    }

    deinit {
        statements.removeAll()
        // `_v2` closes even while a statement is open, so it has nothing to say.
        sqlite3_close_v2(pointer)
    }

    /// Whether no transaction is open. After an error it tells whether SQLite has rolled the transaction back by
    /// itself.
    var isOutsideTransaction: Bool { sqlite3_get_autocommit(pointer) != 0 }

    /// Whether the file was opened for reading only, because it may not be written.
    var isReadOnly: Bool { sqlite3_db_readonly(pointer, "main") == 1 }

    /// Runs a text of statements without parameters or rows.
    func run(_ text: String) throws(StorageError) {
        let code = sqlite3_exec(pointer, text, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code) }
    }

    /// Runs a statement and returns its rows.
    func query(_ text: String, _ parameters: [SQLValue]) throws(StorageError) -> [SQLRow] {
        let statement = try prepared(text)
        defer { statement.reset() }
        try bind(parameters, to: statement)
        var rows: [SQLRow] = []
        while true {
            let code = sqlite3_step(statement.pointer)
            if code == SQLITE_DONE { return rows }
            guard code == SQLITE_ROW else { throw error(code) }
            rows.append(try statement.row())
        }
    }

    /// Runs a statement and returns how many rows it wrote.
    @discardableResult
    func execute(_ text: String, _ parameters: [SQLValue]) throws(StorageError) -> Int {
        let statement = try prepared(text)
        defer { statement.reset() }
        try bind(parameters, to: statement)
        var code = sqlite3_step(statement.pointer)
        while code == SQLITE_ROW { code = sqlite3_step(statement.pointer) }
        guard code == SQLITE_DONE else { throw error(code) }
        // Statements that are no INSERT, UPDATE or DELETE leave the count of the one before.
        return statement.writes ? Int(clamping: sqlite3_changes64(pointer)) : 0
    }

    private func error(_ code: Int32) -> StorageError { .sqlite(code, String(cString: sqlite3_errmsg(pointer))) }

    private func prepared(_ text: String) throws(StorageError) -> SQLitePreparedStatement {
        useCount += 1
        if let statement = statements[text] {
            statement.lastUse = useCount
            return statement
        }
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(pointer, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK else { throw error(code) }
        guard let prepared else { throw .backend(code: "empty", detail: "an empty statement") }
        let statement = SQLitePreparedStatement(prepared, text: text)
        statement.lastUse = useCount
        if statements.count >= Self.statementCountMax,
            let oldest = statements.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            statements[oldest.key] = nil
        }
        statements[text] = statement
        return statement
    }

    private func bind(_ parameters: [SQLValue], to statement: SQLitePreparedStatement) throws(StorageError) {
        guard sqlite3_bind_parameter_count(statement.pointer) == parameters.count else {
            preconditionFailure("a statement has not as many parameters as values: \(statement.text)")
        }
        for (index, value) in parameters.enumerated() {
            let code = statement.bind(value, at: Int32(index + 1))
            guard code == SQLITE_OK else { throw error(code) }
        }
    }
}

/// A prepared statement.
final class SQLitePreparedStatement {
    let pointer: OpaquePointer
    let text: String
    /// Whether it is an INSERT, UPDATE or DELETE.
    let writes: Bool
    /// When it was last used, counted in uses of the database.
    var lastUse: UInt64 = 0

    init(_ pointer: OpaquePointer, text: String) {
        self.pointer = pointer
        self.text = text
        writes = ["INSERT", "UPDATE", "DELETE"].contains { text.hasPrefix($0) }
    }

    // It reports the last step's error once more, which was thrown when it came.
    deinit { sqlite3_finalize(pointer) }

    /// Makes it ready for its next use, and lets go of the values.
    func reset() {
        sqlite3_reset(pointer)  // reports the last step's error once more
        sqlite3_clear_bindings(pointer)  // always SQLITE_OK
    }

    func bind(_ value: SQLValue, at index: Int32) -> Int32 {
        switch value {
        case .null:
            return sqlite3_bind_null(pointer, index)
        case .integer(let number):
            return sqlite3_bind_int64(pointer, index, number)
        case .flag(let isTrue):
            return sqlite3_bind_int64(pointer, index, isTrue ? 1 : 0)
        case .text(var text):
            return text.withUTF8 { bindText($0, at: index) }
        case .utf8(let bytes):
            return bytes.withUnsafeBufferPointer { bindText($0, at: index) }
        case .bytes(let bytes):
            // A nil pointer would bind NULL.
            guard !bytes.isEmpty else { return sqlite3_bind_zeroblob(pointer, index, 0) }
            return bytes.withUnsafeBytes { buffer in
                sqlite3_bind_blob64(pointer, index, buffer.baseAddress, UInt64(buffer.count), transient)
            }
        }
    }

    private func bindText(_ buffer: UnsafeBufferPointer<UInt8>, at index: Int32) -> Int32 {
        // A nil pointer would bind NULL.
        guard let base = buffer.baseAddress else { return sqlite3_bind_text(pointer, index, "", 0, transient) }
        return base.withMemoryRebound(to: CChar.self, capacity: buffer.count) { text in
            sqlite3_bind_text64(pointer, index, text, UInt64(buffer.count), transient, UInt8(SQLITE_UTF8))
        }
    }

    /// The row that the last step found.
    func row() throws(StorageError) -> SQLRow {
        let count = sqlite3_column_count(pointer)
        var values: [SQLValue] = []
        values.reserveCapacity(Int(count))
        for column in 0..<count { values.append(try value(column)) }
        return SQLRow(values: values)
    }

    private func value(_ column: Int32) throws(StorageError) -> SQLValue {
        switch sqlite3_column_type(pointer, column) {
        case SQLITE_NULL:
            return .null
        case SQLITE_INTEGER:
            return .integer(sqlite3_column_int64(pointer, column))
        case SQLITE_TEXT:
            // The pointer first, then the count: SQLite's documentation wants this order. The memory is SQLite's until
            // the next step.
            guard let base = sqlite3_column_text(pointer, column) else {
                throw .unavailable(detail: "no memory for a column")
            }
            let buffer = UnsafeBufferPointer(start: base, count: Int(sqlite3_column_bytes(pointer, column)))
            guard let text = String(validating: buffer, as: UTF8.self) else {
                throw .corrupt(detail: "column \(column) is no UTF-8")
            }
            return .text(text)
        case SQLITE_BLOB:
            guard let base = sqlite3_column_blob(pointer, column) else { return .bytes([]) }
            let count = Int(sqlite3_column_bytes(pointer, column))
            return .bytes(Array(UnsafeRawBufferPointer(start: base, count: count)))
        default:
            throw .corrupt(detail: "column \(column) is a real number, and none is ever stored")
        }
    }
}

/// SQLITE_TRANSIENT, "copy it before you return": a macro that is -1 as a function pointer, which SQLite compares and
/// never calls.
private var transient: sqlite3_destructor_type? { unsafeBitCast(-1, to: sqlite3_destructor_type?.self) }
