// SPDX-License-Identifier: Apache-2.0
// The contract of RosterStore.

public import XMPPCore

/// The checks of a roster store.
public enum RosterStoreChecks {
    /// Every check.
    public static let all: [ConformanceCheck<any RosterStore>] = contents + changes + pages + data.checks

    private static let data = AccountData<any RosterStore>(
        put: { store, account, text in
            let groups: Set<String> = [String(text.prefix(20)), "group of \(text.prefix(20))"]
            let contact = try Fixtures.romeo().jid
            try await store.update(contact, of: account, itemCountMax: nil) { _ in
                RosterItem(contact: contact, name: text, groups: groups, requestText: text)
            }
        },
        get: { store, account in
            let item = try await store.item(try Fixtures.romeo().jid, of: account)
            guard let item else { return nil }
            try expect(try await store.version(of: account) != nil, "a roster that was changed has no version")
            try expect(item.name == item.requestText && item.groups.count == 2, "half an item was found")
            try expect(item.groups.contains(String(item.name.prefix(20))), "half an item was found")
            return item.name
        },
        list: { try await $0.accounts(after: $1, limit: $2) },
        base: { $0 }
    )

    private static let contents: [ConformanceCheck<any RosterStore>] = [
        ConformanceCheck("absentRosterIsEmpty", "A roster that was never changed is empty and has no version.") {
            store in
            let juliet = try Fixtures.juliet()
            try expectEqual(try await store.version(of: juliet), nil)
            try expectEqual(try await store.item(try Fixtures.romeo().jid, of: juliet), nil)
            let page = try await store.roster(of: juliet, after: nil, limit: 10)
            try expectEqual(page, RosterPage(items: [], next: nil, version: nil))
            try expectEqual(try await store.accounts(after: nil, limit: 10), Page(items: [], next: nil))
        },
        ConformanceCheck("everyStateComesBack", "An item comes back in the state in which it was stored.") { store in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            for subscription in RosterSubscription.allCases {
                for pending in RosterPending.allCases {
                    let item = RosterItem(
                        contact: contact,
                        name: "Romeo",
                        groups: ["Friends", "Lovers"],
                        subscription: subscription,
                        pending: pending,
                        requestText: "<presence/>"
                    )
                    let change = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                    try expectEqual(change.new, item)
                    try expectEqual(try await store.item(contact, of: juliet), item)
                }
            }
        },
        ConformanceCheck("textsComeBack", "Names, groups and request texts come back byte for byte.") { store, limits in
            let juliet = try Fixtures.juliet()
            for (index, text) in (Fixtures.hostileTexts(limits) + Fixtures.hostileKeys(limits)).enumerated() {
                let contact = try JID("contact\(index)@montague.example")
                let group = String(text.unicodeScalars.prefix(limits.nameCharacterCountMax))
                let item = RosterItem(contact: contact, name: text, groups: [group], requestText: text)
                try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                let found = try await store.item(contact, of: juliet)
                for part in [found?.name, found?.requestText] {
                    try expectEqual(part.map { Array($0.utf8) }, Array(text.utf8))
                }
                try expectEqual(found?.groups.first.map { Array($0.utf8) }, Array(group.utf8))
                try expectEqual(found?.groups.count, 1)
            }
        },
        ConformanceCheck("groupsAreApart", "Groups that differ in little are kept apart, and replaced as a whole.") {
            store, limits in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            let groups = Set(Fixtures.hostileKeys(limits))
            for set in [groups, [], ["a"], groups] {
                let item = RosterItem(contact: contact, groups: set)
                try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                try expectEqual(try await store.item(contact, of: juliet)?.groups, set)
                let page = try await store.roster(of: juliet, after: nil, limit: 10)
                try expectEqual(page.items, [item])
            }
        },
        ConformanceCheck("contactsAreApart", "Contacts are the same only if their bytes are.") { store, limits in
            let juliet = try Fixtures.juliet()
            let contacts = try Fixtures.hostileContacts(limits)
            for (index, contact) in contacts.enumerated() {
                let item = RosterItem(contact: contact, name: "\(index)", groups: ["\(index)"])
                let change = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                try expectEqual(change.old, nil)
            }
            for (index, contact) in contacts.enumerated() {
                let item = try await store.item(contact, of: juliet)
                try expectEqual(item, RosterItem(contact: contact, name: "\(index)", groups: ["\(index)"]))
            }
            try expectEqual(try await store.item(try Fixtures.romeo().jid, of: try Fixtures.romeo()), nil)
        },
        ConformanceCheck(
            "hostileItemsAreKeptOrRefused",
            "What a store cannot hold it refuses; it cuts nothing, and mixes nothing up."
        ) { store, limits in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            let item = RosterItem(contact: contact, name: "n", groups: ["a", "b"])
            let long = Fixtures.longName(limits.nameCharacterCountMax)
            let others: [Set<String>] = [
                ["a\u{0}"], ["a", "a\u{0}b"], [long + "x", long + "y", long], [long + long + long + long + "x"],
            ]
            for groups in others {
                let before = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                let other = RosterItem(contact: contact, name: "other", groups: groups)
                let isStored = try await isAccepted {
                    try await store.update(contact, of: juliet, itemCountMax: nil) { _ in other }
                }
                try expectEqual(try await store.item(contact, of: juliet), isStored ? other : item)
                if !isStored { try expectEqual(try await store.version(of: juliet), before.version) }
            }
            try await checkLongContacts(store, limits.addressCharacterCountMax)
        },
    ]

