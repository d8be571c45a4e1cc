# SPDX-License-Identifier: Apache-2.0
# A server process: started on free ports of the loopback interface, ready when its log says so, stopped by SIGTERM.

import os
import resource
import signal
import socket
import subprocess
import threading
import time

START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 15
LOG_LINE_COUNT_SHOWN = 200


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Server:
    """What every kind of server shares. A kind says how it is configured, started, and known to be ready."""

    domain = "localhost"
    anonymous_domain = "anonymous.localhost"
    host = "127.0.0.1"
    #: False for a server that makes its own certificate, which clients then cannot verify.
    certificate_is_known = True

    def __init__(self, directory, certificate):
        self.directory = directory
        self.certificate = certificate
        #: STARTTLS offered; STARTTLS demanded; TLS from the first byte.
        self.port, self.required_port, self.direct_port = free_ports(3)
        self.process = None
        self._log = []
        self._mark = 0
        self._changed = threading.Condition()
        self._account_count = 0

    def command(self):
        raise NotImplementedError

    def is_ready(self, log):
        raise NotImplementedError

    def next_account_number(self):
        self._account_count += 1
        return self._account_count

    def start(self, descriptor_count_max=None):
        """Starts the process, perhaps with so many descriptors only, and returns when it is ready."""
        def limit():
            if descriptor_count_max:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptor_count_max, descriptor_count_max))

        self._mark = len(self._log)
        self.process = subprocess.Popen(
            self.command(), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", preexec_fn=limit,
            env={**os.environ, "HOME": str(self.directory)})
        threading.Thread(target=self._collect, args=(self.process.stdout,), daemon=True).start()
        deadline = time.monotonic() + START_SECONDS_MAX
        with self._changed:
            while not self.is_ready(self._log[self._mark:]):
                remaining = deadline - time.monotonic()
                if remaining <= 0 or self.process.poll() is not None:
                    self.process.kill()
                    raise AssertionError(f"the server did not start:\n{self.marked_log()}")
                self._changed.wait(min(remaining, 0.2))

    def _collect(self, output):
        for line in output:
            with self._changed:
                self._log.append(line.rstrip("\n"))
                self._changed.notify_all()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def memory_byte_count(self):
        """The memory that the process has resident (proc(5))."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def descriptor_count(self):
        """How many descriptors the process has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def limit_files(self, byte_count):
        """Lets no file grow beyond that any more, as if the disk were full; None for a disk with room again."""
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (hard if byte_count is None else byte_count, hard))

    def terminate(self):
        """Asks the process to end, and does not wait."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        """Ends the process without warning, as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_SECONDS_MAX)

    def stop(self):
        """Ends the process if it runs, and returns its exit status."""
        if self.is_running():
            self.terminate()
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the server did not end after SIGTERM:\n{self.marked_log()}") from None

    def mark_log(self):
        self._mark = len(self._log)

    def marked_log(self):
        return "\n".join(self._log[self._mark:][-LOG_LINE_COUNT_SHOWN:])
