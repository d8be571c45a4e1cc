// SPDX-License-Identifier: Apache-2.0
// Stores of archives and of archive preferences with faults.

import Synchronization
import XMPPCore
import XMPPPersistenceSQL

extension BrokenStore {
    static let archives = statementsOfArchives + wrappers

    /// The check of that name for both kinds of archives.
    private static func both(_ names: String...) -> [String] {
        names.flatMap { ["messageArchive.\($0)", "roomArchive.\($0)"] }
    }

    private static let statementsOfArchives = [
        BrokenStore(
            "a message takes the place of another of its name",
            Breakage(text: { text in
                guard text.hasPrefix("INSERT INTO mam_m"), let range = text.firstRange(of: "DO UPDATE SET") else {
                    return text
                }
                return text[..<range.upperBound] + " message = excluded.message"
            }),
            fails: both("whatIsThereIsPassedOver")),
        BrokenStore(
            "a removed text is still found", replacing(", search_body = NULL", with: ""),
            fails: both("replacingForgetsText")),
        BrokenStore(
            "the message at the bound is removed", replacing("AND id < ?", with: "AND id <= ?"),
            fails: both("firstMessagesAreRemoved")),
        BrokenStore(
            "the last message of an archive stays",
            replacing("_id = ? AND id = ?", with: "_id = ? AND id = ? AND 1 = 0"),
            fails: both("longArchivesAreRemoved")),
        BrokenStore(
            "the last name of a range is not in it", replacing("m.id <= ?", with: "m.id < ?"),
            fails: both("boundsAreIncluded", "orderIsThatOfNames")),
        BrokenStore(
            "pages have at most forty messages", replacing("LIMIT ?", with: "LIMIT min(?, 40)"),
            fails: both("limitHolds")),
        BrokenStore(
            "other names are looked up", replacing("m.id IN (", with: "m.id NOT IN ("), fails: both("namesAreLookedUp")),
        BrokenStore(
            "a resource is a pattern",
            Breakage(text: {
                $0.replacing("m.remote_resource = ?", with: "m.remote_resource LIKE ?")
                    .replacing("m.nick_name = ?", with: "m.nick_name LIKE ?")
            }),
            fails: both("peersAreApart")),
        BrokenStore(
            "what a sender named a message is a pattern", replacing("m.origin_id = ?", with: "m.origin_id LIKE ?"),
            fails: both("originIDsAreFound")),
        BrokenStore(
            "messages of rooms are the others", replacing("m.is_groupchat = ?", with: "m.is_groupchat <> ?"),
            fails: ["messageArchive.groupchatIsApart"]),
        BrokenStore(
            "parts of words are found",
            replacing("m.search_body || ' ', ?)", with: "m.search_body || ' ', trim(?))"), fails: both("wordsAreFound")),
        BrokenStore(
            "one condition of many is enough", replacing("AND m.origin_id = ?", with: "OR m.origin_id = ?"),
            fails: both("conditionsAllHold")),
        BrokenStore(
            "exceptions stay",
            replacing("DELETE FROM mam_config WHERE user_id = ?", with: "DELETE FROM mam_config WHERE user_id < 0 * ?"),
            fails: ["archivePreferences.laterReplacesEarlier"]),
        BrokenStore(
            "addresses of exceptions end after 100 characters",
            Breakage(value: { value, statement in
                guard case .text(let text) = value, statement.hasPrefix("INSERT INTO mam_config") else { return value }
                return .text(String(text.prefix(100)))
            }),
            fails: ["archivePreferences.hostileTextsAreKeptOrRefused"]),
    ]

    private static let wrappers = [
        BrokenStore("only so many are appended at once", fails: both("manyAreAppendedAtOnce")) {
            with(.appendsFirst(1_000), in: $0)
        },
        BrokenStore("what was removed does not come back", fails: both("removedOwnersComeBack")) {
            with(.losesRemoved, in: $0)
        },
        BrokenStore("whether it came through a room does not count", fails: both("groupchatIsApart")) {
            with(.ignoresGroupchat, in: $0)
        },
    ]

    private static func with(_ fault: BrokenArchiveStore.Fault, in storage: Storage) -> Storage {
        var storage = storage
        storage.messageArchive = BrokenArchiveStore(base: storage.messageArchive, fault: fault)
        storage.roomArchive = BrokenArchiveStore(base: storage.roomArchive, fault: fault)
        return storage
    }
}

/// Breaks promises that a database has no part in.
private final class BrokenArchiveStore: ArchiveStore {
    enum Fault: Sendable {
        case appendsFirst(Int)
        case losesRemoved, ignoresGroupchat
    }

    private let base: any ArchiveStore
    private let fault: Fault
    private let removed = Mutex<Set<BareJID>>([])

    init(base: any ArchiveStore, fault: Fault) {
        self.base = base
        self.fault = fault
    }

    var features: Set<ArchiveFeature> { base.features }

    func append(_ entries: [ArchiveEntry]) async throws(StorageError) {
        switch fault {
        case .appendsFirst(let count): try await base.append(Array(entries.prefix(count)))
        case .losesRemoved:
            let removed = removed.withLock { $0 }
            try await base.append(entries.filter { !removed.contains($0.archive) })
        case .ignoresGroupchat: try await base.append(entries)
        }
    }

    private func changed(_ query: ArchiveQuery) -> ArchiveQuery {
        var query = query
        if case .ignoresGroupchat = fault { query.isGroupchat = nil }
        return query
    }

    func messages(
        in archive: BareJID, matching query: ArchiveQuery, order: ArchiveOrder, limit: Int
    ) async throws(StorageError) -> [ArchivedMessage] {
        try await base.messages(in: archive, matching: changed(query), order: order, limit: limit)
    }

    func messages(in archive: BareJID, ids: [ArchiveID]) async throws(StorageError) -> [ArchivedMessage] {
        try await base.messages(in: archive, ids: ids)
    }

    func count(in archive: BareJID, matching query: ArchiveQuery) async throws(StorageError) -> Int {
        try await base.count(in: archive, matching: changed(query))
    }

    func replace(_ id: ArchiveID, in archive: BareJID, by stanza: [UInt8]) async throws(StorageError) -> Bool {
        try await base.replace(id, in: archive, by: stanza)
    }

    func remove(before id: ArchiveID, in archive: BareJID, limit: Int) async throws(StorageError) -> Int {
        try await base.remove(before: id, in: archive, limit: limit)
    }

    func archives(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await base.archives(after: cursor, limit: limit)
    }

    func removeAll(for account: BareJID) async throws(StorageError) {
        // Whoever has a set has removed it.
        _ = removed.withLock { $0.insert(account) }
        try await base.removeAll(for: account)
    }

    func removeAll(domain: String) async throws(StorageError) { try await base.removeAll(domain: domain) }
}
