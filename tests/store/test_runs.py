"""Runs of a batch: a retry of an ended batch begins another run, and the durations of the runs add up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from store.batches import batch_by_id, insert_batch, request_batch_stop
from store.queue import claims, finish
from store.queue.enqueue import NewAnalysis
from store.queue.finish import End, Outcome
from store.queue.progress import items_per_second
from store.queue.retries import retry_analyses, retry_batch
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.statistics import batch_figures
from store.tables import AnalysisStatus, BatchRow, analysis
from tests.store.truth import assert_consistent

NOW = utcnow()
FAULT = Fault("ANALYZER_FAILED", "It failed.")


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def do(database: Database, function: Any, *arguments: Any, **named: Any) -> Any:
    """Call a function of the store in a transaction of its own."""
    async with database.write() as connection:
        return await function(connection, *arguments, **named)


async def batch_row(database: Database, batch_id: str) -> BatchRow:
    async with database.read() as connection:
        row = await batch_by_id(connection, VIEWER, batch_id)
    assert row is not None
    return row


async def submit(database: Database, count: int) -> str:
    batch_id = new_id("batch")
    items = [NewAnalysis("text", "{}", 5, input_text="x") for _ in range(count)]
    await do(database, insert_batch, VIEWER, batch_id, None, items, NOW, timeout_seconds=60, max_attempts=3)
    return batch_id


async def run(database: Database, began: datetime, ended: datetime, ends: Sequence[End]) -> None:
    """Claim as many items as there are ends, and end them so."""
    rows = await do(database, claims.claim, "worker", lambda analyzer: len(ends), began)
    assert len(rows) == len(ends)
    outcomes = [
        Outcome(row.id, row.lease, end, **({"fault": FAULT} if end is End.FAILED else {"result": "{}"}))
        for row, end in zip(rows, ends, strict=True)
    ]
    assert len(await do(database, finish.finish, outcomes, ended)) == len(ends)


async def latency(database: Database, now: datetime) -> float | None:
    async with database.read() as connection:
        return (await batch_figures(connection, now)).durations.p50_ms


async def test_the_durations_of_runs_add_up(database: Database) -> None:
    batch_id = await submit(database, 4)
    await run(database, at(1), at(61), [End.COMPLETED, End.COMPLETED, End.COMPLETED, End.FAILED])
    assert await latency(database, at(61)) == 60_000
    assert (await batch_row(database, batch_id)).last_retried_at is None

    assert await do(database, retry_batch, VIEWER, batch_id, at(200)) == 1
    row = await batch_row(database, batch_id)
    assert (row.started_at, row.last_retried_at, row.finished_at) == (at(1), at(200), None)
    assert items_per_second(row, at(200)) is None
    await run(database, at(207), at(209), [End.FAILED])
    row = await batch_row(database, batch_id)
    assert (row.started_at, row.last_retried_at, row.finished_at) == (at(1), at(200), at(209))
    assert row.idle_time == (207 - 61) * 1_000_000
    assert items_per_second(row, at(209)) == pytest.approx(0.5)
    assert await latency(database, at(209)) == 62_000

    assert await do(database, retry_batch, VIEWER, batch_id, at(300)) == 1
    await run(database, at(301), at(304), [End.COMPLETED])
    row = await batch_row(database, batch_id)
    assert (row.started_at, row.last_retried_at) == (at(1), at(300))
    assert await latency(database, at(304)) == 65_000
    await assert_consistent(database)


async def test_a_run_without_a_start_takes_no_time(database: Database) -> None:
    batch_id = await submit(database, 2)
    await run(database, at(1), at(3), [End.COMPLETED, End.FAILED])
    await do(database, retry_batch, VIEWER, batch_id, at(10))
    await do(database, request_batch_stop, VIEWER, batch_id, AnalysisStatus.CANCELED, at(40))
    row = await batch_row(database, batch_id)
    assert (row.status, row.started_at, row.finished_at, row.last_end_at) == ("CANCELED", at(1), at(40), None)
    assert await latency(database, at(40)) == 2_000


async def test_a_retry_in_an_open_batch_ends_no_run(database: Database) -> None:
    batch_id = await submit(database, 2)
    await run(database, at(1), at(3), [End.FAILED])
    await do(database, retry_analyses, VIEWER, analysis.c.batch_id == batch_id, now=at(5))
    row = await batch_row(database, batch_id)
    assert (row.status, row.last_retried_at, row.last_end_at) == ("RUNNING", at(5), None)
    await run(database, at(6), at(9), [End.COMPLETED, End.COMPLETED])
    row = await batch_row(database, batch_id)
    assert (row.started_at, row.idle_time) == (at(1), 0)
    assert await latency(database, at(9)) == 8_000


async def test_a_second_retry_before_the_start_counts_no_time_twice(database: Database) -> None:
    batch_id = await submit(database, 2)
    await run(database, at(1), at(3), [End.FAILED, End.FAILED])
    async with database.read() as connection:
        ids = (await connection.execute(analysis.select().where(analysis.c.batch_id == batch_id))).scalars().all()
    for number, id_ in enumerate(ids, 1):
        await do(database, retry_analyses, VIEWER, analysis.c.id == id_, now=at(10 * number))
    await run(database, at(30), at(31), [End.COMPLETED, End.COMPLETED])
    row = await batch_row(database, batch_id)
    assert (row.last_retried_at, row.idle_time) == (at(20), 27_000_000)
    assert await latency(database, at(31)) == 3_000


BATCH_OF_0011 = """
    INSERT INTO batch (id, workspace, status, total_items, queued, running, processed, failed, canceled, timed_out,
      timeout_seconds, deadline_at, thinned, recent_ends, created_at, updated_at, started_at, finished_at)
    VALUES ('batch_01jd0000000000000000000001', 'default', 'COMPLETED', 1, 0, 0, 1, 0, 0, 0, 60, :end, :no, '[]',
      :end, :end, :start, :end)
    """


async def test_a_batch_of_revision_0011_keeps_its_duration(empty_database: Database) -> None:
    await migrate(empty_database, "0011")
    end = int(NOW.timestamp()) * 1_000_000
    async with empty_database.write() as connection:
        await connection.execute(text(BATCH_OF_0011), {"start": end - 1_500_000, "end": end, "no": False})
    await migrate(empty_database)
    row = await batch_row(empty_database, "batch_01jd0000000000000000000001")
    assert (row.last_retried_at, row.last_end_at, row.idle_time) == (None, None, 0)
    assert await latency(empty_database, NOW) == 1_500
