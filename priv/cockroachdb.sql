-- The schema of mimd, version 2, as `mimd schema print` prints it. mimd itself needs no such file.

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

CREATE SEQUENCE offline_message_id_seq;

CREATE TABLE offline_message (
    id INTEGER PRIMARY KEY DEFAULT nextval('offline_message_id_seq'),
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

INSERT INTO mimd_schema (version, checksum) VALUES (1, 'b834e598117f670a');

CREATE TABLE privacy_default_list (
    server TEXT NOT NULL,
    username TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (server, username)
);

CREATE SEQUENCE privacy_list_id_seq;

CREATE TABLE privacy_list (
    id INTEGER PRIMARY KEY DEFAULT nextval('privacy_list_id_seq'),
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

INSERT INTO mimd_schema (version, checksum) VALUES (2, 'e207a4479d4b79ce');

COMMIT;
