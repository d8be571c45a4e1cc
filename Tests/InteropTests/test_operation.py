# SPDX-License-Identifier: Apache-2.0
# What an operator does: the example configuration, and accounts by the command line while the server runs and does not.

import contextlib
import fcntl
import re
import resource
import shutil
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.client import LoginFailed
from harness.process import START_SECONDS_MAX
from harness.world import Account, befriend

# More than the store of a test takes.
LOG_BYTE_COUNT_MAX = 10_000_000


@pytest.mark.needs("mimd's example")
async def test_two_clients_register_and_chat_with_the_example_configuration(example_world):
    romeo, juliet = await example_world.couple()
    await befriend(romeo, juliet)
    romeo.say(juliet.bare, "But soft!")
    await juliet.hears("But soft!", romeo.jid)


@pytest.mark.needs("mimd's commands")
async def test_accounts_are_managed_while_the_server_runs(world):
    account, command = world.unused_account(), world.server.account_command
    assert command("add", account.jid, password=account.password)[0] == 0
    await world.client(account).connect()
    status, output = command("add", account.jid, password="other")
    assert status != 0 and account.jid in output

    changed = Account(account.username, "changed", account.domain)
    assert command("passwd", account.jid, password=changed.password)[0] == 0
    with pytest.raises(LoginFailed, match="not-authorized"):
        await world.client(account).connect()
    await world.client(changed).connect()

    status, output = command("list", account.domain)
    assert status == 0 and account.jid in output.split()
    assert command("remove", account.jid)[0] == 0
    with pytest.raises(LoginFailed, match="not-authorized"):
        await world.client(changed).connect()
    status, output = command("list", account.domain)
    assert status == 0 and account.jid not in output.split()


@pytest.mark.needs("mimd's commands")
async def test_accounts_are_managed_while_the_server_does_not_run(own_world):
    account, server = own_world.unused_account(), own_world.server
    server.stop()
    assert server.account_command("add", account.jid, password=account.password)[0] == 0
    assert server.account_command("remove", own_world.unused_account("nobody").jid)[0] != 0
    server.start()
    await own_world.client(account).connect()


@pytest.mark.needs("mimd's commands")
async def test_an_account_is_exported_to_a_file_that_only_its_owner_reads(world, tmp_path):
    account = await world.account()
    client = await world.online(account, "balcony")
    await client.request(client.xmpp.update_roster("nurse@localhost", name="Nurse"))
    path = tmp_path / "account.xml"
    status, output = world.server.account_command("export", account.jid, "--output", str(path))
    assert status == 0 and "1 roster item" in output
    assert path.stat().st_mode & 0o077 == 0
    user = ElementTree.parse(path).getroot()[0][0]
    assert user.get("name") == account.username
    assert [item.get("name") for item in user.iter("{jabber:iq:roster}item")] == ["Nurse"]
    # What is there already is not written over, and who is not there is not exported.
    assert world.server.account_command("export", account.jid, "--output", str(path))[0] != 0
    assert world.server.account_command("export", world.unused_account("nobody").jid)[0] != 0


@pytest.mark.needs("mimd's commands")
async def test_an_account_that_is_removed_leaves_nothing_to_the_next_of_its_name(world):
    romeo = await world.online(await world.account(), "orchard")
    juliet = await world.account("juliet")
    first = await world.online(juliet, "balcony")
    await first.request(first.xmpp.update_roster("nurse@localhost"))
    await first.leave()
    romeo.say(juliet.jid, "for the first one's eyes")
    await romeo.request(romeo.xmpp.plugin["xep_0199"].send_ping(romeo.bare))
    status, output = world.server.account_command("remove", juliet.jid)
    assert status == 0 and "1 roster item, 1 offline message" in output
    assert world.server.account_command("add", juliet.jid, password=juliet.password)[0] == 0
    second = await world.online(juliet, "balcony")
    roster = await second.request(second.xmpp.get_roster())
    assert not roster["roster"]["items"]
    await second.fence(romeo)
    assert not second.messages.matching()


