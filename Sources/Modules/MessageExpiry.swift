// SPDX-License-Identifier: Apache-2.0
// Until when a message is worth delivering: the condition `expire-at` of XEP-0079 1.2 and the older XEP-0023 1.3. Not here:
// what else XEP-0079 lets senders ask for, and answers to them.

import XMPPCore

extension Message {
    /// From when on the message must not be delivered any more; nil when its sender does not say.
    ///
    /// - Parameter now: when the message was received.
    func expiry(at now: Timestamp) -> Timestamp? {
        var times: [Timestamp] = []
        for child in stanza.children {
            if child.isNamed("amp", .advancedProcessing) {
                times += child.children.compactMap(Self.expiry(ofRule:))
            } else if child.isNamed("x", .expiry), let seconds = child["seconds"].flatMap({ Int64($0) }) {
                // So many that no clock gets there are as good as none.
                let (time, overflow) = max(seconds, 0).multipliedReportingOverflow(by: 1_000_000)
                let (sum, isTooLate) = now.microseconds.addingReportingOverflow(time)
                if !overflow, !isTooLate { times.append(Timestamp(microseconds: sum)) }
            }
        }
        return times.min()
    }

    /// XEP-0079 section 3.3.2. A sender who wants to be told of a late delivery wants it nevertheless.
    private static func expiry(ofRule rule: Element) -> Timestamp? {
        guard rule.isNamed("rule", .advancedProcessing), rule["condition"] == "expire-at", rule["action"] != "notify"
        else { return nil }
        return rule["value"].flatMap { Timestamp(dateTime: $0) }
    }
}

extension Namespace {
    /// Advanced message processing (XEP-0079).
    static let advancedProcessing: Namespace = "http://jabber.org/protocol/amp"
    /// Message expiration (XEP-0023).
    static let expiry: Namespace = "jabber:x:expire"
}
