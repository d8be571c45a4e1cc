// SPDX-License-Identifier: Apache-2.0
// Stores with the faults that backends have had, and could have: a list to which each new check adds one.

import Foundation
import XMPPCore
import XMPPPersistenceSQL

extension BrokenStore {
    static let all =
        collations + values + transactions + calls + listings + removals + statements + searches + rosters
        + rooms
        + archives

    // MARK: What is taken for equal, and what is cut

    private static func columns(_ collation: String) -> Breakage {
        Breakage(text: { $0.replacing("TEXT NOT NULL", with: "TEXT COLLATE \(collation) NOT NULL") })
    }

    private static func texts(_ change: @escaping @Sendable (String) -> String) -> Breakage {
        Breakage(value: { value, _ in
            switch value {
            case .text(let text): .text(change(text))
            case .utf8(let bytes): .utf8(Array(change(String(decoding: bytes, as: UTF8.self)).utf8))
            case .null, .integer, .flag, .bytes: value
            }
        })
    }

    private static let collations = [
        BrokenStore(
            "capital and small letters are the same", columns("NOCASE"),
            fails: [
                "rosters.contactsAreApart", "rosters.groupsAreApart", "privateElements.namespacesAreApart",
                "privacyLists.namesAreApart",
            ]),
        BrokenStore(
            "spaces at the end do not count", columns("RTRIM"),
            fails: [
                "rosters.groupsAreApart", "privateElements.namespacesAreApart", "accounts.unknownDomainsAreEmpty",
            ]),
        BrokenStore(
            "letters of four bytes are all the same",
            texts { String(String.UnicodeScalarView($0.unicodeScalars.map { $0.value > 0xFFFF ? "\u{FFFD}" : $0 })) },
            fails: [
                "*.hostileAccountsAreApart", "rosters.contactsAreApart", "rosters.groupsAreApart",
                "rosters.textsComeBack", "privateElements.namespacesAreApart", "privateElements.elementsComeBack",
                "accounts.credentialComesBack", "lastActivity.recordComesBack", "offlineMessages.messagesComeBack",
                "vCards.vCardsComeBack",
                "rooms.roomsComeBack",
            ]),
        BrokenStore(
            "accents do not count", texts { $0.folding(options: .diacriticInsensitive, locale: nil) },
            fails: ["*.hostileAccountsAreApart", "*.removal", "privateElements.namespacesAreApart"]),
        BrokenStore(
            "texts are normalized", texts { $0.precomposedStringWithCanonicalMapping },
            fails: ["privateElements.namespacesAreApart", "accounts.credentialComesBack", "rosters.textsComeBack"]),
    ]

    private static let values = [
        BrokenStore(
            "texts end after 250 characters", texts { String($0.unicodeScalars.prefix(250)) },
            fails: [
                "*.longAccountsAreKeptOrRefused", "~.hostileTextsAreKeptOrRefused", "accounts.credentialComesBack",
                "rosters.textsComeBack", "rosters.hostileItemsAreKeptOrRefused", "offlineMessages.messagesComeBack",
                "privateElements.elementsComeBack", "privateElements.hostileNamespacesAreKeptOrRefused",
                "lastActivity.recordComesBack", "rosters.contactsAreApart", "privacyLists.listsComeBack",
                "vCards.vCardsComeBack", "messageArchive.messagesComeBack", "roomArchive.messagesComeBack",
                "archivePreferences.preferencesComeBack",
            ]),
        BrokenStore(
            "texts end at a NUL", texts { String($0.unicodeScalars.prefix { $0 != "\u{0}" }) },
            fails: [
                "~.hostileTextsAreKeptOrRefused", "rosters.hostileItemsAreKeptOrRefused",
                "privateElements.hostileNamespacesAreKeptOrRefused", "accounts.unknownDomainsAreEmpty",
            ]),
        BrokenStore(
            "numbers have 32 bits",
            Breakage(value: { value, _ in
                if case .integer(let number) = value {
                    .integer(Int64(Int32(truncatingIfNeeded: number)))
                } else {
                    value
                }
            }),
            fails: [
                "lastActivity.secondsComeBack", "offlineMessages.messagesComeBack", "messageArchive.orderIsThatOfNames",
                "roomArchive.orderIsThatOfNames",
            ]),
    ]

