# SPDX-License-Identifier: Apache-2.0
# A database server of a test's own, which the test may kill and hold still: from the programs that are installed, or, for
# MySQL, from the chroot that MIMD_TEST_MYSQL_CHROOT names.

import contextlib
import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from .process import STOP_SECONDS_MAX, Process
from .server import free_ports

USER, PASSWORD = "mimd", "secret"
#: What MySQL takes to make its data is seconds even when nothing else runs.
DATA_SECONDS_MAX = 60


class OwnDatabase(Process):
    """What every kind shares. A kind says how its data are made, and with which user and command it runs."""

    #: As whom it runs when the tests are root's, which a database does not run as.
    system_user = None

    @staticmethod
    def is_possible():
        """Whether its programs are there."""
        raise NotImplementedError

    def __init__(self, directory):
        directory /= "database"
        directory.mkdir()
        super().__init__(directory)
        self.port, = free_ports(1)
        if os.getuid() == 0:
            user = pwd.getpwnam(self.system_user)
            self._prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            os.chown(directory, user.pw_uid, user.pw_gid)
            # Its user must get as far as its data.
            for parent in directory.parents:
                if parent.stat().st_uid == os.getuid() and parent.is_relative_to(tempfile.gettempdir()):
                    parent.chmod(parent.stat().st_mode | 0o011)
        else:
            self._prefix = []
        self.make_data()

    @property
    def place(self):
        return ["127.0.0.1", str(self.port), USER, PASSWORD]

    def make_data(self):
        raise NotImplementedError

    def kill(self):
        """kill -9, of the server and of all its processes, and waits until they are gone."""
        for descriptor in self._signal(signal.SIGKILL):
            select.select([descriptor], [], [])
            os.close(descriptor)
        if self.process:
            self.process.wait(STOP_SECONDS_MAX)

    def hold(self):
        """Stops all of its processes: connections stay open, and nobody answers."""
        for descriptor in self._signal(signal.SIGSTOP):
            os.close(descriptor)
        # A process that is at something when the signal comes may still answer.
        for process in [self.process.pid, *children(self.process.pid)]:
            while not is_stopped(process):
                pass

    def let_go(self):
        for descriptor in self._signal(signal.SIGCONT):
            os.close(descriptor)

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _signal(self, number):
        """Descriptors of the processes that were sent the signal, which become readable when they end."""
        descriptors = []
        if self.is_running():
            # The parent first, so that it starts no more.
            for process in [self.process.pid, *children(self.process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    descriptors.append(os.pidfd_open(process))
                    os.kill(process, number)
        return descriptors

    def run(self, command):
        finished = subprocess.run(
            [*self._prefix, *map(str, command)], cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, timeout=DATA_SECONDS_MAX)
        assert finished.returncode == 0, finished.stderr


def is_stopped(process):
    """Whether a process, or each of its threads, does nothing any more."""
    try:
        states = [path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{process}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return all(state in "TtZX" for state in states)


class OwnPostgreSQL(OwnDatabase):
    system_user = "postgres"

    @staticmethod
    def programs():
        """The folder of the newest installed PostgreSQL's programs; None when there is none."""
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        return folders[-1] if folders else None

    @staticmethod
    def is_possible():
        return OwnPostgreSQL.programs() is not None

    def make_data(self):
        secret = self.directory.parent / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self.run([self.programs() / "initdb", f"--pgdata={self.directory / 'data'}", f"--username={USER}",
                  "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--no-locale", "--no-sync"])

    def command(self):
        return [*self._prefix, str(self.programs() / "postgres"), "-D", str(self.directory / "data"), "-p", str(self.port),
                "-k", str(self.directory), "-c", "listen_addresses=127.0.0.1"]

    def is_ready(self, log):
        return any("ready to accept connections" in line for line in log)


class OwnMariaDB(OwnDatabase):
    system_user = "mysql"

    @staticmethod
    def program():
        # Servers lie where the PATH of a user may not lead.
        return shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin")

    @staticmethod
    def is_possible():
        return OwnMariaDB.program() is not None

    def make_data(self):
        self.run(["mariadb-install-db", *self.options(self.directory), "--auth-root-authentication-method=normal",
                  "--skip-test-db"])
        self.write_users()

    def write_users(self):
        """What the server runs when it starts."""
        (self.directory / "users.sql").write_text(
            f"CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n")

    @staticmethod
    def options(directory):
        return ["--no-defaults", f"--datadir={directory}/data", "--skip-name-resolve", "--innodb-buffer-pool-size=64M"]

    def server_options(self, directory):
        return [*self.options(directory), "--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={directory}/socket",
                f"--pid-file={directory}/pid", f"--init-file={directory}/users.sql"]

    def command(self):
        return [*self._prefix, self.program(), *self.server_options(self.directory)]

    def is_ready(self, log):
        return any("ready for connections" in line for line in log)


class OwnMySQL(OwnMariaDB):
    """Its directory is in the chroot, where only root gets."""

    @staticmethod
    def chroot():
        return os.environ.get("MIMD_TEST_MYSQL_CHROOT")

    @staticmethod
    def is_possible():
        return OwnMySQL.chroot() is not None and os.getuid() == 0

    def __init__(self, directory):
        Process.__init__(self, Path(tempfile.mkdtemp(dir=f"{self.chroot()}/var/tmp", prefix="mimd-")))
        self.port, = free_ports(1)
        self._inside = "/" + str(self.directory.relative_to(self.chroot()))
        accounts = [line.split(":") for line in Path(f"{self.chroot()}/etc/passwd").read_text().splitlines()]
        user, group = next((int(each[2]), int(each[3])) for each in accounts if each[0] == "mysql")
        os.chown(self.directory, user, group)
        self._prefix = ["chroot", f"--userspec={user}:{group}", self.chroot(), "mysqld"]
        self.make_data()

    def make_data(self):
        self.run([*self.options(self._inside), "--initialize-insecure"])
        self.write_users()

    def command(self):
        return [*self._prefix, *self.server_options(self._inside), "--mysqlx=OFF", "--disable-log-bin",
                "--secure-file-priv=NULL"]


def children(parent):
    """The processes whose parent this is."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(text.rpartition(")")[2].split()[1]) == parent:
            found.append(int(status.parent.name))
    return found
