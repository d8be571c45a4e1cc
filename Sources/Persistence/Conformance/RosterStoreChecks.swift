// SPDX-License-Identifier: Apache-2.0
// The contract of RosterStore.

public import XMPPCore

/// The checks of a roster store.
public enum RosterStoreChecks {
    /// Every check.
    public static let all: [ConformanceCheck<any RosterStore>] = contents + changes + listings

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
        ConformanceCheck("textsComeBack", "Names, groups and request texts come back byte for byte.") { store in
            let juliet = try Fixtures.juliet()
            for (index, text) in Fixtures.hostileTexts.enumerated() {
                let contact = try JID("contact\(index)@montague.example")
                let item = RosterItem(contact: contact, name: text, groups: [text], requestText: text)
                try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                let found = try await store.item(contact, of: juliet)
                for part in [found?.name, found?.groups.first, found?.requestText] {
                    try expectEqual(part.map { Array($0.utf8) }, Array(text.utf8))
                }
                try expectEqual(found?.groups.count, 1)
            }
        },
        ConformanceCheck("groupsAreApart", "Groups that differ in little are kept apart, and replaced as a whole.") {
            store in
            let juliet = try Fixtures.juliet()
            let contact = try Fixtures.romeo().jid
            let groups = Set(Fixtures.hostileKeys)
            for set in [groups, [], ["a"], groups] {
                let item = RosterItem(contact: contact, groups: set)
                try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                try expectEqual(try await store.item(contact, of: juliet)?.groups, set)
                let page = try await store.roster(of: juliet, after: nil, limit: 10)
                try expectEqual(page.items, [item])
            }
        },
        ConformanceCheck("contactsAreApart", "Contacts are the same only if their bytes are.") { store in
            let juliet = try Fixtures.juliet()
            let contacts = try Fixtures.hostileContacts()
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
    ]

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
        ConformanceCheck("cancellingLeavesNoHalf", "Cancelling does not undo a change, nor leave half of one.") {
            store in
            let juliet = try Fixtures.juliet()
            let contacts = try (0..<20).map { try JID("contact\($0)@montague.example") }
            let acknowledged = await withTaskGroup(of: JID?.self) { group in
                for (index, contact) in contacts.enumerated() {
                    if index == 10 { group.cancelAll() }
                    group.addTask {
                        do throws(StorageError) {
                            try await store.update(contact, of: juliet, itemCountMax: nil) { _ in
                                RosterItem(contact: contact, groups: ["a", "b"])
                            }
                            return contact
                        } catch {
                            return nil
                        }
                    }
                }
                return await group.reduce(into: Set<JID>()) { found, contact in
                    if let contact { found.insert(contact) }
                }
            }
            for contact in contacts {
                let item = try await store.item(contact, of: juliet)
                try expect(item != nil || !acknowledged.contains(contact), "an acknowledged change is gone")
                try expect(item == nil || item?.groups == ["a", "b"], "half a change is left")
            }
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
        ConformanceCheck("itemsAreAdded", "Items are added as they are, with one new version.") { store in
            let juliet = try Fixtures.juliet()
            let items = try Fixtures.hostileContacts().enumerated().map { index, contact in
                RosterItem(
                    contact: contact, name: Fixtures.hostileTexts[index], groups: ["a", "\(index)"],
                    subscription: RosterSubscription.allCases[index % 4],
                    pending: RosterPending.allCases[index / 4 % 4],
                    requestText: Fixtures.hostileTexts[index])
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

    private static let listings: [ConformanceCheck<any RosterStore>] = [
        ConformanceCheck("rosterInPages", "A roster is read in pages that have every item once, with its version.") {
            store in
            let juliet = try Fixtures.juliet()
            let contacts = try Fixtures.hostileContacts()
            var version: RosterVersion?
            for account in [juliet, try Fixtures.romeo()] {
                for contact in contacts {
                    let item = RosterItem(
                        contact: contact, name: "\(account)", groups: [contact.description, "\(account)"])
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
                    try expectEqual(item.groups, [item.contact.description, "\(juliet)"])
                }
            }
        },
        ConformanceCheck("listing", "A listing has every account with items once, in pages of at most the limit.") {
            store in
            let contact = try Fixtures.romeo().jid
            try await checkListing(
                of: try Fixtures.hostileAccounts(),
                add: { account in
                    try await store.update(contact, of: account, itemCountMax: nil) { _ in
                        RosterItem(contact: contact)
                    }
                },
                remove: { try await store.removeAll(for: $0) },
                page: { try await store.accounts(after: $0, limit: $1) },
                account: { $0 }
            )
        },
        ConformanceCheck("removal", "Removal removes the rosters of an account, or a domain, and nothing else.") {
            store in
            let contact = try Fixtures.romeo().jid
            try await checkRemoval(
                store,
                add: { account in
                    try await store.update(contact, of: account, itemCountMax: nil) { _ in
                        RosterItem(contact: contact, groups: ["a", "b"])
                    }
                },
                holds: { account in
                    let item = try await store.item(contact, of: account)
                    try expectEqual(try await store.version(of: account) == nil, item == nil)
                    let page = try await store.roster(of: account, after: nil, limit: 10)
                    try expectEqual(page.items, item.map { [$0] } ?? [])
                    return item != nil
                }
            )
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any RosterStore>] = [
        ReopenCheck("rostersAreDurable", "When a method that changes data returns, the change is durable.") { store in
            let juliet = try Fixtures.juliet()
            for contact in try Fixtures.hostileContacts() {
                let item = RosterItem(contact: contact, name: "n", groups: ["g"], subscription: .both, pending: .out)
                let change = try await store.update(contact, of: juliet, itemCountMax: nil) { _ in item }
                try expectEqual(change.new, item)
            }
        } verify: { store in
            let juliet = try Fixtures.juliet()
            for contact in try Fixtures.hostileContacts() {
                let item = RosterItem(contact: contact, name: "n", groups: ["g"], subscription: .both, pending: .out)
                try expectEqual(try await store.item(contact, of: juliet), item)
            }
            try expect(try await store.version(of: juliet) != nil, "the version is gone")
        }
    ]
}
