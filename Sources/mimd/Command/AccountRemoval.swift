// SPDX-License-Identifier: Apache-2.0
// What an account that is removed by the command line leaves behind in the rosters of its contacts. The server does the
// same for an account that cancels its registration, by stanzas (RFC 6121 section 2.5.2, XEP-0077 section 3.2).

import XMPPCore

/// Takes an account out of the store.
enum AccountRemoval {
    /// Ends the subscriptions between an account and its contacts on the hosts of the configuration, so that none keeps
    /// one to whoever registers the account next; then removes the account and all of its data.
    ///
    /// - Parameter hosts: the stores of each host by its domain; those of the account's among them.
    static func remove(_ account: BareJID, from hosts: [String: Storage]) async throws(StorageError) {
        guard let storage = hosts[account.domainpart] else { return }
        var cursor: PageCursor?
        repeat {
            let page = try await storage.rosters.roster(
                of: account, after: cursor, limit: Page<RosterItem>.itemCountMax)
            for item in page.items {
                let contact = item.contact.bare
                guard contact.localpart != nil, contact != account, let theirs = hosts[contact.domainpart] else {
                    continue
                }
                try await forget(account, in: contact, theirs)
            }
            cursor = page.next
        } while cursor != nil
        try await storage.removeAll(for: account)
    }

    private static func forget(
        _ account: BareJID, in contact: BareJID, _ storage: Storage
    ) async throws(StorageError) {
        do throws(StorageError) {
            try await storage.rosters.update(account.jid, of: contact, itemCountMax: nil, withoutSubscription)
        } catch .corrupt {
            // What cannot be read grants nothing, and must not keep the account from being removed.
            StandardError.write("the item of \(account) in the roster of \(contact) is damaged; it stays as it is\n")
        }
    }

    /// What remains of a contact's item: what the contact wrote down. Nil for an item that only held a request
    /// (RFC 6121 section 3.1.3), of which the contact's clients do not know.
    @Sendable static func withoutSubscription(_ item: RosterItem?) -> RosterItem? {
        guard var item else { return nil }
        let isOnlyRequest =
            item.subscription == .none && item.pending == .in && item.name.isEmpty && item.groups.isEmpty
        if isOnlyRequest { return nil }
        item.subscription = .none
        item.pending = .none
        item.requestText = ""
        return item
    }
}
