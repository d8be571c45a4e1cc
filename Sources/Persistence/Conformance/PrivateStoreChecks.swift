// SPDX-License-Identifier: Apache-2.0
// The contract of PrivateStore.

public import XMPPCore

/// The checks of a private XML store.
public enum PrivateStoreChecks {
    private static func element(_ namespace: String, _ text: String) -> PrivateElement {
        PrivateElement(namespace: namespace, xml: Array(text.utf8))
    }

    /// Every check.
    public static let all: [ConformanceCheck<any PrivateStore>] = own + data.checks

    private static let data = AccountData<any PrivateStore>(
        put: { store, account, text in
            try await store.set([element("a", text), element("b", text)], of: account, elementCountMax: nil)
        },
        get: { store, account in
            let one = try await store.element(namespace: "a", of: account)
            let other = try await store.element(namespace: "b", of: account)
            try expect(one?.xml == other?.xml, "half of two elements was found")
            return other.map { String(decoding: $0.xml, as: UTF8.self) }
        },
        list: { try await $0.accounts(after: $1, limit: $2) },
        base: { $0 }
    )

    private static let own: [ConformanceCheck<any PrivateStore>] = [
        ConformanceCheck("absentElementIsNil", "What is absent is nil or empty, never an error.") { store in
            let juliet = try Fixtures.juliet()
            try expectEqual(try await store.element(namespace: "a", of: juliet), nil)
            try expectEqual(try await store.elements(of: juliet, after: nil, limit: 10), Page(items: [], next: nil))
            try expectEqual(try await store.accounts(after: nil, limit: 10), Page(items: [], next: nil))
            try await store.set([], of: juliet, elementCountMax: 0)
        },
        ConformanceCheck("elementsComeBack", "An element comes back byte for byte as it was stored.") { store, limits in
            let juliet = try Fixtures.juliet()
            for text in Fixtures.hostileTexts(limits) {
                let element = element("a:b", text)
                try await store.set([element], of: juliet, elementCountMax: nil)
                try expectEqual(try await store.element(namespace: element.namespace, of: juliet), element)
            }
        },
        ConformanceCheck("namespacesAreApart", "Namespaces are the same only if their bytes are.") { store, limits in
            let juliet = try Fixtures.juliet()
            let elements = ([""] + Fixtures.hostileKeys(limits)).enumerated().map { element($1, "\($0)") }
            try await store.set(elements, of: juliet, elementCountMax: nil)
            for element in elements {
                try expectEqual(try await store.element(namespace: element.namespace, of: juliet), element)
                try expectEqual(try await store.element(namespace: element.namespace, of: try Fixtures.romeo()), nil)
            }
            // As bytes: Swift takes two texts for equal that differ in how an accent is written.
            let expected = Set(elements.map { [Array($0.namespace.utf8), $0.xml] })
            for limit in [1, 4, 100] {
                let found = try await Fixtures.all { try await store.elements(of: juliet, after: $0, limit: limit) }
                try expectEqual(found.count, elements.count)
                try expectEqual(Set(found.map { [Array($0.namespace.utf8), $0.xml] }), expected)
            }
        },
        ConformanceCheck(
            "hostileNamespacesAreKeptOrRefused",
            "What a store cannot hold it refuses; it cuts nothing, and mixes nothing up."
        ) { store, limits in
            let juliet = try Fixtures.juliet()
            let long = Fixtures.longName(limits.nameCharacterCountMax)
            let whole = [element("a", "a"), element(String(long.dropLast()), "long"), element(long, "longest")]
            try await store.set(whole, of: juliet, elementCountMax: nil)
            for namespace in ["a\u{0}", "a\u{0}b", long + "x", long + "y", long + long + long + long + "x"] {
                let element = element(namespace, "other")
                // All of the call or none: what a store holds is not stored beside what it refuses.
                let isStored = try await isAccepted {
                    try await store.set(
                        [PrivateElement(namespace: "beside", xml: []), element], of: juliet, elementCountMax: nil)
                }
                let found = try await valueIfItHolds { try await store.element(namespace: namespace, of: juliet) }
                try expectEqual(found, isStored ? element : nil)
                let beside = try await store.element(namespace: "beside", of: juliet)
                try expectEqual(beside != nil, isStored)
                for element in whole {
                    try expectEqual(try await store.element(namespace: element.namespace, of: juliet), element)
                }
                try await store.removeAll(for: juliet)
                try await store.set(whole, of: juliet, elementCountMax: nil)
            }
        },
        ConformanceCheck("setIsOneStep", "Elements are stored all or none, also where several calls meet.") { store in
            let juliet = try Fixtures.juliet()
            let namespaces = (0..<10).map { "namespace\($0)" }
            try await Fixtures.concurrently(20) { index in
                // In another order each, so that calls that lock one element after another are in each other's way.
                let elements = namespaces.map { element($0, "\(index)") }
                let ordered = index.isMultiple(of: 2) ? elements : elements.reversed()
                try await store.set(ordered, of: juliet, elementCountMax: 10)
                let page = try await store.elements(of: juliet, after: nil, limit: 100)
                try expectEqual(page.items.count, 10)
                try expectEqual(Set(page.items.map(\.xml)).count, 1)
            }
        },
        ConformanceCheck("laterReplacesEarlier", "An element replaces what was stored for its namespace.") { store in
            let juliet = try Fixtures.juliet()
            try await store.set(
                [element("a", "1"), element("b", "1"), element("a", "2")], of: juliet, elementCountMax: 2)
            try await store.set([element("b", "3")], of: juliet, elementCountMax: 2)
            try expectEqual(try await store.element(namespace: "a", of: juliet), element("a", "2"))
            try expectEqual(try await store.element(namespace: "b", of: juliet), element("b", "3"))
        },
        ConformanceCheck("elementCountMaxHolds", "Elements beyond the bound are refused, all of the call or none.") {
            store in
            let juliet = try Fixtures.juliet()
            try await store.set([element("a", "1"), element("b", "1")], of: juliet, elementCountMax: 2)
            try await expectError(.limitExceeded) { () throws(StorageError) in
                try await store.set([element("a", "2"), element("c", "2")], of: juliet, elementCountMax: 2)
            }
            try expectEqual(try await store.element(namespace: "a", of: juliet), element("a", "1"))
            try expectEqual(try await store.element(namespace: "c", of: juliet), nil)
            // The bound is lower now than when these were stored.
            try await store.set([element("a", "3")], of: juliet, elementCountMax: 1)
            try expectEqual(try await store.element(namespace: "a", of: juliet), element("a", "3"))
        },
        ConformanceCheck("elementCountMaxHoldsForAll", "Concurrent calls never exceed the bound of an account.") {
            store in
            let juliet = try Fixtures.juliet()
            let results = try await Fixtures.concurrently(20) { index in
                do throws(StorageError) {
                    try await store.set([element("\(index)", "")], of: juliet, elementCountMax: 5)
                    return true
                } catch .limitExceeded {
                    return false
                }
            }
            try expectEqual(results.count { $0 }, 5)
            try expectEqual(try await store.elements(of: juliet, after: nil, limit: 100).items.count, 5)
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any PrivateStore>] =
        data.reopening + [
            ReopenCheck("elementsAreDurable", "When a method that changes data returns, the change is durable.") {
                store, limits in
                let elements = Fixtures.hostileKeys(limits).map { element($0, $0) }
                try await store.set(elements, of: try Fixtures.juliet(), elementCountMax: nil)
            } verify: { store, limits in
                for key in Fixtures.hostileKeys(limits) {
                    let found = try await store.element(namespace: key, of: try Fixtures.juliet())
                    try expectEqual(found, element(key, key))
                }
            }
        ]
}
