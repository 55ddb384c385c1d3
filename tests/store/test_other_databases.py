"""The log on a PostgreSQL cluster with other databases: only transactions of the log's database hold back events."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection

from events.feed import Feed
from settings import Settings
from store.events import (
    START,
    EventFilter,
    Place,
    append,
    events_after,
    last_place,
    oldest_behind,
    oldest_held_back,
    page_of_events,
    place_of,
)
from store.events import _fence as fence
from store.retention import Cutoffs, begin, delete_events
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.statistics import LogFigures, log_figures
from store.subjects import count_old
from tests.store.test_event_log import NOW, follow, line, write, write_while_stalling
from tests.store.truth import whole_log
from tests.support import POSTGRESQL_URL, until
from tests.torture.postgresql import Cluster

pytestmark = pytest.mark.needs("postgresql")
EVERYTHING = EventFilter()


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    """Return the URL of the PostgreSQL database: these tests do not run on SQLite."""
    return postgresql_url


@asynccontextmanager
async def session(url: str = POSTGRESQL_URL) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection, by default to the cluster's database `postgres`."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def writing_elsewhere(url: str = POSTGRESQL_URL) -> AsyncIterator[None]:
    """Keep a transaction with a transaction id open in another database."""
    async with session(url) as connection, connection.transaction():
        await connection.execute("SELECT pg_current_xact_id()")
        yield


@pytest.fixture
async def elsewhere() -> AsyncIterator[None]:
    """Keep a transaction of another database open from before the test's own transactions until the test's end."""
    async with writing_elsewhere():
        yield


async def shows(database: Database, *names: str) -> None:
    """Return once every read function returns these events and no others.

    PostgreSQL's own transactions, for example an ANALYZE of this database, may also hold back events for a moment.
    """
    await until(lambda: agree(database, list(names)), what=f"{names} to be shown")


async def nothing_is_open(database: Database) -> bool:
    async with database.read() as connection:
        return await log_figures(connection, NOW) == LogFigures(0, 0)


async def agree(database: Database, names: list[str]) -> bool:
    log = await whole_log(database)
    there, held_back = log[: len(names)], len(log) > len(names)
    assert [event.subject for event in there] == names
    places = [place_of(event) for event in there]
    async with database.read() as connection:
        after, others_held_back = await events_after(connection, START, 1_000)
        page = await page_of_events(connection, VIEWER, EVERYTHING, START, 1_000)
        return (
            ([place_of(event) for event in after], others_held_back) == (places, held_back)
            and [place_of(event) for event in page] == places
            and await last_place(connection) == (place_of(there[-1]) if there else START)
            and await oldest_behind(connection, START) == (there[0].occurred_at if there else None)
            and (await oldest_held_back(connection) is not None) == held_back
            and (await count_old(connection, Cutoffs(None, utcnow())))["events"] == len(there)
        )


@pytest.mark.usefixtures("elsewhere")
async def test_a_transaction_of_another_database_holds_back_no_event(database: Database) -> None:
    await write(database, "a")
    await shows(database, "a")
    async with writing_elsewhere():
        await write(database, "b")
        async with writing_elsewhere():
            await shows(database, "a", "b")
    await until(lambda: nothing_is_open(database))
    async with database.write() as connection:
        lease = await begin(connection, NOW, ended_before=NOW)
        assert lease is not None
        assert await delete_events(connection, lease, utcnow(), 10) == 2
    assert await whole_log(database) == []


@pytest.mark.usefixtures("elsewhere")
async def test_a_follower_reads_new_events(database: Database) -> None:
    feed = Feed(database)
    running = asyncio.create_task(feed.run())
    pages = feed.follow(VIEWER, EVERYTHING)
    try:
        assert await anext(pages) == []
        await write(database, "a", "b")
        async with asyncio.timeout(60):
            assert [event.subject for event in await anext(pages)] == ["a", "b"]
    finally:
        await pages.aclose()
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.usefixtures("elsewhere")
async def test_transactions_of_this_database_hold_back_events(database: Database) -> None:
    await write(database, "before")
    async with database.write() as connection:
        await append(connection, [line("first")])
        async with writing_elsewhere():
            await write(database, "second")
            await shows(database, "before")
            async with database.read() as reading:
                assert (await log_figures(reading, NOW)).open_seconds > 0
        await shows(database, "before")
    await shows(database, "before", "first", "second")


@pytest.mark.usefixtures("elsewhere")
async def test_subtransactions_hold_back_events(database: Database) -> None:
    async with writing_elsewhere(), database.write() as connection:
        async with connection.begin_nested():
            await append(connection, [line("first")])
        await write(database, "second")
        await shows(database)
        async with connection.begin_nested() as undone:
            await append(connection, [line("never")])
            await undone.rollback()
        await shows(database)
    await shows(database, "first", "second")


@pytest.mark.usefixtures("elsewhere")
async def test_an_id_without_a_lock_holds_back_events(database: Database) -> None:
    await write(database, "a")
    await shows(database, "a")
    async with database.read() as connection:
        # A temporary relation hides one of pg_catalog: this view hides all locks.
        await connection.execute(text("CREATE TEMP VIEW pg_locks AS SELECT * FROM pg_catalog.pg_locks WHERE false"))
        assert await events_after(connection, START, 10) == ([], True)
        await connection.execute(text("DROP VIEW pg_temp.pg_locks"))
        assert len((await events_after(connection, START, 10))[0]) == 1


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("read", ["events_after", "page_of_events", "last_place"])
async def test_a_transaction_ends_just_before_the_fence_is_read(
    database: Database, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    """The transaction's events precede others that have been read, and are not missed."""
    async with AsyncExitStack() as older:
        await append(await older.enter_async_context(database.write()), [line("first")])
        await write(database, "second")

        async def fence_of(connection: AsyncConnection) -> int:
            await older.aclose()
            return await fence(connection)

        monkeypatch.setattr("store.events._fence", fence_of)
        async with database.read() as connection:
            if read == "last_place":
                assert await last_place(connection) == place_of((await whole_log(database))[-1])
                return
            if read == "events_after":
                events, _ = await events_after(connection, START, 10)
            else:
                events = await page_of_events(connection, VIEWER, EVERYTHING, START, 10)
        assert [event.subject for event in events] == ["first", "second"]


