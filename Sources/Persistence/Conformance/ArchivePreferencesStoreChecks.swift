// SPDX-License-Identifier: Apache-2.0
// The contract of ArchivePreferencesStore.

public import XMPPCore

/// The checks of a store of archive preferences.
public enum ArchivePreferencesStoreChecks {
    /// Every check.
    public static let all: [ConformanceCheck<any ArchivePreferencesStore>] = own + data.checks

    /// A text is written down in the addresses of exceptions, and how many there are in each.
    private static let data = AccountData<any ArchivePreferencesStore>(
        put: { store, account, text in
            try await store.set(try preferences(holding: text), of: account)
        },
        get: { store, account in try (await store.preferences(of: account)).map { try text(in: $0) } },
        list: { try await $0.accounts(after: $1, limit: $2) },
        base: { $0 }
    )

    private static let pieceByteCount = 60

    private static func preferences(holding text: String) throws -> ArchivePreferences {
        let digits = Array("0123456789abcdef")
        let bytes = Array(text.utf8)
        let starts = Array(stride(from: 0, to: max(bytes.count, 1), by: pieceByteCount))
        var preferences = ArchivePreferences(standard: .roster)
        for (index, start) in starts.enumerated() {
            let piece = bytes[min(start, bytes.count)..<min(start + pieceByteCount, bytes.count)]
            let hex = String(piece.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
            let address = try JID("\(index).\(starts.count).\(hex)@verona.example")
            preferences.exceptions[address] = index % 2 == 0
        }
        return preferences
    }

    private static func text(in preferences: ArchivePreferences) throws -> String {
        try expectEqual(preferences.standard, .roster)
        var pieces: [Int: [UInt8]] = [:]
        for (address, isArchived) in preferences.exceptions {
            let parts = (address.localpart ?? "").split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3, let index = Int(parts[0]), Int(parts[1]) == preferences.exceptions.count,
                isArchived == (index % 2 == 0)
            else { throw ConformanceFailure(message: "half of some preferences was found", line: #line) }
            let digits = parts[2].utf8.map { UInt8($0 < 0x60 ? $0 - 0x30 : $0 - 0x57) }
            pieces[index] = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        }
        return String(decoding: pieces.keys.sorted().flatMap { pieces[$0] ?? [] }, as: UTF8.self)
    }

    private static let own: [ConformanceCheck<any ArchivePreferencesStore>] = [
        ConformanceCheck("absentPreferencesAreNil", "What is absent is nil or empty, never an error.") { store in
            try expectEqual(try await store.preferences(of: try Fixtures.juliet()), nil)
            try expectEqual(try await store.accounts(after: nil, limit: 10), Page(items: [], next: nil))
        },
        ConformanceCheck("preferencesComeBack", "Preferences come back with every exception.") { store, limits in
            var exceptions: [JID: Bool] = [:]
            for (index, contact) in try Fixtures.hostileContacts(limits).enumerated() {
                exceptions[contact] = index % 2 == 0
            }
            for (index, standard) in ArchivePreferences.Behaviour.allCases.enumerated() {
                let account = try BareJID("account\(index)@capulet.example")
                let preferences = ArchivePreferences(standard: standard, exceptions: index == 0 ? [:] : exceptions)
                try await store.set(preferences, of: account)
                try expectEqual(try await store.preferences(of: account), preferences)
            }
        },
        ConformanceCheck("laterReplacesEarlier", "Preferences take the place of those before.") { store in
            let (juliet, romeo) = (try Fixtures.juliet(), try Fixtures.romeo())
            let first = ArchivePreferences(standard: .never, exceptions: [try JID("a@x.example"): true])
            let second = ArchivePreferences(standard: .always, exceptions: [try JID("b@x.example/c"): false])
            for preferences in [first, second, second, first] {
                try await store.set(preferences, of: juliet)
                try expectEqual(try await store.preferences(of: juliet), preferences)
                try expectEqual(try await store.preferences(of: romeo), nil)
            }
        },
        ConformanceCheck("setIsOneStep", "Preferences are stored as one step.") { store in
            let juliet = try Fixtures.juliet()
            let text = String(repeating: "x", count: 400)
            try await store.set(try preferences(holding: text), of: juliet)
            try await Fixtures.concurrently(12) { index in
                for round in 0..<6 {
                    if index % 3 == 0 {
                        // It throws when it is half of one.
                        _ = try await store.preferences(of: juliet).map { try Self.text(in: $0) }
                    } else {
                        let text = String(repeating: "\(index)", count: 100 + 100 * round)
                        try await store.set(try preferences(holding: text), of: juliet)
                    }
                }
            }
            let found = try await store.preferences(of: juliet).map { try Self.text(in: $0) }
            try expect(found != nil, "the preferences are gone")
        },
    ]

    /// The checks with a closing between.
    public static let reopening: [ReopenCheck<any ArchivePreferencesStore>] = data.reopening
}
