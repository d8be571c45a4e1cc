# SPDX-License-Identifier: Apache-2.0
# soak.py [--minutes N] [--clients N] [--seed N] PROGRAM: starts mimd, lets clients live with it for that long, and
# fails when its memory, its descriptors or its latency grew, when a message was lost, or when a client saw what it
# should not.
#
# Growth is the median of the samples of the last quarter against that of the second; the first is for starting up.

import argparse
import asyncio
import os
import random
import signal
import socket
import statistics
import sys
import tempfile
from pathlib import Path

from clients import Client, Totals
from stream import HOST, Account, Stream, unverified_tls

SAMPLE_SECONDS = 10
#: Growth that is no growth yet: a share of what was there, and a little that any measurement varies by.
MEMORY_GROWTH_MAX = 0.05
MEMORY_SLACK_KIB = 4_096
DESCRIPTOR_GROWTH_MAX = 0.02
DESCRIPTOR_SLACK = 20
LATENCY_GROWTH_MAX = 0.5
LATENCY_SLACK_MS = 2.0
#: Descriptors that may be open after the last client left beyond those open before the first came.
DESCRIPTORS_LEFT_MAX = 4

REGISTRATIONS_AT_ONCE = 20
START_SECONDS_MAX = 30
RESUMPTION_SECONDS = 30
#: Sessions that nobody resumes must end, and what they held be delivered, before the accounts are settled.
DRAIN_SECONDS_MAX = RESUMPTION_SECONDS + 60

CONFIGURATION = """
[general]
  loglevel = "warning"
  hosts = ["localhost"]
  default_server_domain = "localhost"
  registration_timeout = "infinity"
[mimd]
  data_directory = "{data}"
[[listen.c2s]]
  ip_address = "127.0.0.1"
  port = {port}
  state_timeout = 60_000
  tls.mode = "starttls"
[auth]
  methods = ["internal"]
  # Registering thousands of accounts is not the subject.
  [auth.password]
    hash = ["sha"]
    scram_iterations = 4096
  [auth.internal]
    backend = "sqlite"
[modules.mod_carboncopy]
[modules.mod_disco]
[modules.mod_offline]
  backend = "sqlite"
[modules.mod_ping]
[modules.mod_presence]
[modules.mod_register]
[modules.mod_roster]
  backend = "sqlite"
[modules.mod_stream_management]
  resume_timeout = {resumption}
"""


class Server:
    def __init__(self, program, directory):
        self.port = free_port()
        self._program = program
        self._directory = directory
        self._process = None

    async def start(self):
        path = Path(self._directory) / "mimd.toml"
        data = Path(self._directory) / "data"
        data.mkdir()
        path.write_text(CONFIGURATION.format(data=data, port=self.port, resumption=RESUMPTION_SECONDS))
        self._process = await asyncio.create_subprocess_exec(
            self._program, "--config", str(path), cwd=self._directory, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL)
        async with asyncio.timeout(START_SECONDS_MAX):
            while True:
                try:
                    stream = await Stream.connect(self.port)
                    return await stream.close()
                except OSError:
                    self.require_running()
                    await asyncio.sleep(0.1)

    def require_running(self):
        if self._process.returncode is not None:
            raise SystemExit(f"soak: the server ended with status {self._process.returncode}")

    def resident_kib(self):
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise SystemExit("soak: the server has no memory")

    def descriptor_count(self):
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))

    async def stop(self):
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(self._process.wait(), START_SECONDS_MAX)


def free_port():
    with socket.socket() as any_socket:
        any_socket.bind((HOST, 0))
        return any_socket.getsockname()[1]


class Probe:
    """The latency of one client's messages, measured by a process of its own."""

    def __init__(self):
        self._process = None
        self._reading = None
        self._latencies = []

    async def start(self, port, account):
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(Path(__file__).with_name("probe.py")), str(port), account.name, account.password,
            stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL)
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        async for line in self._process.stdout:
            self._latencies.append(float(line))

    def take_p99(self):
        """The 99th percentile of what was measured since the last call, in milliseconds."""
        latencies, self._latencies = sorted(self._latencies), []
        if not latencies:
            raise SystemExit("soak: the probe says nothing")
        return latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)]

    async def stop(self):
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading:
            await self._reading


async def register(port, accounts):
    gate = asyncio.Semaphore(REGISTRATIONS_AT_ONCE)

    async def one(account):
        async with gate:
            stream = await Stream.connect(port)
            await stream.register(account)
            await stream.close()

    await asyncio.gather(*(one(account) for account in accounts))