@pytest.mark.usefixtures("elsewhere")
async def test_a_transaction_sees_no_further_than_itself(database: Database) -> None:
    """A transaction's snapshot does not contain the transaction's own id."""
    await write(database, "before")
    await shows(database, "before")
    async with database.write() as connection:
        await append(connection, [line("own")])
        await write(database, "after")
        events, held_back = await events_after(connection, START, 10)
        assert ([event.subject for event in events], held_back) == (["before"], True)


async def test_a_role_without_privileges(postgresql_url: str) -> None:
    role = f"assay_test_{uuid4().hex}"
    async with session(postgresql_url) as administrator:
        await administrator.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        await administrator.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {role}")
        url = make_url(postgresql_url).set(username=role, password=role).render_as_string(hide_password=False)
        database = Database(Settings(database_url=url).database)
        try:
            await migrate(database)
            async with database.read() as connection:
                found = await connection.execute(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
                assert found.scalar_one() is False
            async with writing_elsewhere():
                await write(database, "a")
                await shows(database, "a")
                transaction = administrator.transaction()
                await transaction.start()
                await administrator.execute("SELECT pg_current_xact_id()")
                await write(database, "b")
                await shows(database, "a")
                await transaction.rollback()
                await shows(database, "a", "b")
        finally:
            await database.close()
            await administrator.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.fixture
async def preparing() -> AsyncIterator[Cluster]:
    """Yield a PostgreSQL server that allows prepared transactions."""
    cluster = await asyncio.to_thread(Cluster)
    try:
        await asyncio.to_thread(cluster.start)
        async with session(cluster.url) as connection:
            await connection.execute("ALTER SYSTEM SET max_prepared_transactions = 4")
        await asyncio.to_thread(cluster.restart)
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


async def test_prepared_transactions(preparing: Cluster) -> None:
    """PostgreSQL lists the locks of prepared transactions without a session, also after a restart."""
    async with session(preparing.url) as administrator:
        await administrator.execute("CREATE DATABASE assay")
        await prepare(administrator, "elsewhere", "SELECT pg_current_xact_id()")
    database = Database(Settings(database_url=preparing.url.removesuffix("postgres") + "assay").database)
    try:
        await migrate(database)
        await write(database, "a")
        await shows(database, "a")
        url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        async with session(url) as connection:
            insert = "INSERT INTO event (workspace, type, subject, occurred_at, data) VALUES"
            values = f"('{VIEWER.workspace}', 'ANALYSIS_QUEUED', 'prepared', 0, '{{}}')"
            await prepare(connection, "here", f"{insert} {values}")
        await write(database, "b")
        await shows(database, "a")
        await database.close()
        await asyncio.to_thread(preparing.restart)
        database = Database(database.url.render_as_string(hide_password=False))
        await shows(database, "a")
        async with database.read() as reading:
            assert (await log_figures(reading, NOW)).open_seconds > 0
        async with session(url) as connection:
            await connection.execute("COMMIT PREPARED 'here'")
        await until(lambda: nothing_is_open(database))
        async with database.read() as reading:
            events, held_back = await events_after(reading, START, 10)
        assert ([event.subject for event in events], held_back) == (["a", "prepared", "b"], False)
    finally:
        await database.close()


async def prepare(connection: asyncpg.Connection, name: str, statement: str) -> None:
    """Begin a transaction with this statement, and prepare it."""
    await connection.execute("BEGIN")
    await connection.execute(statement)
    await connection.execute(f"PREPARE TRANSACTION '{name}'")


@pytest.mark.usefixtures("elsewhere")
async def test_stalling_writers_beside_another_database(database: Database) -> None:
    await write_while_stalling(database)


async def test_writers_of_both_databases_at_random(database: Database) -> None:
    """No event appears before a position that a reader has already reached."""
    writers, rounds = 8, 15
    ended = asyncio.Event()

    async def write_here(number: int) -> None:
        for turn in range(rounds):
            async with database.write() as connection, AsyncExitStack() as stack:
                if random.random() < 0.5:
                    await stack.enter_async_context(connection.begin_nested())
                await append(connection, [line(f"{number}.{turn}.a")])
                await asyncio.sleep(random.random() * 0.02)
                await append(connection, [line(f"{number}.{turn}.b")])

    async def write_there() -> None:
        async with session() as connection:
            while not ended.is_set():
                async with connection.transaction():
                    await connection.execute("SELECT pg_current_xact_id()")
                    await asyncio.sleep(random.random() * 0.05)

    async def watch(look: Callable[[AsyncConnection], Any]) -> list[tuple[Place, set[Place]]]:
        """Return each position that a read returned, with the positions of all events committed shortly afterwards."""
        found: list[tuple[Place, set[Place]]] = []
        while not ended.is_set():
            async with database.read() as connection:
                place = await look(connection)
            found.append((place, {place_of(event) for event in await whole_log(database)}))
            await asyncio.sleep(0)
        return found

    async def last_of_page(connection: AsyncConnection) -> Place:
        page = await page_of_events(connection, VIEWER, EVERYTHING, START, 1_000)
        return place_of(page[-1]) if page else START

    expected = [f"{number}.{turn}.{part}" for number in range(writers) for turn in range(rounds) for part in "ab"]
    others = [asyncio.create_task(write_there()) for _ in range(4)]
    watching = [asyncio.create_task(watch(look)) for look in (last_place, last_of_page)]
    following = [asyncio.create_task(follow(database, len(expected))) for _ in range(2)]
    try:
        await asyncio.gather(*(write_here(number) for number in range(writers)))
        followed = await asyncio.gather(*following)
    finally:
        ended.set()
        looks = [place for each in await asyncio.gather(*watching) for place in each]
        await asyncio.gather(*others)
    log = await whole_log(database)
    assert sorted(expected) == sorted(event.subject for event in log)
    assert followed == [[event.subject for event in log]] * 2
    assert len({place for place, _ in looks}) > 2
    for place, there in looks:
        assert {place_of(event) for event in log if place_of(event) <= place} <= there


async def test_other_databases_are_queried_only_if_events_are_held_back(database: Database) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    async def take(*counts: int) -> None:
        """Return once `events_after`, `page_of_events` and `last_place` execute these numbers of statements.

        PostgreSQL's own transactions and those of other tests may hold back events for a moment.
        """
        await until(lambda: asked(counts), what=f"{counts} statements")

    async def asked(counts: tuple[int, ...]) -> bool:
        found = []
        async with database.read() as connection:
            for read in (
                events_after(connection, START, 10),
                page_of_events(connection, VIEWER, EVERYTHING, START, 10),
                last_place(connection),
            ):
                statements.clear()
                await read
                found.append(len(statements))
        return tuple(found) == counts

    await write(database, "a")
    async with database.read() as connection:
        engine = connection.engine.sync_engine
    sql_event.listen(engine, "before_cursor_execute", note)
    try:
        await take(1, 1, 1)
        async with database.write() as connection:
            await connection.execute(text("SELECT pg_current_xact_id()"))
            await take(1, 1, 1)
            await write(database, "b")
            await take(2, 2, 3)
        async with writing_elsewhere():
            await take(1, 1, 1)
            await write(database, "c")
            await take(3, 3, 3)
    finally:
        sql_event.remove(engine, "before_cursor_execute", note)
