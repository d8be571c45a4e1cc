// SPDX-License-Identifier: Apache-2.0
// The contract of PrivateStore.

public import XMPPCore

/// The checks of a private XML store.
public enum PrivateStoreChecks {
    private static func element(_ namespace: String, _ text: String) -> PrivateElement {
        PrivateElement(namespace: namespace, xml: Array(text.utf8))
    }

    /// Every check.
    public static let all: [ConformanceCheck<any PrivateStore>] = [
        ConformanceCheck("absentElementIsNil", "What is absent is nil or empty, never an error.") { store in
            let juliet = try Fixtures.juliet()
            try expectEqual(try await store.element(namespace: "a", of: juliet), nil)
            try expectEqual(try await store.elements(of: juliet, after: nil, limit: 10), Page(items: [], next: nil))
            try expectEqual(try await store.accounts(after: nil, limit: 10), Page(items: [], next: nil))
            try await store.set([], of: juliet, elementCountMax: 0)
        },
        ConformanceCheck("elementsComeBack", "An element comes back byte for byte as it was stored.") { store in
            let juliet = try Fixtures.juliet()
            for text in Fixtures.hostileTexts {
                let element = element("a:b", text)
                try await store.set([element], of: juliet, elementCountMax: nil)
                try expectEqual(try await store.element(namespace: element.namespace, of: juliet), element)
            }
        },
        ConformanceCheck("namespacesAreApart", "Namespaces are the same only if their bytes are.") { store in
            let juliet = try Fixtures.juliet()
            let elements = ([""] + Fixtures.hostileKeys).enumerated().map { element($1, "\($0)") }
            try await store.set(elements, of: juliet, elementCountMax: nil)
            for element in elements {
                try expectEqual(try await store.element(namespace: element.namespace, of: juliet), element)
                try expectEqual(try await store.element(namespace: element.namespace, of: try Fixtures.romeo()), nil)
            }
            for limit in [1, 4, 100] {
                let found = try await Fixtures.all { try await store.elements(of: juliet, after: $0, limit: limit) }
                try expectEqual(Set(found), Set(elements))
                try expectEqual(found.count, elements.count)
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
        ConformanceCheck("listing", "A listing has every account with elements once, in pages of at most the limit.") {
            store in
            try await checkListing(
                of: try Fixtures.hostileAccounts(),
                add: { try await store.set([element("a", "1"), element("b", "2")], of: $0, elementCountMax: nil) },
                remove: { try await store.removeAll(for: $0) },
                page: { try await store.accounts(after: $0, limit: $1) },
                account: { $0 }
            )
        },
        ConformanceCheck("removal", "Removal removes the elements of an account, or a domain, and nothing else.") {
            store in
            try await checkRemoval(
                store,
                add: { try await store.set([element("a", "1"), element("b", "2")], of: $0, elementCountMax: nil) },
                holds: { try await store.element(namespace: "b", of: $0) != nil }
            )
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any PrivateStore>] = [
        ReopenCheck("elementsAreDurable", "When a method that changes data returns, the change is durable.") { store in
            let elements = Fixtures.hostileKeys.map { element($0, $0) }
            try await store.set(elements, of: try Fixtures.juliet(), elementCountMax: nil)
        } verify: { store in
            for key in Fixtures.hostileKeys {
                try expectEqual(try await store.element(namespace: key, of: try Fixtures.juliet()), element(key, key))
            }
        }
    ]
}
