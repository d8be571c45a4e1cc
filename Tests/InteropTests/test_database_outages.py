# SPDX-License-Identifier: Apache-2.0
# A database that dies, or does not answer. What was acknowledged is kept, once; who needs the database is told within the
# deadline; who does not chats on; and all is well again by itself when the database is.

import asyncio
import time

import pytest

from harness.raw import CLIENT, error_condition

pytestmark = pytest.mark.needs("a database to kill")

SM = "{urn:xmpp:sm:3}"
PRIVATE = "<query xmlns='jabber:iq:private'><x xmlns='urn:example:notes'/></query>"
MESSAGE_COUNT = 1_500
#: The deadline of the configuration, and what a busy machine may add to it.
ANSWER_SECONDS_MAX = 2 + 3
#: A database is tried again within a second, and its schema within another.
END_SECONDS_MAX = 30


def message(to, number):
    return f"<message type='chat' id='{number}' to='{to}'><body>{number}</body></message>"


async def until_the_database_answers(stream):
    while (await stream.request("get", PRIVATE)).get("type") == "error":
        pass


async def test_nothing_acknowledged_is_lost_or_doubled_when_the_database_is_killed(outage_world):
    juliet = await outage_world.account("juliet")
    romeo = await outage_world.raw()
    await romeo.log_in(await outage_world.account("romeo"))
    await romeo.send(f"<enable xmlns='{SM[1:-1]}'/>")
    await romeo.receive(lambda element: element.tag == SM + "enabled")

    async def send():
        for number in range(MESSAGE_COUNT):
            await romeo.send(message(juliet.jid, number) + f"<r xmlns='{SM[1:-1]}'/>")

    sending = asyncio.create_task(send())
    refused, acknowledged, is_killed = set(), 0, False
    while acknowledged < MESSAGE_COUNT:
        element = await romeo.receive()
        if element.tag == SM + "a":
            acknowledged = int(element.get("h"))
        elif element.tag == CLIENT + "message":
            assert error_condition(element) in ("internal-server-error", "service-unavailable", "resource-constraint")
            refused.add(int(element.get("id")))
        if acknowledged > MESSAGE_COUNT // 3 and not is_killed:
            outage_world.database.kill()
            is_killed = True
            await asyncio.to_thread(outage_world.database.start)
    await sending
    refused |= {int(each.get("id")) for each in await romeo.fence() if each.tag == CLIENT + "message"}
    await until_the_database_answers(romeo)
    stream = await outage_world.raw()
    await stream.log_in(juliet, "balcony")
    await stream.send("<presence/>")
    kept = [int(each.findtext(CLIENT + "body")) for each in await stream.fence() if each.tag == CLIENT + "message"]
    # One that was refused may be there all the same: whether it was stored was not known.
    assert refused, "the database was never missed"
    assert kept == sorted(set(kept))
    assert set(range(MESSAGE_COUNT)) - refused <= set(kept)


@pytest.mark.parametrize("fault", ["killed", "held"])
async def test_chat_goes_on_and_is_archived_when_the_database_is_back(outage_archive_world, fault):
    """Messages are delivered though nobody can write them down; they are acknowledged when somebody has."""
    world, database = outage_archive_world, outage_archive_world.database
    accounts = [await world.account(name) for name in ("romeo", "juliet")]
    romeo, juliet = await world.raw(), await world.raw()
    await romeo.log_in(accounts[0], "orchard")
    await juliet.log_in(accounts[1], "balcony")
    await juliet.send("<presence/>")
    await juliet.fence()
    await romeo.send(f"<enable xmlns='{SM[1:-1]}'/>")
    await romeo.receive(lambda element: element.tag == SM + "enabled")
    to = f"{accounts[1].jid}/balcony"

    async def say(numbers):
        await romeo.send("".join(message(to, number) for number in numbers))
        for number in numbers:
            await juliet.receive(lambda element, number=number: element.findtext(CLIENT + "body") == str(number))

    await say(range(100))
    database.kill() if fault == "killed" else database.hold()
    # More than were begun to be written before anybody noticed.
    for first in range(100, 800, 100):
        await say(range(first, first + 100))
    await asyncio.to_thread(database.start if fault == "killed" else database.let_go)
    acknowledged = 0
    while acknowledged < 800:
        await romeo.send(f"<r xmlns='{SM[1:-1]}'/>")
        element = await romeo.receive()
        assert element.tag == SM + "a", element
        acknowledged = int(element.get("h"))
    for account in accounts:
        stream = await world.raw()
        await stream.log_in(account)
        assert await stream.archived_bodies() == [str(number) for number in range(800)]


@pytest.mark.parametrize("fault", ["killed", "held"])
async def test_others_chat_on_and_all_is_well_when_the_database_is_back(outage_world, fault):
    database = outage_world.database
    nurse = await outage_world.account("nurse")
    online, stranger = await outage_world.raw(), await outage_world.raw()
    await online.log_in(nurse, "kitchen")
    async with await outage_world.chat():
        database.kill() if fault == "killed" else database.hold()
        # The first may wait for an answer that does not come, and the next need not.
        for _ in range(3):
            start = time.monotonic()
            assert error_condition(await online.request("get", PRIVATE)) in ("internal-server-error", "resource-constraint")
            assert time.monotonic() - start < ANSWER_SECONDS_MAX
        start = time.monotonic()
        assert await stranger.authenticate("SCRAM-SHA-1", nurse.username, nurse.password) == "temporary-auth-failure"
        assert time.monotonic() - start < ANSWER_SECONDS_MAX
        await asyncio.to_thread(database.start if fault == "killed" else database.let_go)
        await until_the_database_answers(online)
    assert await stranger.authenticate("SCRAM-SHA-1", nurse.username, nurse.password) == "success"


async def test_a_server_whose_database_is_down_starts_and_waits_for_it(outage_world):
    account = await outage_world.account()
    outage_world.server.stop()
    outage_world.database.kill()
    outage_world.server.start()
    stream = await outage_world.raw()
    assert await stream.authenticate("PLAIN", account.username, account.password) == "temporary-auth-failure"
    await asyncio.to_thread(outage_world.database.start)
    for _ in range(100_000):
        if await stream.authenticate("PLAIN", account.username, account.password) == "success":
            return
        # A stream has so many attempts.
        stream = await outage_world.raw()
    raise AssertionError("the database came back, and nobody can log in")


async def test_a_server_ends_when_its_database_comes_up_with_tables_that_it_cannot_use(outage_world):
    server, database = outage_world.server, outage_world.database
    server.stop()
    server.database_kind.ask(database.place, "DROP TABLE roster_version", server.database)
    database.kill()
    server.start()
    await asyncio.to_thread(database.start)
    assert await asyncio.to_thread(server.process.wait, END_SECONDS_MAX) == 1
    log = server.marked_log()
    assert "the table roster_version is missing" in log and "run: mimd schema verify --config " in log