@pytest.mark.needs("mimd's commands")
async def test_an_account_that_is_removed_leaves_the_rosters_of_its_contacts(world):
    romeo, juliet = await world.couple()
    await befriend(romeo, juliet)
    await romeo.request(romeo.xmpp.update_roster(juliet.bare, name="Juliet"))
    await romeo.leave()
    await juliet.leave()
    assert world.server.account_command("remove", juliet.bare)[0] == 0
    again = world.client(romeo.account, "orchard")
    await again.connect()
    item = (await again.request(again.xmpp.get_roster()))["roster"]["items"][juliet.bare]
    assert (item["name"], item["subscription"], item["ask"]) == ("Juliet", "none", "")


@pytest.mark.needs("mimd's commands")
@pytest.mark.needs("the local store")
async def test_only_the_first_account_makes_a_store(own_world):
    account, command = own_world.unused_account(), own_world.server.account_command
    own_world.server.stop()
    data = own_world.server.directory / "data"
    for file in data.glob("mimd.sqlite*"):
        file.unlink()
    for arguments, password in ((["list"], None), (["remove", account.jid], None), (["passwd", account.jid], "x")):
        status, output = command(*arguments, password=password)
        assert status == 1 and output == f"Error: there is no store {data / 'mimd.sqlite'}\n"
    assert command("add", "romeo@elsewhere.example", password="x")[0] == 1
    assert not (data / "mimd.sqlite").exists()
    status, output = command("add", account.jid, password=account.password)
    assert status == 0 and sorted(output.splitlines()) == sorted(
        [f"{account.jid} added", f"made the store {data / 'mimd.sqlite'}"])
    assert command("list", account.domain.upper()) == (0, f"{account.jid}\n")
    status, output = command("list", "elsewhere.example")
    assert status == 1 and "elsewhere.example is not one of the configured hosts" in output


@pytest.mark.needs("mimd's commands")
async def test_an_empty_password_is_one_line(own_world):
    assert own_world.server.account_command("add", own_world.unused_account().jid, "--password-stdin") == (
        1, "Error: there is no password on standard input\n")


@pytest.mark.needs("mimd's commands")
async def test_one_server_at_a_time_serves_from_a_data_directory(own_world):
    server = own_world.server
    second = subprocess.run(
        server.command(), cwd=server.directory, text=True, capture_output=True, timeout=START_SECONDS_MAX)
    assert second.returncode == 1 and "another mimd serves from the data directory" in second.stderr
    assert server.is_running()


@pytest.mark.needs("mimd's commands")
async def test_a_terminal_that_hangs_up_ends_the_server_in_good_order(own_world):
    stream = await own_world.raw()
    await stream.log_in(await own_world.account(), "orchard")
    own_world.server.process.send_signal(signal.SIGHUP)
    assert await stream.receive_error() == "system-shutdown"
    assert own_world.server.process.wait(START_SECONDS_MAX) == 0


@contextlib.contextmanager
def piped(server):
    """The server anew, once it is ready, with its log in a pipe; it must end in good order when the body is done."""
    server.stop()
    with subprocess.Popen(
            server.command(), cwd=server.directory, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT) as process:
        try:
            for line in process.stdout:
                if server.is_ready([line] * 3):
                    break
            yield process
        finally:
            process.terminate()
        assert process.wait(START_SECONDS_MAX) == 0


@pytest.mark.needs("mimd's commands")
async def test_a_server_survives_the_reader_of_its_log(own_world):
    with piped(own_world.server) as process:
        process.stdout.close()
        # Each of these is worth a line.
        for _ in range(3):
            await own_world.client(await own_world.account()).connect()
        assert process.poll() is None