    // MARK: Steps and calls

    private static let transactions = [
        BrokenStore(
            "there are no transactions", Breakage(way: .withoutTransactions),
            fails: [
                "accounts.accountCountMaxHolds", "rosters.concurrentUpdatesAllCount", "rosters.itemCountMaxHolds",
                "rosters.pageAndVersionBelongTogether", "privateElements.setIsOneStep",
                "privateElements.elementCountMaxHolds", "privateElements.elementCountMaxHoldsForAll",
                "rooms.readingSeesOneState",
                "archivePreferences.setIsOneStep",
            ]),
        BrokenStore(
            "who is cancelled is told what is not true", Breakage(way: .losesCancelled),
            fails: ["*.cancellingLeavesNoHalf", "offlineMessages.removalIsOneStep"]),
        BrokenStore(
            "who is cancelled stops half way", Breakage(way: .halvesCancelled),
            fails: [
                "rosters.cancellingLeavesNoHalf", "privateElements.cancellingLeavesNoHalf",
                "offlineMessages.removalIsOneStep", "vCards.setIsOneStep",
            ]),
    ]

    private static let calls = [
        BrokenStore(
            "a question has yesterday's answer", Breakage(way: .answersFromMemory),
            fails: ["*.laterCallsSeeChanges", "*.concurrentCallsLeaveOneWhole"]),
        BrokenStore("the caller's thread waits", Breakage(way: .blocks), fails: ["*.callerIsNotBlocked"]),
        BrokenStore(
            "what is acknowledged is done later", Breakage(way: .acknowledgesFirst),
            fails: [
                "offlineMessages.laterCallsSeeChanges", "lastActivity.laterCallsSeeChanges",
                "messageArchive.concurrentAppendsAllCount", "roomArchive.concurrentAppendsAllCount",
            ]),
        BrokenStore(
            "what is absent is an error",
            Breakage(rows: { rows, text throws(StorageError) in
                if rows.isEmpty, !text.contains("schema") { throw .conflict }
                return rows
            }),
            fails: [
                "accounts.absentAccountIsNil", "rosters.absentRosterIsEmpty", "offlineMessages.absentMessagesAreEmpty",
                "privateElements.absentElementIsNil", "lastActivity.absentRecordIsNil",
                "privacyLists.absentListIsNil", "vCards.absentVCardIsNil",
                "rooms.absentRoomIsNil",
                "messageArchive.absentArchiveIsEmpty", "roomArchive.absentArchiveIsEmpty",
                "archivePreferences.absentPreferencesAreNil",
            ]),
    ]

    // MARK: Listings and removal

    private static let listings = [
        BrokenStore(
            "a page begins with the last entry of the one before",
            Breakage(text: { $0.replacing(") > (", with: ") >= (").replacing(" > ? ORDER", with: " >= ? ORDER") }),
            fails: [
                "*.listing", "accounts.listingOfDomain", "privateElements.namespacesAreApart", "rosters.rosterInPages",
                "rosters.pagesTellOfChanges",
            ]),
        BrokenStore(
            "listings have no order",
            Breakage(text: { text in
                ["lserver, luser", "server, username", "username", "jid", "id", "server, user_name", "user_name"]
                    .reduce(
                        text
                    ) { text, key in
                        text.replacing(" ORDER BY \(key) LIMIT", with: " ORDER BY random() LIMIT")
                    }
            }),
            fails: [
                "*.listing", "*.pagesWhileAccountsComeAndGo", "offlineMessages.orderIsOfStoring",
                "offlineMessages.pagesWhileMessagesCome",
            ]),
        BrokenStore(
            "pages are one entry too long", Breakage(text: { $0.replacing("LIMIT ?", with: "LIMIT ? + 1") }),
            fails: ["*.limitsOutOfRange", "*.listing", "rosters.rosterInPages", "vCards.limitHolds"]),
        BrokenStore(
            "entries have another's data",
            Breakage(text: {
                $0.replacing("seconds, state FROM last ORDER", with: "1, 'x' FROM last ORDER")
                    .replacing(
                        "pass_details, password FROM users WHERE server = ? ORDER",
                        with: "'x', 'x' FROM users WHERE server = ? ORDER")
            }),
            fails: ["lastActivity.entriesHaveTheirRecords", "accounts.listingOfDomain"]),
        BrokenStore(
            "who has no item any more is listed",
            Breakage(text: {
                $0.replacing("DISTINCT server, username FROM rosterusers", with: "server, username FROM roster_version")
            }),
            fails: ["rosters.emptyRosterIsNotListed"]),
    ]

