// SPDX-License-Identifier: Apache-2.0
// A database that breaks promises, and with it every store that stands on it.

import Glibc
import Synchronization
import XMPPCore
import XMPPPersistenceSQL

/// One way of being broken. What it does not say is done as the database does it.
struct Breakage: Sendable {
    enum Way: Sendable {
        case asIs
        /// Transactions are none: each statement is for itself.
        case withoutTransactions
        /// A call of a cancelled task answers as if it had done what it has not.
        case losesCancelled
        /// A call of a cancelled task ends in the middle of its statements.
        case halvesCancelled
        /// A question is answered with what the answer was the last time.
        case answersFromMemory
        /// The calling thread waits.
        case blocks
        /// A single statement is acknowledged, and done later.
        case acknowledgesFirst
    }

    var way = Way.asIs
    /// Changes a statement.
    var text: @Sendable (String) -> String = { $0 }
    /// Changes the values that go into a statement.
    var value: @Sendable (_ value: SQLValue, _ statement: String) -> SQLValue = { value, _ in value }
    /// Changes what a question is answered with.
    var rows: @Sendable (_ rows: [SQLRow], _ statement: String) throws(StorageError) -> [SQLRow] = { rows, _ in rows }
    /// Changes how many rows a statement says that it has written.
    var count: @Sendable (_ count: Int, _ statement: String) -> Int = { count, _ in count }
}

/// A database as a breakage has it.
final class BrokenDatabase: SQLDatabase {
    private let base: any SQLDatabase
    private let breakage: Breakage
    private let memory = Mutex<[SQLStatement: [[SQLValue]: [SQLRow]]]>([:])

    init(_ base: any SQLDatabase, _ breakage: Breakage) {
        self.base = base
        self.breakage = breakage
    }

    var dialect: Dialect { base.dialect }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        block()
        if breakage.way == .withoutTransactions { return try await body(SeparateStatements(database: self)) }
        return try await base.read { transaction throws(StorageError) in
            try await body(BrokenTransaction(base: transaction, database: self))
        }
    }

    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        block()
        switch breakage.way {
        case .withoutTransactions: return try await body(SeparateStatements(database: self))
        case .losesCancelled where Task.isCancelled:
            return try await base.write { transaction throws(StorageError) in
                try await body(BrokenTransaction(base: transaction, database: self, isIdle: true))
            }
        case .halvesCancelled:
            return try await body(SeparateStatements(database: self, endsWhenCancelled: true))
        default:
            return try await base.write { transaction throws(StorageError) in
                try await body(BrokenTransaction(base: transaction, database: self))
            }
        }
    }

    func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow] {
        block()
        return try await query(statement, parameters, base.query)
    }

    func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int {
        block()
        if breakage.way == .losesCancelled, Task.isCancelled { return 1 }
        if breakage.way == .acknowledgesFirst {
            Task {
                for _ in 0..<200 { await Task.yield() }
                try await base.execute(statement, parameters)
            }
            return 1
        }
        return try await execute(statement, parameters, base.execute)
    }

    func execute(_ statement: SQLStatement, forEach parameters: [[SQLValue]]) async throws(StorageError) -> [Int] {
        var counts: [Int] = []
        for parameters in parameters {
            if breakage.way == .halvesCancelled, Task.isCancelled, !counts.isEmpty {
                throw .unavailable(detail: "cancelled")
            }
            counts.append(try await execute(statement, parameters))
        }
        return counts
    }

    private func block() {
        // The thread that the caller has is kept from others: that is what is broken here.
        if breakage.way == .blocks { usleep(5_000) }
    }

    fileprivate func query(
        _ statement: SQLStatement, _ parameters: [SQLValue],
        _ ask: (SQLStatement, [SQLValue]) async throws(StorageError) -> [SQLRow]
    ) async throws(StorageError) -> [SQLRow] {
        let text = statement.text(in: dialect)
        let rows = try await ask(SQLStatement(breakage.text(text)), parameters.map { breakage.value($0, text) })
        guard breakage.way == .answersFromMemory else { return try breakage.rows(rows, text) }
        return memory.withLock { memory in
            let last = memory[statement]?[parameters]
            memory[statement, default: [:]][parameters] = rows
            return last ?? rows
        }
    }

    fileprivate func execute(
        _ statement: SQLStatement, _ parameters: [SQLValue],
        _ tell: (SQLStatement, [SQLValue]) async throws(StorageError) -> Int
    ) async throws(StorageError) -> Int {
        let text = statement.text(in: dialect)
        let count = try await tell(SQLStatement(breakage.text(text)), parameters.map { breakage.value($0, text) })
        return breakage.count(count, text)
    }
}

private struct BrokenTransaction: SQLTransaction {
    let base: any SQLTransaction
    let database: BrokenDatabase
    /// Whether it says that it does what it does not.
    var isIdle = false

    func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow] {
        try await database.query(statement, parameters, base.query)
    }

    func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int {
        isIdle ? 1 : try await database.execute(statement, parameters, base.execute)
    }
}

/// Statements that should be a transaction, each for itself.
private struct SeparateStatements: SQLTransaction {
    let database: BrokenDatabase
    var endsWhenCancelled = false
    private let count = Count()

    init(database: BrokenDatabase, endsWhenCancelled: Bool = false) {
        self.database = database
        self.endsWhenCancelled = endsWhenCancelled
    }

    /// Others have their turn between two statements, so that it shows that nothing keeps them out.
    private func letOthersGo() async { for _ in 0..<20 { await Task.yield() } }

    func query(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> [SQLRow] {
        await letOthersGo()
        return try await database.query(statement, parameters)
    }

    func execute(_ statement: SQLStatement, _ parameters: [SQLValue]) async throws(StorageError) -> Int {
        await letOthersGo()
        if endsWhenCancelled, Task.isCancelled, count.next() > 1 { throw .unavailable(detail: "cancelled") }
        return try await database.execute(statement, parameters)
    }

    private final class Count: Sendable {
        private let count = Mutex(0)
        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }
}
