# SPDX-License-Identifier: Apache-2.0
# A store that fails: the process is killed while it stores, the disk is full, the file may not be written, is damaged,
# or is of a later mimd. What was acknowledged is kept, what cannot be stored is answered with an error, others chat.

import asyncio
import contextlib
import os
import sqlite3
import ssl

import pytest

from harness.raw import CLIENT, StreamEnded, error_condition
from harness.world import Account, registration

pytestmark = pytest.mark.needs("mimd's store")

SM = "{urn:xmpp:sm:3}"


def message(to, body):
    return f"<message type='chat' id='{body}' to='{to}'><body>{body}</body></message>"


async def come(world, account):
    """A client that has become available and got what waited for it: the bodies of its messages."""
    stream = await world.raw()
    await stream.log_in(account, "balcony")
    await stream.send("<presence/>")
    arrived = await stream.fence()
    return stream, [each.findtext(CLIENT + "body") for each in arrived if each.tag == CLIENT + "message"]


# The process is killed.

SENDER_COUNT = 4
MESSAGE_COUNT = 900


async def test_messages_acknowledged_to_their_senders_survive_kill_9_in_the_midst_of_storing(own_world):
    """XEP-0198 section 4: with the acknowledgement the server takes responsibility."""
    recipients = [await own_world.account("juliet") for _ in range(SENDER_COUNT)]
    senders = []
    for _ in recipients:
        stream = await own_world.raw()
        await stream.log_in(await own_world.account())
        await stream.send(f"<enable xmlns='{SM[1:-1]}'/>")
        await stream.receive(lambda element: element.tag == SM + "enabled")
        senders.append(stream)

    async def send(stream, recipient):
        with contextlib.suppress(OSError, ssl.SSLError):
            for number in range(MESSAGE_COUNT):
                await stream.send(message(recipient.jid, number) + f"<r xmlns='{SM[1:-1]}'/>")

    async def count_acknowledged(stream):
        count = 0
        with contextlib.suppress(StreamEnded, OSError, ssl.SSLError):
            while True:
                count = int((await stream.receive(lambda element: element.tag == SM + "a")).get("h"))
                if count == MESSAGE_COUNT // 3 and own_world.server.is_running():
                    own_world.server.kill()
        return count

    sending = [asyncio.create_task(send(*pair)) for pair in zip(senders, recipients, strict=True)]
    counts = await asyncio.gather(*(count_acknowledged(stream) for stream in senders))
    for task in sending:
        task.cancel()
    # One of them was the cause, and none was done.
    assert MESSAGE_COUNT // 3 <= max(counts) < MESSAGE_COUNT
    own_world.server.start()
    for recipient, count in zip(recipients, counts, strict=True):
        _, bodies = await come(own_world, recipient)
        # One more may have been stored and not acknowledged any more, and each is there once.
        assert len(bodies) >= count and bodies == [str(number) for number in range(len(bodies))]


# The disk is full.

@pytest.mark.needs("the local store")
async def test_a_full_disk_is_an_error_to_who_wants_to_store_and_nothing_to_others(own_world):
    server = own_world.server
    romeo_account, juliet, nurse = [await own_world.account(name) for name in ("romeo", "juliet", "nurse")]
    romeo = await own_world.raw()
    await romeo.log_in(romeo_account, "orchard")
    log = server.store.with_name(server.store.name + "-wal")
    async with await own_world.chat():
        server.limit_files(log.stat().st_size + 100_000)
        kept, refused = await store_until_refused(romeo, juliet)
        # Whatever else would be stored is refused as well, once there is no room for a byte.
        server.limit_files(0)
        for payload in (item("nurse@localhost", "x" * 1_000), private("x" * 100_000), new_password("x", romeo_account)):
            answer = await romeo.request("set", payload)
            assert error_condition(answer) == "internal-server-error"
        stranger = await own_world.raw()
        assert error_condition(await stranger.request("set", new_password("x", own_world.unused_account()))) == "internal-server-error"
        # What is there can be read.
        assert await (await own_world.raw()).log_in(nurse)
        assert (await romeo.request("get", "<query xmlns='jabber:iq:roster'/>")).get("type") == "result"
        server.limit_files(None)
        assert (await romeo.request("set", item("nurse@localhost", "Nurse"))).get("type") == "result"
        await romeo.send(message(juliet.jid, "later"))
        assert not any(each.get("type") == "error" for each in await romeo.fence())
    assert refused
    # The operator learns from the log what there is to do.
    assert any("not stored" in line and "disk" in line for line in server.marked_log().splitlines())
    server.kill()
    server.start()
    _, bodies = await come(own_world, juliet)
    assert bodies == [*kept, "later"]