@pytest.mark.needs("mimd's commands")
async def test_a_log_that_nobody_reads_makes_nobody_wait(own_world):
    with piped(own_world.server) as process:
        # Room for some twenty lines, of which each of these is worth one.
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4_096)
        stranger = own_world.unused_account()
        async with await own_world.chat():
            for _ in range(20):
                stream = await own_world.raw()
                for _ in range(4):
                    await stream.authenticate("PLAIN", stranger.username, stranger.password)
        process.terminate()
        log = process.stdout.read()
    assert re.search(r"\n\S+ warning lines of the log were dropped: nobody read them count=\d+\n", log), log
    assert "shut down" in log


@pytest.mark.needs("mimd's commands")
async def test_a_server_survives_a_log_that_may_not_grow(own_world):
    """A file may have a greatest size (`ulimit -f`); going beyond it ends a process that has not said otherwise."""
    server = own_world.server
    server.stop()
    path = server.directory / "log"
    path.write_bytes(b"\n" * LOG_BYTE_COUNT_MAX)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (LOG_BYTE_COUNT_MAX, LOG_BYTE_COUNT_MAX))

    with path.open("ab") as log, subprocess.Popen(
            server.command(), cwd=server.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=limit) as process:
        try:
            account = await own_world.account_once_it_listens()
            # Worth a line.
            await own_world.client(account).connect()
            assert process.poll() is None
        finally:
            process.terminate()
        assert process.wait(START_SECONDS_MAX) == 0


@pytest.mark.needs("mimd's commands")
async def test_a_configuration_that_is_missing_is_told_with_the_option_that_names_it(own_world):
    program = own_world.server.command()[0]
    ended = subprocess.run(
        [program, "--config", "nowhere.toml"], text=True, capture_output=True, timeout=START_SECONDS_MAX)
    assert ended.returncode == 1 and "--config FILE" in ended.stderr and "key=" not in ended.stderr


FIXTURES = Path(__file__).resolve().parents[1] / "MimdTests" / "Fixtures"


@pytest.mark.needs("mimd's commands")
async def test_every_mistake_in_the_configuration_is_told_at_once(own_world):
    """With file, line, key and what is allowed: by the check, and by a start, which does not happen."""
    server = own_world.server
    server.stop()
    shutil.copy(FIXTURES / "mistakes.toml", server.directory)
    expected = (FIXTURES / "mistakes.txt").read_text().splitlines()
    status, output = server.run_command("check-config", "--config", "mistakes.toml")
    assert status == 1 and [line for line in output.splitlines() if line.startswith("mistakes.toml:")] == expected
    status, output = server.run_command("--config", "mistakes.toml")
    assert status == 1 and not (server.directory / "var").exists()
    for line in expected:
        place, severity, rest = line.split(": ", 2)
        key, _, reason = rest.partition(": ")
        escaped = reason.replace("\\", "\\\\").replace('"', '\\"')
        # With so many errors, warnings are not of interest.
        assert severity == "warning" or f'at={place} key={key} reason="{escaped}"' in output, line


BROKEN_FILES = {
    "a bracket that is not closed": (b"[general\n", "broken.toml:1: error: this is not TOML"),
    "a key twice": (b"[general]\n[general]\n", "broken.toml:2: error: this is not TOML"),
    "a value in a value in a value": (b"a = " + b"[" * 100_000, "broken.toml:1: error: this is not TOML"),
    "a key of very many parts": (b"a" + b".a" * 100_000 + b" = 1", "broken.toml:1: error: this is not TOML"),
    "noise": (bytes(range(256)) * 100, "broken.toml: error: the file is not UTF-8"),
    "far too much": (b"#" * 5_000_000, "broken.toml: error: the file is larger than"),
    "nothing": (b"", "broken.toml:"),
}


@pytest.mark.needs("mimd's commands")
@pytest.mark.parametrize("name", BROKEN_FILES)
async def test_a_configuration_that_is_none_is_an_error(own_world, name):
    data, expected = BROKEN_FILES[name]
    own_world.server.stop()
    (own_world.server.directory / "broken.toml").write_bytes(data)
    status, output = own_world.server.run_command("check-config", "--config", "broken.toml")
    assert status == 1 and expected in output
    assert own_world.server.run_command("--config", "broken.toml")[0] == 1
