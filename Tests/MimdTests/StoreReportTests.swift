// SPDX-License-Identifier: Apache-2.0
// The table and the lines at the end of `mimd store`.

import Testing

@testable import XMPPCore
@testable import mimd

@Suite struct StoreReportTests {
    private func summary(_ accountCount: Int, _ entryCount: Int, _ text: String) throws -> StoreSummary {
        var encoding = EntryEncoding()
        encoding.append(text)
        var summary = StoreSummary()
        (summary.accountCount, summary.entryCount) = (accountCount, entryCount)
        summary.digest = try EntryDigest(encoding)
        return summary
    }

    private func sample(_ count: Int) throws -> AccountSample {
        var sample = AccountSample()
        for index in 0..<count { sample.add(try BareJID("user\(index)@x.example")) }
        return sample
    }

    private func lines(_ report: StoreReport) -> [String] { report.text.split(separator: "\n").map(String.init) }

    @Test func aCopyThatWorked() throws {
        var copy = StoreCopyReport()
        (copy.copiedEntryCount, copy.presentEntryCount) = (9, 1_000)
        let same = try summary(3, 1_009, "a")
        let rosters = StoreReport.Row(
            kind: .rosters, copy: copy, comparison: StoreComparison(source: same, target: same))
        let accounts = StoreReport.Row(
            kind: .accounts, copy: StoreCopyReport(),
            comparison: StoreComparison(source: StoreSummary(), target: StoreSummary()))
        let report = StoreReport(rows: [rosters, accounts])
        #expect(report.isComplete)
        #expect(
            lines(report) == [
                "store     accounts  entries  copied now  already there  digests",
                "rosters          3     1009           9           1000  equal",
                "accounts         0        0           0              0  equal",
                "The target holds what the source holds.",
            ])
    }

    @Test func aCopyThatLeftAccountsNamesSome() throws {
        var copy = StoreCopyReport()
        copy.refused = try sample(1)
        copy.refusal = .backend(code: "22001", detail: "value too long")
        var row = StoreReport.Row(
            kind: .offlineMessages, copy: copy,
            comparison: StoreComparison(source: try summary(30, 60, "a"), target: try summary(28, 50, "b")))
        var differences = StoreDifferences()
        differences.differing = try sample(12)
        differences.onlyInTarget = try sample(2)
        row.differences = differences
        row.unreadableInSource = 1
        row.unreadableInTarget = 2
        let report = StoreReport(rows: [row])
        #expect(!report.isComplete)
        // By their bytes, so that two runs name the same.
        let names = [0, 10, 11, 1, 2, 3, 4, 5, 6, 7].map { "user\($0)@x.example" }.joined(separator: ", ")
        #expect(
            lines(report).dropFirst() == [
                "offline-messages        30       60           0              0  differ",
                "offline-messages: 12 accounts not the same in the target, left as they were: "
                    + "\(names), and 2 more",
                "offline-messages: 2 accounts only in the target: user0@x.example, user1@x.example",
                "offline-messages: 1 account refused by the target, at least in part: user0@x.example",
                "offline-messages: the first of these because: the store refused the request (22001): value too long",
                "offline-messages: 1 row of the source left out, unreadable",
                "offline-messages: 2 rows of the target left out, unreadable",
                "The target does not hold the same as the source.",
            ])
    }

    @Test func rowsThatWereLeftOutAreNotPassedOver() throws {
        let same = try summary(3, 9, "a")
        var row = StoreReport.Row(kind: .rosters, comparison: StoreComparison(source: same, target: same))
        row.unreadableInSource = 3
        let report = StoreReport(rows: [row])
        #expect(!report.isComplete)
        #expect(
            lines(report).suffix(2) == [
                "rosters: 3 rows of the source left out, unreadable",
                "The target holds what can be read of the source.",
            ])
    }

    @Test func aComparisonShowsBothSides() throws {
        var row = StoreReport.Row(
            kind: .accounts,
            comparison: StoreComparison(source: try summary(2, 2, "a"), target: try summary(1, 1, "b")))
        row.differences = StoreDifferences()
        #expect(
            lines(StoreReport(rows: [row])) == [
                "store     accounts in source  in target  entries in source  in target  digests",
                "accounts                   2          1                  2          1  differ",
                "accounts: a difference was found, and then none: somebody writes to one of the stores",
                "The target does not hold the same as the source.",
            ])
    }
}
