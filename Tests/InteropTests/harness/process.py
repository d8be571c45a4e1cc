# SPDX-License-Identifier: Apache-2.0
# A process under test: ready when its log says so, ended by a signal.

import os
import resource
import signal
import subprocess
import threading
import time

START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 15
#: For a command that ends by itself.
COMMAND_SECONDS_MAX = 20
LOG_LINE_COUNT_SHOWN = 200


class Process:
    """What every kind of process shares. A kind says how it is started, and known to be ready."""

    def __init__(self, directory):
        self.directory = directory
        self.process = None
        self._log = []
        self._mark = 0
        self._changed = threading.Condition()

    def command(self):
        raise NotImplementedError

    def is_ready(self, log):
        raise NotImplementedError

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
