// SPDX-License-Identifier: Apache-2.0
// Something that is done around every call of every store. How each protocol's calls are passed on is written here, and
// nowhere else.

/// A method of a store.
public struct StorageMethod: Hashable, Sendable, CustomStringConvertible {
    /// The store.
    public let store: StoreKind
    /// The name in Swift, with the labels of its parameters: `removeAll(for:)`.
    public let name: String
    /// Whether it may change what is stored.
    public let changesData: Bool

    fileprivate static func read(_ store: StoreKind, _ name: String = #function) -> StorageMethod {
        StorageMethod(store: store, name: name, changesData: false)
    }

    fileprivate static func write(_ store: StoreKind, _ name: String = #function) -> StorageMethod {
        StorageMethod(store: store, name: name, changesData: true)
    }

    /// The store and the name, with a dot between.
    public var description: String { "\(store).\(name)" }
}

/// Something that is done around every call of a store: measuring it, or making it fail.
public protocol StorageDecorator: Sendable {
    /// Does a call.
    ///
    /// - Parameters:
    ///   - method: what was called.
    ///   - body: passes the call on to the store; to be called at most once.
    /// - Returns: what `body` returned.
    /// - Throws: what `body` threw, or ``StorageError/unavailable(detail:)``.
    func around<Value: Sendable>(
        _ method: StorageMethod, _ body: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value
}

extension Storage {
    /// The same stores, with something done around each of their calls.
    public func decorated(by decorator: some StorageDecorator) -> Storage {
        Storage(
            accounts: DecoratedStore(base: accounts, data: accounts, decorator: decorator, kind: .accounts),
            rosters: DecoratedStore(base: rosters, data: rosters, decorator: decorator, kind: .rosters),
            offlineMessages: DecoratedStore(
                base: offlineMessages, data: offlineMessages, decorator: decorator, kind: .offlineMessages),
            privateElements: DecoratedStore(
                base: privateElements, data: privateElements, decorator: decorator, kind: .privateElements),
            privacyLists: DecoratedStore(
                base: privacyLists, data: privacyLists, decorator: decorator, kind: .privacyLists),
            lastActivity: DecoratedStore(
                base: lastActivity, data: lastActivity, decorator: decorator, kind: .lastActivity),
            vCards: DecoratedStore(base: vCards, data: vCards, decorator: decorator, kind: .vCards),
            messageArchive: DecoratedStore(
                base: messageArchive, data: messageArchive, decorator: decorator, kind: .messageArchive),
            roomArchive: DecoratedStore(
                base: roomArchive, data: roomArchive, decorator: decorator, kind: .roomArchive),
            archivePreferences: DecoratedStore(
                base: archivePreferences, data: archivePreferences, decorator: decorator, kind: .archivePreferences),
            rooms: DecoratedStore(base: rooms, data: rooms, decorator: decorator, kind: .rooms)
        )
    }
}

/// A store whose calls go through a decorator.
private struct DecoratedStore<Base: Sendable, Decorator: StorageDecorator>: AccountDataStore {
    let base: Base
    /// The same store, as what every store is.
    let data: any AccountDataStore
    let decorator: Decorator
    let kind: StoreKind

    func removeAll(for account: BareJID) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in try await data.removeAll(for: account) }
    }

    func removeAll(domain: String) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in try await data.removeAll(domain: domain) }
    }
}

extension DecoratedStore: AccountStore where Base == any AccountStore {
    func contains(_ account: BareJID) async throws(StorageError) -> Bool {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.contains(account) }
    }

    func credential(of account: BareJID) async throws(StorageError) -> AccountCredential? {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.credential(of: account) }
    }

    func create(
        _ account: BareJID, credential: AccountCredential, accountCountMax: Int?
    ) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.create(account, credential: credential, accountCountMax: accountCountMax)
        }
    }

    func setCredential(_ credential: AccountCredential, of account: BareJID) async throws(StorageError) -> Bool {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.setCredential(credential, of: account)
        }
    }

    func accounts(in domain: String?, after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<Account>
    {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.accounts(in: domain, after: cursor, limit: limit)
        }
    }

    func accountCount(in domain: String) async throws(StorageError) -> Int {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.accountCount(in: domain) }
    }
}

