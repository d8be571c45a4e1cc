# SPDX-License-Identifier: Apache-2.0
# One XML stream of a client, with nothing but the standard library: STARTTLS, SCRAM-SHA-1 (RFC 5802), in-band
# registration (XEP-0077). Every wait has a deadline.

import asyncio
import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
from xml.etree.ElementTree import XMLPullParser
from xml.sax.saxutils import quoteattr

HOST = "127.0.0.1"
DOMAIN = "localhost"
DEADLINE_SECONDS = 60
CLIENT = "{jabber:client}"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SM = "urn:xmpp:sm:3"


class Gone(Exception):
    """The server closed the stream or the connection."""


class Refused(Exception):
    """The server answered something else than what was asked for."""


class Account:
    """A name with its password. PBKDF2 is the client's work: it is done once for each salt."""

    def __init__(self, name, password):
        self.name = name
        self.password = password
        self._keys = None

    @property
    def jid(self):
        return f"{self.name}@{DOMAIN}"

    def client_and_stored_key(self, salt, iterations):
        if self._keys is None or self._keys[0] != (salt, iterations):
            salted = hashlib.pbkdf2_hmac("sha1", self.password.encode(), salt, iterations)
            client_key = hmac.digest(salted, b"Client Key", "sha1")
            self._keys = ((salt, iterations), client_key, hashlib.sha1(client_key).digest())
        return self._keys[1:]


def unverified_tls():
    """The server's certificate is its own work; what is tested is not the client."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Stream:
    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self._waiting = []
        self._parser = None
        self._root = None
        self._depth = 0

    @classmethod
    async def connect(cls, port, tls=None):
        """A stream whose features have been read; with a TLS context, one inside TLS."""
        stream = cls(*await asyncio.wait_for(asyncio.open_connection(HOST, port), DEADLINE_SECONDS))
        try:
            await stream.open()
            if tls:
                stream.send(f"<starttls xmlns='{TLS}'/>")
                await stream.expect(f"{{{TLS}}}proceed")
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await stream._writer.start_tls(tls, server_hostname=DOMAIN)
                await stream.open()
        except BaseException:
            stream.cut()
            raise
        return stream

    async def open(self):
        self._parser = XMLPullParser(("start", "end"))
        self._depth = 0
        self._waiting.clear()
        self.send(f"<stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' "
                  "xmlns:stream='http://etherx.jabber.org/streams'>")
        return await self.expect("{http://etherx.jabber.org/streams}features")

    def send(self, xml):
        self._writer.write(xml.encode())

    async def read(self):
        """The next first-level element. Raises Gone at the end."""
        while not self._waiting:
            try:
                data = await self._reader.read(65_536)
            except (OSError, ssl.SSLError) as error:
                raise Gone(str(error)) from None
            if not data:
                raise Gone("end of the connection")
            self._feed(data)
        return self._waiting.pop(0)

    def _feed(self, data):
        self._parser.feed(data)
        for event, element in self._parser.read_events():
            if event == "start":
                if self._depth == 0:
                    self._root = element
                self._depth += 1
                continue
            self._depth -= 1
            if self._depth == 1:
                self._waiting.append(element)
                # The parser would keep all that the stream ever said.
                self._root.remove(element)

    async def expect(self, tag):
        """The next element, which must be that one."""
        element = await asyncio.wait_for(self.read(), DEADLINE_SECONDS)
        if element.tag != tag:
            raise Refused(f"{element.tag} {[child.tag for child in element]} instead of {tag}")
        return element

    async def request(self, identifier, xml):
        """The answer to an IQ before the session has begun, so that nothing else can come in between."""
        self.send(xml)
        answer = await self.expect(CLIENT + "iq")
        if answer.get("type") != "result" or answer.get("id") != identifier:
            raise Refused(f"an IQ of type {answer.get('type')} with {[child.tag for child in answer]}")
        return answer

    async def register(self, account):
        await self.request("register", "<iq type='set' id='register'><query xmlns='jabber:iq:register'>"
                           f"<username>{account.name}</username><password>{account.password}</password></query></iq>")

    async def authenticate(self, account):
        nonce = base64.b64encode(os.urandom(12)).decode()
        bare = f"n={account.name},r={nonce}"
        self.send(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>{_text('n,,' + bare)}</auth>")
        challenge = base64.b64decode((await self.expect(f"{{{SASL}}}challenge")).text).decode()
        fields = dict(field.split("=", 1) for field in challenge.split(","))
        if not fields["r"].startswith(nonce):
            raise Refused("another nonce")
        client_key, stored_key = account.client_and_stored_key(base64.b64decode(fields["s"]), int(fields["i"]))
        without_proof = f"c=biws,r={fields['r']}"
        signature = hmac.digest(stored_key, f"{bare},{challenge},{without_proof}".encode(), "sha1")
        proof = bytes(one ^ other for one, other in zip(client_key, signature))
        final = f"{without_proof},p={base64.b64encode(proof).decode()}"
        self.send(f"<response xmlns='{SASL}'>{_text(final)}</response>")
        await self.expect(f"{{{SASL}}}success")
        await self.open()

    async def bind(self, resource=None):
        """The full JID that the server bound."""
        wanted = f"<resource>{resource}</resource>" if resource else ""
        answer = await self.request(
            "bind", f"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{wanted}</bind></iq>")
        return answer[0][0].text

    async def enable_management(self):
        """The identifier that the session is resumed by."""
        self.send(f"<enable xmlns='{SM}' resume='true'/>")
        return (await self.expect(f"{{{SM}}}enabled")).get("id")

    async def resume(self, identifier, handled):
        """How many stanzas the server has handled."""
        self.send(f"<resume xmlns='{SM}' previd={quoteattr(identifier)} h='{handled}'/>")
        return int((await self.expect(f"{{{SM}}}resumed")).get("h"))

    def cut(self, reset=False):
        """Ends the TCP connection and not the stream; with a reset, what is on its way is lost."""
        connection = self._writer.get_extra_info("socket")
        if reset and connection is not None and connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self):
        """Closes the stream, and waits for the server to do so."""
        self.send("</stream:stream>")
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while True:
                    await self.read()
        except (Gone, TimeoutError):
            self.cut()


def _text(message):
    return base64.b64encode(message.encode()).decode()
