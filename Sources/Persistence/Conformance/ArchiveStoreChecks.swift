// SPDX-License-Identifier: Apache-2.0
// The contract of ArchiveStore: what is kept, in which order, and what is removed. ArchiveQueryChecks has what is found.

public import XMPPCore

/// The checks of a store of message archives.
public struct ArchiveStoreChecks: Sendable {
    /// Of accounts' archives.
    public static let ofAccounts = ArchiveStoreChecks(owners: .accounts)
    /// Of rooms' archives.
    public static let ofRooms = ArchiveStoreChecks(owners: .rooms)

    let owners: ArchiveOwners

    /// Every check.
    public var all: [ConformanceCheck<any ArchiveStore>] { keeping + changing + queries + data.checks }
    /// The checks with a closing between.
    public var reopening: [ReopenCheck<any ArchiveStore>] { data.reopening }

    private static let names = RisingNames()

    /// The last message is what an account has.
    private var data: AccountData<any ArchiveStore> {
        let owners = owners
        return AccountData(
            put: { store, account, text in
                let message = try owners.message(
                    Self.names.next(), in: account, text: text, searchText: text.isEmpty ? nil : text)
                try await store.append([ArchiveEntry(archive: account, message: message)])
            },
            get: { store, account in
                let query = ArchiveQuery()
                let found = try await store.messages(in: account, matching: query, order: .descending, limit: 1).first
                guard let found else { return nil }
                let text = found.searchText ?? ""
                try expectEqual(found.stanza, try owners.message(1, in: account, text: text).stanza)
                return text
            },
            list: { try await $0.archives(after: $1, limit: $2) },
            base: { $0 }
        )
    }

