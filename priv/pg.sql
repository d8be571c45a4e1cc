-- The schema of mimd, version 4, as `mimd schema print` prints it. mimd itself needs no such file.

BEGIN;
CREATE TABLE mimd_schema (
    version INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (version)
);

CREATE TABLE users (
    username TEXT NOT NULL,
    server TEXT NOT NULL,
    password TEXT NOT NULL,
    pass_details TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username)
);

CREATE TABLE last (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (server, username)
);

CREATE INDEX i_last_server_seconds ON last (server, seconds);

CREATE TABLE rosterusers (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    jid TEXT NOT NULL,
    nick TEXT NOT NULL,
    subscription CHAR(1) NOT NULL,
    ask CHAR(1) NOT NULL,
    askmessage TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username, jid)
);

CREATE TABLE rostergroups (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    jid TEXT NOT NULL,
    grp TEXT NOT NULL,
    PRIMARY KEY (server, username, jid, grp)
);

CREATE TABLE roster_version (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (server, username)
);

CREATE TABLE private_storage (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    namespace TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username, namespace)
);

CREATE TABLE offline_message (
    id SERIAL PRIMARY KEY,
    timestamp BIGINT NOT NULL,
    expire BIGINT,
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    from_jid TEXT NOT NULL,
    packet TEXT NOT NULL,
    permanent_fields BYTEA
);

CREATE INDEX i_offline_message_server_username_id ON offline_message (server, username, id);

CREATE INDEX i_offline_message_expire ON offline_message (expire);

INSERT INTO mimd_schema (version, checksum) VALUES (1, '9ddf484a075d9722');

CREATE TABLE vcard (
    username TEXT NOT NULL,
    server TEXT NOT NULL,
    vcard TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username)
);

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
);

CREATE INDEX i_vcard_search_server_lusername ON vcard_search (server, lusername text_pattern_ops);

CREATE INDEX i_vcard_search_server_lfn ON vcard_search (server, lfn text_pattern_ops);

CREATE INDEX i_vcard_search_server_lfamily ON vcard_search (server, lfamily text_pattern_ops);

CREATE INDEX i_vcard_search_server_lgiven ON vcard_search (server, lgiven text_pattern_ops);

CREATE INDEX i_vcard_search_server_lmiddle ON vcard_search (server, lmiddle text_pattern_ops);

CREATE INDEX i_vcard_search_server_lnickname ON vcard_search (server, lnickname text_pattern_ops);

CREATE INDEX i_vcard_search_server_lbday ON vcard_search (server, lbday text_pattern_ops);

CREATE INDEX i_vcard_search_server_lctry ON vcard_search (server, lctry text_pattern_ops);

CREATE INDEX i_vcard_search_server_llocality ON vcard_search (server, llocality text_pattern_ops);

CREATE INDEX i_vcard_search_server_lemail ON vcard_search (server, lemail text_pattern_ops);

CREATE INDEX i_vcard_search_server_lorgname ON vcard_search (server, lorgname text_pattern_ops);

CREATE INDEX i_vcard_search_server_lorgunit ON vcard_search (server, lorgunit text_pattern_ops);

CREATE TABLE privacy_default_list (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (server, username)
);

CREATE TABLE privacy_list (
    id SERIAL PRIMARY KEY,
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX i_privacy_list_server_username_name ON privacy_list (server, username, name);

CREATE TABLE privacy_list_data (
    id BIGINT NOT NULL,
    t CHAR(1) NOT NULL,
    value TEXT NOT NULL,
    action CHAR(1) NOT NULL,
    ord INTEGER NOT NULL,
    match_all BOOLEAN NOT NULL,
    match_iq BOOLEAN NOT NULL,
    match_message BOOLEAN NOT NULL,
    match_presence_in BOOLEAN NOT NULL,
    match_presence_out BOOLEAN NOT NULL,
    PRIMARY KEY (id, ord)
);

INSERT INTO mimd_schema (version, checksum) VALUES (2, '915bc971e7ca244c');

CREATE TABLE muc_light_rooms (
    id SERIAL PRIMARY KEY,
    luser TEXT NOT NULL,
    lserver TEXT NOT NULL,
    version TEXT NOT NULL
);

CREATE UNIQUE INDEX i_muc_light_rooms_lserver_luser ON muc_light_rooms (lserver, luser);

CREATE TABLE muc_light_occupants (
    room_id BIGINT NOT NULL,
    luser TEXT NOT NULL,
    lserver TEXT NOT NULL,
    aff SMALLINT NOT NULL,
    PRIMARY KEY (room_id, lserver, luser)
);

CREATE INDEX i_muc_light_occupants_lserver_luser ON muc_light_occupants (lserver, luser);

CREATE TABLE muc_light_config (
    room_id BIGINT NOT NULL,
    opt TEXT NOT NULL,
    val TEXT NOT NULL,
    PRIMARY KEY (room_id, opt)
);

CREATE TABLE muc_light_blocking (
    luser TEXT NOT NULL,
    lserver TEXT NOT NULL,
    what SMALLINT NOT NULL,
    who TEXT NOT NULL,
    PRIMARY KEY (lserver, luser, what, who)
);

INSERT INTO mimd_schema (version, checksum) VALUES (3, '198605d2ad89698c');

CREATE TABLE mam_server_user (
    id SERIAL PRIMARY KEY,
    server TEXT NOT NULL,
    user_name TEXT NOT NULL
);

CREATE UNIQUE INDEX i_mam_server_user_name ON mam_server_user (server, user_name);

CREATE TABLE mam_message (
    id BIGINT NOT NULL,
    user_id INTEGER NOT NULL,
    from_jid TEXT NOT NULL,
    remote_bare_jid TEXT NOT NULL,
    remote_resource TEXT NOT NULL,
    direction CHAR(1) NOT NULL,
    is_groupchat BOOLEAN NOT NULL,
    origin_id TEXT,
    search_body TEXT,
    message BYTEA NOT NULL,
    PRIMARY KEY (user_id, id)
);

CREATE INDEX i_mam_message_username_jid_id ON mam_message (user_id, remote_bare_jid, id);

CREATE INDEX i_mam_message_username_jid_origin_id ON mam_message (user_id, remote_bare_jid, origin_id);

CREATE INDEX i_mam_message_words ON mam_message USING GIN (string_to_array(search_body, ' '));

CREATE TABLE mam_muc_message (
    id BIGINT NOT NULL,
    room_id INTEGER NOT NULL,
    sender_id INTEGER NOT NULL,
    nick_name TEXT NOT NULL,
    origin_id TEXT,
    search_body TEXT,
    message BYTEA NOT NULL,
    PRIMARY KEY (room_id, id)
);

CREATE INDEX i_mam_muc_message_room_id_nick_name_id ON mam_muc_message (room_id, nick_name, id);

CREATE INDEX i_mam_muc_message_sender_id ON mam_muc_message (sender_id, id);

CREATE INDEX i_mam_muc_message_words ON mam_muc_message USING GIN (string_to_array(search_body, ' '));

CREATE TABLE mam_config (
    user_id INTEGER NOT NULL,
    remote_jid TEXT NOT NULL,
    behaviour CHAR(1) NOT NULL,
    PRIMARY KEY (user_id, remote_jid)
);

INSERT INTO mimd_schema (version, checksum) VALUES (4, 'f84197b56f298f6d');

COMMIT;
