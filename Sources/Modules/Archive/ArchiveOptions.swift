// SPDX-License-Identifier: Apache-2.0
// The options of mod_mam: MongooseIM's keys, and `retention_days`.

public import XMPPCore

/// What is configured for one kind of archives, of accounts (`pm`) or of rooms (`muc`).
public struct ArchiveOptions: ModuleOptions {
    /// How addresses are written in MongooseIM's tables. The raw value is that of the key `db_jid_format`.
    public enum AddressFormat: String, Hashable, Sendable, CaseIterable {
        /// As far as they differ from the owner's.
        case mini = "mam_jid_mini"
        /// Whole.
        case rfc = "mam_jid_rfc"
        /// Whole, and read without looking whether they are any.
        case trusted = "mam_jid_rfc_trust"
    }

    /// Whether delivered messages say what they are called in the archive.
    public var namesMessages = true
    /// Whether chat markers (XEP-0333) are archived for their own sake.
    public var keepsChatMarkers = false
    /// Whether retracted messages become tombstones (XEP-0424).
    public var retractsMessages = true
    /// Whether messages are kept so that they can be found by their words.
    public var isSearchable = true
    /// The messages of a page when nobody says how many.
    public var defaultResultCount = 50
    /// The messages of a page at most.
    public var resultCountMax = 50
    /// How addresses are written; nil for what MongooseIM does with this kind of archive.
    public var addressFormat: AddressFormat?
    /// How many days messages are kept; nil for ever.
    public var retentionDayCount: Int?
    /// Whether messages that come through rooms are archived for each account too.
    public var keepsGroupchat = false
    /// The domain whose rooms have archives; `@HOST@` in it stands for the host's. Nil for those of all domains.
    public var roomDomain: String?

    /// Messages of a page that may be asked for, whatever is configured.
    static let resultCountRange = 1...Page<ArchivedMessage>.itemCountMax - 1

    /// The defaults.
    public init() {}

    /// Reads the section `modules.mod_mam`, or one of those below it.
    public mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.read("no_stanzaid_element", into: &namesMessages, isInverted: true)
        try o.read("archive_chat_markers", into: &keepsChatMarkers)
        try o.read("message_retraction", into: &retractsMessages)
        try o.read("full_text_search", into: &isSearchable)
        try o.read("default_result_limit", into: &defaultResultCount, in: Self.resultCountRange)
        try o.read("max_result_limit", into: &resultCountMax, in: Self.resultCountRange)
        try o.read("db_jid_format", into: &addressFormat)
        try o.read("retention_days", into: &retentionDayCount, in: 1...36_500)
        // Nobody counts unless a client asks for it, which is what this key is for.
        var enforcesSimpleQueries = false
        try o.read("enforce_simple_queries", into: &enforcesSimpleQueries)
        o.ignore(
            "db_message_format", unless: "mam_message_xml",
            because: "messages are written as XML; those that are there are read in each of MongooseIM's formats")
        o.ignore("async_writer", because: "has no effect: messages are written at once, many together")
        o.ignore("cache_users", because: "has no effect: there is nothing to be cached")
        o.ignore("cache", because: "has no effect: there is nothing to be cached")
        o.ignore("delete_domain_limit", unless: "infinity")
        o.ignore("is_archivable_message", unless: "mod_mam_utils")
        o.ignore("send_message", unless: "mod_mam_utils")
        o.ignore("extra_fin_element")
        o.ignore("extra_lookup_params")
    }
}

extension MessageArchive {
    /// The options of mod_mam.
    public struct Options: ModuleOptions {
        /// For the archives of accounts; nil when there are none.
        public var accounts: ArchiveOptions?
        /// For the archives of rooms; nil when there are none.
        public var rooms: ArchiveOptions?
        /// The name of the backend that keeps what accounts want archived; nil when all of theirs is. Which backend a name
        /// means is for whoever makes the ``Storage`` to decide.
        public var preferencesBackendName: String?

        /// No archives.
        public init() {}

        /// Reads the section `modules.mod_mam`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            var shared = ArchiveOptions()
            try shared.read(&o)
            var preferences: String?
            try o.read("user_prefs_store", into: &preferences)
            var accounts = shared
            let hasAccounts = try o.readTable("pm") { (o: inout OptionReader) throws(OptionError) in
                try accounts.readPart(&o)
                try o.read("user_prefs_store", into: &preferences)
                try o.read("archive_groupchats", into: &accounts.keepsGroupchat)
                o.ignore("same_mam_id_for_peers", unless: false)
            }
            var rooms = shared
            let hasRooms = try o.readTable("muc") { (o: inout OptionReader) throws(OptionError) in
                try rooms.readPart(&o)
                o.ignore("user_prefs_store", because: "has no effect: rooms have no preferences")
                var domain = ""
                if o.take("host") != nil {
                    try o.readServiceDomain("host", into: &domain)
                    rooms.roomDomain = domain
                }
            }
            self.accounts = hasAccounts ? accounts : nil
            self.rooms = hasRooms ? rooms : nil
            preferencesBackendName = hasAccounts ? preferences : nil
            guard !hasAccounts, !hasRooms else { return }
            o.warnHere("archives nothing: write [\(o.keyPath("pm"))] for accounts, [\(o.keyPath("muc"))] for rooms")
        }
    }
}

extension ArchiveOptions {
    /// Reads `modules.mod_mam.pm` or `.muc`, which say only what differs.
    fileprivate mutating func readPart(_ o: inout OptionReader) throws(OptionError) {
        try read(&o)
        // It is for whoever makes the ``Storage``.
        _ = o.take("backend")
    }

    var limits: ArchiveRequest.Limits {
        ArchiveRequest.Limits(
            defaultCount: min(defaultResultCount, resultCountMax), countMax: resultCountMax, isSearchable: isSearchable)
    }
}

extension OptionReader {
    /// Reads `true` or `false` as its opposite.
    fileprivate mutating func read(_ key: String, into value: inout Bool, isInverted: Bool) throws(OptionError) {
        var written = value != isInverted
        try read(key, into: &written)
        value = written != isInverted
    }
}
