# SPDX-License-Identifier: Apache-2.0
# In-Band Registration (XEP-0077).

import pytest
from slixmpp.exceptions import IqError

from harness.client import LoginFailed
from harness.raw import error_condition
from harness.world import REGISTER, registration


def registering(world, account):
    """A slixmpp client that fills in the registration form before it logs in. Returns it and the list of what happened."""
    client = world.client(account, "orchard")
    client.xmpp.register_plugin("xep_0077", {"force_registration": True})
    happened = []

    async def register(form):
        happened.append({field for field in ("username", "password") if field in form["register"]["fields"]})
        iq = client.xmpp.Iq()
        iq["type"] = "set"
        iq["register"]["username"] = account.username
        iq["register"]["password"] = account.password
        try:
            await client.request(iq.send())
            happened.append("registered")
        except IqError as error:
            happened.append(error.condition)

    client.xmpp.add_event_handler("register", register)
    return client, happened


async def test_a_new_client_registers_and_logs_in_on_the_same_stream(world):
    account = world.unused_account()
    client, happened = registering(world, account)
    await client.connect()
    assert happened == [{"username", "password"}, "registered"]
    assert client.jid == f"{account.jid}/orchard"


async def test_a_taken_username_is_a_conflict(world):
    account = await world.account()
    client, happened = registering(world, account)
    await client.connect()
    assert happened[-1] == "conflict"


async def test_a_registration_without_password_is_not_acceptable(world):
    stream = await world.raw()
    answer = await stream.request(
        "set", f"<query xmlns='{REGISTER}'><username>{world.unused_account().username}</username></query>")
    assert error_condition(answer) in ("not-acceptable", "bad-request")


async def test_a_username_that_is_no_localpart_is_refused(world):
    stream = await world.raw()
    answer = await stream.request(
        "set", f"<query xmlns='{REGISTER}'><username>no@localpart</username><password>secret</password></query>")
    assert error_condition(answer) in ("not-acceptable", "jid-malformed", "bad-request")


async def test_the_stream_offers_registration(world):
    stream = await world.raw()
    assert stream.features.find("{http://jabber.org/features/iq-register}register") is not None


async def test_a_changed_password_replaces_the_old_one(world):
    account = await world.account()
    client = await world.online(account, "orchard")
    client.xmpp.register_plugin("xep_0077")
    await client.request(client.xmpp.plugin["xep_0077"].change_password("another secret", jid=account.domain))
    await client.leave()
    with pytest.raises(LoginFailed, match="not-authorized"):
        await world.client(account).connect()
    renewed = world.client(account)
    renewed.xmpp.password = "another secret"
    await renewed.connect()


async def test_a_removed_account_can_log_in_no_more_and_its_name_is_free(world):
    account = await world.account()
    stream = await world.raw()
    await stream.log_in(account)
    answer = await stream.request("set", f"<query xmlns='{REGISTER}'><remove/></query>")
    assert answer.get("type") == "result"
    await stream.close()
    with pytest.raises(LoginFailed, match="not-authorized"):
        await world.client(account).connect()
    stream = await world.raw()
    assert (await stream.request("set", registration(account))).get("type") == "result"
