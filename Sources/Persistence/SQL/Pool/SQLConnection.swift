// SPDX-License-Identifier: Apache-2.0
// What a driver of a database server is: connections that take steps of statements. Who gets a connection, and when, is
// the pool's matter.

package import XMPPCore

/// A statement and its values.
package struct SQLCommand {
    package let statement: SQLStatement
    package let parameters: [SQLValue]

    package init(_ statement: SQLStatement, _ parameters: [SQLValue] = []) {
        self.statement = statement
        self.parameters = parameters
    }

    /// What the values take.
    package var byteCount: Int { parameters.reduce(0) { $0 + $1.byteCount } }
}

extension SQLValue {
    /// How many bytes a value takes on its way.
    package var byteCount: Int {
        switch self {
        case .null: 0
        case .integer, .flag: MemoryLayout<Int64>.size
        case .text(let text): text.utf8.count
        case .utf8(let bytes), .bytes(let bytes): bytes.count
        }
    }
}

/// What a statement came to.
package struct SQLResult: Equatable {
    package var rows: [SQLRow]
    /// How many rows it wrote, or read.
    package var rowCount: Int

    package init(rows: [SQLRow], rowCount: Int) {
        self.rows = rows
        self.rowCount = rowCount
    }
}

/// Commands that a connection is given at once.
package struct SQLStep {
    package enum Kind: Hashable {
        /// Each only reads, for itself.
        case read
        /// All are done, durably, or none.
        case write
        /// The first commands of a transaction that only reads, all on one state of the database.
        case beginReading
        /// The first commands of a transaction that may write; two that touch the same rows run one after the other.
        case beginWriting
        /// Further commands of the transaction.
        case goOn
        /// Ends the transaction, and keeps what it did.
        case commit
        /// Ends the transaction, and undoes what it did.
        case rollBack
    }

    package let kind: Kind
    package let commands: [SQLCommand]

    package init(_ kind: Kind, _ commands: [SQLCommand] = []) {
        self.kind = kind
        self.commands = commands
    }
}

/// Why a server did not do what it was sent.
package struct SQLRefusal: Error, Equatable {
    /// What the caller gets.
    package let error: StorageError
    /// Whether the same may succeed when it is tried again, for others were in its way.
    package let isWorthRetrying: Bool

    package init(_ error: StorageError, isWorthRetrying: Bool = false) {
        self.error = error
        self.isWorthRetrying = isWorthRetrying
    }
}

/// What a step came to.
package enum StepOutcome {
    /// All commands were done. Rows that cannot be read are an error of their command alone.
    case done([Result<SQLResult, StorageError>])
    /// The server refused one of them. Of a step that writes nothing was done; a transaction is to be rolled back.
    case refused(SQLRefusal)
    /// The connection went. Whether they were done is not known.
    case lost(reason: String)
}

/// A connection to a server, confined to its event loop. What is asked for on it must be asked for one at a time.
package protocol SQLConnection: AnyObject, Sendable {
    /// Whether it can be given something to do.
    var isIdle: Bool { get }
    /// Whether it is connected, or may be soon.
    var isAlive: Bool { get }

    /// Whether the server gets a command only when the one before is answered. Readings are then spread over connections.
    var answersOneByOne: Bool { get }

    /// Begins to connect; only when it is not alive. Whoever made the connection is told how it ends.
    func connect()

    /// Sends steps, in order; each is done, or refused, by itself. Only when it is idle.
    ///
    /// - Parameter completion: called once: with what each step came to, when the last is answered.
    func perform(_ steps: [SQLStep], _ completion: @escaping ([StepOutcome]) -> Void)

    /// Closes the connection. What is under way is lost.
    func close()
}

/// Told when a connection can be used, and when it is lost, and then why.
package typealias ConnectionChange = (any SQLConnection, _ lostBecause: String?) -> Void

extension StorageError {
    static let connectionLost = StorageError.unavailable(detail: "the connection was lost")
}
