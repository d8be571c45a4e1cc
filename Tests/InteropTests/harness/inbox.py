# SPDX-License-Identifier: Apache-2.0
# What arrived and was not asked for yet. A test waits for what it wants, with a deadline; nothing sleeps.

import asyncio

DEADLINE_SECONDS = 10


class Inbox:
    def __init__(self, name):
        self._name = name
        self._items = []
        self._arrived = asyncio.Event()

    def put(self, item):
        self._items.append(item)
        self._arrived.set()

    async def take(self, wanted=lambda item: True, seconds=DEADLINE_SECONDS):
        """The first item that is wanted, now or within the deadline. The others stay."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for item in self._items:
                        if wanted(item):
                            self._items.remove(item)
                            return item
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            seen = "\n".join(f"  {item}" for item in self._items) or "  nothing"
            raise AssertionError(f"{self._name}: what was wanted did not arrive; there is:\n{seen}") from None

    def matching(self, wanted=lambda item: True):
        """What is there already. Says something only after a fence."""
        return [item for item in self._items if wanted(item)]
