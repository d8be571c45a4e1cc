// SPDX-License-Identifier: Apache-2.0
// The contract of AccountStore.

public import XMPPCore

/// The checks of an account store.
public enum AccountStoreChecks {
    /// Every check.
    public static let all: [ConformanceCheck<any AccountStore>] = own + data.checks

    private static let data = AccountData<any AccountStore>(
        put: { store, account, text in
            let credential = AccountCredential(passwordDetails: text, password: text)
            if try await store.setCredential(credential, of: account) { return }
            try await store.create(account, credential: credential, accountCountMax: nil)
        },
        get: { store, account in
            let credential = try await store.credential(of: account)
            try expectEqual(try await store.contains(account), credential != nil)
            try expect(
                credential == nil || credential?.passwordDetails == credential?.password, "half a credential was found")
            return credential?.password
        },
        list: { store, cursor, limit in
            let page = try await store.accounts(in: nil, after: cursor, limit: limit)
            return Page(items: page.items.map(\.address), next: page.next)
        },
        base: { $0 }
    )

    private static let own: [ConformanceCheck<any AccountStore>] = [
        ConformanceCheck("absentAccountIsNil", "What is absent is nil or empty, never an error.") { store in
            let juliet = try Fixtures.juliet()
            try expect(try await !store.contains(juliet), "an account that was never registered is there")
            try expectEqual(try await store.credential(of: juliet), nil)
            try expectEqual(try await store.accountCount(in: juliet.domainpart), 0)
            try expectEqual(try await store.accounts(in: nil, after: nil, limit: 10), Page(items: [], next: nil))
            try expectEqual(try await store.accounts(in: "a", after: nil, limit: 10), Page(items: [], next: nil))
        },
        ConformanceCheck("credentialComesBack", "The credential of an account is as it was last set.") {
            store, limits in
            for (index, text) in Fixtures.hostileTexts(limits).enumerated() {
                let account = try BareJID("account\(index)@capulet.example")
                for credential in [AccountCredential(password: text), AccountCredential(passwordDetails: text)] {
                    if try await !store.setCredential(credential, of: account) {
                        try await store.create(account, credential: credential, accountCountMax: nil)
                    }
                    let found = try await store.credential(of: account)
                    try expectEqual(found.map { Array($0.password.utf8) }, Array(credential.password.utf8))
                    try expectEqual(
                        found?.passwordDetails.map { Array($0.utf8) },
                        credential.passwordDetails.map { Array($0.utf8) }
                    )
                }
            }
        },
        ConformanceCheck("createConflicts", "Creating an account that is registered throws a conflict.") { store in
            let juliet = try Fixtures.juliet()
            let first = AccountCredential(password: "first")
            try await store.create(juliet, credential: first, accountCountMax: nil)
            try await expectError(.conflict) { () throws(StorageError) in
                try await store.create(juliet, credential: AccountCredential(password: "2"), accountCountMax: nil)
            }
            try expectEqual(try await store.credential(of: juliet), first)
        },
        ConformanceCheck("oneOfConcurrentCreatesWins", "Of concurrent calls for one account exactly one succeeds.") {
            store in
            let juliet = try Fixtures.juliet()
            let won = try await Fixtures.concurrently(32) { index -> Int? in
                do throws(StorageError) {
                    let credential = AccountCredential(password: "\(index)")
                    try await store.create(juliet, credential: credential, accountCountMax: nil)
                    return index
                } catch .conflict {
                    return nil
                }
            }.compactMap { $0 }
            try expectEqual(won.count, 1)
            try expectEqual(try await store.credential(of: juliet)?.password, won.first.map { "\($0)" })
        },
        ConformanceCheck("accountCountMaxHolds", "A domain never gets more accounts than the caller allows.") { store in
            let results = try await Fixtures.concurrently(20) { index -> Bool in
                let account = try BareJID("account\(index)@capulet.example")
                do throws(StorageError) {
                    let credential = AccountCredential(password: "p")
                    try await store.create(account, credential: credential, accountCountMax: 5)
                    return true
                } catch .limitExceeded {
                    return false
                }
            }
            try expectEqual(results.count { $0 }, 5)
            try expectEqual(try await store.accountCount(in: "capulet.example"), 5)
            // Another domain has its own count.
            let credential = AccountCredential(password: "p")
            try await store.create(try Fixtures.romeo(), credential: credential, accountCountMax: 1)
        },
        ConformanceCheck("setCredentialNeedsAccount", "Setting the credential of no account registers nothing.") {
            store in
            let juliet = try Fixtures.juliet()
            let isThere = try await store.setCredential(AccountCredential(password: "p"), of: juliet)
            try expect(!isThere, "true for an account that is not registered")
            try expect(try await !store.contains(juliet), "the account was registered")
        },
        ConformanceCheck("listingOfDomain", "A listing of a domain has its accounts and no other's.") {
            store, limits in
            let accounts = try Fixtures.hostileAccounts(limits)
            for account in accounts {
                let credential = AccountCredential(password: account.description)
                try await store.create(account, credential: credential, accountCountMax: nil)
            }
            for domain in Set(accounts.map(\.domainpart)) {
                let expected = accounts.filter { $0.domainpart == domain }
                let listed = try await Fixtures.all { try await store.accounts(in: domain, after: $0, limit: 4) }
                try expectEqual(Set(listed.map(\.address)), Set(expected))
                try expectEqual(listed.count, expected.count)
                try expect(
                    listed.allSatisfy { $0.credential == nil || $0.credential?.password == $0.address.description },
                    "an account is listed with another's credential"
                )
                try expectEqual(try await store.accountCount(in: domain), expected.count)
            }
        },
        ConformanceCheck("unknownDomainsAreEmpty", "A domain that the store cannot hold is not another one.") { store in
            try await data.put(store, try Fixtures.juliet(), "text")
            for domain in ["capulet.example\u{0}", "capulet.example\u{0}.net", "capulet.example ", "Capulet.example"] {
                let count = try await valueIfItHolds { try await store.accountCount(in: domain) }
                try expect(count ?? 0 == 0, "accounts were found in another domain")
                let page = try await valueIfItHolds { try await store.accounts(in: domain, after: nil, limit: 10) }
                try expect(page?.items.isEmpty ?? true, "accounts were listed in another domain")
                _ = try await isAccepted { try await store.removeAll(domain: domain) }  // it may refuse that, too
                try expect(try await store.contains(try Fixtures.juliet()), "another domain was removed")
            }
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any AccountStore>] = data.reopening
}