extension DecoratedStore: RosterStore where Base == any RosterStore {
    func roster(of account: BareJID, after cursor: PageCursor?, limit: Int) async throws(StorageError) -> RosterPage {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.roster(of: account, after: cursor, limit: limit)
        }
    }

    func item(_ contact: JID, of account: BareJID) async throws(StorageError) -> RosterItem? {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.item(contact, of: account) }
    }

    func version(of account: BareJID) async throws(StorageError) -> RosterVersion? {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.version(of: account) }
    }

    func add(_ items: [RosterItem], to account: BareJID) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in try await base.add(items, to: account) }
    }

    func update(
        _ contact: JID, of account: BareJID, itemCountMax: Int?,
        _ change: @escaping @Sendable (RosterItem?) -> RosterItem?
    ) async throws(StorageError) -> RosterChange {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.update(contact, of: account, itemCountMax: itemCountMax, change)
        }
    }

    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.accounts(after: cursor, limit: limit)
        }
    }
}

extension DecoratedStore: OfflineStore where Base == any OfflineStore {
    func append(
        _ message: OfflineMessage, for account: BareJID, messageCountMax: Int?
    ) async throws(StorageError) -> OfflineAppendResult {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.append(message, for: account, messageCountMax: messageCountMax)
        }
    }

    func messages(
        for account: BareJID, at nowMicroseconds: Int64, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<StoredOfflineMessage> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.messages(for: account, at: nowMicroseconds, after: cursor, limit: limit)
        }
    }

    func remove(_ messages: [OfflineMessageID], for account: BareJID) async throws(StorageError) -> Int {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.remove(messages, for: account)
        }
    }

    func messageCount(for account: BareJID) async throws(StorageError) -> Int {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.messageCount(for: account) }
    }

    func removeExpired(at nowMicroseconds: Int64, limit: Int) async throws(StorageError) -> Int {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.removeExpired(at: nowMicroseconds, limit: limit)
        }
    }

    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.accounts(after: cursor, limit: limit)
        }
    }
}

extension DecoratedStore: PrivateStore where Base == any PrivateStore {
    func element(namespace: String, of account: BareJID) async throws(StorageError) -> PrivateElement? {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.element(namespace: namespace, of: account)
        }
    }

    func set(_ elements: [PrivateElement], of account: BareJID, elementCountMax: Int?) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.set(elements, of: account, elementCountMax: elementCountMax)
        }
    }

    func elements(
        of account: BareJID, after cursor: PageCursor?, limit: Int
    ) async throws(StorageError) -> Page<PrivateElement> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.elements(of: account, after: cursor, limit: limit)
        }
    }

    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.accounts(after: cursor, limit: limit)
        }
    }
}

extension DecoratedStore: PrivacyStore where Base == any PrivacyStore {
    func names(of account: BareJID, limit: Int) async throws(StorageError) -> PrivacyListNames {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.names(of: account, limit: limit)
        }
    }

    func list(named name: String, of account: BareJID) async throws(StorageError) -> PrivacyList? {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.list(named: name, of: account)
        }
    }

    func defaultList(of account: BareJID) async throws(StorageError) -> PrivacyList? {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.defaultList(of: account) }
    }

    func set(
        _ list: PrivacyList, of account: BareJID, use: PrivacyListUse, listCountMax: Int?
    ) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.set(list, of: account, use: use, listCountMax: listCountMax)
        }
    }

    func remove(listNamed name: String, of account: BareJID) async throws(StorageError) -> Bool {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.remove(listNamed: name, of: account)
        }
    }

    func setDefault(_ name: String?, of account: BareJID) async throws(StorageError) -> PrivacyDefaultChange {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.setDefault(name, of: account)
        }
    }

    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.accounts(after: cursor, limit: limit)
        }
    }
}

extension DecoratedStore: LastActivityStore where Base == any LastActivityStore {
    func lastActivity(of account: BareJID) async throws(StorageError) -> LastActivityRecord? {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.lastActivity(of: account) }
    }

    func setLastActivity(_ record: LastActivityRecord, of account: BareJID) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.setLastActivity(record, of: account)
        }
    }

    func activeAccountCount(in domain: String, since seconds: Int64) async throws(StorageError) -> Int {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.activeAccountCount(in: domain, since: seconds)
        }
    }

    func entries(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<LastActivityEntry> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.entries(after: cursor, limit: limit)
        }
    }
}

