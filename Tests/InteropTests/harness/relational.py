# SPDX-License-Identifier: Apache-2.0
# The program with all of its data in a database of a server's.

import uuid

POOL = """
[outgoing_pools.rdbms.default]
  workers = 4
  [outgoing_pools.rdbms.default.connection]
    driver = "{driver}"
    host = "{host}"
    port = {port}
    database = "{database}"
    username = "{user}"
    password = "{password}"
    query_timeout = {query_timeout}
    max_start_interval = 1
"""


class RelationalStores:
    """Mixed into a kind of Mimd: a database of its own instead of the local store."""

    #: The kind of the server.
    database_kind = None
    #: Where the server is: host, port, user and password.
    place = None
    #: How long the database may take for an answer, in milliseconds.
    query_timeout = 5_000

    def __init__(self, directory, certificate, program):
        super().__init__(directory, certificate, program)
        host, port, user, password = self.place
        self.database = f"mimd_interop_{uuid.uuid4().hex}"
        self.database_kind.ask(self.place, f"CREATE DATABASE {self.database}")
        text = self._path.read_text().replace('methods = ["internal"]\n  [auth.internal]', 'methods = ["rdbms"]\n  [auth.rdbms]')
        for module in ("last", "muc_light", "offline", "privacy", "private", "roster", "vcard"):
            text = text.replace(f"[modules.mod_{module}]\n", f'[modules.mod_{module}]\n  backend = "rdbms"\n')
        text = text.replace('= "sqlite"', '= "rdbms"')
        self._path.write_text(text + POOL.format(
            driver=self.database_kind.driver, host=host, port=port, user=user, password=password, database=self.database,
            query_timeout=self.query_timeout))
        status, output = self.run_command("schema", "apply", "--config", str(self._path))
        assert status == 0, output

    def remove(self):
        """Removes the database; the server must have ended."""
        self.database_kind.ask(self.place, self.database_kind.remove.format(self.database))
