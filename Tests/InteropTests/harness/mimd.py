# SPDX-License-Identifier: Apache-2.0
# The program under test, with a configuration of the kind that an operator would write.

import re
import subprocess
from pathlib import Path

from .process import COMMAND_SECONDS_MAX
from .server import Server

# Of util-linux. Without these capabilities root may do no more with a file than its owner.
OBEDIENT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]

CONFIGURATION = """
[general]
  loglevel = "info"
  hosts = ["{domain}", "{anonymous_domain}"]
  default_server_domain = "{domain}"
  registration_timeout = "infinity"
[mimd]
  data_directory = "{data}"
{listeners}
[auth]
  methods = ["internal"]
  [auth.internal]
[modules.mod_bind2]
[modules.mod_caps]
[modules.mod_carboncopy]
[modules.mod_csi]
[modules.mod_disco]
[modules.mod_last]
[modules.mod_muc_light]
[modules.mod_offline]
[modules.mod_ping]
[modules.mod_presence]
[modules.mod_private]
[modules.mod_privacy]
[modules.mod_blocking]
[modules.mod_register]
[modules.mod_roster]
  versioning = true
[modules.mod_sasl2]
[modules.mod_stream_management]
[modules.mod_time]
[modules.mod_vcard]
[modules.mod_version]

[[host_config]]
  host = "{anonymous_domain}"
  [host_config.auth]
    methods = ["anonymous"]
    [host_config.auth.anonymous]
"""

LISTENER = """[[listen.c2s]]
  ip_address = "127.0.0.1"
  port = {port}
  state_timeout = {state_timeout}
  tls.mode = "{mode}"
  tls.certfile = "{certificate.path}"
  tls.keyfile = "{certificate.key_path}"
"""


class Mimd(Server):
    #: How long each step of negotiation may take, in milliseconds.
    state_timeout = 30_000
    #: Whether the permissions of files count for the process though it may be root's.
    obeys_permissions = False

    def __init__(self, directory, certificate, program):
        super().__init__(directory, certificate)
        self._program = program
        modes = {self.port: "starttls", self.required_port: "starttls_required", self.direct_port: "tls"}
        self._listener_count = len(modes)
        data = directory / "data"
        data.mkdir()
        self._path = directory / "mimd.toml"
        self._path.write_text(CONFIGURATION.format(
            domain=self.domain, anonymous_domain=self.anonymous_domain, data=data,
            listeners="".join(
                LISTENER.format(port=port, mode=mode, certificate=certificate, state_timeout=self.state_timeout)
                for port, mode in modes.items())))

    @property
    def store(self):
        """The file of the local store."""
        return self.directory / "data" / "mimd.sqlite"

    def command(self):
        return [*(OBEDIENT if self.obeys_permissions else []), self._program, "--config", str(self._path)]

    def run_command(self, *arguments):
        """Runs the program with these arguments, which must end by itself; returns its exit status and what it printed."""
        finished = subprocess.run(
            [self._program, *arguments], cwd=self.directory, stdin=subprocess.DEVNULL, text=True, errors="replace",
            capture_output=True, timeout=COMMAND_SECONDS_MAX)
        return finished.returncode, finished.stdout + finished.stderr

    def account_command(self, *arguments, password=None):
        """Runs `mimd account`, and returns its exit status and what it printed."""
        arguments = [*arguments, "--config", str(self._path)] + (["--password-stdin"] if password else [])
        finished = subprocess.run(
            [self._program, "account", *arguments], cwd=self.directory, input=f"{password or ''}\n", text=True,
            capture_output=True, timeout=COMMAND_SECONDS_MAX)
        return finished.returncode, finished.stdout + finished.stderr

    def is_ready(self, log):
        return sum("listening" in line for line in log) >= self._listener_count


class ImpatientMimd(Mimd):
    """The program with little time for clients that do not come to the point."""

    #: Long enough for a busy machine to connect a crowd of them in.
    state_timeout = 6_000


class ArchivingMimd(Mimd):
    """The program with an archive for each account."""

    ARCHIVE = """
[modules.mod_mam]
  backend = "sqlite"
  default_result_limit = 20
  max_result_limit = 50
  [modules.mod_mam.pm]
    user_prefs_store = "sqlite"

[[host_config]]"""

    def __init__(self, directory, certificate, program):
        super().__init__(directory, certificate, program)
        self._path.write_text(self._path.read_text().replace("\n[[host_config]]", self.ARCHIVE, 1))


class ExampleMimd(Mimd):
    """The program with the configuration that `make run` starts from; only the port and the directory are changed."""

    certificate_is_known = False

    def __init__(self, directory, certificate, program):
        super().__init__(directory, certificate, program)
        example = Path(__file__).resolve().parents[3] / "config" / "mimd.example.toml"
        text, port_count = re.subn(r"(?m)^( *port = )5222$", rf"\g<1>{self.port}", example.read_text())
        text, directory_count = re.subn(
            r'(?m)^( *data_directory = )"var"$', rf'\g<1>"{directory / "data"}"', text)
        assert (port_count, directory_count) == (1, 1), "the example is not what this test takes it for"
        self._path.write_text(text)
        self._listener_count = 1
