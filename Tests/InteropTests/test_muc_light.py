# SPDX-License-Identifier: Apache-2.0
# Rooms without presence (MUC Light), which slixmpp has no plugin for: its stanzas with their payloads written out.

import asyncio
import uuid
import xml.etree.ElementTree as ET

import pytest
from slixmpp.exceptions import IqError

pytestmark = pytest.mark.needs("MUC Light")

MUC_LIGHT = "urn:xmpp:muclight:0"
ITEMS = "{http://jabber.org/protocol/disco#items}"


def service(client):
    return f"muclight.{client.account.domain}"


def new_room(client):
    return f"{uuid.uuid4().hex}@{service(client)}"


async def ask(client, kind, to, part, content=""):
    """The answer's payload; None for a result without one. Raises IqError."""
    iq = client.xmpp.Iq()
    iq["type"], iq["to"] = kind, to
    iq.append(ET.fromstring(f"<query xmlns='{MUC_LIGHT}#{part}'>{content}</query>"))
    answer = await client.request(iq.send())
    return answer.xml.find(f"{{{MUC_LIGHT}#{part}}}query")


def users(**affiliations):
    return "".join(f"<user affiliation='{affiliation}'>{bare}</user>" for bare, affiliation in affiliations.items())


async def create(client, *members, room=None, name="A Dark Cave"):
    room = room or new_room(client)
    occupants = users(**{member.bare: "member" for member in members})
    await ask(client, "set", room, "create",
              f"<configuration><roomname>{name}</roomname></configuration><occupants>{occupants}</occupants>")
    version = (await told(client, room, "affiliations"))[0]
    for member in members:
        assert await told(member, room, "affiliations") == (version, None, {member.bare: "member"})
    return room, version


async def told(client, room, part):
    """What the next notification says: the version, the one before, and users with affiliations or fields with values."""
    name = f"{{{MUC_LIGHT}#{part}}}"
    message = await client.messages.take(
        lambda each: each["from"] == room and each.xml.find(f"{name}x") is not None)
    assert message["type"] == "groupchat"
    assert message.xml.get("to") == client.bare
    change = message.xml.find(f"{name}x")
    rest = {}
    for child in change:
        if child.tag == f"{name}user":
            rest[child.text] = child.get("affiliation")
        elif child.tag not in (f"{name}version", f"{name}prev-version"):
            rest[child.tag.removeprefix(name)] = child.text or ""
    return change.findtext(f"{name}version"), change.findtext(f"{name}prev-version"), rest


async def test_a_room_from_its_creation_to_its_end(world):
    romeo, juliet = await world.couple()
    room, first = await create(romeo, juliet)
    info = await juliet.request(juliet.xmpp.plugin["xep_0030"].get_info(jid=room))
    assert ("conference", "text") in {identity[:2] for identity in info["disco_info"]["identities"]}
    assert MUC_LIGHT in info["disco_info"]["features"]
    juliet.say(room, "Good night", mtype="groupchat")
    for client in (romeo, juliet):
        assert (await client.hears("Good night"))["from"] == f"{room}/{juliet.bare}"
    await ask(juliet, "set", room, "configuration", "<subject>Parting</subject>")
    second = (await told(juliet, room, "configuration"))[0]
    assert await told(romeo, room, "configuration") == (second, first, {"subject": "Parting"})
    with pytest.raises(IqError, match="not-allowed"):
        await ask(juliet, "set", room, "configuration", "<roomname>Mine</roomname>")
    known = await ask(juliet, "get", room, "info", f"<version>{second}</version>")
    assert known is None
    info = await ask(juliet, "get", room, "info", f"<version>{first}</version>")
    assert [child.tag.split("}")[1] for child in info] == ["version", "configuration", "occupants"]
    assert {user.text: user.get("affiliation") for user in info[2]} == {romeo.bare: "owner", juliet.bare: "member"}
    await ask(juliet, "set", room, "affiliations", users(**{juliet.bare: "none"}))
    assert await told(juliet, room, "affiliations") == (None, None, {juliet.bare: "none"})
    third, previous, changes = await told(romeo, room, "affiliations")
    assert (previous, changes) == (second, {juliet.bare: "none"}) and third != second
    with pytest.raises(IqError, match="item-not-found"):
        await ask(juliet, "get", room, "info")
    await ask(romeo, "set", room, "destroy")
    assert await told(romeo, room, "affiliations") == (None, None, {romeo.bare: "none"})
    with pytest.raises(IqError, match="item-not-found"):
        await ask(romeo, "get", room, "info")


