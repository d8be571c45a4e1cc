# SPDX-License-Identifier: Apache-2.0
# XML that is meant to do harm (RFC 6120 sections 4.9.3, 11 and 13.12), from a stranger and from a client that has
# logged in, while others chat.

import pytest

from harness.raw import CLIENT, ByteByByteStream

MANY = 1_000_000
# Far more than one stanza costs, far less than what is sent.
MEMORY_GROWTH_MAX = 16 << 20


def message(content=b"", attributes=b""):
    return b"<message to='romeo@localhost'" + attributes + b">" + content


def numbered(text, count):
    return b"".join(text % number for number in range(count))


# What is sent instead of a stanza, and the condition that answers it.
STANZAS = {
    "an end tag that does not match": (message(b"<body></message>"), "not-well-formed"),
    "a stanza without end": (message(b"<body>" + b"x" * 4 * MANY), "policy-violation"),
    "a stanza of tiny elements": (message(b"<a/>" * MANY), "policy-violation"),
    "elements in each other without end": (message(b"<a>" * MANY), "policy-violation"),
    "a hundred elements in each other": (message(b"<a>" * 100 + b"</a>" * 100), "policy-violation"),
    "a million attributes": (message(attributes=numbered(b" a%d=''", MANY)), "policy-violation"),
    "as many attributes as fit in a tag": (message(attributes=numbered(b" a%d=''", 1_200)), "policy-violation"),
    "the same attribute twice": (message(attributes=b" a='' a=''"), "not-well-formed"),
    "a million namespaces": (message(attributes=numbered(b" xmlns:a%d='urn:a'", MANY)), "policy-violation"),
    "namespaces on every level": (
        b"".join(b"<a" + numbered(b" xmlns:b%d='urn:b'", 100) + b">" for _ in range(60)), "policy-violation"),
    "a name without end": (b"<" + b"a" * MANY, "policy-violation"),
    "a value without end": (b"<message to='" + b"a" * MANY, "policy-violation"),
    "a comment without end": (b"<!-- " + b"a" * MANY, "policy-violation"),
    "a processing instruction without end": (b"<?a " + b"a" * MANY, "policy-violation"),
    "a CDATA section without end": (message(b"<![CDATA[" + b"a" * 4 * MANY), "policy-violation"),
    "white space without end in a stanza": (message(b" " * 4 * MANY), "policy-violation"),
    "names that never repeat": (
        b"".join(b"<presence><a%d xmlns='urn:%d'/></presence>" % (number, number) for number in range(2_000))
        + b"<!-- -->", "restricted-xml"),
    "a document type": (b"<!DOCTYPE a [<!ENTITY b 'c'>]>", "not-well-formed"),
    "an entity that nobody declared": (message(b"&romeo;"), "restricted-xml"),
    "a comment": (b"<!-- soft -->", "restricted-xml"),
    "a processing instruction": (b"<?what light?>", "restricted-xml"),
    "a byte that is no UTF-8": (message(b"<body>\xff</body>"), "not-well-formed"),
    "UTF-8 that is longer than need be": (message(b"<body>\xc0\xbc/body>"), "not-well-formed"),
    "half a pair of surrogates": (message(b"<body>\xed\xa0\x80</body>"), "not-well-formed"),
    "NUL": (message(b"<body>\0</body>"), "not-well-formed"),
    "NUL between stanzas": (b"\0<presence/>", "not-well-formed"),
    "a reference to NUL": (message(b"<body>&#0;</body>"), "not-well-formed"),
    "a reference to no character": (message(b"<body>&#xFFFFFFFFFFFFFFFFFF;</body>"), "not-well-formed"),
    "text between stanzas": (b"hark<presence/>", "bad-format"),
}

BEFORE_LOGIN_DIFFERS = {"names that never repeat": "not-authorized"}


@pytest.mark.needs("mimd's limits")
@pytest.mark.parametrize("name", STANZAS)
@pytest.mark.parametrize("has_logged_in", [False, True], ids=["stranger", "client"])
async def test_hostile_xml_ends_its_stream_and_nobody_else_waits(world, has_logged_in, name):
    data, condition = STANZAS[name]
    stream = await world.raw()
    if has_logged_in:
        await stream.log_in(await world.account())
    else:
        condition = BEFORE_LOGIN_DIFFERS.get(name, condition)
    async with await world.chat():
        before = world.server.memory_byte_count()
        assert await stream.flood(data) == condition
        growth = world.server.memory_byte_count() - before
    assert growth < MEMORY_GROWTH_MAX


HEADER = (b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
          b"xmlns:stream='http://etherx.jabber.org/streams'>")
LAUGHS = b"".join(b"<!ENTITY l%d '%s'>" % (number, b"&l%d;" % (number - 1) * 10) for number in range(1, 10))

# What is sent before the first stanza.
BEGINNINGS = {
    "a document type": (b"<!DOCTYPE stream>" + HEADER, {"restricted-xml"}),
    "a billion laughs": (
        b"<!DOCTYPE a [<!ENTITY l0 'ha'>" + LAUGHS + b"]>" + HEADER + b"<message><body>&l9;</body></message>",
        {"restricted-xml"}),
    "an entity of a file": (
        b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>" + HEADER + b"<message><body>&b;</body></message>",
        {"restricted-xml"}),
    "a document type of another server": (
        b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/a.dtd'>" + HEADER, {"restricted-xml"}),
    "a header without end": (HEADER[:-1] + numbered(b" a%d=''", MANY), {"policy-violation"}),
    "a value without end": (b"<stream:stream to='" + b"a" * MANY, {"policy-violation"}),
    "UTF-16": ("<?xml version='1.0'?>".encode("utf-16"), {"unsupported-encoding"}),
    "NUL": (b"\0" * 100, {"unsupported-encoding", "not-well-formed"}),
    "no XML": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", {"not-well-formed"}),
}


@pytest.mark.needs("mimd's limits")
@pytest.mark.parametrize("name", BEGINNINGS)
async def test_a_hostile_beginning_ends_its_stream_and_nobody_else_waits(world, name):
    data, conditions = BEGINNINGS[name]
    stream = await world.raw_unsecured().connect()
    async with await world.chat():
        assert await stream.flood(data) in conditions


@pytest.mark.needs("mimd's limits")
async def test_a_client_that_sends_a_byte_at_a_time_is_served(world):
    """From the first byte of the first header to a message, in clear text and in TLS."""
    account = await world.account()
    stream = world.raw_unsecured(kind=ByteByByteStream)
    async with await world.chat():
        await stream.secure()
        await stream.log_in(account, "orchard")
        await stream.send(f"<message type='chat' to='{stream.jid}'><body>tu-whit \N{OWL}</body></message>")
        heard = await stream.receive(lambda element: element.tag == CLIENT + "message")
        assert heard.findtext(CLIENT + "body") == "tu-whit \N{OWL}"
