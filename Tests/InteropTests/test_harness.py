# SPDX-License-Identifier: Apache-2.0
# The tests' own tools, against something that is right without them.

import asyncio
import re
import ssl
import subprocess

import pytest

from harness.inbox import Inbox
from harness.scram import ScramClient, exporter_binding
from harness.server import free_ports


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])
async def test_the_exporter_is_what_openssl_exports(certificate, tmp_path, suite):
    port, = free_ports(1)
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate.path, "-key", certificate.key_path,
         "-tls1_3", "-ciphersuites", suite, "-naccept", "1",
         "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        while "ACCEPT" not in server.stdout.readline():
            assert server.poll() is None
        context = ssl.create_default_context(cafile=certificate.path)
        keylog = tmp_path / "keys"
        context.keylog_filename = str(keylog)
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        ours = exporter_binding(writer.get_extra_info("ssl_object"), keylog)
        writer.close()
        output, _ = server.communicate(timeout=10)
    finally:
        server.kill()
        server.wait()
    theirs = re.search(r"Keying material: ([0-9A-F]+)", output).group(1)
    assert ours == bytes.fromhex(theirs)


async def test_scram_agrees_with_the_example_of_rfc_7677():
    client = ScramClient("SCRAM-SHA-256", "user", "pencil")
    client._nonce = b"rOprNGfwEbeRWgbNEkqO"
    client._first_bare = b"n=user,r=" + client._nonce
    final = client.final(b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    assert final.endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


async def test_an_inbox_fails_when_nothing_arrives():
    with pytest.raises(AssertionError, match="did not arrive"):
        await Inbox("nothing").take(seconds=0.01)
