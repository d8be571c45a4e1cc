# SPDX-License-Identifier: Apache-2.0
# Debian's Prosody as a reference: a test that fails against both servers may be wrong itself. Not part of any verb.

from .server import Server

CONFIGURATION = """
daemonize = false
run_as_root = true
pidfile = "{directory}/prosody.pid"
data_path = "{directory}/data"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {server.port}, {server.required_port} }}
c2s_direct_tls_ports = {{ {server.direct_port} }}
s2s_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
modules_enabled = {{
    "roster"; "saslauth"; "tls"; "disco"; "ping"; "register"; "register_ibr"; "offline"; "private"; "vcard"; "lastactivity";
    "carbons"; "csi_simple"; "smacks"; "time"; "uptime"; "version"; "c2s"; "posix";
}}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = true
allow_registration = true
authentication = "internal_plain"
storage = "internal"
ssl = {{ key = "{certificate.key_path}"; certificate = "{certificate.path}" }}
certificates = "{directory}"
VirtualHost "{server.domain}"
VirtualHost "{server.anonymous_domain}"
    authentication = "anonymous"
"""


class Prosody(Server):
    LACKS = {
        "SASL2", "SCRAM-SHA-224", "SCRAM-SHA-384", "SCRAM-SHA-512", "tls-exporter", "tls-server-end-point",
        "stream limits", "system-shutdown every time", "mimd's commands",
        "mimd's example", "quick recovery from descriptor exhaustion",
        "offline messages on any presence that is not negative", "stanzas refused before authentication",
        "mimd's limits", "a user directory", "mimd's store", "privacy lists", "the local store",
        "MUC Light",
    }

    def __init__(self, directory, certificate):
        super().__init__(directory, certificate)
        (directory / "data").mkdir()
        self._path = directory / "prosody.cfg.lua"
        self._path.write_text(CONFIGURATION.format(directory=directory, server=self, certificate=certificate))

    def command(self):
        return ["prosody", "--config", str(self._path), "-F"]

    def is_ready(self, log):
        return sum("Activated service 'c2s" in line for line in log) >= 2
