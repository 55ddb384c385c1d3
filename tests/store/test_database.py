"""Transactions: an exception rolls them back, their announcements follow the commit, and no update is lost."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, insert, make_url, select
from sqlalchemy.exc import DBAPIError, OperationalError

from settings import Settings
from store import tables
from store.queue.workers import all_workers, register
from store.sql.clock import utcnow
from store.sql.database import Database, announce
from store.sql.failures import may_pass
from store.sql.migrate import migrate
from store.tables import WorkerRow
from tests.events.brokers import road_to
from tests.store.increment import increment
from tests.support import ROOT, until


def worker(worker_id: str) -> WorkerRow:
    now = utcnow()
    return WorkerRow(id=worker_id, instance="i", host="h", pid=1, started_at=now, last_seen_at=now)


async def names(database: Database) -> list[str]:
    async with database.read() as connection:
        return [row.id for row in await all_workers(connection)]


class Stumble(Exception):
    """An error that rolls a transaction back."""


async def test_an_exception_rolls_its_transaction_back(database: Database) -> None:
    news: list[frozenset[str]] = []
    database.on_commit(news.append)

    async def write() -> None:
        async with database.write() as connection:
            await register(connection, worker("one"))
            announce(connection, "events")
            raise Stumble

    with pytest.raises(Stumble):
        await write()
    assert await names(database) == []
    assert news == []
    async with database.write() as connection:
        await register(connection, worker("two"))
    assert await names(database) == ["two"]
    assert news == []


async def test_announcements_follow_the_commit(database: Database) -> None:
    seen: list[tuple[frozenset[str], asyncio.Task[list[str]]]] = []
    database.on_commit(lambda news: seen.append((news, asyncio.ensure_future(names(database)))))
    async with database.write() as connection:
        await register(connection, worker("one"))
        announce(connection, "events")
        announce(connection, "queue")
        announce(connection, "events")
        assert seen == []
    assert [news for news, _ in seen] == [{"events", "queue"}]
    assert await seen[0][1] == ["one"]


async def test_a_canceled_transaction_is_rolled_back(database: Database) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with database.write() as connection:
            await register(connection, worker("one"))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    await asyncio.wait([task])
    assert await names(database) == []
    async with database.write() as connection:
        await register(connection, worker("two"))
    assert await names(database) == ["two"]


async def test_readers_neither_see_uncommitted_rows_nor_wait_for_them(database: Database) -> None:
    async with database.write() as connection:
        await register(connection, worker("one"))
        assert await names(database) == []
    assert await names(database) == ["one"]


async def test_the_read_connection_of_sqlite_refuses_writes(tmp_path: Path) -> None:
    database = Database(Settings(data_dir=tmp_path).database)
    await migrate(database)
    async with database.read() as connection:
        with pytest.raises(OperationalError, match="readonly"):
            await connection.execute(insert(tables.worker).values(worker("one").model_dump()))
    assert await names(database) == []
    await database.close()


async def test_no_increment_is_lost(database: Database) -> None:
    """60 increments here and 40 in another process, each after a read, wait for each other and all succeed."""
    async with database.write() as connection:
        await register(connection, worker("counter"))
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.store.increment", url, "counter", "40"]
    other = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    await asyncio.gather(*(increment(database, "counter") for _ in range(60)))
    assert await other.wait() == 0
    async with database.read() as connection:
        (row,) = await all_workers(connection)
    assert row.completed == 100


async def test_permanent_errors_are_told_from_transient_ones(database: Database) -> None:
    async with database.write() as connection:
        await register(connection, worker("one"))
    with pytest.raises(DBAPIError) as twice:
        async with database.write() as connection:
            await register(connection, worker("one"))
    assert not may_pass(twice.value)
    if not database.is_sqlite:
        with pytest.raises(DBAPIError) as refused:
            async with database.write() as connection:
                await register(connection, worker("nul\0"))
        assert not may_pass(refused.value)
    assert may_pass(OperationalError("statement", {}, Exception("database is locked")))
    assert may_pass(ConnectionResetError())
    assert not may_pass(ValueError())
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(tables.worker))).scalar_one() == 1


@pytest.mark.needs("postgresql")
async def test_a_connection_that_postgresql_has_ended_is_not_used_again(postgresql_url: str) -> None:
    database = Database(Settings(database_url=postgresql_url).database)
    pid = select(func.pg_backend_pid())
    try:
        async with database.read() as connection:
            ended = (await connection.execute(pid)).scalar_one()
            driver = (await connection.get_raw_connection()).driver_connection
            async with database.write() as other:
                await other.execute(select(func.pg_terminate_backend(ended)))
        assert driver is not None
        await until(driver.is_closed, what="the driver to notice")
        async with database.read() as connection:
            assert (await connection.execute(pid)).scalar_one() != ended
    finally:
        await database.close()


@pytest.mark.needs("postgresql")
async def test_closing_does_not_wait_for_a_silent_postgresql(postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    async with road_to(url.port or 5432) as road:
        far = url.set(port=road.port).render_as_string(hide_password=False)
        database = Database(Settings(database_url=far).database)
        async with AsyncExitStack() as stack:
            for door in [database.read, database.write] * 3:
                await (await stack.enter_async_context(door())).execute(select(1))
        assert road.connections == 6 + 1  # the first finds out whether PgBouncer answers
        road.cut()
        async with asyncio.timeout(300):
            await database.close()
