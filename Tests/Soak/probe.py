# SPDX-License-Identifier: Apache-2.0
# probe.py PORT NAME PASSWORD: a client that sends messages to itself and prints how long each took, in milliseconds, a
# line each. A process of its own, so that it does not wait for the others' Python.

import asyncio
import sys
import time

from stream import CLIENT, Account, Stream

INTERVAL_SECONDS = 0.05


async def main(port, name, password):
    stream = await Stream.connect(port)
    await stream.authenticate(Account(name, password))
    jid = await stream.bind("probe")
    while True:
        start = time.perf_counter()
        stream.send(f"<message to='{jid}' type='chat'><body>probe</body></message>")
        await stream.expect(CLIENT + "message")
        print((time.perf_counter() - start) * 1_000, flush=True)
        await asyncio.sleep(INTERVAL_SECONDS)


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
