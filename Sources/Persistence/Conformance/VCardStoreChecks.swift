// SPDX-License-Identifier: Apache-2.0
// The contract of VCardStore.

public import XMPPCore

/// The checks of a store of vCards.
public enum VCardStoreChecks {
    /// A vCard with a text in each of some fields.
    private static func vCard(_ texts: [VCardField: String]) -> VCard {
        let vCard: Namespace = "vcard-temp"
        func texted(_ name: String, _ field: VCardField) -> Element? {
            texts[field].map { text in Element(name, vCard) { text } }
        }
        return VCard(
            Element("vCard", vCard) {
                texted("FN", .fullName)
                Element("N", vCard) {
                    texted("FAMILY", .familyName)
                    texted("GIVEN", .givenName)
                    texted("MIDDLE", .middleName)
                }
                texted("NICKNAME", .nickname)
                texted("BDAY", .birthday)
                Element("ADR", vCard) {
                    texted("CTRY", .country)
                    texted("LOCALITY", .locality)
                }
                Element("EMAIL", vCard) { texted("USERID", .email) }
                Element("ORG", vCard) {
                    texted("ORGNAME", .organization)
                    texted("ORGUNIT", .organizationUnit)
                }
            })
    }

    private static func found(
        _ store: any VCardStore, _ terms: [VCardField: VCardQuery.Term], limit: Int = 100
    ) async throws -> Set<BareJID> {
        let domain = try Fixtures.juliet().domainpart
        return Set(try await store.search(VCardQuery(terms), in: domain, limit: limit).map(\.account))
    }

    private static func account(_ number: Int) throws -> BareJID { try BareJID("a\(number)@capulet.example") }

    /// Every check.
    public static let all: [ConformanceCheck<any VCardStore>] = storage + search + data.checks

    private static let data = AccountData<any VCardStore>(
        put: { store, account, text in try await store.set(VCard(xml: Array(text.utf8)), of: account) },
        get: { store, account in try await store.vCard(of: account).map { String(decoding: $0, as: UTF8.self) } },
        list: { try await $0.accounts(after: $1, limit: $2) },
        base: { $0 }
    )

    private static let storage: [ConformanceCheck<any VCardStore>] = [
        ConformanceCheck("absentVCardIsNil", "What is absent is nil or empty, never an error.") { store in
            let juliet = try Fixtures.juliet()
            try expectEqual(try await store.vCard(of: juliet), nil)
            try expectEqual(try await store.accounts(after: nil, limit: 10), Page(items: [], next: nil))
            try expectEqual(try await found(store, [.fullName: .begins("")]), [])
        },
        ConformanceCheck("vCardsComeBack", "A vCard comes back byte for byte as it was stored.") { store, limits in
            let juliet = try Fixtures.juliet()
            for text in Fixtures.hostileTexts(limits) {
                try await store.set(VCard(xml: Array(text.utf8)), of: juliet)
                try expectEqual(try await store.vCard(of: juliet), Array(text.utf8))
            }
        },
        ConformanceCheck("laterReplacesEarlier", "A vCard takes the place of the one before, in searches too.") {
            store in
            let juliet = try Fixtures.juliet()
            try await store.set(vCard([.fullName: "Juliet", .country: "Italy"]), of: juliet)
            try await store.set(vCard([.fullName: "Julia"]), of: juliet)
            try expectEqual(try await store.vCard(of: juliet), vCard([.fullName: "Julia"]).xml)
            try expectEqual(try await found(store, [.fullName: .equals("Juliet")]), [])
            try expectEqual(try await found(store, [.country: .equals("Italy")]), [])
            try expectEqual(try await found(store, [.fullName: .equals("Julia")]), [juliet])
        },
        ConformanceCheck("removedAreNotFound", "Removal removes what vCards are found by with them.") { store in
            let accounts = try (0..<3).map(account), romeo = try Fixtures.romeo()
            for account in accounts + [romeo] { try await store.set(vCard([.fullName: "Juliet"]), of: account) }
            try await store.removeAll(for: accounts[0])
            try expectEqual(try await found(store, [.fullName: .equals("juliet")]), Set(accounts.dropFirst()))
            try await store.removeAll(domain: accounts[0].domainpart)
            try expectEqual(try await found(store, [.fullName: .equals("juliet")]), [])
            let rest = try await store.search(
                VCardQuery([.fullName: .begins("")]), in: romeo.domainpart, limit: 10)
            try expectEqual(rest.map(\.account), [romeo])
        },
        ConformanceCheck("setIsOneStep", "A vCard and what it is found by are stored together.") { store in
            let juliet = try Fixtures.juliet()
            func check(line: UInt = #line) async throws {
                let query = VCardQuery([.fullName: .begins("juliet")])
                let matches = try await store.search(query, in: juliet.domainpart, limit: 10)
                try expectEqual(matches.count, 1, line: line)
                let stored = try await store.vCard(of: juliet)
                try expectEqual(stored, vCard(matches.first?.texts ?? [:]).xml, line: line)
            }
            try await Fixtures.concurrently(20) { number in
                try await store.set(vCard([.fullName: "Juliet \(number)"]), of: juliet)
            }
            try await check()
            // Cancelled at any time, too.
            for count in 0..<60 {
                let task = Task { try await store.set(vCard([.fullName: "Juliet again \(count)"]), of: juliet) }
                for _ in 0..<count { await Task.yield() }
                task.cancel()
                _ = await task.result  // whether it was stored is not the question
                try await check()
            }
        },
    ]