async def watch(server, probe, seconds, totals):
    """Samples of memory in KiB, descriptors and latency in milliseconds."""
    samples = []
    probe.take_p99()
    print(f"{'seconds':>8} {'RSS KiB':>9} {'descriptors':>11} {'p99 ms':>8} {'logins':>8} {'resumed':>8} {'sent':>9} "
          f"{'received':>9}")
    for second in range(SAMPLE_SECONDS, seconds + 1, SAMPLE_SECONDS):
        await asyncio.sleep(SAMPLE_SECONDS)
        server.require_running()
        sample = (server.resident_kib(), server.descriptor_count(), probe.take_p99())
        samples.append(sample)
        print(f"{second:>8} {sample[0]:>9} {sample[1]:>11} {sample[2]:>8.2f} {totals.logins:>8} "
              f"{totals.resumptions:>8} {totals.sent:>9} {totals.received:>9}", flush=True)
    return samples


def judge(samples):
    """What grew, as sentences."""
    size = len(samples) // 4
    quarters = [samples[size * index:size * (index + 1)] for index in range(4)]
    medians = [[statistics.median(values) for values in zip(*quarter)] for quarter in quarters]
    for index, (memory, descriptors, latency) in enumerate(medians):
        print(f"quarter {index + 1}: RSS {memory / 1_024:.1f} MiB, {descriptors:.0f} descriptors, p99 {latency:.2f} ms")
    limits = [("memory in KiB", MEMORY_GROWTH_MAX, MEMORY_SLACK_KIB),
              ("descriptors", DESCRIPTOR_GROWTH_MAX, DESCRIPTOR_SLACK),
              ("latency in ms", LATENCY_GROWTH_MAX, LATENCY_SLACK_MS)]
    return [f"{name} grew from {before:.2f} to {after:.2f}, at most {before * (1 + share) + slack:.2f}"
            for (name, share, slack), before, after in zip(limits, medians[1], medians[3])
            if after > before * (1 + share) + slack]


async def drain(clients, totals):
    """Everyone comes online once more, until all that was said has been heard."""
    done = asyncio.Event()
    tasks = [asyncio.create_task(client.drain(done)) for client in clients]
    for _ in range(DRAIN_SECONDS_MAX):
        if totals.received == totals.sent:
            break
        await asyncio.sleep(1)
    done.set()
    await asyncio.gather(*tasks)


async def soak(options, directory):
    server, probe, totals = Server(options.program, directory), Probe(), Totals()
    numbers = random.Random(options.seed)
    accounts = [Account(f"soak{index}", f"secret{index}") for index in range(options.clients)]
    probed = Account("probe", "secret")
    problems = []
    try:
        await server.start()
        print(f"registering {len(accounts)} accounts; seed {options.seed}", flush=True)
        await register(server.port, accounts + [probed])
        await asyncio.sleep(1)
        before = server.descriptor_count()
        tls = unverified_tls()
        clients = [Client(account, accounts[index ^ 1], server.port, tls, totals, numbers.random())
                   for index, account in enumerate(accounts)]
        lives = [asyncio.create_task(client.live()) for client in clients]
        await probe.start(server.port, probed)
        await asyncio.sleep(SAMPLE_SECONDS)
        samples = await watch(server, probe, int(options.minutes * 60), totals)
        await probe.stop()
        for client in clients:
            client.stop()
        await asyncio.gather(*lives)
        await drain(clients, totals)
        await asyncio.sleep(2)
        left = server.descriptor_count() - before
        problems = judge(samples)
        print(f"logins {totals.logins}, resumptions {totals.resumptions}, departures {totals.departures}, "
              f"abandoned {totals.abandonments}; messages sent {totals.sent}, received {totals.received}, "
              f"repeated {totals.repeated}")
        print(f"after the last client left: RSS {server.resident_kib() / 1_024:.1f} MiB, "
              f"{left} more descriptors than before")
        if left > DESCRIPTORS_LEFT_MAX:
            problems.append(f"{left} descriptors were left open")
        if totals.received != totals.sent:
            problems.append(f"{totals.sent - totals.received} messages were lost")
        problems += totals.failures
    finally:
        await probe.stop()
        await server.stop()
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--clients", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    if options.clients % 2 or options.minutes * 60 < 8 * SAMPLE_SECONDS:
        parser.error(f"clients come in pairs, and {8 * SAMPLE_SECONDS} seconds is the least")
    with tempfile.TemporaryDirectory(prefix="mimd-soak-") as directory:
        problems = asyncio.run(soak(options, directory))
    for problem in problems:
        print(f"soak: {problem}")
    if problems:
        sys.exit(1)
    print("soak: nothing grew, nothing was lost")


main()
