# SPDX-License-Identifier: Apache-2.0
# A PostgreSQL server of a test's own, from the programs that are installed, which the test may kill and hold still.

import contextlib
import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from .server import free_ports

START_SECONDS_MAX = 30
ROLE, PASSWORD = "mimd", "secret"


def programs():
    """The folder of the newest installed PostgreSQL's programs; None when there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return folders[-1] if folders else None


class Cluster:
    def __init__(self, directory):
        self.port, = free_ports(1)
        self._data = directory / "cluster"
        self._data.mkdir()
        # PostgreSQL does not run as root, and its user must get as far as its data.
        self._prefix = []
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._data, user.pw_uid, user.pw_gid)
            for parent in self._data.parents:
                if parent.stat().st_uid == os.getuid() and parent.is_relative_to(tempfile.gettempdir()):
                    parent.chmod(parent.stat().st_mode | 0o011)
            self._prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        secret = self._data.parent / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run("initdb", f"--username={ROLE}", "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8",
                  "--no-locale", "--no-sync")

    @property
    def place(self):
        return ["127.0.0.1", str(self.port), ROLE, PASSWORD]

    def start(self):
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self._data}"
        self._run("pg_ctl", "start", "--wait", f"--log={self._data / 'log'}", f"--options={options}")

    def kill(self):
        """kill -9, of the server and of all its processes, and waits until they are gone."""
        for descriptor in self._signal(signal.SIGKILL):
            select.select([descriptor], [], [])
            os.close(descriptor)
        # Until their parent has taken notice of them, the dead look alive to the next server.
        for lock in [self._data / "postmaster.pid", *self._data.glob(".s.PGSQL.*")]:
            lock.unlink(missing_ok=True)

    def hold(self):
        """Stops all of its processes: connections stay open, and nobody answers."""
        for descriptor in self._signal(signal.SIGSTOP):
            os.close(descriptor)

    def let_go(self):
        for descriptor in self._signal(signal.SIGCONT):
            os.close(descriptor)

    def remove(self):
        self.kill()
        shutil.rmtree(self._data, ignore_errors=True)

    def _signal(self, number):
        """Descriptors of the processes that were sent the signal, which become readable when they end."""
        descriptors = []
        with contextlib.suppress(FileNotFoundError):
            postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
            # The parent first, so that it starts no more.
            for process in [postmaster, *children(postmaster)]:
                with contextlib.suppress(ProcessLookupError):
                    descriptors.append(os.pidfd_open(process))
                    os.kill(process, number)
        return descriptors

    def _run(self, program, *arguments):
        finished = subprocess.run(
            [*self._prefix, str(programs() / program), f"--pgdata={self._data}", *arguments], cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, timeout=START_SECONDS_MAX)
        assert finished.returncode == 0, finished.stderr


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
