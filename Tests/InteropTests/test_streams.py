# SPDX-License-Identifier: Apache-2.0
# Streams: resource binding and errors (RFC 6120), stream management (XEP-0198), client state (XEP-0352), limits
# (XEP-0478), SASL2 and Bind 2 (XEP-0388, XEP-0386).

import asyncio
import base64
import uuid

import pytest

from harness.raw import CLIENT, STREAMS, encoded, error_condition
from harness.scram import ScramClient

SM = "{urn:xmpp:sm:3}"
SASL2 = "{urn:xmpp:sasl:2}"
BIND2 = "{urn:xmpp:bind:0}"
CSI = "{urn:xmpp:csi:0}"


async def test_a_client_that_names_no_resource_gets_one(world):
    account = await world.account()
    stream = await world.raw()
    bare, _, resource = (await stream.log_in(account)).partition("/")
    assert bare == account.jid and resource


async def test_a_resource_that_is_bound_again_ends_the_older_session_with_conflict(world):
    account = await world.account()
    first, second = await world.raw(), await world.raw()
    assert await first.log_in(account, "orchard") == f"{account.jid}/orchard"
    assert await second.log_in(account, "orchard") == f"{account.jid}/orchard"
    assert await first.receive_error() == "conflict"
    assert (await second.request("get", "<ping xmlns='urn:xmpp:ping'/>")).get("type") == "result"


async def test_two_resources_of_one_account_see_each_other(world):
    account = await world.account()
    orchard = await world.online(account, "orchard")
    balcony = await world.online(account, "balcony")
    await orchard.sees(balcony.jid)
    await balcony.sees(orchard.jid)


async def test_many_clients_log_in_at_once(world):
    accounts = [await world.account() for _ in range(8)]

    async def log_in(account):
        stream = await world.raw()
        await stream.log_in(account)
        return (await stream.request("get", "<ping xmlns='urn:xmpp:ping'/>")).get("type")

    assert set(await asyncio.gather(*(log_in(account) for account in accounts * 5))) == {"result"}


async def test_a_server_answers_the_end_of_a_stream_with_its_own(world):
    stream = await world.raw()
    await stream.log_in(await world.account())
    await stream.send("</stream:stream>")
    await stream.receive_end()