    private static let search: [ConformanceCheck<any VCardStore>] = [
        ConformanceCheck("everyFieldIsFound", "A vCard is found by each field, and comes with all of its texts.") {
            store in
            let juliet = try Fixtures.juliet()
            let fields = VCardField.allCases.filter { $0 != .localpart }
            let texts = Dictionary(uniqueKeysWithValues: fields.map { ($0, "The \($0.rawValue)") })
            try await store.set(vCard(texts), of: juliet)
            try await store.set(vCard([:]), of: try account(1))
            for field in fields {
                for term in [
                    VCardQuery.Term.equals("the \(field.rawValue)"), .begins("THE \(field.rawValue.prefix(1))"),
                ] {
                    let matches = try await store.search(VCardQuery([field: term]), in: juliet.domainpart, limit: 10)
                    try expectEqual(matches, [VCardMatch(account: juliet, texts: texts)])
                }
                try expectEqual(try await found(store, [field: .equals("The")]), [])
            }
            try expectEqual(try await found(store, [.localpart: .equals("juliet")]), [juliet])
            try expectEqual(try await found(store, [.localpart: .begins("ju")]), [juliet])
        },
        ConformanceCheck("allTermsHold", "What is found has all of the terms, and is of the domain.") { store in
            let names = [("Juliet", "Capulet"), ("Julia", "Capulet"), ("Juliet", "Montague")]
            for (number, name) in names.enumerated() {
                let vCard = vCard([.givenName: name.0, .familyName: name.1])
                try await store.set(vCard, of: try account(number))
                try await store.set(vCard, of: try BareJID("b@a.capulet.example"))
            }
            let both: [VCardField: VCardQuery.Term] = [.givenName: .begins("jul"), .familyName: .equals("capulet")]
            try expectEqual(try await found(store, both), [try account(0), try account(1)])
            let none: [VCardField: VCardQuery.Term] = [.givenName: .equals("julia"), .familyName: .begins("m")]
            try expectEqual(try await found(store, none), [])
            try expectEqual(try await found(store, [:]), [])
            try expectEqual(try await found(store, [.email: .begins("")]).count, 3)
        },
        ConformanceCheck("charactersMeanThemselves", "No character of a text or a term means anything but itself.") {
            store, limits in
            // White space at the ends is not part of a field's text.
            let keys = Fixtures.hostileKeys(limits).filter { key in
                key.lowercased() == key && !key.contains(where: \.isWhitespace)
                    && key.unicodeScalars.count <= VCard.textCharacterCountMax
            }
            for (number, key) in keys.enumerated() {
                try await store.set(vCard([.nickname: key]), of: try account(number))
            }
            for (number, key) in keys.enumerated() {
                try expectEqual(try await found(store, [.nickname: .equals(key)]), [try account(number)])
                let alike = keys.indices.filter { keys[$0].utf8.starts(with: key.utf8) }
                let expected = Set(try alike.map { try account($0) })
                try expectEqual(try await found(store, [.nickname: .begins(key)]), expected)
            }
        },
        ConformanceCheck("longTextsAreFound", "A text is found by as much of it as is looked at.") { store in
            let juliet = try Fixtures.juliet()
            let long = String(repeating: "\u{1F600}", count: 10 * VCard.textCharacterCountMax)
            try await store.set(vCard([.fullName: long, .email: long, .locality: long]), of: juliet)
            try expectEqual(try await found(store, [.fullName: .equals(long)]), [juliet])
            try expectEqual(try await found(store, [.email: .begins(String(long.prefix(100)))]), [juliet])
        },
        ConformanceCheck("limitHolds", "A search brings no more than its limit.") { store in
            for number in 0..<7 { try await store.set(vCard([.country: "Italy"]), of: try account(number)) }
            for limit in [1, 3, 7, 8] {
                let matches = try await found(store, [.country: .begins("it")], limit: limit)
                try expectEqual(matches.count, min(limit, 7))
            }
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any VCardStore>] =
        data.reopening + [
            ReopenCheck("vCardsStayFound", "What a vCard is found by is durable.") { store, _ in
                try await store.set(vCard([.fullName: "Juliet"]), of: try Fixtures.juliet())
            } verify: { store, _ in
                try expectEqual(try await found(store, [.fullName: .begins("j")]), [try Fixtures.juliet()])
            }
        ]
}
