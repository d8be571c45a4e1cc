# SPDX-License-Identifier: Apache-2.0
# Clients that mean no good or are broken: who come and say nothing, who never read, who send too much or nonsense while
# they log in or after it. Others chat meanwhile, and in the end the server holds no more than before.

import asyncio
import contextlib
import re
import resource
import socket
import ssl
import time

import pytest

from harness.inbox import DEADLINE_SECONDS
from harness.raw import CLIENT, SASL, STREAMS, TLS, StreamEnded, encoded, error_condition
from harness.scram import ScramClient

pytestmark = pytest.mark.needs("mimd's limits")

PING = "<ping xmlns='urn:xmpp:ping'/>"
HEADER = ("<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
          "xmlns:stream='http://etherx.jabber.org/streams'>")


# Clients that do not come to the point (slow loris). Each takes a stream that is not connected so far that the server
# waits for what the client will not send.

async def says_nothing(stream, _):
    await stream.connect()


async def says_nothing_in_tls(stream, _):
    """No ClientHello comes."""
    await stream.connect(stream.server.direct_port)


async def begins_a_handshake(stream, _):
    await stream.connect(stream.server.direct_port)
    await stream.send(bytes([22, 3, 1, 2, 0, 1, 0, 1]))


async def begins_a_header(stream, _):
    await stream.connect()
    await stream.send(HEADER[:60])


async def opens_a_stream(stream, _):
    await stream.connect()
    await stream.open()


async def asks_for_tls(stream, _):
    await stream.connect()
    await stream.open()
    await stream.send(f"<starttls xmlns='{TLS[1:-1]}'/>")
    assert (await stream.receive()).tag == TLS + "proceed"


async def starts_tls(stream, _):
    await stream.connect()
    await stream.open()
    await stream.start_tls()
    stream.expect_header()


async def begins_to_authenticate(stream, account):
    await stream.secure()
    first = encoded(ScramClient("SCRAM-SHA-256", account.username, account.password).first())
    await stream.send(f"<auth xmlns='{SASL[1:-1]}' mechanism='SCRAM-SHA-256'>{first}</auth>")
    assert (await stream.receive()).tag == SASL + "challenge"


async def begins_an_element(stream, _):
    await stream.secure()
    await stream.send(f"<auth xmlns='{SASL[1:-1]}' mechanism='PLAIN'>AAAA")


async def authenticates(stream, account):
    await stream.secure()
    assert await stream.authenticate("PLAIN", account.username, account.password) == "success"
    stream.expect_header()


async def opens_a_stream_of_its_own(stream, account):
    await authenticates(stream, account)
    await stream.open()


LORISES = [says_nothing, says_nothing_in_tls, begins_a_handshake, begins_a_header, opens_a_stream, asks_for_tls,
           starts_tls, begins_to_authenticate, begins_an_element, authenticates, opens_a_stream_of_its_own]


async def test_who_does_not_come_to_the_point_is_closed_and_nobody_waits(impatient_world):
    account = await impatient_world.account()
    async with await impatient_world.chat():
        before = impatient_world.server.descriptor_count()

        async def wait(loris):
            stream = impatient_world.raw_unsecured()
            await loris(stream, account)
            start = time.monotonic()
            condition = await end_of(stream)
            return loris.__name__, condition, time.monotonic() - start

        ends = await asyncio.gather(*(wait(loris) for loris in LORISES))
        await descriptors_return(impatient_world, before)
    patience = impatient_world.server.state_timeout / 1_000
    for name, condition, seconds in ends:
        # In the midst of a handshake there is no stream to send an error on.
        is_stream = name not in ("says_nothing_in_tls", "begins_a_handshake", "asks_for_tls")
        assert condition == ("connection-timeout" if is_stream else None), name
        assert patience * 0.5 < seconds < patience + 5, name


async def test_a_byte_now_and_then_is_no_progress(impatient_world):
    """The time is that of a step of negotiation, not of a byte."""
    pacemaker = await impatient_world.raw()
    await pacemaker.log_in(await impatient_world.account())
    stream = await impatient_world.raw_unsecured().connect()
    await stream.send(HEADER[:-1])
    ending = asyncio.create_task(end_of(stream))
    byte_count = 0
    while not ending.done():
        for _ in range(10):
            await pacemaker.request("get", PING)
        with contextlib.suppress(OSError):
            await stream.send(" ")
        byte_count += 1
    assert await ending == "connection-timeout" and byte_count > 10


