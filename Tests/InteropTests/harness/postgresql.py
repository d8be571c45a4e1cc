# SPDX-License-Identifier: Apache-2.0
# The program with all of its data in a database of a PostgreSQL server, which `MIMD_TEST_POSTGRESQL` names as
# `host:port:role:password`.

import os
import subprocess
import uuid

from .mimd import COMMAND_SECONDS_MAX

POOL = """
[outgoing_pools.rdbms.default]
  workers = 4
  [outgoing_pools.rdbms.default.connection]
    driver = "pgsql"
    host = "{host}"
    port = {port}
    database = "{database}"
    username = "{role}"
    password = "{password}"
    query_timeout = {query_timeout}
    max_start_interval = 1
"""


def place():
    """Host, port, role and password of the server; None when there is none."""
    parts = os.environ.get("MIMD_TEST_POSTGRESQL", "").split(":")
    return parts if len(parts) == 4 else None


class PostgreSQLStores:
    """Mixed into a kind of Mimd: a database of its own instead of the local store."""

    #: How long the database may take for an answer, in milliseconds.
    query_timeout = 5_000
    #: Where the server is, if it is not the one that the variable names.
    place = None

    def __init__(self, directory, certificate, program):
        super().__init__(directory, certificate, program)
        self.place = self.place or place()
        host, port, role, password = self.place
        self.database = f"mimd_interop_{uuid.uuid4().hex}"
        self.ask(f"CREATE DATABASE {self.database}", database="postgres")
        text = self._path.read_text().replace('methods = ["internal"]\n  [auth.internal]', 'methods = ["rdbms"]\n  [auth.rdbms]')
        for module in ("last", "offline", "private", "roster"):
            text = text.replace(f"[modules.mod_{module}]\n", f'[modules.mod_{module}]\n  backend = "rdbms"\n')
        self._path.write_text(text + POOL.format(
            host=host, port=port, role=role, password=password, database=self.database, query_timeout=self.query_timeout))
        status, output = self.run_command("schema", "apply", "--config", str(self._path))
        assert status == 0, output

    def ask(self, statement, database=None):
        """Runs a statement with PostgreSQL's own client, and returns what it printed."""
        host, port, role, password = self.place
        finished = subprocess.run(
            ["psql", "--host", host, "--port", port, "--username", role, "--dbname", database or self.database,
             "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement],
            env={**os.environ, "PGPASSWORD": password}, stdin=subprocess.DEVNULL, text=True, capture_output=True,
            timeout=COMMAND_SECONDS_MAX)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def remove(self):
        """Removes the database; the server must have ended."""
        self.ask(f"DROP DATABASE {self.database} WITH (FORCE)", database="postgres")
