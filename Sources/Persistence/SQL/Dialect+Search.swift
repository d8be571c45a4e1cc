// SPDX-License-Identifier: Apache-2.0
// How rows are found by the words of a text, which is stored as words with a space between (SearchText).

extension Dialect {
    /// Whether an index of words is made. Elsewhere the rows of one archive are looked through.
    var findsWordsByIndex: Bool { self == .postgreSQL }

    /// The words of a column as a list, as the index of words has them.
    func words(of column: String) -> String { "string_to_array(\(column), ' ')" }

    /// A condition that holds of rows in whose column all of so many words are. Words are the same only if their bytes
    /// are, whatever the collation.
    ///
    /// - Parameter byIndex: whether an index of words may be used.
    func wordCondition(_ column: String, wordCount: Int, byIndex: Bool) -> String {
        switch self {
        case .sqlite:
            repeated("instr(' ' || \(column) || ' ', ?) > 0", wordCount)
        case .postgreSQL, .cockroachDB:
            // Of a truth value that is compared no index is used.
            "(\(words(of: column)) @> string_to_array(?, ' '))" + (byIndex ? "" : " IS TRUE")
        case .mySQL:
            repeated("LOCATE(CAST(? AS BINARY), CAST(CONCAT(' ', \(column), ' ') AS BINARY)) > 0", wordCount)
        }
    }

    /// The parameters of ``wordCondition(_:wordCount:)``.
    func wordParameters(_ words: [String]) -> [SQLValue] {
        switch self {
        case .sqlite, .mySQL: words.map { .text(" \($0) ") }
        case .postgreSQL, .cockroachDB: [.text(words.joined(separator: " "))]
        }
    }

    private func repeated(_ condition: String, _ count: Int) -> String {
        Array(repeating: condition, count: count).joined(separator: " AND ")
    }
}
