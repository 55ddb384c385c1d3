"""Fixtures for all tests, and the rule for missing services.

A test that needs an outside service has the mark `@pytest.mark.needs("postgresql")`. Without that service the test is
skipped, with a line in the summary. If CI is set, the test fails instead.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import shutil
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import hypothesis
import pytest
import structlog
from gql import Client
from gql.client import AsyncClientSession
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from settings import Settings
from store.sql.database import Database
from store.sql.migrate import migrate
from tests import guard, support
from tests.hold import Hold
from tests.pgbouncer import PgBouncer

CI = bool(os.environ.get("CI"))

# How long one example takes depends on what else the machine does.
hypothesis.settings.register_profile("assay", deadline=None)
hypothesis.settings.load_profile("assay")

_missing = functools.cache(support.missing)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "needs(*services): services that the test requires, of `support.Need`",
    )
    config.addinivalue_line(
        "markers",
        "long: not in `make test`: tests of many programs, kills or seconds, and all tests in tests/torture and those "
        "that need Node or Chromium",
    )
    # The default traceback format of structlog takes seconds.
    processors = structlog.get_config()["processors"]
    structlog.configure(
        processors=[*processors[:-1], structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    needs = {need for marker in item.iter_markers("needs") for need in marker.args}
    if item.path.is_relative_to(support.ROOT / "tests" / "torture") or needs & {"node", "chromium"}:
        item.add_marker("long")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return two processes for each core, as most tests wait most of the time, and at most eight: each has servers."""
    return min(2 * (os.cpu_count() or 1), 8)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each folder's tests together, in their random order: the servers that they share end with the folder."""
    place = {folder: index for index, folder in enumerate(dict.fromkeys(item.path.parent for item in items))}
    items.sort(key=lambda item: place[item.path.parent])


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for need in marker.args:
            reason = _missing(need)
            if reason is not None:
                text = f"needs {need}: {reason}"
                if CI:
                    pytest.fail(text, pytrace=False)
                pytest.skip(text)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for server in item.stash.get(support.SERVERS, []):
            lines = [line for line in server.log.splitlines(keepends=True) if '"status":200' not in line]
            report.sections.append((f"log of {server.name}, its end without answers 200", "".join(lines)[-16_000:]))
    return report


def _skipped(terminal: Any) -> list[pytest.TestReport]:
    return list(terminal.stats.get("skipped", []))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reasons = Counter(
        str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")
        for report in _skipped(terminalreporter)
    )
    if reasons:
        terminalreporter.section("skipped", red=CI, yellow=not CI)
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count} test{'s' if count > 1 else ''}: {reason}")
        if CI:
            terminalreporter.line("CI is set: a skipped test is a failure.")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if CI and exitstatus == pytest.ExitCode.OK and terminal is not None and _skipped(terminal):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True, scope="session")
def _guard() -> Iterator[None]:
    """Refuse each statement of the program on rows of all workspaces that has no known reason."""
    with pytest.MonkeyPatch.context() as patch:
        guard.install(patch)
        yield


@pytest.fixture(autouse=True)
def _workspaces_kept_apart(_guard: None) -> Iterator[None]:
    """Fail the test if the program caught a refusal of the guard."""
    guard.found.clear()
    yield
    assert guard.found == []


async def _administer(statement: str) -> None:
    connection = await asyncpg.connect(support.POSTGRESQL_URL)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _migrate(url: str) -> None:
    database = Database(Settings(database_url=url).database)
    await migrate(database)
    await database.close()


