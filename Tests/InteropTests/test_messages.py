# SPDX-License-Identifier: Apache-2.0
# Messages: RFC 6121 sections 5 and 8, offline storage (XEP-0160, XEP-0203), carbons (XEP-0280).

import datetime

import pytest
from slixmpp.exceptions import IqError

from harness.raw import STREAM_ERRORS, STREAMS


async def test_two_clients_chat(world):
    romeo, juliet = await world.couple()
    romeo.say(juliet.bare, "Wherefore art thou? <&> \N{BLACK HEART SUIT} \U0001F339")
    message = await juliet.hears("Wherefore art thou? <&> \N{BLACK HEART SUIT} \U0001F339", romeo.jid)
    assert (message["type"], message["to"].bare) == ("chat", juliet.bare)
    juliet.say(romeo.jid, "Neither, fair saint")
    await romeo.hears("Neither, fair saint", juliet.jid)


async def test_messages_from_one_client_arrive_in_order(world):
    romeo, juliet = await world.couple()
    bodies = [str(number) for number in range(200)]
    for body in bodies:
        romeo.say(juliet.jid, body)
    heard = [(await juliet.messages.take())["body"] for _ in bodies]
    assert heard == bodies


async def test_a_sender_cannot_pretend_to_be_someone_else(world):
    """RFC 6120 section 8.1.2.1: the server stamps the address, or closes the stream with <invalid-from/>."""
    account, juliet = await world.account(), await world.online(await world.account("juliet"), "balcony")
    stream = await world.raw()
    await stream.log_in(account, "orchard")
    await stream.send(
        f"<message type='chat' from='tybalt@localhost/x' to='{juliet.jid}'><body>liar</body></message>"
        f"<message type='chat' to='{juliet.jid}'><body>honest</body></message>"
        "<iq type='get' id='done'><ping xmlns='urn:xmpp:ping'/></iq>")
    answer = await stream.receive(lambda element: element.tag == STREAMS + "error" or element.get("id") == "done")
    if answer.tag == STREAMS + "error":
        assert answer[0].tag == STREAM_ERRORS + "invalid-from"
    else:
        await juliet.hears("honest", f"{account.jid}/orchard")
    assert not juliet.messages.matching(lambda each: each["from"].bare == "tybalt@localhost")


async def test_a_message_to_a_bare_jid_goes_to_the_resource_of_the_highest_priority(world):
    romeo = await world.online(await world.account(), "orchard")
    account = await world.account("juliet")
    balcony, chamber = await world.online(account, "balcony"), await world.online(account, "chamber")
    await balcony.announce(ppriority=1)
    await chamber.announce(ppriority=5)
    romeo.say(account.jid, "to the highest")
    await chamber.hears("to the highest")
    await chamber.leave()
    await balcony.sees(f"{account.jid}/chamber", "unavailable")
    romeo.say(account.jid, "to the one that is left")
    await balcony.hears("to the one that is left")


async def test_a_resource_of_negative_priority_gets_only_what_is_sent_to_it(world):
    romeo = await world.online(await world.account(), "orchard")
    account = await world.account("juliet")
    balcony, aside = await world.online(account, "balcony"), await world.online(account, "aside")
    await aside.announce(ppriority=-1)
    romeo.say(account.jid, "to the bare address")
    romeo.say(aside.jid, "to the full address")
    await balcony.hears("to the bare address")
    await aside.hears("to the full address")
    assert not aside.messages.matching()


async def test_a_chat_message_to_a_resource_that_is_gone_reaches_another(world):
    romeo, juliet = await world.couple()
    romeo.say(f"{juliet.bare}/gone", "where are you?")
    await juliet.hears("where are you?")


async def test_a_message_to_an_account_that_does_not_exist_is_service_unavailable(world):
    romeo = await world.online(await world.account(), "orchard")
    romeo.say(world.unused_account("nobody").jid, "hello?")
    error = await romeo.messages.take(lambda each: each["type"] == "error")
    assert error["error"]["condition"] == "service-unavailable"


async def test_a_message_to_a_malformed_address_is_an_error(world):
    stream = await world.raw()
    await stream.log_in(await world.account(), "orchard")
    await stream.send("<message id='bad' to='@localhost'><body>hello?</body></message>")
    answer = await stream.receive(lambda element: element.get("id") == "bad")
    assert answer.get("type") == "error"


