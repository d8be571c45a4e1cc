// SPDX-License-Identifier: Apache-2.0
// The contract of PrivacyStore.

public import XMPPCore

/// The checks of a store of privacy lists.
public enum PrivacyStoreChecks {
    private static func list(_ name: String, _ actions: PrivacyItem.Action...) -> PrivacyList {
        PrivacyList(
            name: name,
            items: actions.enumerated().map { PrivacyItem(order: Int32($0), subject: .everybody, action: $1) })
    }

    /// An item of every sort.
    private static func everySort(_ name: String, _ limits: ConformanceLimits) throws -> PrivacyList {
        var subjects: [PrivacyItem.Subject] = [.everybody]
        subjects += RosterSubscription.allCases.map { .subscription($0) }
        subjects += try Fixtures.hostileContacts(limits).map { .address($0) }
        subjects += Fixtures.hostileTexts(limits).map { .group($0) }
        let kinds = [[], .message, .iq, .presenceIn, .presenceOut, [.message, .presenceOut]] as [PrivacyItem.Kinds]
        var items: [PrivacyItem] = []
        for (index, subject) in subjects.enumerated() {
            let actions = PrivacyItem.Action.allCases
            items.append(
                PrivacyItem(
                    order: Int32(index) * 7, subject: subject, action: actions[index % actions.count],
                    kinds: kinds[index % kinds.count]))
        }
        items.append(PrivacyItem(order: PrivacyItem.orderMax, subject: .everybody, action: .deny))
        return PrivacyList(name: name, items: items)
    }

    /// Every check.
    public static let all: [ConformanceCheck<any PrivacyStore>] = own + data.checks

