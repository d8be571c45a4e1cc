// SPDX-License-Identifier: Apache-2.0
// The tables, under the names and with the codes and units of MongooseIM 6.8, and the steps that made them.

import XMPPCore

/// One step of the schema. A step that was released is never changed: a later one changes what it made.
struct Migration: Hashable, Sendable {
    var version: Int
    var tables: [Table]

    func statements(in dialect: Dialect) -> [String] { tables.flatMap { dialect.statements(for: $0) } }

    /// A hash (FNV-1a, 64 bits) of what this step does in a dialect: it tells that two programs mean the same step by
    /// one number. It is no protection against anybody.
    func checksum(in dialect: Dialect) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in statements(in: dialect).joined(separator: ";\n").utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// The schema of a database of mimd's.
public enum Schema {
    /// The version that this library makes and knows.
    public static var version: Int { migrations.last?.version ?? 0 }

    static let migrations = [
        Migration(
            version: 1,
            tables: [users, last, rosterUsers, rosterGroups, rosterVersion, privateStorage, offlineMessage]
        ),
        Migration(version: 2, tables: [vCard, vCardSearch, privacyDefaultList, privacyList, privacyListData]),
        Migration(version: 3, tables: [mucLightRooms, mucLightOccupants, mucLightConfig, mucLightBlocking]),
        Migration(version: 4, tables: [archiveOwner, accountArchive, roomArchive, archivePreferences]),
    ]

    /// Where the schema's own version is written down.
    static let versionTable = Table(
        name: "mimd_schema",
        columns: [.integer("version"), .text("checksum"), .createdAt],
        primaryKey: ["version"]
    )

    static let users = Table(
        name: "users",
        columns: [
            .name("username"), .name("server"), .text("password"), .text("pass_details", .optional), .createdAt,
        ],
        primaryKey: ["server", "username"]
    )

    static let last = Table(
        name: "last",
        columns: [.name("server"), .name("username"), .integer("seconds"), .text("state")],
        primaryKey: ["server", "username"],
        indexes: [["server", "seconds"]]
    )

    static let rosterUsers = Table(
        name: "rosterusers",
        columns: [
            .name("server"), .name("username"), .text("jid"), .text("nick"), .code("subscription"), .code("ask"),
            .text("askmessage"), .createdAt,
        ],
        primaryKey: ["server", "username", "jid"]
    )

    static let rosterGroups = Table(
        name: "rostergroups",
        columns: [.name("server"), .name("username"), .text("jid"), .text("grp")],
        primaryKey: ["server", "username", "jid", "grp"]
    )

    static let rosterVersion = Table(
        name: "roster_version",
        columns: [.name("server"), .name("username"), .text("version")],
        primaryKey: ["server", "username"]
    )

    static let privateStorage = Table(
        name: "private_storage",
        columns: [.name("server"), .name("username"), .name("namespace"), .text("data"), .createdAt],
        primaryKey: ["server", "username", "namespace"],
        rowSize: .large
    )

    /// The index on `expire` is ours: without it, looking for expired messages reads all of them.
    static let offlineMessage = Table(
        name: "offline_message",
        columns: [
            .serial("id"), .bigInteger("timestamp"), .bigInteger("expire", .optional), .name("server"),
            .name("username"), .name("from_jid"), .text("packet"), .bytes("permanent_fields", .optional),
        ],
        primaryKey: ["id"],
        indexes: [["server", "username", "id"], ["expire"]]
    )

    static let vCard = Table(
        name: "vcard",
        columns: [.name("username"), .name("server"), .text("vcard"), .createdAt],
        primaryKey: ["server", "username"],
        rowSize: .large
    )

    /// A search is always one of a domain. MongooseIM's indexes, one on each column, stay where they are.
    static let vCardSearch = Table(
        name: "vcard_search",
        columns: [.name("username"), .name("lusername"), .name("server")]
            + SQLVCardStore.textFields.flatMap { [.text($0.rawValue), .text("l" + $0.rawValue)] },
        primaryKey: ["server", "lusername"],
        indexes: searchedColumns.map { Index(["server", $0]) },
        rowSize: .large,
        byteOrderedColumns: Set(searchedColumns)
    )

    /// `lusername` too: the index of a primary key knows no ranges of bytes.
    private static let searchedColumns = VCardField.allCases.map { "l" + $0.rawValue }

    static let privacyDefaultList = Table(
        name: "privacy_default_list",
        columns: [.name("server"), .name("username"), .text("name")],
        primaryKey: ["server", "username"]
    )

    /// MongooseIM's key is the index here, and the other way round; either way a list is found by both.
    static let privacyList = Table(
        name: "privacy_list",
        columns: [.serial("id"), .name("server"), .name("username"), .name("name"), .createdAt],
        primaryKey: ["id"],
        indexes: [["server", "username", "name"]]
    )

    static let privacyListData = Table(
        name: "privacy_list_data",
        columns: [
            .bigInteger("id"), .code("t"), .text("value"), .code("action"), .integer("ord"), .flag("match_all"),
            .flag("match_iq"), .flag("match_message"), .flag("match_presence_in"), .flag("match_presence_out"),
        ],
        primaryKey: ["id", "ord"]
    )

    /// MongooseIM's key is the unique index here, and the other way round.
    static let mucLightRooms = Table(
        name: "muc_light_rooms",
        columns: [.serial("id"), .name("luser"), .name("lserver"), .text("version")],
        primaryKey: ["id"],
        indexes: [Index(["lserver", "luser"], kind: .unique)]
    )

    static let mucLightOccupants = Table(
        name: "muc_light_occupants",
        columns: [.bigInteger("room_id"), .name("luser"), .name("lserver"), .smallInteger("aff")],
        primaryKey: ["room_id", "lserver", "luser"],
        indexes: [["lserver", "luser"]]
    )

    static let mucLightConfig = Table(
        name: "muc_light_config",
        columns: [.bigInteger("room_id"), .name("opt"), .text("val")],
        primaryKey: ["room_id", "opt"]
    )

    static let mucLightBlocking = Table(
        name: "muc_light_blocking",
        columns: [.name("luser"), .name("lserver"), .smallInteger("what"), .name("who")],
        primaryKey: ["lserver", "luser", "what", "who"]
    )

    /// The whole schema as a script that makes an empty database into one that this library opens: what `priv/` holds.
    public static func text(in dialect: Dialect) -> String {
        var text = """
            -- The schema of mimd, version \(version), as `mimd schema print` prints it. mimd itself needs no such file.

            """ + "\n"
        if dialect.undoesDefinitions { text += "BEGIN;\n" }
        for statement in dialect.statements(for: versionTable) { text += statement + ";\n\n" }
        for migration in migrations {
            for statement in migration.statements(in: dialect) { text += statement + ";\n\n" }
            text += migration.record(in: dialect) + ";\n\n"
        }
        return dialect.undoesDefinitions ? text + "COMMIT;\n" : String(text.dropLast())
    }
}
