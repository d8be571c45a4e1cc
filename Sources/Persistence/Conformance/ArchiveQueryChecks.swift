// SPDX-License-Identifier: Apache-2.0
// The contract of ArchiveStore: what a query finds.

import XMPPCore

extension ArchiveStoreChecks {
    var queries: [ConformanceCheck<any ArchiveStore>] { names + contents }

    private func numbers(
        _ store: any ArchiveStore, in archive: BareJID, _ query: ArchiveQuery, order: ArchiveOrder = .ascending
    ) async throws -> [Int64] {
        let found = try await all(store, in: archive, query, order: order).map(\.id.number)
        if store.features.contains(.count) {
            try expectEqual(try await store.count(in: archive, matching: query), found.count)
        }
        return found
    }

    // MARK: Names

    private var names: [ConformanceCheck<any ArchiveStore>] {
        [
            ConformanceCheck("boundsAreIncluded", "Messages between two names are found, both included.") { store in
                let juliet = try Fixtures.juliet()
                try await append(try (1...9).map { try owners.message($0 * 10, in: juliet) }, to: juliet, store)
                let ranges: [(ClosedRange<Int64>, [Int64])] = [
                    (20...40, [20, 30, 40]), (21...39, [30]), (31...39, []), (0...10, [10]), (90...(.max), [90]),
                    (50...50, [50]), (91...(.max), []), (0...9, []),
                ]
                for (range, expected) in ranges {
                    var query = ArchiveQuery()
                    query.ids = try ArchiveOwners.id(range.lowerBound)...ArchiveOwners.id(range.upperBound)
                    try expectEqual(try await numbers(store, in: juliet, query), expected)
                    let backwards = try await numbers(store, in: juliet, query, order: .descending)
                    try expectEqual(backwards, expected.reversed())
                }
            },
            ConformanceCheck("limitHolds", "No more messages are read than the limit, and fewer only at the end.") {
                store in
                let juliet = try Fixtures.juliet()
                let most = Page<ArchivedMessage>.itemCountMax
                let messages = try (0..<most + 2).map { try owners.message(Int64($0), in: juliet) }
                try await append(messages, to: juliet, store)
                for (limit, count) in [(.min, 1), (0, 1), (1, 1), (50, 50), (most, most), (.max, most)] as [(Int, Int)]
                {
                    for (order, first) in [(ArchiveOrder.ascending, 0), (.descending, most + 1)] {
                        let found = try await store.messages(
                            in: juliet, matching: ArchiveQuery(), order: order, limit: limit)
                        try expectEqual(found.count, count)
                        try expectEqual(found.first?.id.number, Int64(first))
                    }
                }
            },
            ConformanceCheck("namesAreLookedUp", "Messages are read by their names; those not there are left out.") {
                store in
                let (juliet, romeo) = (try Fixtures.juliet(), try Fixtures.romeo())
                for archive in [juliet, romeo] {
                    let messages = try [0, 1, 2, 3, .max].map { id in
                        try owners.message(id, in: archive, text: "\(archive)")
                    }
                    try await append(messages, to: archive, store)
                }
                func found(_ names: [Int64]) async throws -> [Int64] {
                    let ids = try names.map { try ArchiveOwners.id($0) }
                    let found = try await store.messages(in: juliet, ids: ids)
                    for message in found {
                        try expectEqual(message, try owners.message(message.id.number, in: juliet, text: "\(juliet)"))
                    }
                    return found.map(\.id.number)
                }
                try expectEqual(try await found([3, 1, 7, .max]), [1, 3, .max])
                try expectEqual(try await found([2, 2, 2]), [2])
                try expectEqual(try await found([0]), [0])
                try expectEqual(try await found([4, 5]), [])
                let many = Array(repeating: Int64(9), count: Page<ArchivedMessage>.itemCountMax - 1)
                try expectEqual(try await found(many + [1, 2]), [1])
            },
        ]
    }

    // MARK: Contents

