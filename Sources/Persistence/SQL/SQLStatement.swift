// SPDX-License-Identifier: Apache-2.0
// Statements as constants that each dialect prints in its own way.

/// A statement with `?` for each parameter.
public struct SQLStatement: Hashable, Sendable {
    private enum Form: Hashable, Sendable {
        case text(String, postgreSQL: String?, mySQL: String?)
        case upsert(table: String, key: [String], columns: [String])
    }

    private let form: Form

    /// A statement whose text is the same in every dialect, but for the parameters' signs.
    public init(_ text: String) { form = .text(text, postgreSQL: nil, mySQL: nil) }

    /// A statement that MySQL is told in other words.
    init(_ text: String, mySQL: String) { form = .text(text, postgreSQL: nil, mySQL: mySQL) }

    /// A statement that PostgreSQL and MySQL are each told in words of their own.
    init(_ text: String, postgreSQL: String, mySQL: String) {
        form = .text(text, postgreSQL: postgreSQL, mySQL: mySQL)
    }

    /// Inserts a row, or replaces the named columns of the row that has its key. The parameters are the values of
    /// `key`, then those of `columns`.
    public static func upsert(into table: String, key: [String], columns: [String]) -> SQLStatement {
        SQLStatement(form: .upsert(table: table, key: key, columns: columns))
    }

    private init(form: Form) { self.form = form }

    /// The text that a dialect's driver prepares.
    public func text(in dialect: Dialect) -> String {
        switch form {
        case .text(let text, let postgreSQL, let mySQL):
            switch dialect {
            case .sqlite, .cockroachDB: dialect.text(text)
            case .postgreSQL: dialect.text(postgreSQL ?? text)
            case .mySQL: dialect.text(mySQL ?? text)
            }
        case .upsert(let table, let key, let columns): dialect.upsert(into: table, key: key, columns: columns)
        }
    }
}