    static func deletions(_ change: @escaping @Sendable (String) -> String) -> Breakage {
        Breakage(text: { $0.hasPrefix("DELETE") ? change($0) : $0 })
    }

    /// Changes the condition on a domain in what removes of a domain, or looks for what to remove.
    private static func ofDomains(_ condition: String) -> Breakage {
        Breakage(text: { text in
            let removes = text.hasPrefix("DELETE") || text.hasPrefix("SELECT user_name, id FROM mam_server_user")
            return removes && !text.contains("name = ?") ? text.replacing("server = ?", with: condition) : text
        })
    }

    private static let removals = [
        BrokenStore(
            "the removal of a domain takes its subdomains",
            ofDomains("server LIKE '%' || ?"),
            fails: ["*.removal"]),
        BrokenStore(
            "the removal of a domain takes nothing", ofDomains("server = ? AND 1 = 0"),
            fails: ["*.removal"]),
        BrokenStore(
            "an account is removed by a pattern",
            Breakage(text: { text in
                guard text.hasPrefix("DELETE") || text.hasPrefix("SELECT id FROM mam_server_user") else { return text }
                return text.replacing("username = ?", with: "username LIKE ?")
                    .replacing("user_name = ?", with: "user_name LIKE ?").replacing("luser = ?", with: "luser LIKE ?")
            }),
            fails: ["*.removal"]),
        BrokenStore(
            "an account's roster keeps its items",
            deletions {
                $0.hasPrefix("DELETE FROM rosterusers WHERE server = ? AND username = ?") ? $0 + " AND 1 = 0" : $0
            },
            fails: ["rosters.removal", "rosters.updateReturnsOldNewVersion"]),
    ]

    // MARK: What single statements do

    static func replacing(_ old: String, with new: String) -> Breakage {
        Breakage(text: { $0.replacing(old, with: new) })
    }