    private var contents: [ConformanceCheck<any ArchiveStore>] {
        [
            ConformanceCheck("peersAreApart", "A full peer is found by itself, a bare one with each of its resources.")
            {
                store, limits in try await checkPeers(store, limits)
            },
            ConformanceCheck("originIDsAreFound", "Messages are found by what their sender named them.") {
                store, limits in
                let juliet = try Fixtures.juliet()
                let keys = Fixtures.hostileKeys(limits).map {
                    String($0.unicodeScalars.prefix(ArchivedMessage.originIDByteCountMax / 4))
                }
                var expected: [[UInt8]: [Int64]] = [:]
                var messages: [ArchivedMessage] = []
                for (index, key) in (keys + keys.prefix(3)).enumerated() {
                    expected[Array(key.utf8), default: []].append(Int64(index))
                    messages.append(try owners.message(Int64(index), in: juliet, originID: key))
                }
                messages.append(try owners.message(1_000, in: juliet))
                try await append(messages, to: juliet, store)
                for key in keys + ["unknown", ""] {
                    var query = ArchiveQuery()
                    query.originID = key
                    try expectEqual(try await numbers(store, in: juliet, query), expected[Array(key.utf8)] ?? [])
                    query.peer = messages[0].peer
                    try expectEqual(try await numbers(store, in: juliet, query), expected[Array(key.utf8)] ?? [])
                    query.peer = try owners.peer(try JID("paris@verona.example/x"), in: juliet)
                    try expectEqual(try await numbers(store, in: juliet, query), [])
                }
            },
            ConformanceCheck("groupchatIsApart", "Messages that came through a room are found by that.") { store in
                let juliet = try Fixtures.juliet()
                let messages = try (0..<6).map { id in
                    try owners.message(id, in: juliet, isGroupchat: id % 3 == 0)
                }
                try await append(messages, to: juliet, store)
                for isGroupchat in [true, false] {
                    var query = ArchiveQuery()
                    query.isGroupchat = isGroupchat
                    let expected = messages.filter { $0.isGroupchat == isGroupchat }.map(\.id.number)
                    try expectEqual(try await numbers(store, in: juliet, query), expected)
                }
            },
            ConformanceCheck("wordsAreFound", "A message is found by the words of its text, whole and all of them.") {
                store in try await checkWords(store)
            },
            ConformanceCheck("conditionsAllHold", "Of a message that is found all holds that was given.") { store in
                try await checkConditions(store)
            },
        ]
    }

    private func checkPeers(_ store: any ArchiveStore, _ limits: ConformanceLimits) async throws {
        let juliet = try Fixtures.juliet()
        let contacts = try Fixtures.hostileContacts(limits) + [JID("\(juliet)/x"), JID("nurse@capulet.example/x")]
        var messages: [ArchivedMessage] = []
        for (index, contact) in (contacts + contacts).enumerated() {
            messages.append(try owners.message(Int64(index), in: juliet, peer: contact))
        }
        try await append(messages, to: juliet, store)
        for contact in contacts {
            let peer = try owners.peer(contact, in: juliet)
            for peer in [peer, peer.bare.jid] {
                var query = ArchiveQuery()
                query.peer = peer
                let expected = messages.filter { $0.peer == peer || peer.isBare && $0.peer.bare.jid == peer }
                    .map(\.id.number)
                try expectEqual(try await numbers(store, in: juliet, query), expected)
                let backwards = try await numbers(store, in: juliet, query, order: .descending)
                try expectEqual(backwards, expected.reversed())
            }
        }
        for text in ["paris@verona.example", "paris@verona.example/x", "romeo@montague.example/x"] {
            var query = ArchiveQuery()
            query.peer = try JID(text)
            let expected = messages.filter { $0.peer.description == text }.map(\.id.number)
            try expectEqual(try await numbers(store, in: juliet, query), expected)
        }
    }

    /// Texts, and which of them a query finds.
    private static let texts = [
        "Wherefore art thou, Romeo?", "romeo romeo", "Rome", "O Romeo's night", "café au lait", "cafe\u{301}", "CAFE",
        "\u{43F}\u{440}\u{438}\u{432}\u{435}\u{442} \u{43C}\u{438}\u{440}", "\u{6F22}\u{5B57} \u{304B}\u{306A}",
        "\u{5E9}\u{5DC}\u{5D5}\u{5DD}", "100% a_b x", "the of to", "\u{1F600} smile", "str\u{E4}\u{DF}e STRASSE",
        "I \u{130} \u{131}", String(repeating: "long", count: 40) + " end", "a", "caf\u{E9}s",
    ]
    private static let searches: [(String, [Int])] = [
        ("romeo", [0, 1, 3]), ("ROMEO", [0, 1, 3]), ("rome", [2]), ("romeo night", [3]), ("romeo rome", []),
        ("caf\u{E9}", [4]), ("cafe", [6]), ("cafe\u{301}", [5]), ("au", [4]), ("lait caf\u{E9} au", [4]),
        ("\u{43C}\u{438}\u{440}", [7]), ("\u{41C}\u{418}\u{420}", [7]), ("\u{6F22}\u{5B57}", [8]), ("\u{6F22}", []),
        ("\u{304B}\u{306A}", [8]), ("\u{5E9}\u{5DC}\u{5D5}\u{5DD}", [9]), ("100", [10]), ("a", [10, 16]), ("x", [10]),
        ("b", [10]), ("the", [11]), ("to the", [11]), ("of", [11]), ("smile", [12]), ("stra\u{DF}e", []),
        ("strasse", [13]), ("str\u{E4}\u{DF}e", [13]), ("i", [14]), ("\u{131}", [14]), ("o", [3]), ("s", [3]),
        (String(repeating: "long", count: 40), [15]), ("end", [15]), ("caf", []), ("%", []), ("nobody", []),
    ]

