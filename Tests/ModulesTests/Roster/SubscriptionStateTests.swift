// SPDX-License-Identifier: Apache-2.0
// RFC 6121 appendix A, row by row.

import Testing
import XMPPCore

@testable import XMPPModules

/// A row of a table in appendix A.
struct SubscriptionRow: Sendable, CustomStringConvertible {
    /// The nine states under the appendix's names.
    static let states: [String: SubscriptionState] = [
        "None": SubscriptionState(.none, .none),
        "None + Pending Out": SubscriptionState(.none, .out),
        "None + Pending In": SubscriptionState(.none, .in),
        "None + Pending Out+In": SubscriptionState(.none, .both),
        "To": SubscriptionState(.to, .none),
        "To + Pending In": SubscriptionState(.to, .in),
        "From": SubscriptionState(.from, .none),
        "From + Pending Out": SubscriptionState(.from, .out),
        "Both": SubscriptionState(.both, .none),
    ]

    let event: SubscriptionEvent
    let old: String
    let isPassedOn: Bool
    let new: String

    var description: String { "\(event) in \(old)" }

    /// Reads rows such as `None | yes | None + Pending Out`, where `-` means that the state stays.
    static func rows(_ event: SubscriptionEvent, _ table: String) -> [SubscriptionRow] {
        table.split(separator: "\n").map { line in
            let columns = line.split(separator: "|").map { column in
                String(column.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
            let new = columns[2] == "-" ? columns[0] : columns[2]
            return SubscriptionRow(event: event, old: columns[0], isPassedOn: columns[1] == "yes", new: new)
        }
    }
}

struct SubscriptionStateTests {
    /// Appendix A.2.
    static let sent =
        SubscriptionRow.rows(
            .subscribe,
            """
            None                  | yes | None + Pending Out
            None + Pending Out    | yes | -
            None + Pending In     | yes | None + Pending Out+In
            None + Pending Out+In | yes | -
            To                    | yes | -
            To + Pending In       | yes | -
            From                  | yes | From + Pending Out
            From + Pending Out    | yes | -
            Both                  | yes | -
            """)
        + SubscriptionRow.rows(
            .unsubscribe,
            """
            None                  | yes | -
            None + Pending Out    | yes | None
            None + Pending In     | yes | -
            None + Pending Out+In | yes | None + Pending In
            To                    | yes | None
            To + Pending In       | yes | None + Pending In
            From                  | yes | -
            From + Pending Out    | yes | From
            Both                  | yes | From
            """)
        + SubscriptionRow.rows(
            .subscribed,
            """
            None                  | no  | -
            None + Pending Out    | no  | -
            None + Pending In     | yes | From
            None + Pending Out+In | yes | From + Pending Out
            To                    | no  | -
            To + Pending In       | yes | Both
            From                  | no  | -
            From + Pending Out    | no  | -
            Both                  | no  | -
            """)
        + SubscriptionRow.rows(
            .unsubscribed,
            """
            None                  | no  | -
            None + Pending Out    | no  | -
            None + Pending In     | yes | None
            None + Pending Out+In | yes | None + Pending Out
            To                    | no  | -
            To + Pending In       | yes | To
            From                  | yes | None
            From + Pending Out    | yes | None + Pending Out
            Both                  | yes | To
            """)

    /// Appendix A.3.
    static let received =
        SubscriptionRow.rows(
            .subscribe,
            """
            None                  | yes | None + Pending In
            None + Pending Out    | yes | None + Pending Out+In
            None + Pending In     | no  | -
            None + Pending Out+In | no  | -
            To                    | yes | To + Pending In
            To + Pending In       | no  | -
            From                  | no  | -
            From + Pending Out    | no  | -
            Both                  | no  | -
            """)
        + SubscriptionRow.rows(
            .unsubscribe,
            """
            None                  | no  | -
            None + Pending Out    | no  | -
            None + Pending In     | yes | None
            None + Pending Out+In | yes | None + Pending Out
            To                    | no  | -
            To + Pending In       | yes | To
            From                  | yes | None
            From + Pending Out    | yes | None + Pending Out
            Both                  | yes | To
            """)
        + SubscriptionRow.rows(
            .subscribed,
            """
            None                  | no  | -
            None + Pending Out    | yes | To
            None + Pending In     | no  | -
            None + Pending Out+In | yes | To + Pending In
            To                    | no  | -
            To + Pending In       | no  | -
            From                  | no  | -
            From + Pending Out    | yes | Both
            Both                  | no  | -
            """)
        + SubscriptionRow.rows(
            .unsubscribed,
            """
            None                  | no  | -
            None + Pending Out    | yes | None
            None + Pending In     | no  | -
            None + Pending Out+In | yes | None + Pending In
            To                    | yes | None
            To + Pending In       | yes | None + Pending In
            From                  | no  | -
            From + Pending Out    | yes | From
            Both                  | yes | From
            """)

    @Test func everyRowIsThere() {
        for table in [Self.sent, Self.received] {
            #expect(table.count == SubscriptionEvent.allCases.count * SubscriptionRow.states.count)
            #expect(Set(table.map(\.description)).count == table.count)
        }
    }

    @Test(arguments: sent) func aStanzaThatTheAccountSends(_ row: SubscriptionRow) throws {
        let transition = try #require(SubscriptionRow.states[row.old]).sending(row.event)
        #expect(transition.state == SubscriptionRow.states[row.new])
        #expect(transition.isPassedOn == row.isPassedOn)
        #expect(transition.reply == nil)
    }

    @Test(arguments: received) func aStanzaThatTheContactSends(_ row: SubscriptionRow) throws {
        let transition = try #require(SubscriptionRow.states[row.old]).receiving(row.event)
        #expect(transition.state == SubscriptionRow.states[row.new])
        #expect(transition.isPassedOn == row.isPassedOn)
        // Section 3.1.3: the server answers whoever is subscribed already.
        let isAnswered = row.event == .subscribe && ["From", "From + Pending Out", "Both"].contains(row.old)
        #expect(transition.reply == (isAnswered ? .subscribed : nil))
    }

    @Test func aStateIsStoredAsItIsRead() {
        for state in SubscriptionRow.states.values {
            #expect(SubscriptionState(state.subscription, state.pending) == state)
        }
    }

    @Test func aRequestForWhatIsGrantedCountsAsAnswered() {
        #expect(SubscriptionState(.to, .out) == SubscriptionState(.to, .none))
        #expect(SubscriptionState(.from, .both) == SubscriptionState(.from, .out))
        #expect(SubscriptionState(.both, .in) == SubscriptionState(.both, .none))
    }
}