    private static let statements = [
        BrokenStore(
            "what is there is not replaced",
            Breakage(text: { text in
                guard let range = text.firstRange(of: "DO UPDATE SET") else { return text }
                return text[..<range.lowerBound] + "DO NOTHING"
            }),
            fails: [
                "rosters.everyStateComesBack", "rosters.updateReturnsOldNewVersion",
                "privateElements.laterReplacesEarlier", "lastActivity.recordComesBack", "vCards.laterReplacesEarlier",
            ]),
        BrokenStore(
            "an account is registered over another",
            Breakage(text: {
                $0.replacing("INSERT INTO users", with: "INSERT OR REPLACE INTO users")
                    .replacing("SELECT 1 FROM users WHERE", with: "SELECT 1 FROM users WHERE 1 = 0 AND")
            }),
            fails: ["accounts.createConflicts", "accounts.oneOfConcurrentCreatesWins"]),
        BrokenStore(
            "what changes nothing says that it did", Breakage(count: { _, _ in 1 }),
            fails: ["accounts.setCredentialNeedsAccount", "offlineMessages.concurrentRemovalsCountOnce"]),
        BrokenStore(
            "messages are in the order of their times",
            replacing("ORDER BY id LIMIT", with: "ORDER BY timestamp LIMIT"),
            fails: ["offlineMessages.orderIsOfStoring"]),
        BrokenStore(
            "what is read is gone",
            Breakage(text: { text in
                guard text.hasPrefix("SELECT id, timestamp") else { return text }
                let columns = "id, timestamp, expire, from_jid, packet"
                let inner = text.replacing(columns, with: "id")
                return "DELETE FROM offline_message WHERE id IN (\(inner)) RETURNING \(columns)"
            }),
            fails: ["offlineMessages.readingLeavesMessages"]),
        BrokenStore(
            "one message too many", replacing("AS kept) < ?", with: "AS kept) <= ?"),
            fails: ["offlineMessages.messageCountMaxHolds"]),
        BrokenStore(
            "anybody removes anybody's messages",
            replacing("id = ? AND server = ? AND username = ?", with: "id = ? AND ? <> ?"),
            fails: ["offlineMessages.removeTakesOnlyNamed"]),
        BrokenStore(
            "a name is given to a second message", replacing(" AUTOINCREMENT", with: ""),
            fails: ["offlineMessages.idsAreNeverGivenAgain"]),
        BrokenStore(
            "messages expire later", replacing("expire > ?", with: "expire >= ?"),
            fails: ["offlineMessages.expiredAreLeftOut"]),
        BrokenStore(
            "messages of one account only expire",
            replacing("WHERE expire <= ?", with: "WHERE username = 'account0' AND expire <= ?"),
            fails: ["offlineMessages.expiredOfAllAreRemoved"]),
        BrokenStore(
            "who was there at the time does not count", replacing("seconds >= ?", with: "seconds > ?"),
            fails: ["lastActivity.activeAccountsAreCounted"]),
        BrokenStore(
            "a version that was stored stays",
            Breakage(value: { value, statement in
                guard case .text(let text) = value, statement.hasPrefix("INSERT INTO roster_version") else {
                    return value
                }
                return Int64(text) == nil ? value : .text("1")
            }),
            fails: ["rosters.pagesTellOfChanges", "rosters.updateReturnsOldNewVersion"]),
        BrokenStore(
            "one list too many", replacing("SELECT count(*) FROM privacy_list", with: "SELECT 0 FROM privacy_list"),
            fails: ["privacyLists.listCountMaxHolds"]),
        BrokenStore(
            "items of a list stay when it is replaced",
            replacing(
                "DELETE FROM privacy_list_data WHERE id = ?", with: "DELETE FROM privacy_list_data WHERE id < 0 * ?"),
            fails: ["privacyLists.laterReplacesEarlier"]),
        BrokenStore(
            "a list that is gone is still the default",
            replacing(
                "DELETE FROM privacy_default_list WHERE", with: "DELETE FROM privacy_default_list WHERE 1 = 0 AND"),
            fails: ["privacyLists.defaultListIsOneOfTheLists"]),
        BrokenStore(
            "one group of an item is lost",
            replacing(
                "grp FROM rostergroups WHERE server = ? AND username = ?",
                with: "grp FROM rostergroups WHERE grp <> 'a' AND server = ? AND username = ?"),
            fails: ["rosters.groupsAreApart", "rosters.equalItemChangesNothing", "rosters.itemsAreAdded"]),
    ]

