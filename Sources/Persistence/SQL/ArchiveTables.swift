// SPDX-License-Identifier: Apache-2.0
// The tables of message archives. Their owners have numbers, which those of rooms' senders are as well.

extension Schema {
    /// The accounts, the rooms and whoever sent something to a room.
    static let archiveOwner = Table(
        name: "mam_server_user",
        columns: [.serial("id"), .name("server"), .name("user_name")],
        primaryKey: ["id"],
        indexes: [
            Index(
                ["server", "user_name"], name: "i_mam_server_user_name", otherName: "uc_mam_server_user_name",
                kind: .unique)
        ]
    )

    /// Rows lie in the order in which they came, apart from their key: in the key's own order each row of a commit would
    /// write to a page of its own, which takes four times as long (docs/decisions/0015). The message comes last, for what
    /// is behind a long one is not read without it.
    static let accountArchive = Table(
        name: "mam_message",
        columns: [
            .bigInteger("id"), .integer("user_id"), .text("from_jid"), .name("remote_bare_jid"),
            .text("remote_resource"), .code("direction"), .flag("is_groupchat"), .text("origin_id", .optional),
            .text("search_body", .optional), .bytes("message", .required),
        ],
        primaryKey: ["user_id", "id"],
        indexes: [
            Index(
                ["user_id", "remote_bare_jid", "id"], covering: ["origin_id", "remote_resource"],
                name: "i_mam_message_username_jid_id", otherName: "i_mam_message_rem"),
            Index(
                ["user_id", "remote_bare_jid", "origin_id"], name: "i_mam_message_username_jid_origin_id",
                isOmittedBySQLite: true),
            Index(["search_body"], name: "i_mam_message_words", kind: .words),
        ],
        rowSize: .large
    )

    /// The index of senders tells who may be forgotten.
    static let roomArchive = Table(
        name: "mam_muc_message",
        columns: [
            .bigInteger("id"), .integer("room_id"), .integer("sender_id"), .name("nick_name"),
            .text("origin_id", .optional), .text("search_body", .optional), .bytes("message", .required),
        ],
        primaryKey: ["room_id", "id"],
        indexes: [
            Index(["room_id", "nick_name", "id"], covering: ["origin_id"]),
            Index(["sender_id", "id"], name: "i_mam_muc_message_sender_id"),
            Index(["search_body"], name: "i_mam_muc_message_words", kind: .words),
        ],
        rowSize: .large
    )

    static let archivePreferences = Table(
        name: "mam_config",
        columns: [.integer("user_id"), .name("remote_jid"), .code("behaviour")],
        primaryKey: ["user_id", "remote_jid"]
    )
}
