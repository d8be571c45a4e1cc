# SPDX-License-Identifier: Apache-2.0
# Message archives (XEP-0313) with slixmpp's plugin: pages, filters, other devices, preferences; what was acknowledged is
# archived, whatever happens to the server.

import asyncio
import contextlib
import ssl

import pytest
import slixmpp
from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ET

from harness.raw import StreamEnded

pytestmark = pytest.mark.needs("message archives")

SM = "{urn:xmpp:sm:3}"
MAM = "{urn:xmpp:mam:2}"
RSM = "{http://jabber.org/protocol/rsm}"
SID = "{urn:xmpp:sid:0}stanza-id"
RETRACT = "urn:xmpp:message-retract:1"


async def couple(world):
    romeo, juliet = await world.couple()
    await romeo.fence(juliet)
    return romeo, juliet


async def archived(client, rsm=None, **options):
    """The bodies of the messages that an archive answers with, and the whole answer."""
    answer = await client.request(client.xmpp.plugin["xep_0313"].retrieve(rsm=rsm, **options))
    results = [each["mam_result"] for each in answer["mam"]["results"]]
    return [each["forwarded"]["stanza"]["body"] for each in results], answer


async def raw_query(client, content, kind="set", name="query"):
    """An archive's answer to what slixmpp's plugin has no words for."""
    iq = client.xmpp.Iq()
    iq["type"] = kind
    iq.append(ET.fromstring(f"<{name} xmlns='{MAM[1:-1]}'>{content}</{name}>"))
    return await client.request(iq.send())


def name_in(message, archive):
    """What a message is called in an archive."""
    names = [each.get("id") for each in message.xml.iter(SID) if each.get("by") == archive]
    assert len(names) == 1, message
    return names[0]


async def test_both_sides_find_what_was_said_on_any_device(archive_world):
    romeo, juliet = await couple(archive_world)
    lines = ["Call me but love", "What man art thou?", "By a name\n\twith & < > \N{GRINNING FACE}"]
    names = []
    for number, line in enumerate(lines):
        speaker, listener = (juliet, romeo) if number == 1 else (romeo, juliet)
        speaker.say(listener.jid, line)
        names.append(name_in(await listener.hears(line), listener.bare))
    chamber = await archive_world.online(juliet.account, "chamber")
    for client in (romeo, juliet, chamber):
        bodies, answer = await archived(client)
        assert bodies[-3:] == lines
        assert answer["mam_fin"].xml.get("complete") == "true"
    bodies, answer = await archived(juliet, with_jid=slixmpp.JID(romeo.bare))
    ids = [each["mam_result"]["id"] for each in answer["mam"]["results"]]
    assert names[0] in ids and names[2] in ids
    with pytest.raises(IqError, match="forbidden"):
        await archived(romeo, jid=slixmpp.JID(juliet.bare))


async def test_long_archives_are_read_page_by_page(archive_world):
    romeo, juliet = await couple(archive_world)
    lines = [f"Line {number}" for number in range(123)]
    for line in lines:
        romeo.say(juliet.bare, line)
    await juliet.hears(lines[-1])
    read = juliet.xmpp.plugin["xep_0313"].iterate(with_jid=slixmpp.JID(romeo.bare), rsm={"max": 20}, total=200)
    found = [each["mam_result"]["forwarded"]["stanza"]["body"] async for each in read]
    assert [body for body in found if body.startswith("Line")] == lines
    backwards = juliet.xmpp.plugin["xep_0313"].iterate(reverse=True, rsm={"max": 50}, total=60)
    found = [each["mam_result"]["forwarded"]["stanza"]["body"] async for each in backwards]
    assert sorted(found, key=lambda body: int(body.split()[1])) == lines[-60:]
    # A page is as long as the server allows, whatever is asked for.
    set_ = "<set xmlns='http://jabber.org/protocol/rsm'><max>{}</max><before/></set>"
    answer = await raw_query(juliet, set_.format(1_000))
    first = answer.xml.findtext(f".//{RSM}first")
    bodies, _ = await archived(juliet, rsm={"max": 10, "after": first})
    assert bodies == lines[-49:-39]
    answer = await raw_query(juliet, set_.format(0))
    assert int(answer.xml.findtext(f".//{RSM}count")) >= len(lines)
    with pytest.raises(IqError, match="item-not-found"):
        await archived(juliet, rsm={"after": "ABC123"})


async def test_words_find_what_was_said(archive_world):
    romeo, juliet = await couple(archive_world)
    for line in ("It was the nightingale, and not the lark", "\N{LATIN CAPITAL LETTER E WITH ACUTE}toile du soir", "larks"):
        romeo.say(juliet.bare, line)
        await juliet.hears(line)

    async def search(text):
        form = (f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{MAM[1:-1]}</value></field>"
                f"<field var='full-text-search'><value>{text}</value></field></x><set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set>")
        return int((await raw_query(juliet, form)).xml.findtext(f".//{RSM}count"))

    assert await search("LARK not") == 1
    assert await search("\N{LATIN SMALL LETTER E WITH ACUTE}toile") == 1
    assert await search("the") == 1
    assert await search("lark morning") == 0
    assert await search("%") == 0


