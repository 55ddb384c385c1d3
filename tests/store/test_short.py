"""Short reads: the same rows as by SQLAlchemy, without a wait on SQLite, and the pool in place of a failed one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import product
from typing import Any

import asyncpg
import orjson
import pytest
from sqlalchemy import text

from execution.eager import Eager
from settings import Settings
from store.analyses import AnalysisOrderField, analyses_by_id, analysis_by_id, page_of_analyses, page_of_results
from store.batches import BatchOrderField, batches_by_id, page_of_batches
from store.bulk_actions import bulk_actions_by_id
from store.cursors import cursor_of, find_place
from store.events import START, EventFilter, page_of_events, place_of
from store.filters import AnalysisFilter, BatchFilter
from store.queue.attempts import attempts_by_id
from store.sql import direct
from store.sql.database import CONNECTIONS, LISTENING, SHORT, Database
from store.sql.ids import new_id
from store.sql.paging import Page, PageArguments
from store.sql.short import Reader, Statement, is_sqlite
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisStatus, BatchStatus
from tests.pgbouncer import PgBouncer
from tests.store.test_connections import limited
from tests.store.test_results import mixed_batches
from tests.support import until

S = AnalysisStatus
# A statement of about a second on SQLite.
SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) FROM n"
STEPS = 3_000_000

Read = tuple[Statement, Mapping[str, Any]]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    """Collect the short reads of the test, with their parameters."""
    found: list[Read] = []
    fetch = Statement.fetch

    async def collect(self: Statement, reader: Reader, given: Mapping[str, Any]) -> list[Any]:
        found.append((self, given))
        return await fetch(self, reader, given)

    monkeypatch.setattr(Statement, "fetch", collect)
    return found


async def by_sqlalchemy(database: Database, read: Read) -> list[dict[str, Any]]:
    """Return the rows of a read as SQLAlchemy executes the same statement and turns its values into Python's."""
    statement, given = read
    given = {name: orjson.dumps(each).decode() if type(each) is list else each for name, each in given.items()}
    async with database.read() as connection:
        values = given if is_sqlite(connection) else read[1]
        return [dict(row) for row in (await connection.execute(statement.source, dict(values))).mappings()]


async def require_same(database: Database, reads: list[Read]) -> None:
    """Compare all columns of the rows, their types, and their order."""
    collected = list(reads)
    assert collected
    for statement, given in collected:
        for reader in (database, None):
            if reader is None:
                async with database.read() as connection:
                    rows = await statement.fetch(connection, given)
            else:
                rows = await statement.fetch(reader, given)
            expected = await by_sqlalchemy(database, (statement, given))
            found = [{name: getattr(row, name) for name in row._fields} for row in rows]
            for row in (*expected, *found):
                row.pop("fence", None)  # the oldest transaction of all databases, which other tests move
            assert found == expected
            assert [[type(each) for each in row.values()] for row in found] == [
                [type(each) for each in row.values()] for row in expected
            ]
    reads.clear()


async def every_page(database: Database, reads: list[Read], read: Callable[[PageArguments], Any], size: int) -> int:
    """Read pages in both directions, with no cursor, one and two; compare them; return the number of rows."""
    page: Page[Any] = await read(PageArguments(size))
    ends = [page.cursor(page.rows[place]) for place in (1, -2)] if len(page.rows) > 2 else []
    for after, before in product([None, *ends[:1]], [None, *ends[1:]]):
        await read(PageArguments(3, after=after, before=before))
        await read(PageArguments(None, after=after, last=3, before=before))
    await require_same(database, reads)
    return len(page.rows)


async def test_pages_of_analyses_are_the_same_by_both_ways(database: Database, reads: list[Read]) -> None:
    [batch_id, _] = await mixed_batches(database)
    statuses: list[list[S] | None] = [None, [S.FAILED], [S.QUEUED], [S.RUNNING, S.CANCELED], list(S)]
    for order, descending, status in product(AnalysisOrderField, (False, True), statuses):
        if status is not None and order is not AnalysisOrderField.CREATED_AT:
            continue  # not by an index
        where = AnalysisFilter(status=status)

        async def read(
            page: PageArguments,
            where: AnalysisFilter = where,
            order: AnalysisOrderField = order,
            descending: bool = descending,
        ) -> Any:
            return await page_of_analyses(database, VIEWER, where, page, order=order, descending=descending)

        assert await every_page(database, reads, read, 100) > 0
    for status in (*statuses, []):

        async def results(page: PageArguments, status: list[S] | None = status) -> Any:
            return await page_of_results(database, VIEWER, batch_id, status, page)

        assert (await every_page(database, reads, results, 100) > 0) == (status != [])


