# SPDX-License-Identifier: Apache-2.0
# The program under test, with a configuration of the kind that an operator would write.

from .server import Server

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
[modules.mod_offline]
[modules.mod_ping]
[modules.mod_presence]
[modules.mod_private]
[modules.mod_register]
[modules.mod_roster]
  versioning = true
[modules.mod_sasl2]
[modules.mod_stream_management]
[modules.mod_time]
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
  tls.mode = "{mode}"
  tls.certfile = "{certificate.path}"
  tls.keyfile = "{certificate.key_path}"
"""


class Mimd(Server):
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
                LISTENER.format(port=port, mode=mode, certificate=certificate) for port, mode in modes.items())))

    def command(self):
        return [self._program, "--config", str(self._path)]

    def is_ready(self, log):
        return sum("listening" in line for line in log) >= self._listener_count