@asynccontextmanager
async def _new_postgresql(template: str = "template1") -> AsyncIterator[str]:
    name = f"assay_test_{uuid.uuid4().hex}"
    await _administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield urlunsplit(urlsplit(support.POSTGRESQL_URL)._replace(path=f"/{name}"))
    finally:
        await _administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every migration applied, for copies."""
    path = tmp_path_factory.mktemp("migrated") / "assay.db"
    # `asyncio.run` would take the event loop of the present test from pytest-asyncio.
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_postgresql() -> Iterator[str]:
    """The name of a PostgreSQL database with every migration applied, for copies."""
    with closing(asyncio.new_event_loop()) as loop:
        databases = AsyncExitStack()
        url = loop.run_until_complete(databases.enter_async_context(_new_postgresql()))
        loop.run_until_complete(_migrate(url))
        yield urlsplit(url).path.removeprefix("/")
        loop.run_until_complete(databases.aclose())


@pytest.fixture
async def postgresql_url(request: pytest.FixtureRequest, migrated_postgresql: str) -> AsyncIterator[str]:
    """A new PostgreSQL database, dropped after the test: empty, or with `tables`.

    Its tests need the mark `needs("postgresql")`.
    """
    async with _new_postgresql(*[migrated_postgresql] * ("tables" in request.fixturenames)) as url:
        yield url


@pytest.fixture(
    params=[
        pytest.param(way, id="-to-".join(way), marks=[pytest.mark.needs("postgresql")] * ("postgresql" in way))
        for way in itertools.product(("sqlite", "postgresql"), repeat=2)
    ]
)
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """The URLs of two empty databases: the test runs four times, from each kind to each."""
    async with AsyncExitStack() as stack:
        urls = []
        for number, kind in enumerate(request.param):
            if kind == "sqlite":
                urls.append(f"sqlite:///{tmp_path / f'{number}.db'}")
            else:
                urls.append(await stack.enter_async_context(_new_postgresql()))
        yield urls[0], urls[1]


@pytest.fixture
async def pgbouncer_url(postgresql_url: str) -> AsyncIterator[str]:
    """The URL of the new PostgreSQL database, through a PgBouncer of the test in transaction mode."""
    bouncer = PgBouncer(postgresql_url)
    try:
        await bouncer.start()
        yield bouncer.url
    finally:
        bouncer.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database, as `postgresql_url`: the test runs once on a SQLite file and once on PostgreSQL."""
    if request.param == "sqlite":
        if "tables" in request.fixturenames:
            shutil.copy(request.getfixturevalue("migrated_file"), tmp_path)
        return f"sqlite:///{tmp_path / 'assay.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
async def empty_database(database_url: str) -> AsyncIterator[Database]:
    """Yield a database without tables, on SQLite and PostgreSQL."""
    database = Database(Settings(database_url=database_url).database)
    yield database
    await database.close()


@pytest.fixture
def tables() -> None:
    """Request that the database of the test has every migration applied: it is a copy, which is faster."""


@pytest.fixture
def database(tables: None, empty_database: Database) -> Database:
    """Return a database with every migration applied, on SQLite and PostgreSQL."""
    return empty_database


@pytest.fixture
async def server(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[support.Server]]]:
    """Start real servers: `await server(workers=2)`, with settings by their names in `Settings`.

    Each server has a free port. By default, all servers of a test share one data folder. At the end the fixture stops
    them, and the test fails if a process is left.
    """
    servers: list[support.Server] = []
    request.node.stash[support.SERVERS] = servers

    async def start(**settings: object) -> support.Server:
        one = support.Server(tmp_path, settings, name=f"server {len(servers) + 1}")
        servers.append(one)
        return await one.start()

    yield start
    problems = []
    for one in servers:
        try:
            await one.close()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Hold batches halfway, on servers with `workers=2` that are started after this fixture."""
    one = Hold(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(one.path))
    return one


@pytest.fixture
async def client() -> AsyncIterator[Callable[..., Awaitable[AsyncClientSession]]]:
    """Connect `gql`: `await client(server)`, or with `transport="websockets"` or `"httpx"`."""
    clients: list[Client] = []

    async def connect(
        server: support.Server, transport: Literal["aiohttp", "httpx", "websockets"] = "aiohttp", **options: Any
    ) -> AsyncClientSession:
        one = Client(transport=_transport(server, transport), execute_timeout=300, **options)
        session = await one.connect_async()  # type: ignore[no-untyped-call]
        clients.append(one)
        assert isinstance(session, AsyncClientSession)
        return session

    yield connect
    for one in clients:
        await one.close_async()  # type: ignore[no-untyped-call]


def _transport(server: support.Server, kind: str) -> AIOHTTPTransport | HTTPXAsyncTransport | WebsocketsTransport:
    if kind == "websockets":
        return WebsocketsTransport(url=server.ws_url, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL])
    if kind == "httpx":
        return HTTPXAsyncTransport(url=server.url)
    return AIOHTTPTransport(url=server.url, ssl=False)
