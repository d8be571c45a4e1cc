// SPDX-License-Identifier: Apache-2.0
// Subscription states and pending requests as roster items keep them.

internal import XMPPCore

extension RosterItem {
    /// The most of a contact's request that is kept, as XML in UTF-8. Of a longer one only that it was made.
    static let requestByteCountMax = 8_192

    /// Whether only the server knows of the item: it holds a contact's request, and nothing that the account wrote
    /// (RFC 6121 section 3.1.3 and appendix A.1).
    var isHidden: Bool {
        SubscriptionState(self) == SubscriptionState(.none, .in) && name.isEmpty && groups.isEmpty
    }

    /// What is to be stored when the state of `item` becomes `state`; nil when there is nothing to keep.
    ///
    /// - Parameters:
    ///   - item: what is stored; nil for nothing.
    ///   - request: what asked for the account's presence, to be kept until it is answered.
    static func item(_ item: RosterItem?, of contact: JID, in state: SubscriptionState, request: Presence? = nil)
        -> RosterItem?
    {
        // A contact that the account never wrote down leaves with its request.
        if state == .none, item?.isHidden ?? true { return nil }
        var changed = item ?? RosterItem(contact: contact)
        // What the store cannot spell otherwise stays as it is, unless the state changed.
        guard SubscriptionState(item) != state else { return changed }
        changed.subscription = state.subscription
        changed.pending = state.pending
        if !state.isPendingIn {
            changed.requestText = ""
        } else if let request {
            changed.requestText = text(of: request)
        }
        return changed
    }

    private static func text(of request: Presence) -> String {
        let xml = request.stanza.asElement.xml
        guard xml.utf8.count > requestByteCountMax else { return xml }
        return Presence(to: request.to, from: request.from, type: .subscribe).stanza.asElement.xml
    }

    /// The contact's request, as it came; nil when none waits for an answer.
    ///
    /// MongooseIM keeps the stanza or just its status.
    func request(to account: BareJID) -> Presence? {
        guard SubscriptionState(self).isPendingIn else { return nil }
        if requestText.utf8.first == UInt8(ascii: "<"), let element = Element(parsing: Array(requestText.utf8)),
            let stanza = Stanza(element), var presence = Presence(stanza), presence.type == .subscribe
        {
            presence.from = contact
            presence.to = account.jid
            return presence
        }
        return Presence(to: account.jid, from: contact, type: .subscribe) {
            if !requestText.isEmpty { Element("status", .client) { requestText } }
        }
    }
}