async def test_pages_of_batches_are_the_same_by_both_ways(database: Database, reads: list[Read]) -> None:
    await mixed_batches(database)
    await mixed_batches(database)
    for order, descending, is_open in product(BatchOrderField, (False, True), (False, True)):
        if is_open and order is not BatchOrderField.CREATED_AT:
            continue
        where = BatchFilter(status=[BatchStatus.RUNNING, BatchStatus.QUEUED] if is_open else None)

        async def read(
            page: PageArguments, where: BatchFilter = where, order: BatchOrderField = order, down: bool = descending
        ) -> Any:
            return await page_of_batches(database, VIEWER, where, page, order=order, descending=down)

        assert await every_page(database, reads, read, 100) == 4


async def test_rows_by_id_and_events_are_the_same_by_both_ways(database: Database, reads: list[Read]) -> None:
    batches = await mixed_batches(database)
    rows = (await page_of_analyses(database, VIEWER, AnalysisFilter(), PageArguments(100))).rows
    ids = [row.id for row in rows]
    for some in (ids[:1], ids, [], [new_id("analysis"), "'\"\\ ü €"]):
        assert set(await analyses_by_id(database, VIEWER, some)) == set(some) & set(ids)
        assert set(await attempts_by_id(database, VIEWER, some)) == set(some) & set(ids)
    assert set(await batches_by_id(database, VIEWER, batches)) == set(batches)
    assert await bulk_actions_by_id(database, VIEWER, [new_id("bulk")]) == {}
    events = await page_of_events(database, VIEWER, EventFilter(), START, 20)
    assert len(events) == 20
    for where in (EventFilter(ids={"batch_id": batches[0]}), EventFilter(ids={"subject": ids[0]})):
        assert await page_of_events(database, VIEWER, where, START, 5)
    assert await page_of_events(database, VIEWER, EventFilter(), place_of(events[7]), 20) != events
    assert await find_place(database, database, cursor_of(database, events[7])) == place_of(events[7])
    await require_same(database, reads)


async def test_filters_without_an_index_of_their_own_are_not_short(database: Database, reads: list[Read]) -> None:
    await mixed_batches(database)
    for where in (AnalysisFilter(search="x"), AnalysisFilter(analyzer=["text"]), AnalysisFilter(status=[])):
        await page_of_analyses(database, VIEWER, where, PageArguments(5))
    await page_of_batches(database, VIEWER, BatchFilter(name="x"), PageArguments(5))
    await page_of_events(database, VIEWER, EventFilter(types=frozenset({"ANALYSIS_QUEUED"})), START, 5)
    assert reads == []


