"""The store through PgBouncer in transaction mode: tests of other modules, and the properties of the connections."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from events.bus import Bus
from settings import Settings
from store.sql.database import Database
from store.sql.postgresql import NoNotifications
from tests.pgbouncer import PgBouncer
from tests.store.test_database import (
    test_a_canceled_transaction_is_rolled_back as test_cancellation,
)
from tests.store.test_database import (
    test_no_increment_is_lost as test_increments,
)
from tests.store.test_database import (
    test_readers_neither_see_uncommitted_rows_nor_wait_for_them as test_readers,
)
from tests.store.test_other_databases import elsewhere
from tests.store.test_other_databases import (
    test_a_transaction_of_another_database_holds_back_no_event as test_a_transaction_elsewhere,
)
from tests.store.test_other_databases import (
    test_writers_of_both_databases_at_random as test_writers_at_random,
)
from tests.support import until

pytestmark = pytest.mark.needs("postgresql", "pgbouncer")
# Fixtures and tests of other modules, which run here with the `database_url` below.
__all__ = [
    "elsewhere",
    "test_a_transaction_elsewhere",
    "test_cancellation",
    "test_increments",
    "test_readers",
    "test_writers_at_random",
]


@pytest.fixture
def database_url(pgbouncer_url: str) -> str:
    """Return the URL of the database through PgBouncer."""
    return pgbouncer_url


PID = text("SELECT pg_backend_pid()")


async def test_statements_survive_a_change_of_the_session(database: Database) -> None:
    """The same statement runs in several sessions, and none of them keeps a prepared statement or a setting."""
    sessions = set()

    async def look() -> None:
        async with database.read() as connection:
            for _ in range(5):
                sessions.add((await connection.execute(PID)).scalar_one())

    async with database.write() as beside:  # keeps its session, so that the others have another one
        sessions.add((await beside.execute(PID)).scalar_one())
        await asyncio.gather(*(look() for _ in range(10)))
    assert len(sessions) > 1
    assert database.is_pooled
    for statement in ("SELECT count(*) FROM pg_prepared_statements", "SELECT pg_listening_channels()"):
        for _ in sessions:
            async with database.read() as connection:
                assert (await connection.execute(text(statement))).scalar() in (0, None)


async def test_transactions_have_the_settings_of_direct_connections(database: Database, postgresql_url: str) -> None:
    async def facts(one: Database) -> list[str]:
        async with one.write() as connection:
            return [
                (await connection.execute(text(f"SHOW {name}"))).scalar_one()
                for name in ("idle_in_transaction_session_timeout", "random_page_cost", "application_name")
            ]

    direct = Database(Settings(database_url=postgresql_url).database)
    try:
        assert await facts(database) == await facts(direct) == ["10s", "1.1", "assay"]
        assert (database.is_pooled, direct.is_pooled) == (True, False)
        async with database.read() as connection:  # and leave none behind
            assert (await connection.execute(text("SHOW random_page_cost"))).scalar_one() == "4"
    finally:
        await direct.close()


async def test_listening_is_refused(database: Database) -> None:
    with pytest.raises(NoNotifications):
        async with database.apart("permits"):
            raise AssertionError("it has opened")


async def test_a_bus_behind_pgbouncer_names_it(database_url: str) -> None:
    bus = Bus(Settings(broadcast_url=database_url).bus)
    task = asyncio.create_task(bus.run())
    try:
        await until(lambda: "PgBouncer is in between" in bus._reason, what="the reason of the bus")
        assert bus.live is False
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_caller_waits_when_pgbouncer_takes_no_more_clients(postgresql_url: str) -> None:
    bouncer = PgBouncer(postgresql_url, clients=3)
    await bouncer.start()
    database = Database(Settings(database_url=bouncer.url).database)

    async def look() -> int:
        async with database.read() as connection:
            return int((await connection.execute(text("SELECT 7"))).scalar_one())

    try:
        assert await asyncio.gather(*(look() for _ in range(30))) == [7] * 30
    finally:
        await database.close()
        bouncer.close()
