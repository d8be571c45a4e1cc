-- The schema of mimd, version 4, as `mimd schema print` prints it. mimd itself needs no such file.

BEGIN;
CREATE TABLE mimd_schema (
    version INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (version)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    username TEXT NOT NULL,
    server TEXT NOT NULL,
    password TEXT NOT NULL,
    pass_details TEXT,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username)
) STRICT, WITHOUT ROWID;

CREATE TABLE last (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (server, username)
) STRICT, WITHOUT ROWID;

CREATE INDEX i_last_server_seconds ON last (server, seconds);

CREATE TABLE rosterusers (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    jid TEXT NOT NULL,
    nick TEXT NOT NULL,
    subscription TEXT NOT NULL,
    ask TEXT NOT NULL,
    askmessage TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username, jid)
) STRICT, WITHOUT ROWID;

CREATE TABLE rostergroups (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    jid TEXT NOT NULL,
    grp TEXT NOT NULL,
    PRIMARY KEY (server, username, jid, grp)
) STRICT, WITHOUT ROWID;

CREATE TABLE roster_version (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (server, username)
) STRICT, WITHOUT ROWID;

CREATE TABLE private_storage (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    namespace TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username, namespace)
) STRICT;

CREATE TABLE offline_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp INTEGER NOT NULL,
    expire INTEGER,
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    from_jid TEXT NOT NULL,
    packet TEXT NOT NULL,
    permanent_fields BLOB
) STRICT;

CREATE INDEX i_offline_message_server_username_id ON offline_message (server, username, id);

CREATE INDEX i_offline_message_expire ON offline_message (expire);

INSERT INTO mimd_schema (version, checksum) VALUES (1, '72234c8b6e3f8e33');

CREATE TABLE vcard (
    username TEXT NOT NULL,
    server TEXT NOT NULL,
    vcard TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username)
) STRICT;

CREATE TABLE vcard_search (
    username TEXT NOT NULL,
    lusername TEXT NOT NULL,
    server TEXT NOT NULL,
    fn TEXT NOT NULL,
    lfn TEXT NOT NULL,
    "family" TEXT NOT NULL,
    lfamily TEXT NOT NULL,
    given TEXT NOT NULL,
    lgiven TEXT NOT NULL,
    middle TEXT NOT NULL,
    lmiddle TEXT NOT NULL,
    nickname TEXT NOT NULL,
    lnickname TEXT NOT NULL,
    bday TEXT NOT NULL,
    lbday TEXT NOT NULL,
    ctry TEXT NOT NULL,
    lctry TEXT NOT NULL,
    locality TEXT NOT NULL,
    llocality TEXT NOT NULL,
    email TEXT NOT NULL,
    lemail TEXT NOT NULL,
    orgname TEXT NOT NULL,
    lorgname TEXT NOT NULL,
    orgunit TEXT NOT NULL,
    lorgunit TEXT NOT NULL,
    PRIMARY KEY (server, lusername)
) STRICT;

CREATE INDEX i_vcard_search_server_lusername ON vcard_search (server, lusername);

CREATE INDEX i_vcard_search_server_lfn ON vcard_search (server, lfn);

CREATE INDEX i_vcard_search_server_lfamily ON vcard_search (server, lfamily);

CREATE INDEX i_vcard_search_server_lgiven ON vcard_search (server, lgiven);

CREATE INDEX i_vcard_search_server_lmiddle ON vcard_search (server, lmiddle);

CREATE INDEX i_vcard_search_server_lnickname ON vcard_search (server, lnickname);

CREATE INDEX i_vcard_search_server_lbday ON vcard_search (server, lbday);

CREATE INDEX i_vcard_search_server_lctry ON vcard_search (server, lctry);

CREATE INDEX i_vcard_search_server_llocality ON vcard_search (server, llocality);

CREATE INDEX i_vcard_search_server_lemail ON vcard_search (server, lemail);