MALFORMED = {
    "an end tag that does not match": ("<message><body></message>", {"not-well-formed", "xml-not-well-formed"}),
    "an attribute without quotes": ("<message to=romeo/>", {"not-well-formed", "xml-not-well-formed"}),
    "bytes that are not UTF-8": (b"<message>\xff\xfe</message>",
                                 {"not-well-formed", "xml-not-well-formed", "unsupported-encoding", "bad-format"}),
    "a control character": (b"<message>\x01</message>", {"not-well-formed", "xml-not-well-formed"}),
    "an undeclared prefix": ("<nobody:message/>", {"not-well-formed", "xml-not-well-formed", "bad-namespace-prefix"}),
    "an undeclared entity": ("<message>&romeo;</message>", {"not-well-formed", "xml-not-well-formed", "restricted-xml"}),
    "a comment": ("<!-- soft -->", {"restricted-xml", "not-well-formed"}),
    "a processing instruction": ("<?what light?>", {"restricted-xml", "not-well-formed"}),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_xml_ends_the_stream_and_not_the_server(world, name):
    data, conditions = MALFORMED[name]
    stream = await world.raw()
    await stream.log_in(await world.account())
    await stream.send(data)
    assert await stream.receive_error() in conditions
    assert world.server.is_running()
    await world.online(await world.account(), "orchard")


BAD_HEADERS = {
    "an unknown domain": (
        "<stream:stream to='verona.example' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>", {"host-unknown"}),
    "another namespace for streams": (
        "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='urn:example:none'>",
        {"invalid-namespace"}),
    "a document type": (
        "<!DOCTYPE stream [<!ENTITY a 'aaaaaaaaaa'>]><stream:stream to='localhost' version='1.0' "
        "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
        {"restricted-xml", "not-well-formed", "xml-not-well-formed"}),
    "another protocol": ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", {"not-well-formed", "xml-not-well-formed"}),
}


@pytest.mark.parametrize("name", BAD_HEADERS)
async def test_a_bad_stream_header_gets_a_stream_error(world, name):
    """RFC 6120 section 4.9.1.2: the server opens its stream first, so that it can send the error."""
    data, conditions = BAD_HEADERS[name]
    stream = await world.raw_unsecured().connect()
    await stream.send(data)
    assert await stream.receive_error() in conditions


async def test_an_iq_that_nobody_understands_is_service_unavailable(world):
    stream = await world.raw()
    account = await world.account()
    await stream.log_in(account)
    for address in (None, account.jid, account.domain):
        answer = await stream.request("get", "<query xmlns='urn:example:none'/>", address)
        assert error_condition(answer) in ("service-unavailable", "feature-not-implemented")


async def test_an_iq_without_a_known_type_is_a_bad_request(world):
    stream = await world.raw()
    await stream.log_in(await world.account())
    answer = await stream.request("romance", "<ping xmlns='urn:xmpp:ping'/>", "localhost")
    assert error_condition(answer) == "bad-request"


@pytest.mark.needs("stream limits")
async def test_the_stream_says_its_limits(world):
    """XEP-0478."""
    stream = await world.raw()
    limits = stream.features.find("{urn:xmpp:stream-limits:0}limits")
    assert int(limits.find("{urn:xmpp:stream-limits:0}max-bytes").text) >= 10_000


async def test_stanzas_are_acknowledged(world):
    romeo = await world.online(await world.account(), "orchard", stream_management=True)
    await romeo.events.take(lambda event: event[0] == "sm_enabled")
    romeo.say(romeo.jid, "to myself")
    await romeo.hears("to myself")
    romeo.xmpp.plugin["xep_0198"].request_ack()
    await romeo.events.take(lambda event: event[0] == "stanza_acked" and "to myself" in str(event[1]))


async def test_a_stream_is_resumed_after_the_connection_was_cut_and_nothing_is_lost(world):
    juliet = await world.online(await world.account("juliet"), "balcony")
    romeo = await world.online(await world.account(), "orchard", stream_management=True)
    await romeo.events.take(lambda event: event[0] == "sm_enabled")
    jid = romeo.jid
    juliet.say(jid, "before")
    await romeo.hears("before")
    romeo.cut()
    await romeo.events.take(lambda event: event[0] == "disconnected")
    juliet.say(jid, "while the connection is cut")
    await juliet.request(juliet.xmpp.plugin["xep_0199"].send_ping(juliet.bare))
    assert await romeo.connect() == "resumed"
    assert romeo.jid == jid
    await romeo.hears("while the connection is cut")
    romeo.say(juliet.jid, "after")
    await juliet.hears("after", jid)
    await romeo.fence(juliet)
    assert not romeo.messages.matching(), "a message came twice"


async def test_a_resumed_stream_keeps_its_presence(world):
    """To others, the resource never went away."""
    romeo, juliet = await world.friends()
    stream = await world.raw()
    await stream.log_in(romeo.account, "garden")
    await stream.send("<presence/>")
    await juliet.sees(f"{romeo.bare}/garden")
    await stream.send(f"<enable xmlns='{SM[1:-1]}' resume='true'/>")
    enabled = await stream.receive(lambda element: element.tag == SM + "enabled")
    stream.cut()
    again = await world.raw()
    assert await again.authenticate("PLAIN", romeo.account.username, romeo.account.password) == "success"
    await again.open()
    await again.send(f"<resume xmlns='{SM[1:-1]}' previd='{enabled.get('id')}' h='0'/>")
    await again.receive(lambda element: element.tag == SM + "resumed")
    await again.request("get", "<ping xmlns='urn:xmpp:ping'/>")
    await juliet.fence(romeo)
    assert not juliet.presences.matching(lambda each: each["from"] == f"{romeo.bare}/garden")


async def test_a_stream_that_is_not_known_cannot_be_resumed(world):
    account = await world.account()
    stream = await world.raw()
    assert await stream.authenticate("PLAIN", account.username, account.password) == "success"
    await stream.open()
    await stream.send(f"<resume xmlns='{SM[1:-1]}' previd='unknown' h='0'/>")
    failed = await stream.receive()
    assert failed.tag == SM + "failed" and "item-not-found" in failed[0].tag
    # RFC 6120 negotiation goes on: the client binds instead.
    assert (await stream.bind("orchard")) == f"{account.jid}/orchard"


async def test_nobody_resumes_the_stream_of_another(world):
    romeo, tybalt = await world.account(), await world.account("tybalt")
    stream = await world.raw()
    await stream.log_in(romeo)
    await stream.send(f"<enable xmlns='{SM[1:-1]}' resume='true'/>")
    enabled = await stream.receive(lambda element: element.tag == SM + "enabled")
    stream.cut()
    thief = await world.raw()
    assert await thief.authenticate("PLAIN", tybalt.username, tybalt.password) == "success"
    await thief.open()
    await thief.send(f"<resume xmlns='{SM[1:-1]}' previd='{enabled.get('id')}' h='0'/>")
    assert (await thief.receive()).tag == SM + "failed"


async def test_an_inactive_client_gets_messages_at_once_and_presence_when_it_is_active(world):
    romeo, juliet = await world.friends()
    assert romeo.xmpp.plugin["xep_0352"].enabled
    romeo.xmpp.plugin["xep_0352"].send_inactive()
    await romeo.request(romeo.xmpp.plugin["xep_0199"].send_ping(romeo.bare))
    juliet.xmpp.send_presence(pstatus="still here")
    juliet.say(romeo.jid, "wake up")
    await romeo.hears("wake up")
    romeo.xmpp.plugin["xep_0352"].send_active()
    await romeo.sees(juliet.jid, status="still here")


@pytest.mark.needs("SASL2")
async def test_a_client_authenticates_binds_and_enables_all_in_one_exchange(world):
    account = await world.account()
    stream = await world.raw()
    offer = stream.features.find(SASL2 + "authentication")
    assert "SCRAM-SHA-256" in {each.text for each in offer.findall(SASL2 + "mechanism")}
    assert offer.find(f"{SASL2}inline/{BIND2}bind") is not None
    scram = ScramClient("SCRAM-SHA-256", account.username, account.password)
    await stream.send(
        f"<authenticate xmlns='{SASL2[1:-1]}' mechanism='SCRAM-SHA-256'>"
        f"<initial-response>{encoded(scram.first())}</initial-response>"
        f"<user-agent id='{uuid.uuid4()}'><software>interop</software></user-agent>"
        f"<bind xmlns='{BIND2[1:-1]}'><tag>interop</tag><enable xmlns='urn:xmpp:carbons:2'/>"
        f"<enable xmlns='{SM[1:-1]}' resume='true'/></bind></authenticate>")
    challenge = await stream.receive()
    assert challenge.tag == SASL2 + "challenge"
    final = scram.final(base64.b64decode(challenge.text))
    await stream.send(f"<response xmlns='{SASL2[1:-1]}'>{encoded(final)}</response>")
    success = await stream.receive()
    assert success.tag == SASL2 + "success"
    scram.verify(base64.b64decode(success.find(SASL2 + "additional-data").text))
    bare, _, resource = success.find(SASL2 + "authorization-identifier").text.partition("/")
    # XEP-0386: the server makes the resource, and the client's tag begins it.
    assert bare == account.jid and "interop" in resource
    bound = success.find(BIND2 + "bound")
    assert bound.find(SM + "enabled").get("id")
    # The stream goes on with new features, without being opened again.
    assert (await stream.receive()).tag == STREAMS + "features"
    assert (await stream.request("get", "<ping xmlns='urn:xmpp:ping'/>")).get("type") == "result"


@pytest.mark.needs("SASL2")
async def test_a_wrong_password_is_not_authorized_in_sasl2(world):
    account = await world.account()
    stream = await world.raw()
    first = encoded(f"\0{account.username}\0wrong".encode())
    await stream.send(
        f"<authenticate xmlns='{SASL2[1:-1]}' mechanism='PLAIN'><initial-response>{first}</initial-response>"
        "</authenticate>")
    failure = await stream.receive()
    assert failure.tag == SASL2 + "failure"
    assert failure.find("{urn:ietf:params:xml:ns:xmpp-sasl}not-authorized") is not None
