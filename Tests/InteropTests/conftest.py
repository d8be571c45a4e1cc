# SPDX-License-Identifier: Apache-2.0
# How a test gets its server and its clients: `world` serves one test and closes what the test left open. Tests are
# coroutines; each has a deadline. What the server logged during a test that failed is printed with it.

import asyncio
import inspect
import os

import pytest

from harness.certificate import Certificate
from harness.databases import DATABASE_KINDS
from harness.mimd import ArchivingMimd, ExampleMimd, ImpatientMimd, Mimd
from harness.prosody import Prosody
from harness.relational import RelationalStores
from harness.world import World

TEST_SECONDS_MAX = 45


def pytest_addoption(parser):
    parser.addoption("--server", choices=["mimd", "prosody"], default="mimd", help="the server to drive")
    parser.addoption("--backend", choices=["local", *DATABASE_KINDS], default="local", help="where mimd keeps its data")
    parser.addoption("--mimd", default=os.environ.get("MIMD"), help="path of the program mimd (or the variable MIMD)")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("certificate"))


def relational(mimd, database_kind, place, **attributes):
    """A kind of Mimd that has its data in the server at a place."""
    attributes = {"database_kind": database_kind, "place": place, **attributes}
    return type(f"Relational{mimd.__name__}", (RelationalStores, mimd), attributes)


@pytest.fixture(scope="session")
def make_server(request, certificate, tmp_path_factory):
    """Makes a server that is not started, with a directory of its own."""
    kind = request.config.getoption("--server")
    program = request.config.getoption("--mimd")
    if kind == "mimd" and not (program and os.access(program, os.X_OK)):
        pytest.exit("no program mimd: give --mimd or the variable MIMD", returncode=2)
    database_kind = DATABASE_KINDS.get(request.config.getoption("--backend"))
    if database_kind and not database_kind.place():
        pytest.exit(f"no such server: the variable {database_kind.variable} names one", returncode=2)
    databases = []

    def make(mimd=Mimd):
        directory = tmp_path_factory.mktemp(kind)
        if kind == "prosody":
            return Prosody(directory, certificate)
        if not database_kind or mimd is ExampleMimd:
            return mimd(directory, certificate, program)
        server = relational(mimd, database_kind, database_kind.place())(directory, certificate, program)
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


@pytest.fixture(scope="module")
def archive_server(make_server):
    """The server with archives that the tests of a file share."""
    server = make_server(ArchivingMimd)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def archive_world(archive_server):
    """The clients of one test, on a server with archives."""
    archive_server.mark_log()
    return World(archive_server)


@pytest.fixture
def own_archive_world(make_server):
    """The clients of one test, on a server with archives that the test may stop and start."""
    server = make_server(ArchivingMimd)
    server.start()
    yield World(server)
    server.stop()


def run_with_outages(request, certificate, tmp_path_factory, mimd):
    """The clients of one test, on a server whose database the test may kill and hold still: `world.database`."""
    database_kind = DATABASE_KINDS[request.config.getoption("--backend")]
    directory = tmp_path_factory.mktemp("outage")
    database = database_kind.own(directory)
    try:
        database.start()
        server = relational(mimd, database_kind, database.place, query_timeout=2_000)(
            directory, certificate, request.config.getoption("--mimd"))
        server.start()
        world = World(server)
        world.database = database
        yield world
        server.stop()
    finally:
        database.remove()


@pytest.fixture
def outage_world(request, certificate, tmp_path_factory):
    yield from run_with_outages(request, certificate, tmp_path_factory, Mimd)


@pytest.fixture
def outage_archive_world(request, certificate, tmp_path_factory):
    yield from run_with_outages(request, certificate, tmp_path_factory, ArchivingMimd)


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
    database_kind = DATABASE_KINDS.get(item.config.getoption("--backend"))
    if database_kind:
        lacking = lacking | {"the local store"}
    if not database_kind or not database_kind.own.is_possible():
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