async def test_who_was_away_gets_a_message_once_and_finds_it_under_the_same_name(archive_world):
    romeo, juliet = await couple(archive_world)
    await juliet.leave()
    romeo.say(juliet.bare, "Wilt thou be gone?")
    await romeo.request(romeo.xmpp.plugin["xep_0199"].send_ping(romeo.account.domain))
    juliet = await archive_world.online(juliet.account, "balcony")
    message = await juliet.hears("Wilt thou be gone?")
    _, answer = await archived(juliet)
    ids = [each["mam_result"]["id"] for each in answer["mam"]["results"]]
    assert ids.count(name_in(message, juliet.bare)) == 1
    await juliet.fence(romeo)
    assert not juliet.messages.matching(lambda each: each["body"] == "Wilt thou be gone?")


async def test_what_was_retracted_is_gone_from_both_archives(archive_world):
    romeo, juliet = await couple(archive_world)
    message = romeo.xmpp.make_message(mto=juliet.bare, mbody="Have not saints lips?", mtype="chat")
    message["id"] = "wrong-1"
    message.send()
    await juliet.hears("Have not saints lips?")
    retraction = romeo.xmpp.make_message(mto=juliet.bare, mbody="This was retracted", mtype="chat")
    retraction.append(ET.fromstring(f"<retract xmlns='{RETRACT}' id='wrong-1'/>"))
    retraction.send()
    await juliet.hears("This was retracted")
    for client in (romeo, juliet):
        bodies, answer = await archived(client)
        assert "Have not saints lips?" not in bodies and "This was retracted" in bodies
        tombstones = [each for each in answer["mam"]["results"]
                      if each.xml.find(f".//{{{RETRACT}}}retracted") is not None]
        assert len(tombstones) == 1


async def test_preferences_say_what_is_archived(archive_world):
    romeo, juliet = await couple(archive_world)
    content = f"<always/><never><jid>{romeo.bare}</jid></never>"
    iq = juliet.xmpp.Iq()
    iq["type"] = "set"
    iq.append(ET.fromstring(f"<prefs xmlns='{MAM[1:-1]}' default='always'>{content}</prefs>"))
    answer = await juliet.request(iq.send())
    assert answer.xml.findtext(f".//{MAM}never/{MAM}jid") == romeo.bare
    romeo.say(juliet.bare, "Unrecorded")
    message = await juliet.hears("Unrecorded")
    assert message.xml.find(SID) is None
    assert "Unrecorded" not in (await archived(juliet))[0]
    assert "Unrecorded" in (await archived(romeo))[0]


async def test_archives_begin_and_end_and_are_removed_with_their_accounts(own_archive_world):
    world = own_archive_world
    romeo, juliet = await couple(world)
    romeo.say(juliet.bare, "The last word")
    await juliet.hears("The last word")
    answer = await raw_query(juliet, "", kind="get", name="metadata")
    assert answer.xml.find(f".//{MAM}end").get("timestamp") >= answer.xml.find(f".//{MAM}start").get("timestamp")
    status, output = world.server.account_command("remove", juliet.bare)
    assert status == 0 and "archive" in output, output


SENDER_COUNT = 4
MESSAGE_COUNT = 2_000


async def test_what_was_acknowledged_is_archived_after_kill_9(own_archive_world):
    """The archive is written behind the senders' backs; an acknowledgement (XEP-0198) says that it was."""
    world = own_archive_world
    recipients, senders = [], []
    for _ in range(SENDER_COUNT):
        account = await world.account("juliet")
        stream = await world.raw()
        await stream.log_in(account, "balcony")
        await stream.send("<presence/>")
        recipients.append((account, stream))
        stream = await world.raw()
        await stream.log_in(await world.account())
        await stream.send(f"<enable xmlns='{SM[1:-1]}'/>")
        await stream.receive(lambda element: element.tag == SM + "enabled")
        senders.append(stream)

    async def send(stream, account):
        with contextlib.suppress(OSError, ssl.SSLError):
            for number in range(MESSAGE_COUNT):
                request = f"<r xmlns='{SM[1:-1]}'/>" if number % 10 == 0 else ""
                await stream.send(
                    f"<message type='chat' id='{number}' to='{account.jid}'><body>{number}</body></message>{request}")

    async def count_acknowledged(stream):
        count = 0
        with contextlib.suppress(StreamEnded, OSError, ssl.SSLError):
            while True:
                count = int((await stream.receive(lambda element: element.tag == SM + "a")).get("h"))
                if count >= MESSAGE_COUNT // 4 and world.server.is_running():
                    world.server.kill()
        return count

    async def drain(stream):
        with contextlib.suppress(StreamEnded, OSError, ssl.SSLError):
            while True:
                await stream.receive()

    draining = [asyncio.create_task(drain(stream)) for _, stream in recipients]
    sending = [asyncio.create_task(send(stream, account))
               for stream, (account, _) in zip(senders, recipients, strict=True)]
    counts = await asyncio.gather(*(count_acknowledged(stream) for stream in senders))
    for task in sending + draining:
        task.cancel()
    assert MESSAGE_COUNT // 4 <= max(counts) < MESSAGE_COUNT
    world.server.start()
    for (account, _), count in zip(recipients, counts, strict=True):
        stream = await world.raw()
        await stream.log_in(account, "balcony")
        bodies = await stream.archived_bodies()
        # More may have been stored than was acknowledged; each is there once, and none is missing between.
        assert len(bodies) >= count and bodies == [str(number) for number in range(len(bodies))]
