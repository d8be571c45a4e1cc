# SPDX-License-Identifier: Apache-2.0
# Two clients that chat while a test does something bad to the server: nobody may make them wait.

import asyncio
import time

from .raw import CLIENT

#: How long a message and the answer to it may take. A server that is busy with one client for so long stalls the others.
ANSWER_SECONDS_MAX = 3.0


class Chat:
    def __init__(self, romeo, juliet):
        self._romeo, self._juliet = romeo, juliet
        self._task = None
        self._is_over = False
        #: How many messages were answered, and the longest wait for an answer.
        self.answer_count = 0
        self.longest_seconds = 0.0

    async def __aenter__(self):
        await self._exchange()
        self._task = asyncio.create_task(self._go_on())
        return self

    async def __aexit__(self, kind, error, trace):
        self._is_over = True
        if error is not None:
            self._task.cancel()
            return
        await self._task
        # Whatever was done to the server, they are served after it.
        await self._exchange()
        assert self.longest_seconds < ANSWER_SECONDS_MAX, (
            f"of {self.answer_count} answers one took {self.longest_seconds:.1f} seconds")

    async def _go_on(self):
        while not self._is_over:
            await self._exchange()

    async def _exchange(self):
        number, start = str(self.answer_count), time.monotonic()
        for one, other in ((self._romeo, self._juliet), (self._juliet, self._romeo)):
            await one.send(f"<message type='chat' id='{number}' to='{other.jid}'><body>{number}</body></message>")
            heard = await other.receive(lambda element: element.tag == CLIENT + "message")
            assert (heard.get("from"), heard.findtext(CLIENT + "body")) == (one.jid, number)
        self.longest_seconds = max(self.longest_seconds, time.monotonic() - start)
        self.answer_count += 1
