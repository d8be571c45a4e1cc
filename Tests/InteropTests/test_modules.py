# SPDX-License-Identifier: Apache-2.0
# What a client asks the server for: discovery, ping, version, time, private storage, last activity.

import datetime

import pytest
from slixmpp.exceptions import IqError

PRIVATE = "jabber:iq:private"


async def test_the_server_says_what_it_is_and_can(world):
    client = await world.online(await world.account(), "orchard")
    info = await client.request(client.xmpp.plugin["xep_0030"].get_info(jid=client.account.domain))
    assert ("server", "im") in {identity[:2] for identity in info["disco_info"]["identities"]}
    assert {
        "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items", "urn:xmpp:ping",
        "jabber:iq:version", "urn:xmpp:time", "urn:xmpp:carbons:2", "jabber:iq:register", "jabber:iq:last",
        "msgoffline",
    } <= set(info["disco_info"]["features"])


async def test_an_account_is_a_registered_account(world):
    client = await world.online(await world.account(), "orchard")
    info = await client.request(client.xmpp.plugin["xep_0030"].get_info(jid=client.bare))
    assert ("account", "registered") in {identity[:2] for identity in info["disco_info"]["identities"]}


async def test_the_items_of_the_server_are_answered(world):
    client = await world.online(await world.account(), "orchard")
    items = await client.request(client.xmpp.plugin["xep_0030"].get_items(jid=client.account.domain))
    assert items["type"] == "result"


async def test_a_node_that_is_not_there_is_item_not_found(world):
    client = await world.online(await world.account(), "orchard")
    with pytest.raises(IqError, match="item-not-found"):
        await client.request(
            client.xmpp.plugin["xep_0030"].get_info(jid=client.account.domain, node="urn:example:none"))


async def test_the_server_answers_a_ping(world):
    client = await world.online(await world.account(), "orchard")
    for address in (client.account.domain, client.bare):
        assert (await client.request(client.xmpp.plugin["xep_0199"].send_ping(address)))["type"] == "result"


async def test_the_server_says_its_version(world):
    client = await world.online(await world.account(), "orchard")
    answer = await client.request(client.xmpp.plugin["xep_0092"].get_version(client.account.domain))
    assert answer["software_version"]["name"] and answer["software_version"]["version"]


async def test_the_server_tells_the_time(world):
    client = await world.online(await world.account(), "orchard")
    answer = await client.request(client.xmpp.plugin["xep_0202"].get_entity_time(client.account.domain))
    # slixmpp misreads what it gets, so the text is looked at here.
    text = answer.xml.find("{urn:xmpp:time}time/{urn:xmpp:time}utc").text
    assert text.endswith("Z")
    difference = datetime.datetime.fromisoformat(text) - datetime.datetime.now(datetime.UTC)
    assert abs(difference) < datetime.timedelta(seconds=5)
    assert answer.xml.find("{urn:xmpp:time}time/{urn:xmpp:time}tzo").text


async def test_private_xml_is_stored_replaced_and_read_by_its_owner(world):
    account = await world.account()
    stream = await world.raw()
    await stream.log_in(account)
    for nick in ("Hamlet", "Prince &amp; Dane"):
        stored = f"<query xmlns='{PRIVATE}'><exodus xmlns='exodus:prefs'><nick>{nick}</nick></exodus></query>"
        assert (await stream.request("set", stored)).get("type") == "result"
    await stream.close()
    again = await world.raw()
    await again.log_in(account)
    answer = await again.request("get", f"<query xmlns='{PRIVATE}'><exodus xmlns='exodus:prefs'/></query>")
    assert answer.find(f"{{{PRIVATE}}}query/{{exodus:prefs}}exodus/{{exodus:prefs}}nick").text == "Prince & Dane"
    answer = await again.request("get", f"<query xmlns='{PRIVATE}'><none xmlns='exodus:none'/></query>")
    element = answer.find(f"{{{PRIVATE}}}query/{{exodus:none}}none")
    assert element is not None and len(element) == 0


async def test_the_last_activity_of_a_contact_who_left_is_known_to_subscribers(world):
    romeo, juliet = await world.friends()
    juliet.xmpp.send_presence(ptype="unavailable", pstatus="good night")
    await romeo.sees(juliet.jid, "unavailable")
    await juliet.leave()
    answer = await romeo.request(romeo.xmpp.plugin["xep_0012"].get_last_activity(juliet.account.jid))
    assert 0 <= answer["last_activity"]["seconds"] < 30
    assert answer["last_activity"]["status"] == "good night"


async def test_the_last_activity_of_a_stranger_is_forbidden(world):
    romeo, juliet = await world.couple()
    await juliet.leave()
    with pytest.raises(IqError, match="forbidden|service-unavailable"):
        await romeo.request(romeo.xmpp.plugin["xep_0012"].get_last_activity(juliet.account.jid))