async def test_rows_are_read_only_and_name_a_missing_column(database: Database) -> None:
    await mixed_batches(database)
    row: Any = (await page_of_analyses(database, VIEWER, AnalysisFilter(), PageArguments(1))).rows[0]
    with pytest.raises(AttributeError, match="The column 'attempts' was not read with this row"):
        _ = row.attempts
    for name in ("status", "created_at", "other"):
        with pytest.raises(AttributeError):
            setattr(row, name, "COMPLETED")
    one = await analysis_by_id(database, VIEWER, row.id)
    assert one is not None
    assert one.created_at == row.created_at
    assert one == await analysis_by_id(database, VIEWER, row.id)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_short_read_of_a_file_ends_without_a_wait(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await mixed_batches(database)
    monkeypatch.setattr(direct, "MOST_SECONDS", 300.0)  # on a busy machine any read may be too slow
    assert Eager(page_of_analyses(database, VIEWER, AnalysisFilter(), PageArguments(100))).done
    async with database.write() as connection:  # the connection sees each commit, and none before
        await connection.execute(text("DELETE FROM analysis"))
        assert len((await page_of_analyses(database, VIEWER, AnalysisFilter(), PageArguments(100))).rows) == 90
    assert (await page_of_analyses(database, VIEWER, AnalysisFilter(), PageArguments(100))).rows == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_long_read_of_a_file_goes_to_the_pool_and_others_follow_for_a_while(database: Database) -> None:
    file = database._file
    assert file is not None
    assert file.rows(SLOW, [STEPS]) is None
    assert not database.answers_at_once
    assert [tuple(row) for row in await database.fetch(SLOW, [STEPS])] == [(STEPS,)]
    await until(lambda: file.rows(SLOW, [10]) == [(10,)], what="the end of the pause")
    running = Eager(database.fetch(SLOW, [STEPS]))  # the loop is free while the pool reads
    assert not running.done
    assert [tuple(row) for row in await running] == [(STEPS,)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_locked_file_is_waited_for_in_the_pool(database: Database) -> None:
    await database.close()  # a lock of the whole file needs it alone
    with closing(sqlite3.connect(database.url.database or "", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        running = Eager(analysis_by_id(database, VIEWER, ""))
        assert not running.done
        other.execute("ROLLBACK")
    assert await running is None
    await until(lambda: database._file and database._file.rows("SELECT 1", []), what="a short read")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_connection_of_a_file_can_not_write(database: Database) -> None:
    file = database._file
    assert file is not None
    assert file.rows("DELETE FROM cleanup", []) is None
    with pytest.raises(Exception, match="readonly"):
        await database.fetch("DELETE FROM cleanup", [])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_another_thread_uses_the_pool(database: Database) -> None:
    file = database._file
    assert file is not None
    await until(lambda: file.rows("SELECT 1", []) == [(1,)], what="a short read")
    assert await asyncio.to_thread(file.rows, "SELECT 1", []) is None


PID = "SELECT pg_backend_pid()"


@pytest.mark.needs("postgresql")
async def test_lost_connections_are_replaced(postgresql_url: str) -> None:
    database = Database(Settings(database_url=postgresql_url).database)
    administrator = await asyncpg.connect(postgresql_url)
    try:
        [[before]] = await database.fetch(PID, [])
        assert await database.fetch(PID, []) == [(before,)]
        await administrator.execute("SELECT pg_terminate_backend($1, 60000)", before)
        [[after]] = await database.fetch(PID, [])
        assert after != before
        [[last]] = await database.fetch(PID, [])
        running = asyncio.create_task(database.fetch("SELECT 7 FROM pg_sleep(300)", []))
        sleeping = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT 7 FROM pg_sleep%'"
        assert await until(lambda: administrator.fetchval(sleeping), what="the statement") == last
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(await asyncio.gather(*(database.fetch(PID, []) for _ in range(50)))) == 50
    finally:
        await administrator.close()
        await database.close()


@pytest.mark.needs("postgresql")
async def test_an_error_of_a_statement_is_that_of_the_pool(postgresql_url: str) -> None:
    database = Database(Settings(database_url=postgresql_url).database)
    try:
        with pytest.raises(Exception, match="division by zero"):
            await database.fetch("SELECT 1 / 0", [])
        assert await database.fetch("SELECT 7", []) == [(7,)]
    finally:
        await database.close()


@pytest.mark.needs("postgresql")
async def test_short_reads_keep_a_quarter_of_the_connections(postgresql_url: str) -> None:
    database = Database(Settings(database_url=postgresql_url).database)
    try:
        await asyncio.gather(*(database.fetch("SELECT 7 FROM pg_sleep(0.01)", []) for _ in range(50)))
        assert len(database._direct._idle) == (CONNECTIONS - LISTENING) // SHORT
    finally:
        await database.close()
    assert database._direct._idle == []


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("limit", [1, 3])
async def test_short_reads_leave_few_connections_to_the_pool(limit: int, postgresql_url: str) -> None:
    async with limited(postgresql_url, limit) as url:
        database = Database(Settings(database_url=url).database)

        async def write() -> int:
            async with database.write() as connection:
                return int((await connection.execute(text("SELECT 7"))).scalar_one())

        try:
            assert await database.fetch("SELECT 7", []) == [(7,)]
            assert await asyncio.gather(*(write() for _ in range(20))) == [7] * 20
            short = await asyncio.gather(*(database.fetch("SELECT 7", []) for _ in range(20)))
            assert [tuple(row) for rows in short for row in rows] == [(7,)] * 20
        finally:
            await database.close()


@pytest.mark.needs("postgresql", "pgbouncer")
async def test_short_reads_work_behind_pgbouncer(postgresql_url: str) -> None:
    bouncer = PgBouncer(postgresql_url)
    await bouncer.start()
    database = Database(Settings(database_url=bouncer.url).database)
    try:
        for number in range(5):  # of sessions that change
            calls = [database.fetch("SELECT $1::integer + pg_backend_pid() * 0", [number]) for _ in range(20)]
            assert await asyncio.gather(*calls) == [[(number,)]] * 20
        assert database.is_pooled
        assert await database.fetch("SELECT count(*) FROM pg_prepared_statements", []) == [(0,)]
    finally:
        await database.close()
        bouncer.close()
