# SPDX-License-Identifier: Apache-2.0
# The clients of the soak. Each logs in, chats with its partner, cuts the connection off, resumes, leaves, and begins
# again; some cut off and never come back. What each says is numbered, so that what is lost is seen.

import asyncio
import random

from stream import CLIENT, SM, Gone, Refused, Stream

#: The share of clients that use TLS: a handshake is most of what a client costs here.
TLS_SHARE = 1 / 8
CHAT_SECONDS = (15, 60)
PAUSE_SECONDS = (3, 12)
OFFLINE_SECONDS = (0.2, 8)
RESET_SHARE = 1 / 2
#: What happens after chatting: of ten, six resume, three leave, one is not seen again.
ENDINGS = ["resume"] * 6 + ["leave"] * 3 + ["abandon"]
BODY = "x" * 200


class Totals:
    """What all clients did together."""

    def __init__(self):
        self.logins = self.resumptions = self.departures = self.abandonments = 0
        self.sent = self.received = self.repeated = 0
        self.failures = []

    def fail(self, what):
        # A server that is gone makes every client fail, again and again.
        if len(self.failures) < 20:
            self.failures.append(what)


class Client:
    def __init__(self, account, partner, port, tls, totals, seed):
        self._account = account
        self._partner = partner
        self._port = port
        self._random = random.Random(seed)
        self._tls = tls if self._random.random() < TLS_SHARE else None
        self._totals = totals
        self._stream = None
        self._reading = None
        self._stopping = asyncio.Event()
        self._heard = set()
        self._heard_up_to = 0
        self.said = 0
        #: Stanzas that the server has not acknowledged, and how many it has; None outside a session.
        self._unacknowledged = []
        self._acknowledged = 0
        self._handled = 0
        self._identifier = None

    @property
    def heard(self):
        return self._heard_up_to + len(self._heard)

    def stop(self):
        self._stopping.set()

    async def live(self):
        await self._pause(0, PAUSE_SECONDS[1])
        while not self._stopping.is_set():
            try:
                await self._log_in()
                await self._session()
            except (Gone, Refused, OSError, TimeoutError) as error:
                self._totals.fail(f"{self._account.name}: {type(error).__name__}: {error}")
                await self._drop()
            await self._pause(*PAUSE_SECONDS)

    async def drain(self, done):
        """Comes online once more, for what is still waiting, until it is told."""
        try:
            await self._log_in()
            await done.wait()
            await self._leave()
        except (Gone, Refused, OSError, TimeoutError) as error:
            self._totals.fail(f"{self._account.name} at the end: {type(error).__name__}: {error}")
            await self._drop()

    async def _log_in(self):
        self._stream = await Stream.connect(self._port, self._tls)
        await self._stream.authenticate(self._account)
        await self._stream.bind()
        self._identifier = await self._stream.enable_management()
        self._handled = self._acknowledged = 0
        again, self._unacknowledged = self._unacknowledged, []
        self._reading = asyncio.create_task(self._read())
        self._send("<presence/>")
        # Whatever of it the server had got comes twice; what it had not got is not lost.
        for xml in again:
            if xml.startswith("<message"):
                self._send(xml)
        self._totals.logins += 1

    async def _session(self):
        while True:
            await self._chat()
            ending = "leave" if self._stopping.is_set() else self._random.choice(ENDINGS)
            if ending == "leave":
                self._totals.departures += 1
                return await self._leave()
            await self._drop(reset=self._random.random() < RESET_SHARE)
            if ending == "abandon":
                self._totals.abandonments += 1
                return
            await self._pause(*OFFLINE_SECONDS)
            await self._resume()

    async def _chat(self):
        loop = asyncio.get_running_loop()
        end = loop.time() + self._random.uniform(*CHAT_SECONDS)
        while loop.time() < end and not self._stopping.is_set():
            await self._pause(*PAUSE_SECONDS)
            if self._reading.done():
                raise Gone("in the middle of a session")
            self.said += 1
            self._totals.sent += 1
            self._send(f"<message to='{self._partner.jid}' type='chat' id='{self.said}'><body>{BODY}</body></message>")

    async def _resume(self):
        self._stream = await Stream.connect(self._port, self._tls)
        await self._stream.authenticate(self._account)
        self._acknowledge(await self._stream.resume(self._identifier, self._handled))
        again, self._unacknowledged = self._unacknowledged, []
        self._reading = asyncio.create_task(self._read())
        for xml in again:
            self._send(xml)
        self._totals.resumptions += 1

    async def _leave(self):
        await self._end_reading()
        self._stream.send(f"<a xmlns='{SM}' h='{self._handled}'/>")
        await self._stream.close()
        # What arrived after the reading ended was not acknowledged; it is kept for the next time.
        self._stream = None

    async def _drop(self, reset=False):
        await self._end_reading()
        if self._stream:
            self._stream.cut(reset)
            self._stream = None

    async def _end_reading(self):
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None

    def _send(self, xml):
        self._unacknowledged.append(xml)
        self._stream.send(xml + f"<r xmlns='{SM}'/>")

    async def _read(self):
        """Takes what comes, until the connection ends."""
        while True:
            try:
                element = await self._stream.read()
            except Gone:
                return
            if element.tag == f"{{{SM}}}r":
                self._stream.send(f"<a xmlns='{SM}' h='{self._handled}'/>")
            elif element.tag == f"{{{SM}}}a":
                self._acknowledge(int(element.get("h")))
            elif element.tag.startswith(CLIENT):
                self._handled += 1
                if element.tag == CLIENT + "message":
                    self._hear(element)

    def _acknowledge(self, handled):
        del self._unacknowledged[:handled - self._acknowledged]
        self._acknowledged = handled

    def _hear(self, message):
        if message.get("type") == "error":
            return self._totals.fail(f"{self._account.name}: an error for message {message.get('id')}")
        number = int(message.get("id"))
        if number <= self._heard_up_to or number in self._heard:
            self._totals.repeated += 1
            return
        self._totals.received += 1
        self._heard.add(number)
        while self._heard_up_to + 1 in self._heard:
            self._heard_up_to += 1
            self._heard.remove(self._heard_up_to)

    async def _pause(self, least, most):
        """Returns early when the soak ends."""
        try:
            await asyncio.wait_for(self._stopping.wait(), self._random.uniform(least, most))
        except TimeoutError:
            pass
