# SPDX-License-Identifier: Apache-2.0
# A client stream written by hand, for what a client library hides or cannot do: literal XML out, elements in.

import asyncio
import base64
import contextlib
import os
import ssl
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from .inbox import DEADLINE_SECONDS
from .scram import ScramClient, exporter_binding

STREAMS = "{http://etherx.jabber.org/streams}"
STREAM_ERRORS = "{urn:ietf:params:xml:ns:xmpp-streams}"
STANZA_ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
TLS = "{urn:ietf:params:xml:ns:xmpp-tls}"
BIND = "{urn:ietf:params:xml:ns:xmpp-bind}"
CLIENT = "{jabber:client}"
ARCHIVE = "{urn:xmpp:mam:2}"
RESULT_SETS = "{http://jabber.org/protocol/rsm}"

PIECE_BYTE_COUNT = 16_384


class StreamEnded(Exception):
    """The server closed its stream, or the connection."""


class RawStream:
    def __init__(self, server, tls_version=None):
        self.server = server
        self.domain = server.domain
        self.features = None
        #: The attributes of the server's last stream header.
        self.header = None
        #: The full JID that the server bound.
        self.jid = None
        descriptor, path = tempfile.mkstemp(dir=server.directory, suffix=".keys")
        os.close(descriptor)
        self._keylog_path = Path(path)
        self.context = ssl.create_default_context(cafile=str(server.certificate.path))
        self.context.keylog_filename = path
        if not server.certificate_is_known:
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE
        if tls_version:
            self.context.minimum_version = self.context.maximum_version = tls_version
        self._reader = self._writer = None
        self.expect_header()

    # The connection

    async def connect(self, port=None, direct_tls=False):
        tls = {"ssl": self.context, "server_hostname": "localhost"} if direct_tls else {}
        self._reader, self._writer = await asyncio.open_connection(
            self.server.host, port or (self.server.direct_port if direct_tls else self.server.port), **tls)
        return self

    async def start_tls(self):
        await self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        assert (await self.receive()).tag == TLS + "proceed"
        await self.handshake()

    async def handshake(self):
        await self._writer.start_tls(self.context, server_hostname="localhost")

    def cut(self):
        """Ends the TCP connection; neither the stream nor TLS is closed."""
        self._writer.transport.abort()

    def pause_reading(self):
        """From now on nothing is read of what the server sends."""
        self._writer.transport.pause_reading()

    async def close(self):
        if self._writer is None:
            return
        self._writer.close()
        # The server may have gone first.
        with contextlib.suppress(OSError, ssl.SSLError):
            await self._writer.wait_closed()

    @property
    def ssl_object(self):
        return self._writer.get_extra_info("ssl_object")

    def exporter_binding(self):
        return "tls-exporter", exporter_binding(self.ssl_object, self._keylog_path)

    def end_point_binding(self):
        return "tls-server-end-point", self.server.certificate.end_point_binding()

    # The stream

    async def send(self, text):
        self._writer.write(text if isinstance(text, bytes) else text.encode())
        await self._writer.drain()

    async def receive(self, wanted=lambda element: True):
        """The next element at depth 1 that is wanted. Raises StreamEnded when the stream ends instead."""
        others = []
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while True:
                    while self._elements:
                        element = self._elements.pop(0)
                        if wanted(element):
                            return element
                        others.append(ElementTree.tostring(element, "unicode"))
                    await self._read()
        except TimeoutError:
            raise AssertionError(f"what was wanted did not arrive; there was: {others}") from None

    async def receive_up_to(self, wanted):
        """The elements that arrive before the one that is wanted, which they do not include."""
        others = []
        await self.receive(lambda element: wanted(element) or others.append(element))
        return others

    async def fence(self):
        """What has arrived when the server has handled all that was sent so far."""
        identifier = f"fence-{os.urandom(4).hex()}"
        await self.send(f"<iq type='get' id='{identifier}'><ping xmlns='urn:xmpp:ping'/></iq>")
        return await self.receive_up_to(lambda element: element.get("id") == identifier)

    async def archived_bodies(self):
        """The bodies of the account's archive, in its order, read page by page."""
        bodies, after = [], ""
        while True:
            arrived = []
            await self.send(f"<iq type='set' id='page{len(bodies)}'><query xmlns='{ARCHIVE[1:-1]}'>"
                            f"<set xmlns='{RESULT_SETS[1:-1]}'><max>50</max>{after}</set></query></iq>")
            iq = await self.receive(lambda element: element.tag == CLIENT + "iq" or arrived.append(element))
            bodies += [each.findtext(f".//{CLIENT}body") for each in arrived if each.tag == CLIENT + "message"]
            fin = iq.find(ARCHIVE + "fin")
            if fin.get("complete") == "true":
                return bodies
            after = f"<after>{fin.findtext('.//' + RESULT_SETS + 'last')}</after>"

    async def receive_end(self):
        """Reads up to the server's closing tag, answers it, and reads up to the end of the connection."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not self._has_ended:
                await self._read()
            # The server may be gone already, and without TLS's own good-bye.
            with contextlib.suppress(OSError, ssl.SSLError):
                await self.send("</stream:stream>")
                while await self._reader.read(4096):
                    pass

    async def receive_error(self):
        """The condition of the stream error, which must be followed by the end of stream and connection."""
        error = await self.receive(lambda element: element.tag == STREAMS + "error")
        await self.receive_end()
        return next(child.tag.removeprefix(STREAM_ERRORS) for child in error if child.tag.startswith(STREAM_ERRORS))

    async def flood(self, data):
        """Sends much that the server will not take to its end, and returns the condition of the stream error."""
        sending = asyncio.create_task(self._send_in_pieces(data))
        try:
            return await self.receive_error()
        finally:
            sending.cancel()

    async def _send_in_pieces(self, data):
        # The server may close the connection before all is sent.
        with contextlib.suppress(OSError, ssl.SSLError):
            for start in range(0, len(data), PIECE_BYTE_COUNT):
                await self.send(data[start:start + PIECE_BYTE_COUNT])

    async def _read(self):
        if self._has_ended:
            raise StreamEnded
        data = await self._reader.read(65536)
        if not data:
            raise StreamEnded
        self._parser.feed(data)
        for event, element in self._parser.read_events():
            if event == "start":
                self._depth += 1
                if self._depth == 1:
                    self.header = dict(element.attrib)
                    self._root = element
                continue
            self._depth -= 1
            if self._depth == 1:
                self._elements.append(element)
                self._root.remove(element)
            elif self._depth == 0:
                self._has_ended = True

    def expect_header(self):
        """The server's next bytes begin a stream, whether the client begins one or not."""
        self._parser = ElementTree.XMLPullParser(["start", "end"])
        self._depth = 0
        self._elements = []
        self._has_ended = False

    # Negotiation

    async def open(self, to=None):
        """Opens the stream, again if need be, and reads the features."""
        self.expect_header()
        await self.send(
            f"<?xml version='1.0'?><stream:stream to='{to or self.domain}' version='1.0' xml:lang='en' "
            "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
        self.features = await self.receive(lambda element: element.tag == STREAMS + "features")
        return self.features

    async def secure(self):
        """Connects, and goes through STARTTLS."""
        await self.connect()
        await self.open()
        await self.start_tls()
        await self.open()
        return self

    def mechanisms(self):
        return {mechanism.text for mechanism in self.features.iter(SASL + "mechanism")}

    async def authenticate(self, mechanism, username, password, binding=None, gs2_flag=None):
        """One SASL exchange (RFC 6120 section 6). Returns "success", the condition of the failure, or "stream error"."""
        scram = None
        if mechanism == "PLAIN":
            first = f"\0{username}\0{password}".encode()
        else:
            scram = ScramClient(mechanism, username, password, binding, gs2_flag)
            first = scram.first()
        await self.send(f"<auth xmlns='{SASL[1:-1]}' mechanism='{mechanism}'>{encoded(first)}</auth>")
        answer = await self.receive()
        if answer.tag == SASL + "challenge":
            final = scram.final(base64.b64decode(answer.text))
            await self.send(f"<response xmlns='{SASL[1:-1]}'>{encoded(final)}</response>")
            answer = await self.receive()
        if answer.tag == SASL + "failure":
            return answer[0].tag.removeprefix(SASL)
        if answer.tag == STREAMS + "error":
            return "stream error"
        assert answer.tag == SASL + "success", answer.tag
        if scram:
            scram.verify(base64.b64decode(answer.text))
        return "success"

    async def bind(self, resource=None):
        """Binds a resource, and returns the full JID."""
        wanted = f"<resource>{resource}</resource>" if resource else ""
        answer = await self.request("set", f"<bind xmlns='{BIND[1:-1]}'>{wanted}</bind>")
        self.jid = answer.find(f"{BIND}bind/{BIND}jid").text
        return self.jid

    async def log_in(self, account, resource=None, mechanism="PLAIN"):
        """From a secured stream to a bound resource."""
        assert await self.authenticate(mechanism, account.username, account.password) == "success"
        await self.open()
        return await self.bind(resource)

    async def request(self, kind, payload, to=None):
        """Sends an IQ, and returns the answer to it."""
        identifier = f"raw-{os.urandom(4).hex()}"
        address = f" to='{to}'" if to else ""
        await self.send(f"<iq type='{kind}' id='{identifier}'{address}>{payload}</iq>")
        return await self.receive(lambda element: element.tag == CLIENT + "iq" and element.get("id") == identifier)


class ByteByByteStream(RawStream):
    """Sends each byte by itself: a segment in clear text, a record in TLS."""

    async def send(self, text):
        for byte in text if isinstance(text, bytes) else text.encode():
            await super().send(bytes([byte]))


def encoded(data):
    return base64.b64encode(data).decode() or "="


def error_condition(stanza):
    """The condition of an error stanza."""
    assert stanza.get("type") == "error", ElementTree.tostring(stanza)
    error = stanza.find(CLIENT + "error")
    return next(child.tag.removeprefix(STANZA_ERRORS) for child in error if child.tag != STANZA_ERRORS + "text")