    private static let searches = [
        BrokenStore(
            "what vCards are found by stays",
            deletions { $0.hasPrefix("DELETE FROM vcard_search") ? $0 + " AND 1 = 0" : $0 },
            fails: ["vCards.removedAreNotFound"]),
        BrokenStore(
            "two texts are in each other's place", replacing(" given, middle,", with: " middle, given,"),
            fails: ["vCards.everyFieldIsFound"]),
        BrokenStore(
            "one term of many is enough", replacing("AND (? = 0 OR ", with: "OR (? = 1 AND "),
            fails: ["vCards.allTermsHold"]),
        BrokenStore(
            "a term is a pattern",
            replacing("lnickname >= ? AND lnickname < ?", with: "lnickname LIKE ? || '%' AND ? <> ''"),
            fails: ["vCards.charactersMeanThemselves"]),
        BrokenStore(
            "long terms are cut",
            Breakage(value: { value, statement in
                guard case .text(let text) = value, statement.hasPrefix("SELECT lusername") else { return value }
                return .text(String(text.unicodeScalars.prefix(100)))
            }),
            fails: ["vCards.longTextsAreFound"]),
    ]

    private static let rosters = [
        BrokenStore("too many groups are cut", fails: ["rosters.groupCountMaxHolds"]) {
            with(BrokenRosterStore(base: $0.rosters, fault: .cutsGroups), in: $0)
        },
        BrokenStore("every version is the first", fails: ["rosters.versionsNeverRepeat"]) {
            with(BrokenRosterStore(base: $0.rosters, fault: .repeatsVersion), in: $0)
        },
        BrokenStore("of many items those are added that can be", fails: ["rosters.itemsAreAddedAllOrNone"]) {
            with(BrokenRosterStore(base: $0.rosters, fault: .addsWhatItCan), in: $0)
        },
        BrokenStore("what is equal is written", fails: ["rosters.equalItemChangesNothing"]) {
            with(BrokenRosterStore(base: $0.rosters, fault: .writesEqualItem), in: $0)
        },
    ]

    private static func with(_ rosters: any RosterStore, in storage: Storage) -> Storage {
        var storage = storage
        storage.rosters = rosters
        return storage
    }
}

/// Breaks promises that a database has no part in.
private struct BrokenRosterStore: RosterStore {
    enum Fault {
        case cutsGroups, repeatsVersion, writesEqualItem, addsWhatItCan
    }

    let base: any RosterStore
    let fault: Fault

    func update(
        _ contact: JID, of account: BareJID, itemCountMax: Int?,
        _ change: @escaping @Sendable (RosterItem?) -> RosterItem?
    ) async throws(StorageError) -> RosterChange {
        switch fault {
        case .cutsGroups:
            return try await base.update(contact, of: account, itemCountMax: itemCountMax) { old in
                guard var new = change(old) else { return nil }
                new.groups = Set(new.groups.sorted().prefix(RosterItem.groupCountMax))
                return new
            }
        case .repeatsVersion:
            var change = try await base.update(contact, of: account, itemCountMax: itemCountMax, change)
            change.version = RosterVersion("1")
            return change
        case .writesEqualItem:
            let changed = try await base.update(contact, of: account, itemCountMax: nil) { _ in
                RosterItem(contact: contact, name: "in between")
            }
            return try await base.update(contact, of: account, itemCountMax: nil) { _ in change(changed.old) }
        case .addsWhatItCan:
            return try await base.update(contact, of: account, itemCountMax: itemCountMax, change)
        }
    }

    func add(_ items: [RosterItem], to account: BareJID) async throws(StorageError) {
        guard fault == .addsWhatItCan else { return try await base.add(items, to: account) }
        for item in items { try await base.update(item.contact, of: account, itemCountMax: nil) { $0 ?? item } }
    }

    func roster(of account: BareJID, after cursor: PageCursor?, limit: Int) async throws(StorageError) -> RosterPage {
        try await base.roster(of: account, after: cursor, limit: limit)
    }

    func item(_ contact: JID, of account: BareJID) async throws(StorageError) -> RosterItem? {
        try await base.item(contact, of: account)
    }

    func version(of account: BareJID) async throws(StorageError) -> RosterVersion? {
        try await base.version(of: account)
    }

    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await base.accounts(after: cursor, limit: limit)
    }

    func removeAll(for account: BareJID) async throws(StorageError) { try await base.removeAll(for: account) }
    func removeAll(domain: String) async throws(StorageError) { try await base.removeAll(domain: domain) }
}
