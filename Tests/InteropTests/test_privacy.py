# SPDX-License-Identifier: Apache-2.0
# The blocking command (XEP-0191) with slixmpp's plugin, and privacy lists (XEP-0016), which slixmpp has no plugin for, in
# XML of their own.

import asyncio

import pytest
import slixmpp
from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ET

pytestmark = pytest.mark.needs("privacy lists")

BLOCKING = "{urn:xmpp:blocking}"
NOT_ACCEPTABLE = "{jabber:client}error/{urn:ietf:params:xml:ns:xmpp-stanzas}not-acceptable"
UNAVAILABLE = "{jabber:client}error/{urn:ietf:params:xml:ns:xmpp-stanzas}service-unavailable"
BLOCKED = "{jabber:client}error/{urn:xmpp:blocking:errors}blocked"


async def blocklist(client):
    answer = await client.request(client.xmpp.plugin["xep_0191"].get_blocked())
    return {item.get("jid") for item in answer.xml.iter(f"{BLOCKING}item")}


async def privacy(client, kind, content=""):
    iq = client.xmpp.Iq()
    iq["type"] = kind
    iq.append(ET.fromstring(f"<query xmlns='jabber:iq:privacy'>{content}</query>"))
    return await client.request(iq.send())


async def error(client, sender, path):
    return await client.messages.take(
        lambda each: each["type"] == "error" and sender in (each["from"].full, each["from"].bare)
        and each.xml.find(path) is not None)


async def test_a_blocked_contact_sees_and_reaches_nobody_until_it_is_unblocked(world):
    romeo, juliet = await world.friends()
    assert await blocklist(juliet) == set()
    await juliet.request(juliet.xmpp.plugin["xep_0191"].block(slixmpp.JID(romeo.bare)))
    await romeo.sees(juliet.jid, "unavailable")
    assert await blocklist(juliet) == {romeo.bare}
    for address in (juliet.bare, juliet.jid):
        romeo.say(address, "Art thou there?")
        await error(romeo, address, UNAVAILABLE)
    with pytest.raises(IqError, match="service-unavailable"):
        await romeo.request(romeo.xmpp.plugin["xep_0199"].send_ping(juliet.jid))
    juliet.say(romeo.bare, "Can you hear me now?")
    await error(juliet, romeo.bare, BLOCKED)
    with pytest.raises(IqError, match="not-acceptable"):
        await juliet.request(juliet.xmpp.plugin["xep_0199"].send_ping(romeo.jid))
    juliet.xmpp.send_presence(pshow="away")
    await juliet.request(juliet.xmpp.plugin["xep_0191"].unblock(slixmpp.JID(romeo.bare)))
    presence = await romeo.sees(juliet.jid)
    assert presence["show"] == "away"
    assert await blocklist(juliet) == set()
    romeo.say(juliet.bare, "It is my lady")
    await juliet.hears("It is my lady")
    assert not juliet.messages.matching(lambda each: each["body"] == "Art thou there?")


async def test_a_block_outlives_the_session_and_the_absence(world):
    romeo, juliet = await world.couple()
    await juliet.request(juliet.xmpp.plugin["xep_0191"].block(slixmpp.JID(romeo.bare)))
    await juliet.leave()
    romeo.say(juliet.bare, "Where art thou?")
    await error(romeo, juliet.bare, UNAVAILABLE)
    again = await world.online(juliet.account, "balcony")
    romeo.say(again.jid, "And now?")
    await error(romeo, again.jid, UNAVAILABLE)
    assert not again.messages.matching()


async def test_other_resources_that_asked_for_the_block_list_are_told(world):
    account = await world.account()
    one, other = await world.online(account, "one"), await world.online(account, "other")
    pushes = asyncio.Queue()
    other.xmpp.add_event_handler("blocked", pushes.put_nowait)
    other.xmpp.add_event_handler("unblocked", pushes.put_nowait)
    await blocklist(other)
    await one.request(one.xmpp.plugin["xep_0191"].block([slixmpp.JID("tybalt@localhost")]))
    push = await asyncio.wait_for(pushes.get(), 10)
    assert {item.get("jid") for item in push.xml.iter(f"{BLOCKING}item")} == {"tybalt@localhost"}
    await one.request(one.xmpp.plugin["xep_0191"].unblock([slixmpp.JID("tybalt@localhost")]))
    push = await asyncio.wait_for(pushes.get(), 10)
    assert {item.get("jid") for item in push.xml.iter(f"{BLOCKING}item")} == {"tybalt@localhost"}
    # An account's own resources always reach each other.
    await one.fence(other)


async def test_blocking_and_privacy_lists_are_one(world):
    romeo, juliet = await world.couple()
    await privacy(juliet, "set", "<list name='special'>"
                  f"<item type='jid' value='{romeo.bare}' action='deny' order='3'/>"
                  "<item type='subscription' value='none' action='allow' order='4'/></list>")
    await privacy(juliet, "set", "<default name='special'/>")
    assert await blocklist(juliet) == {romeo.bare}
    await juliet.request(juliet.xmpp.plugin["xep_0191"].block(slixmpp.JID("paris@localhost")))
    answer = await privacy(juliet, "get", "<list name='special'/>")
    values = [item.get("value") for item in answer.xml.iter("{jabber:iq:privacy}item")]
    assert values == ["paris@localhost", romeo.bare, "none"]
    juliet.say(romeo.bare, "Hello")
    found = await error(juliet, romeo.bare, NOT_ACCEPTABLE)
    assert found.xml.find(BLOCKED) is None
    await privacy(juliet, "set", "<default/>")
    romeo.say(juliet.bare, "Hello again")
    await juliet.hears("Hello again")


async def test_an_active_list_is_of_one_session(world):
    account = await world.account()
    one, other = await world.online(account, "one"), await world.online(account, "other")
    romeo = await world.online(await world.account(), "orchard")
    await privacy(one, "set", "<list name='quiet'><item action='deny' order='1'><message/></item></list>")
    await privacy(one, "set", "<active name='quiet'/>")
    with pytest.raises(IqError, match="conflict"):
        await privacy(other, "set", "<list name='quiet'/>")
    romeo.say(one.bare, "Anybody?")
    await other.hears("Anybody?")
    romeo.say(one.jid, "You?")
    await error(romeo, one.jid, UNAVAILABLE)
    await privacy(one, "set", "<active/>")
    romeo.say(one.jid, "And now?")
    await one.hears("And now?")
    assert not one.messages.matching(lambda each: each["body"] in ("Anybody?", "You?"))


async def test_bad_requests_are_refused(world):
    juliet = await world.online(await world.account(), "balcony")
    with pytest.raises(IqError, match="bad-request"):
        await juliet.request(juliet.xmpp.plugin["xep_0191"].block([]))
    for items in ("<item action='deny' order='1'/><item action='allow' order='1'/>",
                  "<item action='deny' order='99999999999'/>", "<item order='1'/>"):
        with pytest.raises(IqError, match="bad-request"):
            await privacy(juliet, "set", f"<list name='a'>{items}</list>")
    answer = await privacy(juliet, "get")
    assert not list(answer.xml.iter("{jabber:iq:privacy}list"))
