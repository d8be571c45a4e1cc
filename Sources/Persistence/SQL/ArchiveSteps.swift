// SPDX-License-Identifier: Apache-2.0
// How an archive is looked through for what no index has: step by step, so that others have their turn between two, with
// a short one first.

import XMPPCore

/// The rest of an archive that a query is to look through.
struct ArchiveSteps {
    /// One statement's part.
    struct Step {
        var conditions: ArchiveConditions
        /// The name that it ends at; nil at the end of the archive.
        var last: ArchiveID?
    }

    /// How many messages a step passes: in the first one a page of what many have is found. SQLite looks through the
    /// most in six milliseconds.
    static let firstMessageCount = 500
    static let messageCountMax = 10_000
    /// After so many steps what is looked for is rare, and an index of words, if there is one, is the faster way: it has
    /// those of all archives, and no order.
    private static let stepCountWithoutIndex = 2

    let order: ArchiveOrder
    /// What is still to be looked through; nil for nothing.
    private(set) var rest: ArchiveConditions?
    private let statements: ArchiveStatements
    private var stepCount = 0

    init(_ conditions: ArchiveConditions, _ order: ArchiveOrder, _ statements: ArchiveStatements) {
        rest = conditions
        self.order = order
        self.statements = statements
    }

    /// How many messages the next step passes.
    var messageCount: Int { stepCount == 0 ? Self.firstMessageCount : Self.messageCountMax }

    /// Which messages it passes; nil when an index has all that is looked for, and one step is enough.
    var passed: ArchiveConditions? {
        rest.flatMap { $0.areWordsFoundByIndex ? nil : statements.withoutUnindexed($0) }
    }

    /// The next step.
    ///
    /// - Parameter last: the last name that it passes; nil when it passes all of the rest.
    mutating func next(through last: ArchiveID?) -> Step? {
        guard var conditions = rest else { return nil }
        stepCount += 1
        if let last {
            conditions.ids =
                order == .ascending ? conditions.ids.lowerBound...last : last...conditions.ids.upperBound
        }
        return Step(conditions: conditions, last: last)
    }

    /// Goes on behind a name; nil for the end.
    mutating func end(at last: ArchiveID?) {
        guard let last, var conditions = rest, let ids = conditions.ids.dropping(through: last, order) else {
            rest = nil
            return
        }
        conditions.ids = ids
        conditions.areWordsFoundByIndex =
            !conditions.words.isEmpty && stepCount >= Self.stepCountWithoutIndex && statements.dialect.findsWordsByIndex
        rest = conditions
    }
}
