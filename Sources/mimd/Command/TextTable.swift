// SPDX-License-Identifier: Apache-2.0
// Columns of text for a terminal.

/// Rows as lines whose columns stand below each other.
enum TextTable {
    /// The lines.
    ///
    /// - Parameters:
    ///   - rows: as many cells in each; the first row is the heading.
    ///   - numbers: the columns that end below each other instead of beginning so.
    static func text(_ rows: [[String]], numbers: Set<Int> = []) -> String {
        let columns = rows.first?.indices ?? 0..<0
        let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                if numbers.contains(column) { return padding + cell }
                // What nothing follows needs no spaces.
                return column == row.count - 1 ? cell : cell + padding
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