async def store_until_refused(romeo, juliet):
    """Sends long messages until some are returned; the ids of those that were kept, and of those that were not."""
    sent, refused = [], set()
    while not refused:
        assert len(sent) < 500, "the disk is never full"
        batch = [f"{len(sent) + number}" for number in range(10)]
        for number in batch:
            await romeo.send(f"<message type='chat' id='{number}' to='{juliet.jid}'><body>{number}</body>"
                             f"<x xmlns='urn:example:padding'>{'x' * 8_000}</x></message>")
        sent += batch
        for answer in await romeo.fence():
            assert error_condition(answer) == "internal-server-error"
            refused.add(answer.get("id"))
    return [number for number in sent if number not in refused], refused


def item(jid, name):
    return f"<query xmlns='jabber:iq:roster'><item jid='{jid}' name='{name}'/></query>"


def private(text):
    return f"<query xmlns='jabber:iq:private'><x xmlns='urn:example:notes'>{text}</x></query>"


def new_password(password, account):
    return registration(Account(account.username, password, account.domain))


# The store may only be read.

@pytest.mark.needs("the local store")
async def test_a_store_that_may_only_be_read_is_an_error_to_who_wants_to_store_and_nothing_to_others(own_world):
    server = own_world.server
    accounts = [await own_world.account(name) for name in ("romeo", "juliet", "nurse")]
    server.stop()
    server.obeys_permissions = True
    with read_only(server.store):
        server.start()
        assert any("error" in line and "read-only" in line for line in server.marked_log().splitlines())
        romeo, juliet = await own_world.raw(), await own_world.raw()
        await romeo.log_in(accounts[0], "orchard")
        await juliet.log_in(accounts[1], "balcony")
        await romeo.send(message(accounts[2].jid, "lost"))
        answer = await romeo.receive(lambda element: element.get("id") == "lost")
        assert error_condition(answer) == "internal-server-error"
        for payload in (item("nurse@localhost", "Nurse"), private("x"), new_password("x", accounts[0])):
            assert error_condition(await romeo.request("set", payload)) == "internal-server-error"
        stranger = await own_world.raw()
        assert error_condition(await stranger.request("set", new_password("x", own_world.unused_account()))) == "internal-server-error"
        await romeo.send(message(juliet.jid, "found"))
        await juliet.receive(lambda element: element.get("id") == "found")
        assert server.stop() == 0
    server.start()
    romeo, _ = await come(own_world, accounts[0])
    assert (await romeo.request("set", item("nurse@localhost", "Nurse"))).get("type") == "result"


@contextlib.contextmanager
def read_only(path):
    os.chmod(path, 0o400)
    try:
        yield
    finally:
        for each in path.parent.glob(path.name + "*"):
            os.chmod(each, 0o600)


# The store is not one, or not one of this mimd.

def is_noise(path):
    path.write_bytes(bytes((number * 181 + 7) % 256 for number in range(50_000)))


def is_cut(path):
    os.truncate(path, 5_000)


def is_of_a_later_mimd(path):
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute("INSERT INTO mimd_schema (version, checksum) SELECT max(version) + 1, 'x' FROM mimd_schema")


def is_of_another_build(path):
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute("UPDATE mimd_schema SET checksum = 'x'")


def is_of_another_program(path):
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute("CREATE TABLE rosterusers (name TEXT)")


def is_a_directory(path):
    path.unlink()
    path.mkdir()


FAULTS = {is_noise: "is not a database, or is damaged", is_cut: "is not a database, or is damaged",
          is_of_a_later_mimd: "it takes a later mimd", is_of_another_build: "its schema differs from this mimd's",
          is_of_another_program: "rosterusers", is_a_directory: "cannot be used"}


@pytest.mark.needs("the local store")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_store_that_cannot_be_used_keeps_the_server_from_starting(own_world, fault):
    """It says why, names the file, and leaves it as it was."""
    server = own_world.server
    await own_world.account()
    server.stop()
    fault(server.store)
    # What another program left may be looked at in ways that write.
    before = server.store.read_bytes() if fault in (is_noise, is_cut, is_of_a_later_mimd, is_of_another_build) else None
    for arguments in (server.command()[1:], ["account", "list", *server.command()[1:]]):
        status, output = server.run_command(*arguments)
        assert status == 1 and str(server.store) in output and FAULTS[fault] in output, output
    assert before is None or server.store.read_bytes() == before
