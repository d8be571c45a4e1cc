# SPDX-License-Identifier: Apache-2.0
# vCards, the search in them, and avatars in presence, with slixmpp's own plugins.

import hashlib

import pytest
from slixmpp.exceptions import IqError

IMAGE = bytes(range(256)) * 16
SEARCH = "{jabber:iq:search}"
DATA = "{jabber:x:data}"


async def publish(client, given, family):
    card = client.xmpp.plugin["xep_0054"].make_vcard()
    card["FN"] = f"{given} {family}"
    card["N"]["GIVEN"], card["N"]["FAMILY"] = given, family
    await client.request(client.xmpp.plugin["xep_0054"].publish_vcard(card))


async def test_a_vcard_is_read_by_everybody_and_written_by_its_owner(world):
    romeo, juliet = await world.couple()
    await publish(juliet, "Juliet & <3", "Capulet")
    read = romeo.xmpp.plugin["xep_0054"].get_vcard
    answer = await romeo.request(read(juliet.bare, cached=False))
    assert answer["vcard_temp"]["N"]["GIVEN"] == "Juliet & <3"
    with pytest.raises(IqError, match="service-unavailable"):
        await juliet.request(juliet.xmpp.plugin["xep_0054"].get_vcard(romeo.bare, cached=False))
    with pytest.raises(IqError, match="forbidden"):
        card = romeo.xmpp.plugin["xep_0054"].make_vcard()
        iq = romeo.xmpp.make_iq_set(card, ito=juliet.bare)
        await romeo.request(iq.send())
    answer = await romeo.request(read(juliet.bare, cached=False))
    assert answer["vcard_temp"]["FN"] == "Juliet & <3 Capulet"


@pytest.mark.needs("mimd's limits")
async def test_a_vcard_that_is_too_long_is_refused(world):
    juliet = await world.online(await world.account("juliet"), "balcony")
    await publish(juliet, "Juliet", "Capulet")
    with pytest.raises(IqError, match="not-acceptable"):
        await publish(juliet, "x" * 70_000, "Capulet")
    answer = await juliet.request(juliet.xmpp.plugin["xep_0054"].get_vcard(cached=False, local=False))
    assert answer["vcard_temp"]["N"]["GIVEN"] == "Juliet"


@pytest.mark.needs("a user directory")
async def test_people_are_found_in_the_directory_that_the_server_lists(world):
    romeo, juliet = await world.couple()
    await publish(juliet, f"Giulietta of {juliet.account.username}", "Capuleti")
    await publish(romeo, f"Romeo of {romeo.account.username}", "Montecchi")
    discovery = romeo.xmpp.plugin["xep_0030"]
    items = await romeo.request(discovery.get_items(jid=romeo.account.domain))
    directories = []
    for address, _, _ in items["disco_items"]["items"]:
        info = await romeo.request(discovery.get_info(jid=address))
        if ("directory", "user") in {identity[:2] for identity in info["disco_info"]["identities"]}:
            assert "jabber:iq:search" in info["disco_info"]["features"]
            directories.append(str(address))
    assert directories == [f"vjud.{romeo.account.domain}"]
    iq = romeo.xmpp.make_iq_get("jabber:iq:search", ito=directories[0])
    form = (await romeo.request(iq.send())).xml.find(f"{SEARCH}query/{DATA}x")
    assert {"first", "last", "nick", "email"} <= {field.get("var") for field in form.findall(f"{DATA}field")}
    found = await search(romeo, directories[0], first=f"GIULIETTA OF {juliet.account.username}*", last="capuleti")
    assert found == {juliet.bare}
    for name in ("%", "_iulietta*", "Giulietta", "*'; DROP TABLE vcard_search; --"):
        assert await search(romeo, directories[0], first=name) == set()


async def search(client, directory, **terms):
    iq = client.xmpp.plugin["xep_0055"].make_search_iq(ito=directory)
    form = iq["search"]["form"]
    form["type"] = "submit"
    for name, term in terms.items():
        form.add_field(var=name, value=term)
    answer = await client.request(iq.send())
    values = answer.xml.findall(f"{SEARCH}query/{DATA}x/{DATA}item/{DATA}field[@var='jid']/{DATA}value")
    return {value.text for value in values}


def avatar_hash(presence):
    return presence.xml.findtext("{vcard-temp:x:update}x/{vcard-temp:x:update}photo")


@pytest.mark.needs("a user directory")
async def test_contacts_learn_of_an_avatar_that_the_client_itself_does_not_announce(world):
    romeo, juliet = await world.friends()
    card = juliet.xmpp.plugin["xep_0054"].make_vcard()
    card["PHOTO"]["TYPE"], card["PHOTO"]["BINVAL"] = "image/png", IMAGE
    await juliet.request(juliet.xmpp.plugin["xep_0054"].publish_vcard(card))
    expected = hashlib.sha1(IMAGE).hexdigest()
    assert avatar_hash(await romeo.sees(juliet.jid)) == expected
    await juliet.leave()
    again = await world.online(juliet.account, "chamber")
    assert avatar_hash(await romeo.sees(again.jid)) == expected


async def test_a_client_that_announces_its_avatar_is_understood(world):
    romeo, juliet = await world.friends()
    # It reads its vCard, changes it, and from then on puts the hash into each presence.
    juliet.xmpp.register_plugin("xep_0153")
    await juliet.request(juliet.xmpp.plugin["xep_0153"].set_avatar(avatar=IMAGE, mtype="image/png"))
    expected = hashlib.sha1(IMAGE).hexdigest()
    await romeo.presences.take(lambda each: each["from"] == juliet.jid and avatar_hash(each) == expected)
    answer = await romeo.request(romeo.xmpp.plugin["xep_0054"].get_vcard(juliet.bare, cached=False))
    assert answer["vcard_temp"]["PHOTO"]["BINVAL"] == IMAGE
