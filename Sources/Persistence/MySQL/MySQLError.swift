// SPDX-License-Identifier: Apache-2.0
// What the server, or its client library, says when something was not done.

import CMariaDB
import XMPPCore
import XMPPPersistenceSQL

/// Why a server did not do what it was sent, or why the connection to it cannot be used any more.
struct MySQLError: Error, Equatable {
    /// The server's number of the error; those of the client library are from 2,000 to 2,999, and from 5,000 to 5,999.
    let number: UInt32
    /// Five characters of the SQL standard's classification.
    let state: String
    let message: String

    init(number: UInt32, state: String, message: String) {
        self.number = number
        self.state = state
        self.message = message
    }

    init(_ handle: UnsafeMutablePointer<MYSQL>) {
        self.init(
            number: mysql_errno(handle), state: String(cString: mysql_sqlstate(handle)),
            message: String(cString: mysql_error(handle)))
    }

    init(_ statement: UnsafeMutablePointer<MYSQL_STMT>) {
        self.init(
            number: mysql_stmt_errno(statement), state: String(cString: mysql_stmt_sqlstate(statement)),
            message: String(cString: mysql_stmt_error(statement)))
    }

    /// Whether the connection is of no use after it: the library's own errors, and what a server says when it hangs up
    /// (ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED, ER_SESSION_WAS_KILLED, ER_CLIENT_INTERACTION_TIMEOUT).
    var endsConnection: Bool {
        switch number {
        case 2_000..<3_000, 5_000..<6_000, 1_053, 1_927, 3_169, 4_031: true
        default: false
        }
    }

    /// Whether a prepared statement is not there any more (ER_UNKNOWN_STMT_HANDLER, ER_NEED_REPREPARE).
    var isOfPreparation: Bool { number == 1_243 || number == 1_615 }

    /// Whether the same may succeed when it is tried again, for others were in its way: ER_LOCK_DEADLOCK, and
    /// ER_CHECKREAD, which is MariaDB's for a row that changed since the transaction began.
    private var isWorthRetrying: Bool { state == "40001" || number == 1_020 || isOfPreparation }

    /// What the pool is told.
    var refusal: SQLRefusal { SQLRefusal(storageError, isWorthRetrying: isWorthRetrying) }

    private var storageError: StorageError {
        switch number {
        case 1_062, 1_586: .conflict  // ER_DUP_ENTRY, ER_DUP_ENTRY_WITH_KEY_NAME
        case 1_213, 1_020: .unavailable(detail: "others change the same rows all the time")
        case 1_205: .unavailable(detail: "others hold the same rows for too long")  // ER_LOCK_WAIT_TIMEOUT
        // ER_QUERY_TIMEOUT, ER_STATEMENT_TIMEOUT of MariaDB's, ER_QUERY_INTERRUPTED
        case 3_024, 1_969, 1_317: .unavailable(detail: "the statement took too long")
        // ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE
        case 1_290, 1_792, 1_836: .unavailable(detail: "the database may only be read")
        // Disk or table full, out of memory, too many connections, locks or prepared statements. What the server says of
        // them is about itself, and names no values.
        case 1_021, 1_037, 1_038, 1_040, 1_041, 1_114, 1_203, 1_206, 1_226, 1_461:
            .unavailable(detail: "the server refused: \(message)")
        // ER_CRASHED_ON_USAGE, ER_CRASHED_ON_REPAIR, ER_TABLE_CORRUPT
        case 1_194, 1_195, 3_000...3_002: .corrupt(detail: message)
        default: .backend(code: "\(state)/\(number)", detail: message)
        }
    }
}
