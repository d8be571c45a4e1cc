# SPDX-License-Identifier: Apache-2.0
# SASL (RFC 6120 section 6) with every mechanism, channel binding (RFC 5929, RFC 9266, XEP-0440), and TLS.

import ssl

import pytest

from harness.client import LoginFailed
from harness.raw import SASL, TLS

HASHES = ["SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]


def mechanisms(*names):
    """Mechanisms as parameters; the reference may lack some hashes, mimd none."""
    return [pytest.param(name, marks=pytest.mark.needs(name)) if name[-3:] in ("224", "384", "512") else name
            for name in names]


SLIXMPP_MECHANISMS = mechanisms("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512")


@pytest.mark.parametrize("mechanism", SLIXMPP_MECHANISMS)
async def test_slixmpp_logs_in_with(world, mechanism):
    account = await world.account()
    client = world.client(account, "orchard", mechanism=mechanism)
    await client.connect()
    assert client.xmpp.plugin["feature_mechanisms"].mech.name == mechanism
    assert client.jid == f"{account.jid}/orchard"


@pytest.mark.parametrize("mechanism", mechanisms(*(f"SCRAM-{name}" for name in HASHES)))
async def test_a_raw_client_logs_in_with(world, mechanism):
    stream = await world.raw()
    assert mechanism in stream.mechanisms()
    account = await world.account()
    assert (await stream.log_in(account, "orchard", mechanism)) == f"{account.jid}/orchard"


@pytest.mark.needs("tls-exporter")
@pytest.mark.parametrize("name", ["SHA-1", "SHA-256", "SHA-512"])
async def test_slixmpp_logs_in_bound_to_tls_exporter_with(world, name):
    client = world.client(await world.account(), mechanism=f"SCRAM-{name}-PLUS")
    client.bind_channel_by_exporter()
    await client.connect()
    assert client.xmpp.plugin["feature_mechanisms"].mech.name == f"SCRAM-{name}-PLUS"


@pytest.mark.needs("tls-exporter")
@pytest.mark.parametrize("name", HASHES)
async def test_a_raw_client_logs_in_bound_to_tls_exporter_with(world, name):
    account = await world.account()
    stream = await world.raw(ssl.TLSVersion.TLSv1_3)
    binding = stream.exporter_binding()
    assert await stream.authenticate(f"SCRAM-{name}-PLUS", account.username, account.password, binding) == "success"


@pytest.mark.needs("tls-server-end-point")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
async def test_a_raw_client_logs_in_bound_to_the_certificate_over(world, version):
    account = await world.account()
    stream = await world.raw(version)
    result = await stream.authenticate(
        "SCRAM-SHA-256-PLUS", account.username, account.password, stream.end_point_binding())
    assert result == "success"


@pytest.mark.needs("tls-exporter")
async def test_a_wrong_channel_binding_is_refused(world):
    account = await world.account()
    stream = await world.raw(ssl.TLSVersion.TLSv1_3)
    binding = ("tls-exporter", bytes(32))
    result = await stream.authenticate("SCRAM-SHA-256-PLUS", account.username, account.password, binding)
    assert result in ("not-authorized", "malformed-request")


@pytest.mark.needs("tls-exporter")
async def test_a_client_that_was_not_shown_the_plus_mechanisms_is_refused(world):
    """RFC 5802 section 6: the flag "y" from a client, though the server offers -PLUS, means that someone cut it out."""
    account = await world.account()
    stream = await world.raw()
    assert await stream.authenticate("SCRAM-SHA-256", account.username, account.password, gs2_flag="y") != "success"


@pytest.mark.needs("tls-exporter")
async def test_the_channel_bindings_are_announced(world):
    """XEP-0440."""
    stream = await world.raw(ssl.TLSVersion.TLSv1_3)
    kinds = {each.get("type") for each in stream.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")}
    assert {"tls-exporter", "tls-server-end-point"} <= kinds
    stream = await world.raw(ssl.TLSVersion.TLSv1_2)
    kinds = {each.get("type") for each in stream.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")}
    assert "tls-server-end-point" in kinds


@pytest.mark.parametrize("mechanism", SLIXMPP_MECHANISMS)
async def test_a_wrong_password_is_not_authorized_with(world, mechanism):
    client = world.client(await world.account(), mechanism=mechanism)
    client.xmpp.password = "wrong"
    with pytest.raises(LoginFailed, match="not-authorized"):
        await client.connect()


@pytest.mark.parametrize("mechanism", SLIXMPP_MECHANISMS)
async def test_an_unknown_user_is_not_authorized_with(world, mechanism):
    with pytest.raises(LoginFailed, match="not-authorized"):
        await world.client(world.unused_account(), mechanism=mechanism).connect()


async def test_a_failed_attempt_may_be_followed_by_another_on_the_same_stream(world):
    account = await world.account()
    stream = await world.raw()
    assert await stream.authenticate("PLAIN", account.username, "wrong") == "not-authorized"
    assert await stream.authenticate("SCRAM-SHA-1", account.username, account.password) == "success"


async def test_an_unknown_mechanism_is_invalid(world):
    stream = await world.raw()
    await stream.send(f"<auth xmlns='{SASL[1:-1]}' mechanism='X-NONE'>=</auth>")
    assert (await stream.receive())[0].tag == SASL + "invalid-mechanism"


@pytest.mark.needs("stanzas refused before authentication")
async def test_a_stanza_before_authentication_is_not_authorized(world):
    stream = await world.raw()
    await stream.send("<message to='romeo@localhost'><body>Hello</body></message>")
    assert await stream.receive_error() == "not-authorized"


async def test_an_anonymous_client_gets_a_jid_of_its_own(world):
    stream = world.raw_unsecured()
    stream.domain = world.server.anonymous_domain
    await stream.connect()
    await stream.open()
    await stream.start_tls()
    await stream.open()
    assert stream.mechanisms() == {"ANONYMOUS"}
    await stream.send(f"<auth xmlns='{SASL[1:-1]}' mechanism='ANONYMOUS'/>")
    assert (await stream.receive()).tag == SASL + "success"
    await stream.open()
    localpart, _, rest = (await stream.bind()).partition("@")
    assert localpart and rest.startswith(f"{world.server.anonymous_domain}/")


async def test_a_listener_that_requires_tls_offers_nothing_else_before_it(world):
    stream = await world.raw_unsecured().connect(world.server.required_port)
    await stream.open()
    assert stream.features.find(f"{TLS}starttls/{TLS}required") is not None
    assert stream.mechanisms() == set()
    account = world.unused_account()
    # RFC 6120 section 5.3.1 leaves the server the choice between a SASL failure and a stream error.
    assert await stream.authenticate("PLAIN", account.username, account.password) != "success"


async def test_sasl2_is_neither_offered_nor_taken_before_tls(world):
    """XEP-0388 section 2: only after TLS."""
    stream = await world.raw_unsecured().connect()
    await stream.open()
    assert stream.features.find("{urn:ietf:params:xml:ns:xmpp-sasl}mechanisms") is not None
    assert stream.features.find("{urn:xmpp:sasl:2}authentication") is None
    await stream.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-1'/>")
    assert (await stream.receive()).tag == "{http://etherx.jabber.org/streams}error"


async def test_slixmpp_logs_in_where_starttls_is_required(world):
    await world.client(await world.account()).connect(port=world.server.required_port)


async def test_slixmpp_logs_in_over_direct_tls(world):
    await world.client(await world.account()).connect(direct_tls=True)


async def test_a_stream_in_tls_does_not_offer_tls_again(world):
    stream = await world.raw_unsecured().connect(direct_tls=True)
    await stream.open()
    assert stream.features.find(TLS + "starttls") is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
async def test_a_raw_client_logs_in_over(world, version):
    stream = await world.raw(version)
    assert stream.ssl_object.version() == version.name.replace("_", ".")
    await stream.log_in(await world.account())


async def test_plaintext_sent_along_with_starttls_is_not_taken_for_part_of_the_tls_stream(world):
    """What stands behind <starttls/> in clear text was put there by anyone."""
    stream = await world.raw_unsecured().connect()
    await stream.open()
    injected = world.unused_account()
    await stream.send(
        f"<starttls xmlns='{TLS[1:-1]}'/><iq type='set' id='injected'><query xmlns='jabber:iq:register'>"
        f"<username>{injected.username}</username><password>{injected.password}</password></query></iq>")
    try:
        if (await stream.receive()).tag == TLS + "proceed":
            await stream.handshake()
            await stream.open()
            await stream.request("get", "<query xmlns='jabber:iq:register'/>")
    except Exception as refusal:  # Any refusal will do: a stream error, a failed handshake, a closed connection.
        print(f"refused: {refusal!r}")
    with pytest.raises(LoginFailed, match="not-authorized"):
        await world.client(injected).connect()
