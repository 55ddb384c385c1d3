"""The items of batches by their status: pages, counts, and the indexes that the database reads for them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import product
from random import Random
from typing import Any

import pytest
from sqlalchemy import event

from store.analyses import AnalysisOrderField, count_analyses, page_of_analyses, page_of_results
from store.batches import count_batches, insert_batch, page_of_batches
from store.deletions import delete_analysis
from store.filters import AnalysisFilter, BatchFilter
from store.queue import claims, finish
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.finish import End, Outcome
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.paging import Page, PageArguments
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisRow, AnalysisStatus, BatchStatus

NOW = utcnow()
S = AnalysisStatus
ORDERS = list(AnalysisOrderField)
CHOICES: list[list[S] | None] = [
    None,
    [S.FAILED],
    [S.QUEUED],
    [S.RUNNING],
    [S.COMPLETED, S.CANCELED],
    [S.RUNNING, S.FAILED, S.QUEUED],
    list(S),
]


async def mixed_batches(database: Database) -> list[str]:
    """Insert two batches of 40 items, and some single analyses, in every status. Returns the batches' ids."""
    ids = [new_id("batch") for _ in range(2)]
    item = NewAnalysis("text", "{}", 5, input_text="x")
    refused = NewAnalysis("text", "{}", 5, fault=Fault("INPUT_UNREADABLE", "no"))
    random = Random(7)
    async with database.write() as connection:
        for batch_id in ids:
            items = [random.choice([item] * 9 + [refused]) for _ in range(40)]
            await insert_batch(connection, VIEWER, batch_id, None, items, NOW, timeout_seconds=60, max_attempts=3)
            await insert_analyses(connection, VIEWER, [item] * 5, NOW, timeout_seconds=60, max_attempts=3)
        rows = []
        for _ in range(40):
            rows += await claims.claim(connection, "w", lambda _: 2, NOW)
        kinds = [End.COMPLETED, End.FAILED, End.CANCELED, End.TIMED_OUT, End.GIVEN_BACK]
        outcomes = [
            Outcome(row.id, row.lease, end, "{}" if end is End.COMPLETED else None, processing_time_ms=time)
            for row in random.sample(rows, 70)
            for end, time in [(random.choice(kinds), random.choice([None, 1.5, 2.5]))]
        ]
        await finish.finish(connection, outcomes, NOW)
    return ids