async def test_an_iq_to_an_account_that_does_not_exist_is_service_unavailable(world):
    romeo = await world.online(await world.account(), "orchard")
    iq = romeo.xmpp.make_iq_get(queryxmlns="urn:example:none", ito=world.unused_account("nobody").jid)
    with pytest.raises(IqError, match="service-unavailable"):
        await romeo.request(iq.send())


async def test_an_iq_goes_from_client_to_client_and_back(world):
    romeo, juliet = await world.couple()
    version = await romeo.request(romeo.xmpp.plugin["xep_0092"].get_version(juliet.jid))
    assert version["type"] == "result" and version["from"] == juliet.jid


async def test_messages_to_an_account_that_is_offline_are_kept_and_delivered_with_their_time(world):
    romeo = await world.online(await world.account(), "orchard")
    account = await world.account("juliet")
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    for body in ("one", "two", "three"):
        romeo.say(account.jid, body)
    # The answer comes after the messages were taken care of.
    await romeo.request(romeo.xmpp.plugin["xep_0199"].send_ping(romeo.bare))
    juliet = await world.online(account, "balcony")
    for body in ("one", "two", "three"):
        message = await juliet.messages.take()
        assert (message["body"], message["from"]) == (body, romeo.jid)
        assert before <= message["delay"]["stamp"] <= datetime.datetime.now(datetime.UTC)
        assert message["delay"]["from"].domain == account.domain
    await juliet.leave()
    again = await world.online(account, "balcony")
    await again.fence(romeo)
    assert not again.messages.matching()


@pytest.mark.needs("offline messages on any presence that is not negative")
async def test_a_resource_of_negative_priority_does_not_get_what_was_kept(world):
    romeo = await world.online(await world.account(), "orchard")
    account = await world.account("juliet")
    romeo.say(account.jid, "kept")
    await romeo.request(romeo.xmpp.plugin["xep_0199"].send_ping(romeo.bare))
    juliet = world.client(account, "aside")
    await juliet.connect()
    await juliet.announce(ppriority=-1)
    await juliet.fence(romeo)
    assert not juliet.messages.matching()
    await juliet.announce(ppriority=0)
    await juliet.hears("kept")


async def test_a_headline_is_not_kept(world):
    romeo = await world.online(await world.account(), "orchard")
    account = await world.account("juliet")
    romeo.say(account.jid, "extra! extra!", mtype="headline")
    romeo.say(account.jid, "kept")
    await romeo.request(romeo.xmpp.plugin["xep_0199"].send_ping(romeo.bare))
    juliet = await world.online(account, "balcony")
    await juliet.hears("kept")
    await juliet.fence(romeo)
    assert not juliet.messages.matching()


async def carbon_resources(world):
    """Romeo, and two resources of Juliet that both want carbons."""
    romeo = await world.online(await world.account(), "orchard")
    account = await world.account("juliet")
    juliets = [await world.online(account, "balcony"), await world.online(account, "chamber")]
    for juliet in juliets:
        await juliet.request(juliet.xmpp.plugin["xep_0280"].enable())
    return romeo, *juliets


async def test_a_carbon_of_what_one_resource_received_goes_to_the_other(world):
    romeo, balcony, chamber = await carbon_resources(world)
    romeo.say(balcony.jid, "good night")
    await balcony.hears("good night")
    direction, forwarded = await chamber.carbons.take()
    assert (direction, forwarded["body"], forwarded["from"], forwarded["to"]) == (
        "received", "good night", romeo.jid, balcony.jid)
    assert not balcony.carbons.matching()


async def test_a_carbon_of_what_one_resource_sent_goes_to_the_other(world):
    romeo, balcony, chamber = await carbon_resources(world)
    balcony.say(romeo.bare, "parting is such sweet sorrow")
    await romeo.hears("parting is such sweet sorrow")
    direction, forwarded = await chamber.carbons.take()
    assert (direction, forwarded["body"]) == ("sent", "parting is such sweet sorrow")
    assert not balcony.carbons.matching()


async def test_a_private_message_has_no_carbon_and_neither_has_a_resource_that_disabled_them(world):
    romeo, balcony, chamber = await carbon_resources(world)
    private = romeo.xmpp.make_message(mto=balcony.jid, mbody="for you alone", mtype="chat")
    private.enable("carbon_private")
    private.send()
    await balcony.hears("for you alone")
    await chamber.request(chamber.xmpp.plugin["xep_0280"].disable())
    romeo.say(balcony.jid, "for those who listen")
    await balcony.hears("for those who listen")
    await chamber.fence(romeo)
    assert not chamber.carbons.matching()
