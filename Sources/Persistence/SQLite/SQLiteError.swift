// SPDX-License-Identifier: Apache-2.0
// SQLite's result codes as storage errors.

import CSQLite
import XMPPCore

extension StorageError {
    /// What a result code means to a store.
    ///
    /// - Parameter message: SQLite's own sentence: it names tables and columns, never values.
    static func sqlite(_ code: Int32, _ message: String) -> StorageError {
        let detail = "SQLite \(code): \(message)"
        // The low byte is the kind of the error; the rest says more about it.
        switch code & 0xff {
        // A disk that is full, fails or is mounted read-only is put right by somebody, and then the request succeeds.
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_NOMEM, SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SQLITE_INTERRUPT,
            SQLITE_PROTOCOL:
            return .unavailable(detail: detail)
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_MISMATCH, SQLITE_FORMAT:
            return .corrupt(detail: detail)
        case SQLITE_CONSTRAINT:
            return code == primaryKeyConstraint || code == uniqueConstraint
                ? .conflict : .backend(code: "\(code)", detail: detail)
        case SQLITE_TOOBIG:
            return .limitExceeded
        default:
            return .backend(code: "\(code)", detail: detail)
        }
    }
}

// SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT | (n << 8): macros that Swift does not
// import.
private let primaryKeyConstraint: Int32 = 19 | (6 << 8)
private let uniqueConstraint: Int32 = 19 | (8 << 8)
