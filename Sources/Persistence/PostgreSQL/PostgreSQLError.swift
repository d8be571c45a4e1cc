// SPDX-License-Identifier: Apache-2.0
// What the server says when it refuses.

import XMPPCore
import XMPPPersistenceSQL

/// Why a server did not do what it was sent.
struct PostgreSQLError: Error, Equatable {
    /// The code of PostgreSQL's appendix A, five characters; empty when there is none.
    let state: String
    let message: String

    /// Whether the same may succeed when it is tried again, for others were in its way: serialization_failure and
    /// deadlock_detected. CockroachDB wants the same of its clients.
    var isWorthRetrying: Bool { state == "40001" || state == "40P01" || isOfPreparation }

    /// Whether a prepared statement is not there (invalid_sql_statement_name): one that a step prepared which was undone,
    /// or that a pooler in between has forgotten.
    var isOfPreparation: Bool { state == "26000" }

    /// What the pool is told.
    var refusal: SQLRefusal { SQLRefusal(storageError, isWorthRetrying: isWorthRetrying) }

    /// What the caller gets.
    private var storageError: StorageError {
        switch state {
        case "23505": .conflict  // unique_violation
        case "40001", "40P01": .unavailable(detail: "others change the same rows all the time")
        case "57014": .unavailable(detail: "the statement took too long")  // query_canceled
        case "25006": .unavailable(detail: "the database may only be read")  // read_only_sql_transaction
        case "XX001", "XX002": .corrupt(detail: message)  // data_corrupted, index_corrupted
        default:
            switch state.prefix(2) {
            // Connection exceptions, insufficient resources, operator intervention, system errors.
            // What the server says of them is about itself, and names no values.
            case "08", "53", "57", "58": .unavailable(detail: "the server refused: \(message)")
            default: .backend(code: state, detail: message)
            }
        }
    }
}
