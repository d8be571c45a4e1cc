# SPDX-License-Identifier: Apache-2.0
# The process: how it ends, and what it still knows when it is started again.

import asyncio

import pytest


@pytest.mark.needs("system-shutdown every time")
async def test_sigterm_ends_a_session_with_system_shutdown_and_the_process_with_success(own_world):
    stream = await own_world.raw()
    await stream.log_in(await own_world.account(), "orchard")
    own_world.server.terminate()
    assert await stream.receive_error() == "system-shutdown"
    assert own_world.server.stop() == 0


@pytest.mark.needs("system-shutdown every time")
async def test_sigterm_ends_every_stream_with_system_shutdown(own_world):
    streams = [await own_world.raw() for _ in range(5)]
    # The last one has not logged in.
    for stream in streams[:-1]:
        await stream.log_in(await own_world.account(), "orchard")
    own_world.server.terminate()
    for stream in streams:
        assert await stream.receive_error() == "system-shutdown"


async def test_what_was_stored_is_there_after_a_restart(own_world):
    romeo = await own_world.online(await own_world.account(), "orchard")
    juliet = await own_world.account("juliet")
    await romeo.request(romeo.xmpp.update_roster(juliet.jid, name="Juliet"))
    romeo.say(juliet.jid, "see you on the other side")
    await romeo.request(romeo.xmpp.plugin["xep_0199"].send_ping(romeo.bare))
    await romeo.leave()
    own_world.server.stop()
    own_world.server.start()
    await (await own_world.online(juliet, "balcony")).hears("see you on the other side", f"{romeo.account.jid}/orchard")
    again = own_world.client(romeo.account, "orchard")
    await again.connect()
    roster = await again.request(again.xmpp.get_roster())
    assert roster["roster"]["items"][juliet.jid]["name"] == "Juliet"


async def test_what_was_acknowledged_is_there_after_the_process_was_killed(own_world):
    account = await own_world.account()
    client = await own_world.online(account, "orchard")
    await client.request(client.xmpp.update_roster("nurse@localhost", name="Nurse"))
    own_world.server.kill()
    own_world.server.start()
    again = own_world.client(account, "orchard")
    await again.connect()
    roster = await again.request(again.xmpp.get_roster())
    assert roster["roster"]["items"]["nurse@localhost"]["name"] == "Nurse"


@pytest.mark.needs("quick recovery from descriptor exhaustion")
async def test_a_server_without_free_descriptors_serves_its_clients_and_recovers(own_world):
    server = own_world.server
    server.stop()
    server.start(descriptor_count_max=96)
    account = await own_world.account()
    stream = await own_world.raw()
    await stream.log_in(account, "orchard")
    # The kernel completes connections that the server cannot accept; a server that closes them is right as well.
    crowd = [await asyncio.open_connection(server.host, server.port) for _ in range(120)]
    for _ in range(20):
        assert (await stream.request("get", "<ping xmlns='urn:xmpp:ping'/>")).get("type") == "result"
    for _, writer in crowd:
        writer.close()
    assert server.is_running()
    await (await own_world.raw()).log_in(account, "garden")
