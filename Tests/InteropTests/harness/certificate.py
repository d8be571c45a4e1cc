# SPDX-License-Identifier: Apache-2.0
# A self-signed certificate for the domains of the tests, and what a channel binding takes from it.

import hashlib
import ssl
import subprocess


class Certificate:
    def __init__(self, directory):
        self.path = directory / "localhost.crt"
        self.key_path = directory / "localhost.key"
        names = "subjectAltName=DNS:localhost,DNS:anonymous.localhost"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-sha256",
             "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext", names,
             "-keyout", str(self.key_path), "-out", str(self.path)],
            check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def end_point_binding(self):
        """tls-server-end-point (RFC 5929 section 4): the certificate, hashed as its signature is."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.path.read_text())).digest()