CROWD = 2_500
# What the test, and the server, need besides.
DESCRIPTORS_BESIDES = 300


async def test_thousands_of_half_open_connections_leave_when_their_time_is_up(impatient_world):
    server = impatient_world.server
    count = crowd_that_fits()
    latecomer = await impatient_world.account("latecomer")
    async with await impatient_world.chat():
        before = server.descriptor_count()
        crowd, made_at = await connections(server, count)
        start = time.monotonic()
        stream = await impatient_world.raw()
        await stream.log_in(latecomer)
        now = time.monotonic()
        assert now - start < server.state_timeout / 1_000
        # The latecomer was taken in after all of the crowd. On a busy machine the first of it may have had to leave by then.
        patient = sum(now - each < server.state_timeout / 2_000 for each in made_at)
        assert server.descriptor_count() >= before + patient
        # Some go when they are told to; the others have to be shown out.
        for each in crowd[:count // 2]:
            each.close()
        await stream.close()
        await descriptors_return(impatient_world, before)
        for each in crowd[count // 2:]:
            each.close()


async def connections(server, count):
    """So many connections that say nothing, without a reader each, and when each was made."""
    loop = asyncio.get_running_loop()
    made, made_at = [], []
    for _ in range(count):
        each = socket.socket()
        each.setblocking(False)
        made.append(each)
        await loop.sock_connect(each, (server.host, server.port))
        made_at.append(time.monotonic())
    return made, made_at


def crowd_that_fits():
    """How many connections the limit of descriptors allows, which is raised as far as need be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + DESCRIPTORS_BESIDES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(CROWD, soft - DESCRIPTORS_BESIDES)


async def end_of(stream):
    """The condition of the stream error with which the server ends the connection; None when there is no error."""
    error = None
    async with asyncio.timeout(DEADLINE_SECONDS):
        with contextlib.suppress(StreamEnded, OSError, ssl.SSLError):
            error = await stream.receive(lambda element: element.tag == STREAMS + "error")
            await stream.receive_end()
    await stream.close()
    return error[0].tag.partition("}")[2] if error is not None else None


async def descriptors_return(world, count):
    """Waits until the server has no more descriptors than that."""
    # Something to do meanwhile that the server has a part in: nothing here sleeps.
    # An account first: while the disk is busy a registration may take longer than an impatient server waits for a login.
    account = await world.account()
    stream = await world.raw()
    await stream.log_in(account)
    async with asyncio.timeout(15):
        while world.server.descriptor_count() > count + 1:
            await stream.request("get", PING)
    await stream.close()


# Clients that never read.

MEGABYTE = 1 << 20
DEAF_MEMORY_GROWTH_MAX = 48 * MEGABYTE


@pytest.mark.parametrize("is_managed", [False, True], ids=["plain", "managed"])
async def test_a_client_that_never_reads_costs_little_and_nobody_waits(own_world, is_managed):
    server = own_world.server
    romeo = await own_world.raw()
    await romeo.log_in(await own_world.account())
    async with await own_world.chat():
        descriptor_count = server.descriptor_count()
        deaf = await own_world.raw()
        await deaf.log_in(await own_world.account("deaf"))
        if is_managed:
            await deaf.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
            await deaf.receive(lambda element: element.tag == "{urn:xmpp:sm:3}enabled")
        deaf.pause_reading()
        memory = server.memory_byte_count()
        text = "x" * 100_000
        growth = 0
        for _ in range(1_000):
            # Whoever is gone gets no headline: nothing of this is stored or returned.
            await romeo.send(f"<message type='headline' to='{deaf.jid}'><body>{text}</body></message>")
            growth = max(growth, server.memory_byte_count() - memory)
        await romeo.request("get", PING)
        await descriptors_return(own_world, descriptor_count)
    assert growth < DEAF_MEMORY_GROWTH_MAX, f"{growth / MEGABYTE} megabytes"


async def test_a_client_that_asks_and_never_reads_the_answers_is_closed(own_world):
    server = own_world.server
    async with await own_world.chat():
        descriptor_count = server.descriptor_count()
        deaf = await own_world.raw()
        await deaf.log_in(await own_world.account("deaf"))
        deaf.pause_reading()
        memory = server.memory_byte_count()
        question = "<iq type='get' id='q' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        with contextlib.suppress(OSError, ssl.SSLError):
            for _ in range(1_000):
                await deaf.send(question * 100)
        await descriptors_return(own_world, descriptor_count)
        growth = server.memory_byte_count() - memory
    assert growth < DEAF_MEMORY_GROWTH_MAX, f"{growth / MEGABYTE} megabytes"


# What is too much or nonsense while a client logs in.

async def test_a_sasl_payload_that_is_too_long_is_refused_and_the_client_may_try_again(world):
    account = await world.account()
    stream = await world.raw()
    long = encoded(b"\0" + account.username.encode() + b"\0" + b"x" * 5_000)
    await stream.send(f"<auth xmlns='{SASL[1:-1]}' mechanism='PLAIN'>{long}</auth>")
    assert sasl_condition(await stream.receive()) == "malformed-request"
    scram = ScramClient("SCRAM-SHA-256", account.username, account.password)
    await stream.send(f"<auth xmlns='{SASL[1:-1]}' mechanism='SCRAM-SHA-256'>{encoded(scram.first())}</auth>")
    assert (await stream.receive()).tag == SASL + "challenge"
    await stream.send(f"<response xmlns='{SASL[1:-1]}'>{long}</response>")
    assert sasl_condition(await stream.receive()) == "malformed-request"
    sasl2 = "urn:xmpp:sasl:2"
    await stream.send(
        f"<authenticate xmlns='{sasl2}' mechanism='PLAIN'><initial-response>{long}</initial-response></authenticate>")
    assert (await stream.receive()).find(SASL + "malformed-request") is not None
    assert await stream.authenticate("PLAIN", account.username, account.password) == "success"


async def test_a_sasl_payload_without_end_ends_the_stream(world):
    async with await world.chat():
        stream = await world.raw()
        data = f"<auth xmlns='{SASL[1:-1]}' mechanism='PLAIN'>".encode() + b"A" * MEGABYTE
        assert await stream.flood(data) == "policy-violation"


async def test_who_begins_and_aborts_again_and_again_is_closed(world):
    stream = await world.raw()
    begin = f"<auth xmlns='{SASL[1:-1]}' mechanism='PLAIN'/><abort xmlns='{SASL[1:-1]}'/>"
    await stream.send(begin * 100)
    conditions = []
    while (answer := await stream.receive()).tag != STREAMS + "error":
        if answer.tag == SASL + "failure":
            conditions.append(sasl_condition(answer))
    assert answer[0].tag.endswith("}policy-violation") and set(conditions) == {"aborted"} and len(conditions) == 5


def sasl_condition(failure):
    assert failure.tag == SASL + "failure"
    return failure[0].tag.removeprefix(SASL)


async def test_what_peers_choose_begins_no_line_of_the_log(world):
    world.server.mark_log()
    for evil in ("x\n2026-01-01T00:00:00.000Z notice forged", "x\r\x1b[2Jforged", "x\u0085forged\u2028forged", 'x" forged="'):
        stream = await world.raw()
        await stream.authenticate("PLAIN", evil, "secret")
        await stream.authenticate("SCRAM-SHA-256", evil, "secret")
        account = await world.account()
        await stream.log_in(account, "".join(f"&#{ord(each)};" for each in evil if each.isprintable()))
        await stream.send("</stream:stream>")
        await stream.receive_end()
    await world.online(await world.account(), "orchard")
    lines = world.server.marked_log().split("\n")
    assert len(lines) > 10
    for line in lines:
        assert LOG_LINE.fullmatch(line) and 'forged=""' not in line, line


# As StandardErrorLogHandler writes them: no control characters, and quotes only around values and escaped in them.
LOG_LINE = re.compile(r'\d{4}-\d\d-\d\dT[\d:.]+Z [a-z]+ [^="]*( [a-z0-9.]+=([^\s"=]+|"([^"\\]|\\[\\"nu])*"))*')


# Addresses that are none.

BAD_JIDS = {
    "no localpart": "@localhost", "no domainpart": "romeo@", "no resourcepart": "romeo@localhost/", "only an at": "@",
    "only a slash": "/", "nothing before the slash": "/orchard", "two ats": "romeo@juliet@localhost",
    "a space": "romeo montague@localhost", "a space in the domainpart": "romeo@local host",
    "a long localpart": "r" * 1_024 + "@localhost", "a long domainpart": "romeo@" + "l" * 1_024,
    "a long resourcepart": "romeo@localhost/" + "o" * 1_024, "10,000 bytes": "r" * 10_000,
    "quotes": "&quot;romeo&quot;@localhost", "an ampersand": "romeo&amp;juliet@localhost",
    "nothing once it is prepared": "\N{SOFT HYPHEN}@localhost", "for private use": "\uE000@localhost",
    "in two directions": "\N{ARABIC LETTER ALEF}a@localhost", "in another direction": "romeo@localhost/\u202Emontague",
    "a tabulator": "romeo&#9;@localhost", "a line feed": "romeo@localhost/a&#10;b", "DEL": "romeo&#127;@localhost",
}


@pytest.mark.parametrize("name", BAD_JIDS)
async def test_a_bad_jid_is_malformed_and_the_stream_goes_on(world, name):
    stream = await world.raw()
    await stream.log_in(await world.account(), "orchard")
    for stanza in ("<message id='bad' to='{}'><body>x</body></message>", "<presence id='bad' to='{}'/>",
                   "<iq type='get' id='bad' to='{}'><ping xmlns='urn:xmpp:ping'/></iq>"):
        await stream.send(stanza.format(BAD_JIDS[name]))
        answer = await stream.receive(lambda element: element.get("id") == "bad")
        assert error_condition(answer) == "jid-malformed" and answer.get("to") == stream.jid
    # None of it asks for an answer, and an error must not be answered (RFC 6120 section 8.3.1).
    await stream.send(f"<message type='error' id='bad' to='{BAD_JIDS[name]}'/>")
    assert not await stream.fence()


@pytest.mark.parametrize("is_managed", [False, True], ids=["plain", "managed"])
async def test_long_messages_that_waited_do_not_keep_their_recipient_out(world, is_managed):
    """Anybody can send them while the recipient is away. It gets them as fast as it reads and acknowledges."""
    juliet = await world.account("juliet")
    await send_long_messages(world, juliet)
    stream = await world.raw()
    await stream.log_in(juliet, "balcony")
    if is_managed:
        await stream.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    await stream.send("<presence/>")
    handled_count, numbers = 0, []
    while len(numbers) < 60:
        element = await stream.receive()
        if element.tag == "{urn:xmpp:sm:3}r":
            await stream.send(f"<a xmlns='urn:xmpp:sm:3' h='{handled_count}'/>")
        elif element.tag.startswith(CLIENT):
            handled_count += 1
        if element.tag == CLIENT + "message":
            numbers.append(element.get("id"))
    assert numbers == [str(number) for number in range(60)]
    assert not [each for each in await stream.fence() if each.tag == CLIENT + "message"]


async def test_who_does_not_read_what_waited_holds_nobody_up(world):
    """Not even those who have something for the same account."""
    juliet = await world.account("juliet")
    tybalt = await send_long_messages(world, juliet)
    async with await world.chat():
        deaf, other = await world.raw(), await world.raw()
        await deaf.log_in(juliet, "balcony")
        await other.log_in(juliet, "chamber")
        deaf.pause_reading()
        await deaf.send("<presence><priority>5</priority></presence>")
        await tybalt.send(f"<message type='chat' id='new' to='{deaf.jid}'><body>new</body></message>")
        assert not await tybalt.fence()
        roster = "<query xmlns='jabber:iq:roster'><item jid='nurse@localhost'/></query>"
        assert (await other.request("set", roster)).get("type") == "result"
        deaf.cut()


async def send_long_messages(world, recipient):
    """Sends sixty of them, which wait, and returns the sender's stream."""
    tybalt = await world.raw()
    await tybalt.log_in(await world.account("tybalt"))
    body = "x" * 250_000
    for number in range(60):
        await tybalt.send(f"<message type='chat' id='{number}' to='{recipient.jid}'><body>{body}</body></message>")
    assert not await tybalt.fence()
    return tybalt
