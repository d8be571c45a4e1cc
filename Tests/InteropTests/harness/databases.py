# SPDX-License-Identifier: Apache-2.0
# The kinds of database servers that mimd can keep its data in: which variable of the environment names one that is there,
# how it is asked, with its own client, and how a test gets one of its own.

import os
import subprocess

from .own_database import OwnMariaDB, OwnMySQL, OwnPostgreSQL
from .process import COMMAND_SECONDS_MAX


class DatabaseKind:
    #: What `outgoing_pools.rdbms` calls it.
    driver = None
    #: The variable that names a server, as `host:port:user:password`; the user may make databases.
    variable = None
    #: A server of a test's own.
    own = None
    remove = "DROP DATABASE {}"

    def place(self):
        """Host, port, user and password of the server that is there; None when there is none."""
        parts = os.environ.get(self.variable, "").split(":")
        return parts if len(parts) == 4 else None

    def client(self, place, database, statement):
        """The command that runs a statement, and the variable that holds its password."""
        raise NotImplementedError

    def ask(self, place, statement, database=None):
        """Runs a statement with the server's own client, and returns what it printed."""
        command, variable = self.client(place, database, statement)
        finished = subprocess.run(
            command, env={**os.environ, variable: place[3]}, stdin=subprocess.DEVNULL, text=True, capture_output=True,
            timeout=COMMAND_SECONDS_MAX)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout


class PostgreSQL(DatabaseKind):
    driver, variable, own = "pgsql", "MIMD_TEST_POSTGRESQL", OwnPostgreSQL
    remove = "DROP DATABASE {} WITH (FORCE)"

    def client(self, place, database, statement):
        host, port, user, _ = place
        return ["psql", "--host", host, "--port", port, "--username", user, "--dbname", database or "postgres",
                "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement], "PGPASSWORD"


class CockroachDB(PostgreSQL):
    """What mimd says to CockroachDB, said to PostgreSQL, which understands it: CockroachDB itself is not run."""

    driver = "cockroachdb"


class MariaDB(DatabaseKind):
    driver, variable, own = "mysql", "MIMD_TEST_MARIADB", OwnMariaDB

    def client(self, place, database, statement):
        host, port, user, _ = place
        return ["mariadb", "--no-defaults", "--host", host, "--port", port, "--user", user, "--batch",
                "--skip-column-names", "--execute", statement, *([database] if database else [])], "MYSQL_PWD"


class MySQL(MariaDB):
    """MariaDB's client serves for it as well, and is a package of Debian's."""

    variable, own = "MIMD_TEST_MYSQL", OwnMySQL


#: By the names that `--backend` takes.
DATABASE_KINDS = {"postgresql": PostgreSQL(), "cockroachdb": CockroachDB(), "mariadb": MariaDB(), "mysql": MySQL()}