CREATE INDEX i_vcard_search_server_lorgname ON vcard_search (server, lorgname);

CREATE INDEX i_vcard_search_server_lorgunit ON vcard_search (server, lorgunit);

CREATE TABLE privacy_default_list (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (server, username)
) STRICT, WITHOUT ROWID;

CREATE TABLE privacy_list (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT;

CREATE INDEX i_privacy_list_server_username_name ON privacy_list (server, username, name);

CREATE TABLE privacy_list_data (
    id INTEGER NOT NULL,
    t TEXT NOT NULL,
    value TEXT NOT NULL,
    action TEXT NOT NULL,
    ord INTEGER NOT NULL,
    match_all INTEGER NOT NULL,
    match_iq INTEGER NOT NULL,
    match_message INTEGER NOT NULL,
    match_presence_in INTEGER NOT NULL,
    match_presence_out INTEGER NOT NULL,
    PRIMARY KEY (id, ord)
) STRICT, WITHOUT ROWID;

INSERT INTO mimd_schema (version, checksum) VALUES (2, 'd1ab7858e4fb92ce');

CREATE TABLE muc_light_rooms (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    luser TEXT NOT NULL,
    lserver TEXT NOT NULL,
    version TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX i_muc_light_rooms_lserver_luser ON muc_light_rooms (lserver, luser);

CREATE TABLE muc_light_occupants (
    room_id INTEGER NOT NULL,
    luser TEXT NOT NULL,
    lserver TEXT NOT NULL,
    aff INTEGER NOT NULL,
    PRIMARY KEY (room_id, lserver, luser)
) STRICT, WITHOUT ROWID;

CREATE INDEX i_muc_light_occupants_lserver_luser ON muc_light_occupants (lserver, luser);

CREATE TABLE muc_light_config (
    room_id INTEGER NOT NULL,
    opt TEXT NOT NULL,
    val TEXT NOT NULL,
    PRIMARY KEY (room_id, opt)
) STRICT, WITHOUT ROWID;

CREATE TABLE muc_light_blocking (
    luser TEXT NOT NULL,
    lserver TEXT NOT NULL,
    what INTEGER NOT NULL,
    who TEXT NOT NULL,
    PRIMARY KEY (lserver, luser, what, who)
) STRICT, WITHOUT ROWID;

INSERT INTO mimd_schema (version, checksum) VALUES (3, 'fe2a961b0752e57f');

CREATE TABLE mam_server_user (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server TEXT NOT NULL,
    user_name TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX i_mam_server_user_name ON mam_server_user (server, user_name);

CREATE TABLE mam_message (
    id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    from_jid TEXT NOT NULL,
    remote_bare_jid TEXT NOT NULL,
    remote_resource TEXT NOT NULL,
    direction TEXT NOT NULL,
    is_groupchat INTEGER NOT NULL,
    origin_id TEXT,
    search_body TEXT,
    message BLOB NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT;

CREATE INDEX i_mam_message_username_jid_id ON mam_message (user_id, remote_bare_jid, id, origin_id, remote_resource);

CREATE TABLE mam_muc_message (
    id INTEGER NOT NULL,
    room_id INTEGER NOT NULL,
    sender_id INTEGER NOT NULL,
    nick_name TEXT NOT NULL,
    origin_id TEXT,
    search_body TEXT,
    message BLOB NOT NULL,
    PRIMARY KEY (room_id, id)
) STRICT;

CREATE INDEX i_mam_muc_message_room_id_nick_name_id ON mam_muc_message (room_id, nick_name, id, origin_id);

CREATE INDEX i_mam_muc_message_sender_id ON mam_muc_message (sender_id, id);

CREATE TABLE mam_config (
    user_id INTEGER NOT NULL,
    remote_jid TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    PRIMARY KEY (user_id, remote_jid)
) STRICT, WITHOUT ROWID;

INSERT INTO mimd_schema (version, checksum) VALUES (4, '9befd9a7a6c23706');

COMMIT;
