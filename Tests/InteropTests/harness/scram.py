# SPDX-License-Identifier: Apache-2.0
# A SCRAM client (RFC 5802) for every hash, and the channel bindings that go with it. Python's ssl cannot export keying
# material, so tls-exporter (RFC 9266) is computed from the secret that OpenSSL writes to its key log.

import base64
import hashlib
import hmac
import os


class ScramClient:
    """One authentication. `binding` is the type and the data of a channel binding, for a -PLUS mechanism."""

    def __init__(self, mechanism, username, password, binding=None, gs2_flag=None):
        self._hash = mechanism.removeprefix("SCRAM-").removesuffix("-PLUS").replace("-", "").lower()
        self._password = password.encode()
        self._binding_data = b""
        if mechanism.endswith("-PLUS"):
            kind, self._binding_data = binding
            gs2_flag = f"p={kind}"
        self._header = f"{gs2_flag or 'n'},,".encode()
        self._nonce = base64.b64encode(os.urandom(18))
        escaped = username.replace("=", "=3D").replace(",", "=2C")
        self._first_bare = b"n=" + escaped.encode() + b",r=" + self._nonce

    def first(self):
        return self._header + self._first_bare

    def final(self, server_first):
        fields = dict(part.split(b"=", 1) for part in server_first.split(b","))
        assert fields[b"r"].startswith(self._nonce) and fields[b"r"] != self._nonce
        salted = hashlib.pbkdf2_hmac(self._hash, self._password, base64.b64decode(fields[b"s"]), int(fields[b"i"]))
        without_proof = b"c=" + base64.b64encode(self._header + self._binding_data) + b",r=" + fields[b"r"]
        message = b",".join([self._first_bare, server_first, without_proof])
        client_key = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self._hash, client_key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._server_signature = self._hmac(self._hmac(salted, b"Server Key"), message)
        return without_proof + b",p=" + base64.b64encode(proof)

    def verify(self, server_final):
        """The server proves that it knows the password, too."""
        assert server_final == b"v=" + base64.b64encode(self._server_signature)

    def _hmac(self, key, message):
        return hmac.digest(key, message, self._hash)


def exporter_binding(ssl_object, keylog_path):
    """tls-exporter of a TLS 1.3 connection whose key log is at that path."""
    assert ssl_object.version() == "TLSv1.3"
    name = "sha384" if ssl_object.cipher()[0].endswith("SHA384") else "sha256"
    secrets = [line.split()[2] for line in keylog_path.read_text().splitlines() if line.startswith("EXPORTER_SECRET")]
    # RFC 8446 section 7.5, with the label and the empty context of RFC 9266.
    empty = hashlib.new(name).digest()
    derived = _expand_label(name, bytes.fromhex(secrets[-1]), b"EXPORTER-Channel-Binding", empty, len(empty))
    return _expand_label(name, derived, b"exporter", empty, 32)


def _expand_label(name, secret, label, context, length):
    """HKDF-Expand-Label, RFC 8446 section 7.1."""
    label = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
    size = hashlib.new(name).digest_size
    output, block = b"", b""
    while len(output) < length:
        block = hmac.digest(secret, block + info + bytes([len(output) // size + 1]), name)
        output += block
    return output[:length]

