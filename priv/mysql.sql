-- The schema of mimd, version 4, as `mimd schema print` prints it. mimd itself needs no such file.

CREATE TABLE mimd_schema (
    version INTEGER NOT NULL,
    checksum MEDIUMTEXT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (version)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE TABLE users (
    username VARCHAR(250) NOT NULL,
    server VARCHAR(250) NOT NULL,
    password MEDIUMTEXT NOT NULL,
    pass_details MEDIUMTEXT,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE TABLE last (
    server VARCHAR(250) NOT NULL,
    username VARCHAR(250) NOT NULL,
    seconds INTEGER NOT NULL,
    state MEDIUMTEXT NOT NULL,
    PRIMARY KEY (server, username)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE INDEX i_last_server_seconds ON last (server, seconds);

CREATE TABLE rosterusers (
    server VARCHAR(250) NOT NULL,
    username VARCHAR(250) NOT NULL,
    jid VARCHAR(250) NOT NULL,
    nick MEDIUMTEXT NOT NULL,
    subscription CHAR(1) NOT NULL,
    ask CHAR(1) NOT NULL,
    askmessage MEDIUMTEXT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username, jid)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE TABLE rostergroups (
    server VARCHAR(250) NOT NULL,
    username VARCHAR(250) NOT NULL,
    jid VARCHAR(250) NOT NULL,
    grp MEDIUMTEXT NOT NULL,
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE INDEX i_rostergroups_server_username_jid ON rostergroups (server, username, jid);

CREATE TABLE roster_version (
    server VARCHAR(250) NOT NULL,
    username VARCHAR(250) NOT NULL,
    version MEDIUMTEXT NOT NULL,
    PRIMARY KEY (server, username)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE TABLE private_storage (
    server VARCHAR(250) NOT NULL,
    username VARCHAR(250) NOT NULL,
    namespace VARCHAR(250) NOT NULL,
    data MEDIUMTEXT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username, namespace)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE TABLE offline_message (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    timestamp BIGINT NOT NULL,
    expire BIGINT,
    server VARCHAR(250) NOT NULL,
    username VARCHAR(250) NOT NULL,
    from_jid MEDIUMTEXT NOT NULL,
    packet MEDIUMTEXT NOT NULL,
    permanent_fields MEDIUMBLOB
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE INDEX i_offline_message_server_username_id ON offline_message (server, username, id);

CREATE INDEX i_offline_message_expire ON offline_message (expire);

INSERT INTO mimd_schema (version, checksum) VALUES (1, '06e28f8826ceb8a1');

CREATE TABLE vcard (
    username VARCHAR(250) NOT NULL,
    server VARCHAR(250) NOT NULL,
    vcard MEDIUMTEXT NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (server, username)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE TABLE vcard_search (
    username MEDIUMTEXT NOT NULL,
    lusername VARCHAR(250) NOT NULL,
    server VARCHAR(250) NOT NULL,
    fn MEDIUMTEXT NOT NULL,
    lfn VARCHAR(250) NOT NULL,
    family MEDIUMTEXT NOT NULL,
    lfamily VARCHAR(250) NOT NULL,
    given MEDIUMTEXT NOT NULL,
    lgiven VARCHAR(250) NOT NULL,
    middle MEDIUMTEXT NOT NULL,
    lmiddle VARCHAR(250) NOT NULL,
    nickname MEDIUMTEXT NOT NULL,
    lnickname VARCHAR(250) NOT NULL,
    bday MEDIUMTEXT NOT NULL,
    lbday VARCHAR(250) NOT NULL,
    ctry MEDIUMTEXT NOT NULL,
    lctry VARCHAR(250) NOT NULL,
    locality MEDIUMTEXT NOT NULL,
    llocality VARCHAR(250) NOT NULL,
    email MEDIUMTEXT NOT NULL,
    lemail VARCHAR(250) NOT NULL,
    orgname MEDIUMTEXT NOT NULL,
    lorgname VARCHAR(250) NOT NULL,
    orgunit MEDIUMTEXT NOT NULL,
    lorgunit VARCHAR(250) NOT NULL,
    PRIMARY KEY (server, lusername)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

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
    server VARCHAR(250) NOT NULL,
    username VARCHAR(250) NOT NULL,
    name MEDIUMTEXT NOT NULL,
    PRIMARY KEY (server, username)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE TABLE privacy_list (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    server VARCHAR(250) NOT NULL,
    username VARCHAR(250) NOT NULL,
    name VARCHAR(250) NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE INDEX i_privacy_list_server_username_name ON privacy_list (server, username, name);

CREATE TABLE privacy_list_data (
    id BIGINT NOT NULL,
    t CHAR(1) NOT NULL,
    value MEDIUMTEXT NOT NULL,
    action CHAR(1) NOT NULL,
    ord INTEGER NOT NULL,
    match_all BOOLEAN NOT NULL,
    match_iq BOOLEAN NOT NULL,
    match_message BOOLEAN NOT NULL,
    match_presence_in BOOLEAN NOT NULL,
    match_presence_out BOOLEAN NOT NULL,
    PRIMARY KEY (id, ord)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

INSERT INTO mimd_schema (version, checksum) VALUES (2, '3dc51fdaada21ba1');

CREATE TABLE muc_light_rooms (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    luser VARCHAR(250) NOT NULL,
    lserver VARCHAR(250) NOT NULL,
    version MEDIUMTEXT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE UNIQUE INDEX i_muc_light_rooms_lserver_luser ON muc_light_rooms (lserver, luser);

CREATE TABLE muc_light_occupants (
    room_id BIGINT NOT NULL,
    luser VARCHAR(250) NOT NULL,
    lserver VARCHAR(250) NOT NULL,
    aff SMALLINT NOT NULL,
    PRIMARY KEY (room_id, lserver, luser)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE INDEX i_muc_light_occupants_lserver_luser ON muc_light_occupants (lserver, luser);

CREATE TABLE muc_light_config (
    room_id BIGINT NOT NULL,
    opt VARCHAR(250) NOT NULL,
    val MEDIUMTEXT NOT NULL,
    PRIMARY KEY (room_id, opt)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE TABLE muc_light_blocking (
    luser VARCHAR(250) NOT NULL,
    lserver VARCHAR(250) NOT NULL,
    what SMALLINT NOT NULL,
    who VARCHAR(250) NOT NULL,
    PRIMARY KEY (lserver, luser, what, who)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

INSERT INTO mimd_schema (version, checksum) VALUES (3, 'a7c7daa79647797c');

CREATE TABLE mam_server_user (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    server VARCHAR(250) NOT NULL,
    user_name VARCHAR(250) NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE UNIQUE INDEX i_mam_server_user_name ON mam_server_user (server, user_name);

CREATE TABLE mam_message (
    id BIGINT NOT NULL,
    user_id INTEGER NOT NULL,
    from_jid MEDIUMTEXT NOT NULL,
    remote_bare_jid VARCHAR(250) NOT NULL,
    remote_resource MEDIUMTEXT NOT NULL,
    direction CHAR(1) NOT NULL,
    is_groupchat BOOLEAN NOT NULL,
    origin_id VARCHAR(250),
    search_body MEDIUMTEXT,
    message MEDIUMBLOB NOT NULL,
    PRIMARY KEY (user_id, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE INDEX i_mam_message_username_jid_id ON mam_message (user_id, remote_bare_jid, id);

CREATE INDEX i_mam_message_username_jid_origin_id ON mam_message (user_id, remote_bare_jid, origin_id);

CREATE TABLE mam_muc_message (
    id BIGINT NOT NULL,
    room_id INTEGER NOT NULL,
    sender_id INTEGER NOT NULL,
    nick_name VARCHAR(250) NOT NULL,
    origin_id MEDIUMTEXT,
    search_body MEDIUMTEXT,
    message MEDIUMBLOB NOT NULL,
    PRIMARY KEY (room_id, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

CREATE INDEX i_mam_muc_message_room_id_nick_name_id ON mam_muc_message (room_id, nick_name, id);

CREATE INDEX i_mam_muc_message_sender_id ON mam_muc_message (sender_id, id);

CREATE TABLE mam_config (
    user_id INTEGER NOT NULL,
    remote_jid VARCHAR(250) NOT NULL,
    behaviour CHAR(1) NOT NULL,
    PRIMARY KEY (user_id, remote_jid)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin *//*M! COLLATE utf8mb4_nopad_bin */;

INSERT INTO mimd_schema (version, checksum) VALUES (4, '876b13a7a60b7be2');