async def test_rooms_are_listed_page_by_page(world):
    romeo = await world.online(await world.account("romeo"), "orchard")
    rooms = sorted([(await create(romeo, name=f"Room {index}"))[0] for index in range(12)])
    found, after = [], ""
    for size in (5, 5, 2, 0):
        iq = romeo.xmpp.make_iq_get(f"{ITEMS[1:-1]}", ito=service(romeo))
        query = iq.xml.find(f"{ITEMS}query")
        query.append(ET.fromstring(f"<set xmlns='http://jabber.org/protocol/rsm'><max>5</max>{after}</set>"))
        answer = (await romeo.request(iq.send())).xml.find(f"{ITEMS}query")
        items = answer.findall(f"{ITEMS}item")
        assert len(items) == size
        assert answer.findtext(".//{http://jabber.org/protocol/rsm}count") == "12"
        found += [item.get("jid") for item in items]
        assert all(item.get("version") and item.get("name").startswith("Room ") for item in items)
        after = f"<after>{found[-1]}</after>"
    assert sorted(found) == rooms and len(set(found)) == 12


async def test_whoever_has_blocked_the_room_or_the_user_is_not_added(world):
    romeo, juliet = await world.couple()
    await ask(juliet, "set", service(juliet), "blocking", f"<user action='deny'>{romeo.bare}</user>")
    listed = await ask(juliet, "get", service(juliet), "blocking")
    assert [(item.tag.split("}")[1], item.get("action"), item.text) for item in listed] == [("user", "deny", romeo.bare)]
    room, _ = await create(romeo)
    assert await ask(romeo, "set", room, "affiliations", users(**{juliet.bare: "member"})) is None
    await ask(juliet, "set", service(juliet), "blocking", f"<user action='allow'>{romeo.bare}</user>")
    await ask(romeo, "set", room, "affiliations", users(**{juliet.bare: "member"}))
    version, previous, changes = await told(juliet, room, "affiliations")
    assert version and previous is None and changes == {juliet.bare: "member"}


async def test_changes_at_once_all_count(world):
    clients = [await world.online(await world.account(f"witch{index}"), "cave") for index in range(4)]
    room, version = await create(clients[0], *clients[1:])
    changes = [ask(clients[index % 4], "set", room, "configuration", f"<subject>{index}</subject>") for index in range(20)]
    await asyncio.gather(*changes)
    stories = []
    for client in clients:
        story = [await told(client, room, "configuration") for _ in range(20)]
        stories.append(story)
        assert [each[1] for each in story] == [version] + [each[0] for each in story[:-1]]
    assert all(story == stories[0] for story in stories)
    assert {each[2]["subject"] for each in stories[0]} == {str(index) for index in range(20)}


@pytest.mark.needs("mimd's commands")
async def test_rooms_outlive_the_server_and_a_removed_account_leaves_them(own_world):
    romeo, juliet = await own_world.couple()
    room, version = await create(romeo, juliet)
    for client in (romeo, juliet):
        await client.leave()
    own_world.server.stop()
    own_world.server.start()
    again = await own_world.online(juliet.account, "balcony")
    info = await ask(again, "get", room, "affiliations")
    assert info.findtext(f"{{{MUC_LIGHT}#affiliations}}version") == version
    await again.leave()
    own_world.server.stop()
    status, output = own_world.server.account_command("remove", romeo.bare)
    assert status == 0, output
    own_world.server.start()
    left = await own_world.online(juliet.account, "balcony")
    info = await ask(left, "get", room, "affiliations")
    assert info.findtext(f"{{{MUC_LIGHT}#affiliations}}version") != version
    assert [(user.text, user.get("affiliation")) for user in info[1:]] == [(juliet.bare, "owner")]