@asynccontextmanager
async def plans_of(database: Database) -> AsyncIterator[list[str]]:
    """Yield a list; at the end of the context, fill it with SQLite's query plans of the statements executed inside."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    engine = database._reader.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    plans: list[str] = []
    yield plans
    event.remove(engine, "before_cursor_execute", note)
    async with database.read() as connection:
        for statement, values in asked:
            found = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans += [row[-1] for row in found.all()]


async def walk(database: Database, read: Any, size: int, *, backward: bool) -> list[AnalysisRow]:
    """Return all rows of a list, read page by page."""
    met: list[AnalysisRow] = []
    cursor = None
    while True:
        request = PageArguments(None, last=size, before=cursor) if backward else PageArguments(size, after=cursor)
        async with database.read() as connection:
            page = await read(connection, request)
        met = page.rows + met if backward else met + page.rows
        if not (page.has_previous if backward else page.has_next):
            return met
        cursor = page.cursor(page.rows[0 if backward else -1])


async def results(batch_id: str, status: list[S] | None, connection: Any, request: PageArguments) -> Page[AnalysisRow]:
    return await page_of_results(connection, VIEWER, batch_id, status, request)


async def test_results_by_status_are_paged_completely_and_counted(database: Database) -> None:
    for batch_id, status in product(await mixed_batches(database), CHOICES):
        every = await walk(database, partial(results, batch_id, None), 1000, backward=False)
        assert [row.position for row in every] == list(range(40))
        expected = [row.id for row in every if status is None or row.status in status]

        for backward in (False, True):
            met = await walk(database, partial(results, batch_id, status), 3, backward=backward)
            assert [row.id for row in met] == expected
        where = AnalysisFilter(status=status, batch_id=batch_id)
        async with database.read() as connection:
            assert await count_analyses(connection, VIEWER, where) == len(expected)
            assert await count_analyses(connection, VIEWER, AnalysisFilter(status=[], batch_id=batch_id)) == 0


async def test_deleted_analyses_are_not_counted(database: Database) -> None:
    batch_id = new_id("batch")
    refused = NewAnalysis("text", "{}", 5, fault=Fault("INPUT_UNREADABLE", "no"))
    where = AnalysisFilter(status=[S.FAILED], batch_id=batch_id)
    async with database.write() as connection:
        await insert_batch(connection, VIEWER, batch_id, None, [refused] * 3, NOW, timeout_seconds=60, max_attempts=3)
        page = await page_of_results(connection, VIEWER, batch_id, [S.FAILED], PageArguments(2))
        assert await count_analyses(connection, VIEWER, where) == 3
        assert await delete_analysis(connection, VIEWER, page.rows[1].id, NOW)
        assert await count_analyses(connection, VIEWER, where) == 2
        request = PageArguments(5, after=page.cursor(page.rows[1]))  # the cursor of a deleted row
        after = await page_of_results(connection, VIEWER, batch_id, [S.FAILED], request)
        assert [row.position for row in after.rows] == [2]


async def test_analyses_of_every_status_are_paged_completely_in_every_order(database: Database) -> None:
    await mixed_batches(database)

    def key(order: AnalysisOrderField, row: AnalysisRow) -> Any:
        at = 0 if row.finished_at is None else row.finished_at.timestamp()
        time = -1 if row.finished_at is None or row.processing_time_ms is None else row.processing_time_ms
        values = {"CREATED_AT": 0, "FINISHED_AT": at, "PRIORITY": row.priority, "PROCESSING_TIME": time}
        return values[order], row.id

    for order, descending, status in product(ORDERS, (False, True), CHOICES):

        async def read(
            connection: Any,
            request: PageArguments,
            order: AnalysisOrderField = order,
            descending: bool = descending,
            status: list[S] | None = status,
        ) -> Page[AnalysisRow]:
            where = AnalysisFilter(status=status)
            return await page_of_analyses(connection, VIEWER, where, request, order=order, descending=descending)

        async with database.read() as connection:
            every = (await read(connection, PageArguments(1000), status=None)).rows
        truth = sorted(every, key=partial(key, order), reverse=descending)
        assert len(every) == 90
        assert [row.id for row in every] == [row.id for row in truth]
        met = await walk(database, read, 7, backward=False)
        assert [row.id for row in met] == [row.id for row in truth if status is None or row.status in status]
        assert await walk(database, read, 7, backward=True) == met


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_each_part_of_a_page_is_read_by_its_index(database: Database) -> None:
    [batch_id, _] = await mixed_batches(database)
    indexes = {S.FAILED: "status", S.COMPLETED: "status", S.QUEUED: "open", S.RUNNING: "running"}
    for status in ([S.FAILED], [S.FAILED, S.COMPLETED], [S.FAILED, S.RUNNING], [S.QUEUED]):
        expected = sorted(indexes[each] for each in status)
        assert await indexes_of(database, AnalysisFilter(status=status)) == expected
        assert await indexes_of(database, AnalysisFilter(status=status, batch_id=batch_id)) == expected
    assert await indexes_of(database, AnalysisFilter()) == ["created"]
    assert await indexes_of(database, AnalysisFilter(), AnalysisOrderField.PRIORITY) == ["priority"]
    assert await indexes_of(database, AnalysisFilter(), AnalysisOrderField.FINISHED_AT) == ["finished", "open"]
    assert await indexes_of(database, AnalysisFilter(), AnalysisOrderField.PROCESSING_TIME) == ["duration", "open"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_open_batches_are_read_by_their_index(database: Database) -> None:
    ids = await mixed_batches(database)
    refused = NewAnalysis("text", "{}", 5, fault=Fault("INPUT_UNREADABLE", "No."))
    async with database.write() as connection:
        ended = new_id("batch")
        await insert_batch(connection, VIEWER, ended, None, [refused], NOW, timeout_seconds=60, max_attempts=3)
    where = BatchFilter(status=[BatchStatus.QUEUED, BatchStatus.RUNNING])
    async with plans_of(database) as plans, database.read() as connection:
        page = await page_of_batches(connection, VIEWER, where, PageArguments(50))
        assert await count_batches(connection, VIEWER, where) == len(ids)
    assert {row.id for row in page.rows} == set(ids)
    assert {plan for plan in plans if "batch USING" in plan and "id=?" not in plan} == {
        "SEARCH batch USING INDEX batch_unfinished (workspace=?)"
    }


async def indexes_of(
    database: Database, where: AnalysisFilter, order: AnalysisOrderField = AnalysisOrderField.CREATED_AT
) -> list[str]:
    """Return the indexes that SQLite reads a page by. Asserts that it sorts only the union of several parts."""
    async with plans_of(database) as plans, database.read() as connection:
        if where.batch_id is None:
            await page_of_analyses(connection, VIEWER, where, PageArguments(5), order=order)
        else:
            await page_of_results(connection, VIEWER, where.batch_id, where.status, PageArguments(5))
    found = [
        match[1]
        for plan in plans
        if (match := re.fullmatch(r"SEARCH analysis USING (?:COVERING )?INDEX analysis_(.+)", plan))
    ]
    # Without the lookups of the first and last rows, and those by id.
    parts = [name for name in found if not re.search(r"batch_id=\? AND position|AND id=\?", name)]
    assert sum("TEMP B-TREE" in plan for plan in plans) == sum("SCAN anon" in plan for plan in plans)
    return sorted(name.partition(" ")[0] for name in parts)