    private static let data = AccountData<any PrivacyStore>(
        put: { store, account, text in
            let items = (0..<2).map { PrivacyItem(order: $0, subject: .group(text), action: .deny) }
            let list = PrivacyList(name: "a", items: items)
            try await store.set(list, of: account, use: .becomesDefault, listCountMax: nil)
        },
        get: { store, account in
            guard let list = try await store.defaultList(of: account) else {
                try expectEqual(try await store.list(named: "a", of: account), nil)
                return nil
            }
            guard list.items.count == 2, list.items[0].subject == list.items[1].subject,
                case .group(let text) = list.items[0].subject
            else { throw ConformanceFailure(message: "half of a list was found", line: #line) }
            return text
        },
        list: { try await $0.accounts(after: $1, limit: $2) },
        base: { $0 }
    )

    private static let own: [ConformanceCheck<any PrivacyStore>] = [
        ConformanceCheck("absentListIsNil", "What is absent is nil or empty, never an error.") { store in
            let juliet = try Fixtures.juliet()
            try expectEqual(try await store.names(of: juliet, limit: 10), PrivacyListNames())
            try expectEqual(try await store.list(named: "a", of: juliet), nil)
            try expectEqual(try await store.defaultList(of: juliet), nil)
            try expectEqual(try await store.remove(listNamed: "a", of: juliet), false)
            try expectEqual(try await store.setDefault("a", of: juliet), .listMissing)
            try expectEqual(try await store.setDefault(nil, of: juliet), .done)
            try expectEqual(try await store.accounts(after: nil, limit: 10), Page(items: [], next: nil))
        },
        ConformanceCheck("listsComeBack", "A list comes back with every item, in ascending order.") { store, limits in
            let juliet = try Fixtures.juliet()
            let list = try everySort("special", limits)
            let shuffled = PrivacyList(name: list.name, items: list.items.reversed())
            try await store.set(shuffled, of: juliet, use: .unchanged, listCountMax: 1)
            try expectEqual(try await store.list(named: "special", of: juliet), list)
            try expectEqual(try await store.defaultList(of: juliet), nil)
        },
        ConformanceCheck("namesAreApart", "Names are the same only if their bytes are.") { store, limits in
            let juliet = try Fixtures.juliet()
            for (index, name) in Fixtures.hostileKeys(limits).enumerated() {
                let item = PrivacyItem(order: Int32(index), subject: .everybody, action: .deny)
                let list = PrivacyList(name: name, items: [item])
                try await store.set(list, of: juliet, use: .unchanged, listCountMax: nil)
            }
            for (index, name) in Fixtures.hostileKeys(limits).enumerated() {
                try expectEqual(try await store.list(named: name, of: juliet)?.items.map(\.order), [Int32(index)])
                try expectEqual(try await store.list(named: name, of: try Fixtures.romeo()), nil)
            }
            let names = try await store.names(of: juliet, limit: 1_000).names
            // As bytes: Swift takes two texts for equal that differ in how an accent is written.
            let expected = Set(Fixtures.hostileKeys(limits).map { Array($0.utf8) })
            try expectEqual(Set(names.map { Array($0.utf8) }), expected)
            try expectEqual(try await store.names(of: juliet, limit: 3).names.count, 3)
        },
        ConformanceCheck("laterReplacesEarlier", "A list takes the place of what had its name.") { store in
            let juliet = try Fixtures.juliet()
            try await store.set(list("a", .deny, .allow), of: juliet, use: .unchanged, listCountMax: nil)
            try await store.set(list("b", .deny), of: juliet, use: .unchanged, listCountMax: nil)
            try await store.set(list("a", .allow), of: juliet, use: .unchanged, listCountMax: nil)
            try expectEqual(try await store.list(named: "a", of: juliet), list("a", .allow))
            try expectEqual(try await store.list(named: "b", of: juliet), list("b", .deny))
        },
        ConformanceCheck("listCountMaxHolds", "A list beyond the bound is refused; those that are there may change.") {
            store in
            let juliet = try Fixtures.juliet()
            try await store.set(list("a", .deny), of: juliet, use: .unchanged, listCountMax: 2)
            try await store.set(list("b", .deny), of: juliet, use: .unchanged, listCountMax: 2)
            try await expectError(.limitExceeded) { () throws(StorageError) in
                try await store.set(list("c", .deny), of: juliet, use: .becomesDefault, listCountMax: 2)
            }
            try expectEqual(try await store.names(of: juliet, limit: 10), PrivacyListNames(names: ["a", "b"]))
            // The bound is lower now than when these were stored.
            try await store.set(list("b", .allow), of: juliet, use: .becomesDefault, listCountMax: 1)
            try expectEqual(try await store.defaultList(of: juliet), list("b", .allow))
        },
        ConformanceCheck("defaultListIsOneOfTheLists", "The default list is the one named last, and goes with it.") {
            store in
            let juliet = try Fixtures.juliet()
            try await store.set(list("a", .deny), of: juliet, use: .becomesDefault, listCountMax: nil)
            try await store.set(list("b", .allow), of: juliet, use: .unchanged, listCountMax: nil)
            try expectEqual(try await store.defaultList(of: juliet), list("a", .deny))
            try expectEqual(try await store.setDefault("c", of: juliet), .listMissing)
            try expectEqual(try await store.setDefault("b", of: juliet), .done)
            try expectEqual(try await store.defaultList(of: juliet), list("b", .allow))
            try expectEqual(
                try await store.names(of: juliet, limit: 10), PrivacyListNames(defaultName: "b", names: ["a", "b"]))
            try expectEqual(try await store.remove(listNamed: "a", of: juliet), true)
            try expectEqual(try await store.defaultList(of: juliet), list("b", .allow))
            try expectEqual(try await store.remove(listNamed: "b", of: juliet), true)
            try expectEqual(try await store.defaultList(of: juliet), nil)
            try expectEqual(try await store.names(of: juliet, limit: 10), PrivacyListNames())
            try await store.set(list("b", .deny), of: juliet, use: .unchanged, listCountMax: nil)
            try expectEqual(try await store.defaultList(of: juliet), nil)
            try expectEqual(try await store.setDefault("b", of: juliet), .done)
            try expectEqual(try await store.setDefault(nil, of: juliet), .done)
            try expectEqual(try await store.defaultList(of: juliet), nil)
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any PrivacyStore>] = data.reopening
}
