# SPDX-License-Identifier: Apache-2.0
# Rosters, subscriptions and presence (RFC 6121 sections 2, 3 and 4).

import pytest
from slixmpp.exceptions import IqError

from harness.world import befriend

ROSTER = "{jabber:iq:roster}"


async def test_an_added_item_is_pushed_to_every_interested_resource(world):
    account = await world.account()
    orchard = await world.online(account, "orchard")
    balcony = await world.online(account, "balcony")
    await orchard.request(orchard.xmpp.update_roster("nurse@localhost", name="Nurse", groups=["Servants"]))
    for client in (orchard, balcony):
        item = await client.pushed("nurse@localhost", name="Nurse", subscription="none")
        assert item["groups"] == ["Servants"]


async def test_an_updated_item_is_pushed_and_kept(world):
    account = await world.account()
    client = await world.online(account, "orchard")
    await client.request(client.xmpp.update_roster("nurse@localhost", name="Nurse", groups=["Servants", "Verona"]))
    await client.request(client.xmpp.update_roster("nurse@localhost", name="Angelica", groups=["Verona"]))
    await client.pushed("nurse@localhost", name="Angelica")
    await client.leave()
    again = world.client(account, "orchard")
    await again.connect()
    roster = await again.request(again.xmpp.get_roster())
    item, = roster["roster"]["items"].values()
    assert (item["name"], item["groups"], item["subscription"]) == ("Angelica", ["Verona"], "none")


async def test_a_removed_item_is_pushed_and_gone(world):
    client = await world.online(await world.account(), "orchard")
    await client.request(client.xmpp.update_roster("nurse@localhost", name="Nurse"))
    await client.request(client.xmpp.del_roster_item("nurse@localhost"))
    await client.pushed("nurse@localhost", subscription="remove")
    roster = await client.request(client.xmpp.get_roster())
    assert not roster["roster"]["items"]


async def test_removing_an_item_that_is_not_there_is_item_not_found(world):
    client = await world.online(await world.account(), "orchard")
    with pytest.raises(IqError, match="item-not-found"):
        await client.request(client.xmpp.del_roster_item("nobody@localhost"))


async def test_a_resource_that_did_not_ask_for_the_roster_gets_no_push(world):
    account = await world.account()
    orchard = await world.online(account, "orchard")
    aside = world.client(account, "aside")
    await aside.connect()
    await aside.announce()
    await orchard.request(orchard.xmpp.update_roster("nurse@localhost"))
    await orchard.pushed("nurse@localhost")
    await aside.fence(orchard)
    assert not aside.pushes.matching()


async def test_a_roster_of_the_version_that_the_client_has_is_not_sent_again(world):
    """RFC 6121 section 2.6."""
    account = await world.account()
    stream = await world.raw()
    await stream.log_in(account)
    await stream.request("set", f"<query xmlns='{ROSTER[1:-1]}'><item jid='nurse@localhost'/></query>")
    answer = await stream.request("get", f"<query xmlns='{ROSTER[1:-1]}' ver=''/>")
    query = answer.find(ROSTER + "query")
    assert [item.get("jid") for item in query] == ["nurse@localhost"]
    answer = await stream.request("get", f"<query xmlns='{ROSTER[1:-1]}' ver='{query.get('ver')}'/>")
    assert answer.get("type") == "result" and answer.find(ROSTER + "query") is None


async def test_nobody_reads_the_roster_of_another(world):
    romeo, juliet = await world.couple()
    iq = romeo.xmpp.make_iq_get(queryxmlns=ROSTER[1:-1], ito=juliet.bare)
    with pytest.raises(IqError):
        await romeo.request(iq.send())


async def test_two_clients_subscribe_to_each_other_and_see_presence_come_change_and_go(world):
    romeo, juliet = await world.couple()
    await befriend(romeo, juliet)
    juliet.xmpp.send_presence(pshow="away", pstatus="on the balcony", ppriority=3)
    await romeo.sees(juliet.jid, show="away", status="on the balcony", priority=3)
    await romeo.leave()
    await juliet.sees(f"{romeo.bare}/orchard", "unavailable")


async def test_a_request_is_pushed_as_pending_and_a_refusal_ends_it(world):
    romeo, juliet = await world.couple()
    romeo.subscription("subscribe", juliet.bare)
    await romeo.pushed(juliet.bare, ask="subscribe", subscription="none")
    await juliet.subscription_arrives("subscribe", romeo.bare)
    juliet.subscription("unsubscribed", romeo.bare)
    await romeo.subscription_arrives("unsubscribed", juliet.bare)
    await romeo.pushed(juliet.bare, ask="", subscription="none")


async def test_a_request_waits_for_a_contact_who_is_offline(world):
    juliet_account = await world.account("juliet")
    romeo = await world.online(await world.account(), "orchard")
    romeo.subscription("subscribe", juliet_account.jid)
    await romeo.pushed(juliet_account.jid, ask="subscribe")
    juliet = await world.online(juliet_account, "balcony")
    await juliet.subscription_arrives("subscribe", romeo.bare)


async def test_a_cancelled_subscription_takes_the_presence_away(world):
    romeo, juliet = await world.friends()
    juliet.subscription("unsubscribed", romeo.bare)
    await romeo.subscription_arrives("unsubscribed", juliet.bare)
    await romeo.sees(juliet.jid, "unavailable")
    await romeo.pushed(juliet.bare, subscription="from")
    await juliet.pushed(romeo.bare, subscription="to")


async def test_a_contact_that_is_removed_from_the_roster_loses_both_subscriptions(world):
    romeo, juliet = await world.friends()
    await romeo.request(romeo.xmpp.del_roster_item(juliet.bare))
    await juliet.subscription_arrives("unsubscribe", romeo.bare)
    await juliet.subscription_arrives("unsubscribed", romeo.bare)
    await juliet.pushed(romeo.bare, subscription="none")
    await juliet.sees(romeo.bare, "unavailable")


async def test_a_client_that_comes_online_learns_who_is_there(world):
    romeo, juliet = await world.friends()
    await romeo.leave()
    await juliet.sees(f"{romeo.bare}/orchard", "unavailable")
    again = await world.online(romeo.account, "garden")
    await again.sees(juliet.jid)
    await juliet.sees(again.jid)


async def test_directed_presence_reaches_a_stranger_and_so_does_its_end(world):
    romeo, juliet = await world.couple()
    romeo.xmpp.send_presence(pto=juliet.jid, pstatus="here I am")
    await juliet.sees(romeo.jid, status="here I am")
    await romeo.leave()
    await juliet.sees(f"{romeo.bare}/orchard", "unavailable")


async def test_a_connection_that_is_cut_makes_the_resource_unavailable(world):
    romeo, juliet = await world.friends()
    stream = await world.raw()
    jid = await stream.log_in(romeo.account, "garden")
    await stream.send("<presence/>")
    await juliet.sees(jid)
    stream.cut()
    await juliet.sees(jid, "unavailable")


async def test_presence_does_not_leak_to_a_stranger(world):
    romeo, juliet = await world.couple()
    romeo.subscription("probe", juliet.bare)
    romeo.say(juliet.bare, "wait for this")
    await juliet.hears("wait for this")
    juliet.xmpp.send_presence(pstatus="secret")
    await romeo.fence(juliet)
    assert not romeo.presences.matching(lambda each: each["from"].bare == juliet.bare and each["type"] == "available")
    assert not romeo.presences.matching(lambda each: each["status"] == "secret")
