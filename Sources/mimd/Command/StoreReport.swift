// SPDX-License-Identifier: Apache-2.0
// What `mimd store` says at its end.

import XMPPCore

/// What became of the stores of a copy or a comparison.
struct StoreReport {
    /// One store.
    struct Row {
        var kind: StoreKind
        /// Nil when nothing was to be copied.
        var copy: StoreCopyReport?
        var comparison: StoreComparison
        /// Nil when there are none.
        var differences: StoreDifferences?
        /// How many rows of the source could not be read.
        var unreadableInSource = 0
        /// How many rows of the target could not be read.
        var unreadableInTarget = 0

        /// Whether the target holds what the source holds, and nothing was left out.
        var isComplete: Bool { comparison.isEqual && unreadableInSource == 0 }
    }

    var rows: [Row] = []

    /// Whether the target holds what the source holds, and nothing was left out.
    var isComplete: Bool { rows.allSatisfy(\.isComplete) }

    /// A table, a line for each thing that is not as it should be, and the verdict.
    var text: String {
        let verdict =
            if isComplete {
                "The target holds what the source holds."
            } else if rows.allSatisfy(\.comparison.isEqual) {
                "The target holds what can be read of the source."
            } else {
                "The target does not hold the same as the source."
            }
        return ([table, ""] + rows.flatMap(Self.notes) + [verdict]).joined(separator: "\n")
    }

    private var table: String {
        if rows.contains(where: { $0.copy != nil }) {
            let heading = ["store", "accounts", "entries", "copied now", "already there", "digests"]
            return TextTable.text([heading] + rows.map(Self.copyCells), numbers: [1, 2, 3, 4])
        }
        let heading = [
            "store", "accounts in source", "in target", "entries in source", "in target", "digests",
        ]
        return TextTable.text([heading] + rows.map(Self.comparisonCells), numbers: [1, 2, 3, 4])
    }

    private static func copyCells(_ row: Row) -> [String] {
        [
            row.kind.rawValue, "\(row.comparison.source.accountCount)", "\(row.comparison.source.entryCount)",
            "\(row.copy?.copiedEntryCount ?? 0)", "\(row.copy?.presentEntryCount ?? 0)", digests(row),
        ]
    }

    private static func comparisonCells(_ row: Row) -> [String] {
        let (source, target) = (row.comparison.source, row.comparison.target)
        return [
            row.kind.rawValue, "\(source.accountCount)", "\(target.accountCount)", "\(source.entryCount)",
            "\(target.entryCount)", digests(row),
        ]
    }

    private static func digests(_ row: Row) -> String {
        row.comparison.source.digest == row.comparison.target.digest ? "equal" : "differ"
    }

    private static func notes(_ row: Row) -> [String] {
        var notes: [String] = []
        if let differences = row.differences {
            let left = row.copy == nil ? "" : ", left as they were"
            notes += note("not the same in the target\(left)", differences.differing)
            notes += note("only in the source", differences.onlyInSource)
            notes += note("only in the target", differences.onlyInTarget)
            if notes.isEmpty {
                notes.append("a difference was found, and then none: somebody writes to one of the stores")
            }
        }
        if let refused = row.copy?.refused, let refusal = row.copy?.refusal {
            notes += note("refused by the target, at least in part", refused)
            notes.append("the first of these because: \(refusal.debugDescription)")
        }
        if row.unreadableInSource > 0 {
            notes.append("\(ProgressLine.count(row.unreadableInSource, "row")) of the source left out, unreadable")
        }
        if row.unreadableInTarget > 0 {
            notes.append("\(ProgressLine.count(row.unreadableInTarget, "row")) of the target left out, unreadable")
        }
        return notes.map { "\(row.kind.rawValue): \($0)" }
    }

    private static func note(_ predicate: String, _ accounts: AccountSample) -> [String] {
        guard accounts.count > 0 else { return [] }
        let unnamedCount = accounts.count - accounts.named.count
        let names = accounts.named.map(\.description) + (unnamedCount > 0 ? ["and \(unnamedCount) more"] : [])
        return ["\(ProgressLine.count(accounts.count, "account")) \(predicate): \(names.joined(separator: ", "))"]
    }
}