    /// All messages of an archive, as pages of the limit.
    func all(
        _ store: any ArchiveStore, in archive: BareJID, _ query: ArchiveQuery = ArchiveQuery(),
        order: ArchiveOrder = .ascending, limit: Int = 7
    ) async throws -> [ArchivedMessage] {
        var query = query
        var messages: [ArchivedMessage] = []
        while messages.count < 5_000 {
            let page = try await store.messages(in: archive, matching: query, order: order, limit: limit)
            messages += page
            guard page.count == limit, let last = page.last?.id else { return messages }
            switch order {
            case .ascending:
                guard last < query.ids.upperBound, let next = ArchiveID(last.number + 1) else { return messages }
                query.ids = next...query.ids.upperBound
            case .descending:
                guard last > query.ids.lowerBound, let next = ArchiveID(last.number - 1) else { return messages }
                query.ids = query.ids.lowerBound...next
            }
        }
        throw ConformanceFailure(message: "the archive does not end", line: #line)
    }

    func append(_ messages: [ArchivedMessage], to archive: BareJID, _ store: any ArchiveStore) async throws {
        try await store.append(messages.map { ArchiveEntry(archive: archive, message: $0) })
    }

    // MARK: What is kept

    private var keeping: [ConformanceCheck<any ArchiveStore>] {
        [
            ConformanceCheck("absentArchiveIsEmpty", "What is absent is nil or empty, never an error.") { store in
                let juliet = try Fixtures.juliet()
                let id = try ArchiveOwners.id(1)
                for order in [ArchiveOrder.ascending, .descending] {
                    let found = try await store.messages(
                        in: juliet, matching: ArchiveQuery(), order: order, limit: 10)
                    try expectEqual(found, [])
                }
                try expectEqual(try await store.messages(in: juliet, ids: [id]), [])
                try expectEqual(try await store.messages(in: juliet, ids: []), [])
                try expectEqual(try await store.count(in: juliet, matching: ArchiveQuery()), 0)
                try expectEqual(try await store.replace(id, in: juliet, by: []), false)
                try expectEqual(try await store.remove(before: id, in: juliet, limit: 10), 0)
                try expectEqual(try await store.archives(after: nil, limit: 10), Page(items: [], next: nil))
                try await store.append([])
            },
            ConformanceCheck("messagesComeBack", "A message comes back with all that it is made of.") {
                store, limits in try await checkMessagesComeBack(store, limits)
            },
            ConformanceCheck("orderIsThatOfNames", "Messages are read by their names, whenever they were stored.") {
                store in
                let juliet = try Fixtures.juliet()
                let numbers: [Int64] = [0, 1, 2, 255, 256, 1 << 31, 1 << 32, 1 << 53, .max - 255, .max - 1, .max]
                let messages = try numbers.map { try owners.message($0, in: juliet, text: "\($0)") }
                for message in [messages[3], messages[10], messages[0]] {
                    try await append([message], to: juliet, store)
                }
                try await append(messages.reversed(), to: juliet, store)
                for limit in [1, 2, 11, 12] {
                    try expectEqual(try await all(store, in: juliet, limit: limit), messages)
                    let backwards = try await all(store, in: juliet, order: .descending, limit: limit)
                    try expectEqual(backwards, messages.reversed())
                }
            },
            ConformanceCheck("whatIsThereIsPassedOver", "A message whose name the archive has is passed over.") {
                store in
                let juliet = try Fixtures.juliet()
                let first = try owners.message(1, in: juliet, text: "first", searchText: "first")
                let other = try owners.message(1, in: juliet, text: "other", searchText: "other")
                let second = try owners.message(2, in: juliet, text: "second")
                try await append([first, first], to: juliet, store)
                try await append([other, second], to: juliet, store)
                try expectEqual(try await all(store, in: juliet), [first, second])
                // The same name in another archive is another message's.
                let romeo = try Fixtures.romeo()
                try await append([try owners.message(1, in: romeo, text: "romeo's")], to: romeo, store)
                try expectEqual(try await all(store, in: juliet), [first, second])
                try expectEqual(try await all(store, in: romeo).count, 1)
            },
            ConformanceCheck("manyAreAppendedAtOnce", "Messages of any archives are stored, in any order.") { store in
                let archives = try (0..<40).map { try BareJID("owner\($0)@capulet.example") }
                var entries: [ArchiveEntry] = []
                for number in (0..<1_200).reversed() {
                    entries.append(try owners.entry(Int64(number), in: archives[number % 40], text: "\(number)"))
                }
                try await store.append(entries)
                for (index, archive) in archives.enumerated() {
                    let numbers = try await all(store, in: archive).map(\.id.number)
                    try expectEqual(numbers, stride(from: Int64(index), to: 1_200, by: 40).map { $0 })
                }
                let listed = try await Fixtures.all { try await store.archives(after: $0, limit: 7) }
                try expectEqual(Set(listed), Set(archives))
            },
            ConformanceCheck("concurrentAppendsAllCount", "When an append returns, all of its messages are there.") {
                store in
                let romeo = try Fixtures.romeo()
                try await Fixtures.concurrently(30) { writer in
                    let own = try BareJID("owner\(writer % 5)@capulet.example")
                    let entries = try (0..<20).map { round in
                        try owners.entry(Int64(writer * 20 + round), in: round % 2 == 0 ? own : romeo)
                    }
                    try await store.append(entries)
                    for entry in entries {
                        let found = try await store.messages(in: entry.archive, ids: [entry.message.id])
                        try expectEqual(found, [entry.message])
                    }
                }
                try expectEqual(try await store.count(in: romeo, matching: ArchiveQuery()), 300)
            },
        ]
    }

    private func checkMessagesComeBack(_ store: any ArchiveStore, _ limits: ConformanceLimits) async throws {
        for archive in try [Fixtures.juliet(), BareJID("capulet.example"), BareJID("a@[::1]")] {
            var addresses = try Fixtures.hostileContacts(limits)
            let local = ["[a]", "[a", "a]", "a"].map { "\($0)@\(archive.domainpart)" }
            addresses += try (["x@[::1]", "[::1]", archive.domainpart, "\(archive)"] + local).flatMap {
                [try JID($0), try JID($0 + "/]:@/x")]
            }
            let texts = Fixtures.hostileTexts(limits)
            var messages: [ArchivedMessage] = []
            for (index, address) in addresses.enumerated() {
                let text = texts[index % texts.count]
                let originID = String(text.unicodeScalars.prefix(ArchivedMessage.originIDByteCountMax / 4))
                var message = try owners.message(
                    Int64(index), in: archive, from: address, peer: address, text: text,
                    originID: index % 3 == 0 ? nil : originID, searchText: SearchText.stored(text),
                    isGroupchat: index % 4 == 0)
                if owners == .accounts, index % 2 == 0 {
                    message.direction = .sent
                    message.sender = try archive.with(resourcepart: "balcony").jid
                }
                messages.append(message)
            }
            try await append(messages, to: archive, store)
            let found = try await all(store, in: archive)
            try expectEqual(found.count, messages.count)
            for (found, message) in zip(found, messages) { try expectEqual(found, message) }
        }
    }

    // MARK: What is changed

    private var changing: [ConformanceCheck<any ArchiveStore>] {
        [
            ConformanceCheck("replacingForgetsText", "A stanza is put in a message's place; all else stays as it is.") {
                store in
                let juliet = try Fixtures.juliet()
                let romeo = try Fixtures.romeo()
                var messages = try (1...3).map { id in
                    try owners.message(id, in: juliet, text: "a secret", originID: "o", searchText: "a secret")
                }
                try await append(messages, to: juliet, store)
                try await append(messages, to: romeo, store, owners)
                let tombstone = Array("<message><retracted/></message>".utf8)
                try expectEqual(try await store.replace(messages[1].id, in: juliet, by: tombstone), true)
                try expectEqual(try await store.replace(try ArchiveOwners.id(4), in: juliet, by: tombstone), false)
                messages[1].stanza = tombstone
                messages[1].searchText = nil
                try expectEqual(try await all(store, in: juliet), messages)
                var query = ArchiveQuery()
                query.words = ["secret"]
                try expectEqual(try await all(store, in: juliet, query), [messages[0], messages[2]])
                try expectEqual(try await all(store, in: romeo, query).count, 3)
            },
            ConformanceCheck("firstMessagesAreRemoved", "The first messages before a name are removed, and no more.") {
                store in
                let (juliet, romeo) = (try Fixtures.juliet(), try Fixtures.romeo())
                for archive in [juliet, romeo] {
                    let messages = try (0..<20).map { try owners.message($0 * 3, in: archive) }
                    try await append(messages, to: archive, store)
                }
                func numbers(_ archive: BareJID) async throws -> [Int64] {
                    try await all(store, in: archive).map(\.id.number)
                }
                let bound = try ArchiveOwners.id(30)
                try expectEqual(try await store.remove(before: try ArchiveOwners.id(0), in: juliet, limit: 5), 0)
                try expectEqual(try await store.remove(before: bound, in: juliet, limit: 4), 4)
                try expectEqual(try await numbers(juliet), (4..<20).map { $0 * 3 })
                try expectEqual(try await store.remove(before: bound, in: juliet, limit: 0), 1)
                try expectEqual(try await store.remove(before: bound, in: juliet, limit: .max), 5)
                try expectEqual(try await store.remove(before: bound, in: juliet, limit: 1), 0)
                try expectEqual(try await numbers(juliet), (10..<20).map { $0 * 3 })
                try expectEqual(try await numbers(romeo), (0..<20).map { $0 * 3 })
            },
            ConformanceCheck("removedOwnersComeBack", "What is appended while its archive is removed is not lost.") {
                store in
                let juliet = try Fixtures.juliet()
                try await Fixtures.concurrently(12) { worker in
                    for round in 0..<10 {
                        guard worker % 3 > 0 else {
                            try await store.removeAll(for: juliet)
                            continue
                        }
                        try await store.append([try owners.entry(Int64(worker * 100 + round), in: juliet)])
                    }
                }
                let last = try owners.entry(.max, in: juliet)
                try await store.append([last])
                let query = ArchiveQuery()
                let found = try await store.messages(in: juliet, matching: query, order: .descending, limit: 1)
                try expectEqual(found, [last.message])
                try await store.removeAll(for: juliet)
                try expectEqual(try await store.count(in: juliet, matching: query), 0)
            },
            ConformanceCheck("longArchivesAreRemoved", "Removal removes a long archive, to its last message.") {
                store in
                let (juliet, romeo) = (try Fixtures.juliet(), try Fixtures.romeo())
                let names = (0..<2_500).map { $0 == 0 ? Int64.max : Int64($0) }
                for domain in [nil, juliet.domainpart] {
                    for archive in [juliet, romeo] {
                        try await append(try names.map { try owners.message($0, in: archive) }, to: archive, store)
                    }
                    if let domain {
                        try await store.removeAll(domain: domain)
                    } else {
                        try await store.removeAll(for: juliet)
                    }
                    try expectEqual(try await store.count(in: juliet, matching: ArchiveQuery()), 0)
                    try expectEqual(try await store.count(in: romeo, matching: ArchiveQuery()), names.count)
                }
            },
        ]
    }

    /// The same messages in another archive.
    private func append(
        _ messages: [ArchivedMessage], to archive: BareJID, _ store: any ArchiveStore, _ owners: ArchiveOwners
    ) async throws {
        var own: [ArchivedMessage] = []
        for message in messages {
            var message = message
            message.peer = try owners.peer(message.peer, in: archive)
            own.append(message)
        }
        try await append(own, to: archive, store)
    }
}