extension DecoratedStore: VCardStore where Base == any VCardStore {
    func vCard(of account: BareJID) async throws(StorageError) -> [UInt8]? {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.vCard(of: account) }
    }

    func set(_ vCard: VCard, of account: BareJID) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in try await base.set(vCard, of: account) }
    }

    func search(_ query: VCardQuery, in domain: String, limit: Int) async throws(StorageError) -> [VCardMatch] {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.search(query, in: domain, limit: limit)
        }
    }

    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.accounts(after: cursor, limit: limit)
        }
    }
}

extension DecoratedStore: ArchiveStore where Base == any ArchiveStore {
    var features: Set<ArchiveFeature> { base.features }

    func append(_ entries: [ArchiveEntry]) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in try await base.append(entries) }
    }

    func messages(
        in archive: BareJID, matching query: ArchiveQuery, order: ArchiveOrder, limit: Int
    ) async throws(StorageError) -> [ArchivedMessage] {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.messages(in: archive, matching: query, order: order, limit: limit)
        }
    }

    func messages(in archive: BareJID, ids: [ArchiveID]) async throws(StorageError) -> [ArchivedMessage] {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.messages(in: archive, ids: ids)
        }
    }

    func count(in archive: BareJID, matching query: ArchiveQuery) async throws(StorageError) -> Int {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.count(in: archive, matching: query)
        }
    }

    func replace(_ id: ArchiveID, in archive: BareJID, by stanza: [UInt8]) async throws(StorageError) -> Bool {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.replace(id, in: archive, by: stanza)
        }
    }

    func remove(before id: ArchiveID, in archive: BareJID, limit: Int) async throws(StorageError) -> Int {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.remove(before: id, in: archive, limit: limit)
        }
    }

    func archives(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.archives(after: cursor, limit: limit)
        }
    }
}

extension DecoratedStore: ArchivePreferencesStore where Base == any ArchivePreferencesStore {
    func preferences(of account: BareJID) async throws(StorageError) -> ArchivePreferences? {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.preferences(of: account) }
    }

    func set(_ preferences: ArchivePreferences, of account: BareJID) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.set(preferences, of: account)
        }
    }

    func accounts(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.accounts(after: cursor, limit: limit)
        }
    }
}

extension DecoratedStore: RoomStore where Base == any RoomStore {
    func room(_ address: BareJID) async throws(StorageError) -> Room? {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.room(address) }
    }

    func set(_ room: Room, basedOn version: String?) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.set(room, basedOn: version)
        }
    }

    func rooms(
        of account: BareJID, in domain: String?, _ span: RoomSpan, limit: Int
    ) async throws(StorageError) -> [RoomSummary] {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.rooms(of: account, in: domain, span, limit: limit)
        }
    }

    func roomCount(
        of account: BareJID, in domain: String?, before address: BareJID?
    ) async throws(StorageError) -> Int {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.roomCount(of: account, in: domain, before: address)
        }
    }

    func blocks(of account: BareJID) async throws(StorageError) -> Set<RoomBlock> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in try await base.blocks(of: account) }
    }

    func changeBlocks(
        of account: BareJID, adding added: Set<RoomBlock>, removing removed: Set<RoomBlock>
    ) async throws(StorageError) {
        try await decorator.around(.write(kind)) { () throws(StorageError) in
            try await base.changeBlocks(of: account, adding: added, removing: removed)
        }
    }

    func accounts(
        among accounts: Set<BareJID>, thatHaveBlocked blocks: Set<RoomBlock>
    ) async throws(StorageError) -> Set<BareJID> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.accounts(among: accounts, thatHaveBlocked: blocks)
        }
    }

    func accounts(
        among accounts: Set<BareJID>, thatAreInRooms countMin: Int, in domain: String?
    ) async throws(StorageError) -> Set<BareJID> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.accounts(among: accounts, thatAreInRooms: countMin, in: domain)
        }
    }

    func addresses(after cursor: PageCursor?, limit: Int) async throws(StorageError) -> Page<BareJID> {
        try await decorator.around(.read(kind)) { () throws(StorageError) in
            try await base.addresses(after: cursor, limit: limit)
        }
    }
}