    private func checkWords(_ store: any ArchiveStore) async throws {
        guard store.features.contains(.search) else { return }
        let (juliet, romeo) = (try Fixtures.juliet(), try Fixtures.romeo())
        for archive in [juliet, romeo] {
            var messages: [ArchivedMessage] = []
            for (index, text) in Self.texts.enumerated() {
                let stored = SearchText.stored(text)
                messages.append(try owners.message(Int64(index), in: archive, text: "romeo", searchText: stored))
            }
            messages.append(try owners.message(100, in: archive, text: "romeo"))
            try await append(messages, to: archive, store)
        }
        for (search, expected) in Self.searches {
            var query = ArchiveQuery()
            query.words = SearchText.query(search)
            // Without a word, a query is one for all messages.
            let expected = query.words.isEmpty ? Array(0..<Self.texts.count) + [100] : expected
            for order in [ArchiveOrder.ascending, .descending] {
                let found = try await numbers(store, in: juliet, query, order: order)
                let sorted = expected.map { Int64($0) }
                try expect(
                    found == (order == .ascending ? sorted : sorted.reversed()),
                    "\"\(search)\" finds \(found), not \(expected)")
            }
        }
        // As many as there may be, and what stands for nothing in a word.
        var query = ArchiveQuery()
        query.words = (0..<SearchText.queryWordCountMax).map { _ in "romeo" }
        try expectEqual(try await numbers(store, in: juliet, query), [0, 1, 3])
        for word in ["romeo romeo", "%", "_", "rome_", "rome*", "'", "\\", "{romeo}", "+romeo", "", " "] {
            query.words = [word]
            try expectEqual(try await numbers(store, in: juliet, query), [])
        }
    }

    private func checkConditions(_ store: any ArchiveStore) async throws {
        let juliet = try Fixtures.juliet()
        let peers = try ["romeo@montague.example/a", "romeo@montague.example/b", "nurse@capulet.example/a"].map {
            try JID($0)
        }
        var messages: [ArchivedMessage] = []
        for id in 0..<240 {
            messages.append(
                try owners.message(
                    Int64(id), in: juliet, peer: peers[id % 3], originID: id % 4 == 0 ? "o" : "\(id)",
                    searchText: id % 5 == 0 ? "night light" : "light", isGroupchat: id % 2 == 0))
        }
        try await append(messages, to: juliet, store)
        for bits in 0..<32 {
            var query = ArchiveQuery()
            var expected = messages
            if bits & 1 != 0 {
                query.ids = try ArchiveOwners.id(30)...ArchiveOwners.id(200)
                expected.removeAll { !query.ids.contains($0.id) }
            }
            if bits & 2 != 0 {
                let peer = try owners.peer(bits & 1 != 0 ? peers[1] : peers[0].bare.jid, in: juliet)
                query.peer = peer
                expected.removeAll { $0.peer != peer && !(peer.isBare && $0.peer.bare.jid == peer) }
            }
            if bits & 4 != 0 {
                query.originID = "o"
                expected.removeAll { $0.originID != "o" }
            }
            if bits & 8 != 0, store.features.contains(.search) {
                query.words = ["night"]
                expected.removeAll { $0.searchText != "night light" }
            }
            if bits & 16 != 0 {
                query.isGroupchat = true
                expected.removeAll { !$0.isGroupchat }
            }
            try expectEqual(try await numbers(store, in: juliet, query), expected.map(\.id.number))
            let backwards = try await numbers(store, in: juliet, query, order: .descending)
            try expectEqual(backwards, expected.map(\.id.number).reversed())
        }
    }
}