    private static func checkLongContacts(_ store: any RosterStore, _ most: Int) async throws {
        let juliet = try Fixtures.juliet()
        for count in Set([most, most + 1, most + most / 10, 3_071]) where count <= 3_071 {
            let contacts = try ["x", "y"].map { try Fixtures.longAddress(count, endingIn: $0) }
            for contact in contacts {
                let isStored = try await isAccepted {
                    try await store.update(contact, of: juliet, itemCountMax: nil) { _ in RosterItem(contact: contact) }
                }
                try expect(isStored || count > most, "a contact of \(count) characters is refused")
                let found = try await valueIfItHolds { try await store.item(contact, of: juliet) }
                try expectEqual(found, isStored ? RosterItem(contact: contact) : nil)
            }
        }
    }

    private static let changes: [ConformanceCheck<any RosterStore>] = [
        ConformanceCheck("updateReturnsOldNewVersion", "An update returns the item before, the item now, the version.")
        {
            store in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            let first = RosterItem(contact: contact, name: "1", groups: ["a"])
            let second = RosterItem(contact: contact, name: "2", subscription: .to)
            let states: [(old: RosterItem?, new: RosterItem?)] = [(nil, first), (first, second), (second, nil)]
            for (old, new) in states {
                let change = try await store.update(contact, of: juliet, itemCountMax: nil) { found in
                    found == old ? new : RosterItem(contact: contact, name: "the change was not given the old item")
                }
                try expectEqual(change.old, old)
                try expectEqual(change.new, new)
                try expectEqual(try await store.item(contact, of: juliet), new)
                try expectEqual(try await store.version(of: juliet), change.version)
                try expect(change.version != nil, "a roster that was changed has no version")
            }
        },
        ConformanceCheck("equalItemChangesNothing", "When the change returns what it got, the version stays.") {
            store in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            let none = try await store.update(contact, of: juliet, itemCountMax: nil) { $0 }
            try expectEqual(none, RosterChange(old: nil, new: nil, version: nil))
            try expectEqual(try await store.version(of: juliet), nil)
            let item = RosterItem(contact: contact, groups: ["b", "a"])
            let added = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
            let same = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
            try expectEqual(same, RosterChange(old: item, new: item, version: added.version))
        },
        ConformanceCheck("versionsNeverRepeat", "A version differs from every version that the roster had before.") {
            store in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            var seen: Set<RosterVersion> = []
            for round in 0..<4 {
                for index in 0..<25 {
                    let item = RosterItem(contact: contact, name: "\(round) \(index)")
                    let change = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                    guard let version = change.version else { throw ConformanceFailure(message: "nil", line: #line) }
                    try expect(seen.insert(version).inserted, "version \(version) came twice")
                }
                if round % 2 == 0 { try await store.removeAll(for: juliet) }
            }
        },
        ConformanceCheck("concurrentUpdatesAllCount", "Concurrent updates of an account happen one after the other.") {
            store in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            let versions = try await Fixtures.concurrently(100) { index in
                try await store.update(contact, of: juliet, itemCountMax: nil) { old in
                    let count = old.flatMap { Int($0.name) } ?? 0
                    return RosterItem(contact: contact, name: "\(count + 1)", groups: ["\(index)"])
                }.version
            }
            try expectEqual(try await store.item(contact, of: juliet)?.name, "100")
            try expectEqual(try await store.item(contact, of: juliet)?.groups.count, 1)
            try expectEqual(Set(versions).count, 100)
        },
        ConformanceCheck("itemCountMaxHolds", "A roster never gets more items than the caller allows.") { store in
            let juliet = try Fixtures.juliet()
            let results = try await Fixtures.concurrently(20) { index -> Bool in
                let contact = try JID("contact\(index)@montague.example")
                do throws(StorageError) {
                    let change = try await store.update(contact, of: juliet, itemCountMax: 5) { _ in
                        RosterItem(contact: contact)
                    }
                    return change.new != nil
                } catch .limitExceeded {
                    return false
                }
            }
            try expectEqual(results.count { $0 }, 5)
            let page = try await store.roster(of: juliet, after: nil, limit: 100)
            try expectEqual(page.items.count, 5)
            // What is in a full roster can be changed and removed.
            let contact = page.items[0].contact
            for item in [RosterItem(contact: contact, name: "n"), nil] {
                let change = try await store.update(contact, of: juliet, itemCountMax: 5) { _ in item }
                try expectEqual(change.new, item)
            }
        },
        ConformanceCheck("groupCountMaxHolds", "An item with too many groups is refused, and nothing is changed.") {
            store in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            let most = Set((0..<RosterItem.groupCountMax).map { "\($0)" })
            let full = RosterItem(contact: contact, groups: most)
            let change = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in full }
            try await expectError(.limitExceeded) { () throws(StorageError) in
                try await store.update(contact, of: juliet, itemCountMax: nil) { _ in
                    RosterItem(contact: contact, groups: most.union(["one more"]))
                }
            }
            let others = try (0..<2).map { try JID("contact\($0)@montague.example") }
            try await expectError(.limitExceeded) { () throws(StorageError) in
                try await store.add(
                    [RosterItem(contact: others[0]), RosterItem(contact: others[1], groups: most.union(["one more"]))],
                    to: juliet)
            }
            try expectEqual(try await store.item(others[0], of: juliet), nil)
            try expectEqual(try await store.item(contact, of: juliet), full)
            try expectEqual(try await store.version(of: juliet), change.version)
        },
        ConformanceCheck("itemsAreAdded", "Items are added as they are, with one new version.") { store, limits in
            let juliet = try Fixtures.juliet()
            let texts = Fixtures.hostileTexts(limits)
            let items = try Fixtures.hostileContacts(limits).enumerated().map { index, contact in
                RosterItem(
                    contact: contact, name: texts[index % texts.count], groups: ["a", "\(index)"],
                    subscription: RosterSubscription.allCases[index % 4],
                    pending: RosterPending.allCases[index / 4 % 4],
                    requestText: texts[index % texts.count])
            }
            try await store.add([], to: juliet)
            try expectEqual(try await store.version(of: juliet), nil)
            var versions: Set<RosterVersion?> = [nil]
            for part in [items.prefix(4), items.dropFirst(4)] {
                try await store.add(Array(part), to: juliet)
                try expect(versions.insert(try await store.version(of: juliet)).inserted, "the version is no new one")
            }
            for item in items { try expectEqual(try await store.item(item.contact, of: juliet), item) }
            let page = try await store.roster(of: juliet, after: nil, limit: 100)
            try expectEqual(page.items.count, items.count)
        },
        ConformanceCheck("itemsAreAddedAllOrNone", "When the roster has one of the contacts, nothing is added.") {
            store in
            let juliet = try Fixtures.juliet()
            let contacts = try (0..<3).map { try JID("contact\($0)@montague.example") }
            let item = RosterItem(contact: contacts[1], name: "n", groups: ["g"])
            try await store.add([item], to: juliet)
            let version = try await store.version(of: juliet)
            for added in [contacts, [contacts[2], contacts[2]]] {
                try await expectError(.conflict) { () throws(StorageError) in
                    try await store.add(added.map { RosterItem(contact: $0) }, to: juliet)
                }
            }
            let page = try await store.roster(of: juliet, after: nil, limit: 10)
            try expectEqual(page, RosterPage(items: [item], next: nil, version: version))
            let results = try await Fixtures.concurrently(10) { index -> Bool in
                do throws(StorageError) {
                    try await store.add([RosterItem(contact: contacts[0], name: "\(index)")], to: juliet)
                    return true
                } catch .conflict {
                    return false
                }
            }
            try expectEqual(results.count { $0 }, 1)
        },
    ]

    private static let pages: [ConformanceCheck<any RosterStore>] = [
        ConformanceCheck("rosterInPages", "A roster is read in pages that have every item once, with its version.") {
            store, limits in
            let juliet = try Fixtures.juliet()
            let contacts = try Fixtures.hostileContacts(limits)
            var version: RosterVersion?
            for account in [juliet, try Fixtures.romeo()] {
                for contact in contacts {
                    let group = String(contact.description.suffix(limits.nameCharacterCountMax))
                    let item = RosterItem(contact: contact, name: "\(account)", groups: [group, "\(account)"])
                    let change = try await store.update(contact, of: account, itemCountMax: nil) { _ in item }
                    if account == juliet { version = change.version }
                }
            }
            for limit in [1, 2, 5, 100] {
                let items = try await Fixtures.all { cursor in
                    let page = try await store.roster(of: juliet, after: cursor, limit: limit)
                    try expect(page.items.count <= limit, "a page of \(page.items.count) for a limit of \(limit)")
                    try expectEqual(page.version, version)
                    return Page(items: page.items, next: page.next)
                }
                try expectEqual(items.count, contacts.count)
                try expectEqual(Set(items.map(\.contact)), Set(contacts))
                for item in items {
                    try expectEqual(item.name, "\(juliet)")
                    let group = String(item.contact.description.suffix(limits.nameCharacterCountMax))
                    try expectEqual(item.groups, [group, "\(juliet)"])
                }
            }
        },
        ConformanceCheck("pageAndVersionBelongTogether", "A page and its version belong together.") { store in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            let pages = try await withThrowingTaskGroup(of: [RosterPage].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var pages: [RosterPage] = []
                        repeat {
                            try Task.checkCancellation()
                            pages.append(try await store.roster(of: juliet, after: nil, limit: 10))
                        } while pages.last?.items.first?.name != "39"
                        return pages
                    }
                }
                var versions: [String: RosterVersion] = [:]
                for index in 0..<40 {
                    let item = RosterItem(contact: contact, name: "\(index)", groups: ["\(index)", "a"])
                    let change = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                    versions["\(index)"] = change.version
                }
                var pages: [(RosterPage, RosterVersion?)] = []
                for try await some in group { pages += some.map { ($0, versions[$0.items.first?.name ?? ""]) } }
                return pages
            }
            for (page, version) in pages {
                try expectEqual(page.version, version)
                for item in page.items { try expectEqual(item.groups, [item.name, "a"]) }
            }
        },
        ConformanceCheck("pagesTellOfChanges", "When the version differs between two pages, the roster changed.") {
            store in
            let juliet = try Fixtures.juliet()
            let contacts = try (0..<6).map { try JID("contact\($0)@montague.example") }
            for contact in contacts {
                try await store.update(contact, of: juliet, itemCountMax: nil) { _ in RosterItem(contact: contact) }
            }
            let first = try await store.roster(of: juliet, after: nil, limit: 2)
            let same = try await store.roster(of: juliet, after: first.next, limit: 2)
            try expectEqual(same.version, first.version)
            let gone = first.items[1].contact
            let change = try await store.update(gone, of: juliet, itemCountMax: nil) { _ in nil }
            let second = try await store.roster(of: juliet, after: first.next, limit: 2)
            try expectEqual(second.items, same.items)
            try expectEqual(second.version, change.version)
            try expect(second.version != first.version, "a roster that changed has the version that it had")
        },
        ConformanceCheck("emptyRosterIsNotListed", "Listed are the accounts that have at least one item.") { store in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            try await store.update(contact, of: juliet, itemCountMax: nil) { _ in RosterItem(contact: contact) }
            try expectEqual(try await store.accounts(after: nil, limit: 10).items, [juliet])
            let change = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in nil }
            try expectEqual(try await store.accounts(after: nil, limit: 10), Page(items: [], next: nil))
            try expectEqual(try await store.version(of: juliet), change.version)
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any RosterStore>] =
        data.reopening + [
            ReopenCheck("rostersAreDurable", "When a method that changes data returns, the change is durable.") {
                store, limits in
                let juliet = try Fixtures.juliet()
                for contact in try Fixtures.hostileContacts(limits) {
                    let item = RosterItem(
                        contact: contact, name: "n", groups: ["g"], subscription: .both, pending: .out)
                    let change = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                    try expectEqual(change.new, item)
                }
            } verify: { store, limits in
                let juliet = try Fixtures.juliet()
                for contact in try Fixtures.hostileContacts(limits) {
                    let item = RosterItem(
                        contact: contact, name: "n", groups: ["g"], subscription: .both, pending: .out)
                    try expectEqual(try await store.item(contact, of: juliet), item)
                }
                try expect(try await store.version(of: juliet) != nil, "the version is gone")
            }
        ]
}
