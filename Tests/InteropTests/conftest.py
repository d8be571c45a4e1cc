# SPDX-License-Identifier: Apache-2.0
# How a test gets its server and its clients: `world` serves one test and closes what the test left open. Tests are
# coroutines; each has a deadline. What the server logged during a test that failed is printed with it.

import asyncio
import inspect
import os

import pytest

from harness.certificate import Certificate
from harness.cluster import Cluster, programs
from harness.mimd import ExampleMimd, ImpatientMimd, Mimd
from harness.postgresql import PostgreSQLStores, place
from harness.prosody import Prosody
from harness.world import World

TEST_SECONDS_MAX = 45


def pytest_addoption(parser):
    parser.addoption("--server", choices=["mimd", "prosody"], default="mimd", help="the server to drive")
    parser.addoption("--backend", choices=["local", "postgresql"], default="local", help="where mimd keeps its data")
    parser.addoption("--mimd", default=os.environ.get("MIMD"), help="path of the program mimd (or the variable MIMD)")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def make_server(request, certificate, tmp_path_factory):
    """Makes a server that is not started, with a directory of its own."""
    kind = request.config.getoption("--server")
    program = request.config.getoption("--mimd")
    if kind == "mimd" and not (program and os.access(program, os.X_OK)):
        pytest.exit("no program mimd: give --mimd or the variable MIMD", returncode=2)
    uses_postgresql = request.config.getoption("--backend") == "postgresql"
    if uses_postgresql and not place():
        pytest.exit("no PostgreSQL server: the variable MIMD_TEST_POSTGRESQL names one", returncode=2)
    databases = []

    def make(mimd=Mimd):
        directory = tmp_path_factory.mktemp(kind)
        if kind == "prosody":
            return Prosody(directory, certificate)
        if not uses_postgresql or mimd is ExampleMimd:
            return mimd(directory, certificate, program)
        server = type(f"PostgreSQL{mimd.__name__}", (PostgreSQLStores, mimd), {})(directory, certificate, program)
        databases.append(server)
        return server

    yield make
    for server in databases:
        server.remove()


@pytest.fixture(scope="session")
def shared_server(make_server):
    """The server that most tests share. They do not meet, for each makes accounts of its own."""
    server = make_server()
    try:
        server.start()
    except AssertionError as error:
        # Every test would say the same.
        pytest.exit(str(error), returncode=1)
    yield server
    server.stop()


@pytest.fixture
def world(shared_server):
    """The clients of one test, on the shared server."""
    assert shared_server.is_running(), "the server ended during an earlier test"
    shared_server.mark_log()
    return World(shared_server)


@pytest.fixture
def own_world(make_server):
    """The clients of one test, on a server that the test may stop and start."""
    server = make_server()
    server.start()
    yield World(server)
    server.stop()


@pytest.fixture
def example_world(make_server):
    """The clients of one test, on a server with the example configuration."""
    server = make_server(ExampleMimd)
    server.start()
    yield World(server)
    server.stop()


@pytest.fixture
def impatient_world(make_server):
    """The clients of one test, on a server that soon loses its patience."""
    server = make_server(ImpatientMimd)
    server.start()
    yield World(server)
    server.stop()


@pytest.fixture
def outage_world(request, certificate, tmp_path_factory):
    """The clients of one test, on a server whose database the test may kill and hold still: `world.cluster`."""
    directory = tmp_path_factory.mktemp("outage")
    cluster = Cluster(directory)
    cluster.start()
    stores = {"place": cluster.place, "query_timeout": 2_000}
    server = type("OutageMimd", (PostgreSQLStores, Mimd), stores)(
        directory, certificate, request.config.getoption("--mimd"))
    server.start()
    world = World(server)
    world.cluster = cluster
    yield world
    server.stop()
    cluster.remove()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs a test that is a coroutine, and closes its world on the same event loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def run():
        try:
            async with asyncio.timeout(TEST_SECONDS_MAX):
                await pyfuncitem.obj(**arguments)
        finally:
            for argument in arguments.values():
                if isinstance(argument, World):
                    await argument.close()

    asyncio.run(run())
    return True


def pytest_runtest_setup(item):
    lacking = {"mimd": set(), "prosody": Prosody.LACKS}[item.config.getoption("--server")]
    if item.config.getoption("--backend") != "local":
        lacking = lacking | {"the local store"}
    if item.config.getoption("--backend") != "postgresql" or not programs():
        lacking = lacking | {"a database to kill"}
    for mark in item.iter_markers("needs"):
        if mark.args[0] in lacking:
            pytest.skip(f"this server lacks {mark.args[0]}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for name in ("world", "own_world", "example_world", "impatient_world", "outage_world"):
            if name in getattr(item, "funcargs", {}):
                report.sections.append(("log of the server", item.funcargs[name].server.marked_log()))
