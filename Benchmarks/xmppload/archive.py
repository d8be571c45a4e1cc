#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""archive.py STORE ACCOUNT COUNT: puts so many messages into the archive of an account, past the server, which must not
run. They are of 50 people, and lie in the order in which they came, as the server would have written them."""
import sqlite3, sys
store, account, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
localpart, domain = account.split("@")
db = sqlite3.connect(store)
db.execute("INSERT OR IGNORE INTO mam_server_user (server, user_name) VALUES (?, ?)", (domain, localpart))
(owner,) = db.execute("SELECT id FROM mam_server_user WHERE server = ? AND user_name = ?", (domain, localpart)).fetchone()
start = 1_600_000_000_000_000
def rows():
    for number in range(count):
        peer = f"peer{number % 50}"
        text = f"message {number} " + "It is the east, and Juliet is the sun. " * 2
        xml = (f"<message xmlns='jabber:client' to='{account}' from='{peer}@{domain}/r' type='chat' id='m{number}'>"
               f"<body>{text}</body></message>")
        yield (start + number * 1_000_000 << 8, owner, f"{peer}/r", peer, "r", "I", 0, f"m{number}", text.lower(), xml.encode())
db.executemany("INSERT INTO mam_message (id, user_id, from_jid, remote_bare_jid, remote_resource, direction, is_groupchat,"
               " origin_id, search_body, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows())
db.commit()
