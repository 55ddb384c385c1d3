"""Batches that are stopped and retried while some of their items still run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from store import tables
from store.batches import (
    batch_by_id,
    count_batches,
    delete_batch,
    go_on_deleting,
    go_on_stopping,
    insert_batch,
    next_deadline,
    request_batch_stop,
    time_out_batches,
)
from store.filters import BatchFilter
from store.queue import claims, finish
from store.queue.claims import Claimed
from store.queue.enqueue import NewAnalysis
from store.queue.finish import End, Outcome
from store.queue.retries import go_on_retrying, retry_analyses, retry_batch
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisRow, AnalysisStatus, BatchRow
from tests.store.truth import assert_consistent

NOW = utcnow()
LATER = NOW + timedelta(seconds=100)
SECOND = timedelta(seconds=1)
ENDS = [AnalysisStatus.CANCELED, AnalysisStatus.TIMED_OUT]


async def do(database: Database, function: Any, *arguments: Any, **named: Any) -> Any:
    """Call a function of the store in a transaction of its own."""
    async with database.write() as connection:
        return await function(connection, *arguments, **named)


async def submit(database: Database, count: int) -> str:
    batch_id = new_id("batch")
    items = [NewAnalysis("text", "{}", 5, input_text="x") for _ in range(count)]
    await do(database, insert_batch, VIEWER, batch_id, None, items, NOW, timeout_seconds=60, max_attempts=3)
    return batch_id


async def claim(database: Database, most: int) -> list[Claimed]:
    rows: list[Claimed] = await do(database, claims.claim, "w", lambda analyzer: most, NOW)
    return rows


async def batch_row(database: Database, batch_id: str) -> BatchRow:
    async with database.read() as connection:
        row = await batch_by_id(connection, VIEWER, batch_id)
    assert row is not None
    return row


async def items_of(database: Database, batch_id: str) -> list[AnalysisRow]:
    statement = select(tables.analysis).where(tables.analysis.c.batch_id == batch_id)
    async with database.read() as connection:
        return list((await connection.execute(statement.order_by(tables.analysis.c.position))).all())  # type: ignore[arg-type]


async def stopped_while_one_runs(database: Database, end: AnalysisStatus) -> tuple[str, Claimed]:
    """Stop a batch of three items while its first item runs. Returns the batch's id and the running item."""
    batch_id = await submit(database, 3)
    [running] = await claim(database, 1)
    assert await do(database, request_batch_stop, VIEWER, batch_id, end, NOW)
    return batch_id, running


@pytest.mark.parametrize("end", ENDS)
async def test_a_retry_ends_the_stop_of_a_batch(database: Database, end: AnalysisStatus) -> None:
    batch_id, running = await stopped_while_one_runs(database, end)
    started_at = (await batch_row(database, batch_id)).started_at
    assert await do(database, retry_batch, VIEWER, batch_id, LATER) == 2
    batch = await batch_row(database, batch_id)
    assert (batch.status, batch.stop_requested, batch.finished_at) == ("RUNNING", None, None)
    assert (batch.started_at, batch.deadline_at) == (started_at, LATER + timedelta(seconds=60))
    items = await items_of(database, batch_id)
    assert [(item.status, item.stop_requested) for item in items] == [
        ("RUNNING", end.value),
        ("QUEUED", None),
        ("QUEUED", None),
    ]
    outcomes = [Outcome(running.id, running.lease, End.GIVEN_BACK)]
    outcomes += [Outcome(row.id, row.lease, End.COMPLETED, "{}") for row in await claim(database, 2)]
    await do(database, finish.finish, outcomes, LATER)
    items = await items_of(database, batch_id)
    assert [item.status for item in items] == [end.value, "COMPLETED", "COMPLETED"]
    assert (await batch_row(database, batch_id)).status == "COMPLETED"
    await assert_consistent(database)


async def test_a_retried_item_reopens_its_stopping_batch(database: Database) -> None:
    batch_id, _ = await stopped_while_one_runs(database, AnalysisStatus.CANCELED)
    item = (await items_of(database, batch_id))[1]
    assert await do(database, retry_analyses, VIEWER, tables.analysis.c.id == item.id, now=LATER) == [item.id]
    batch = await batch_row(database, batch_id)
    assert (batch.stop_requested, batch.deadline_at) == (None, LATER + timedelta(seconds=60))
    await assert_consistent(database)


@pytest.mark.parametrize("end", ENDS)
async def test_a_batch_retried_while_it_stopped_can_be_stopped_again(database: Database, end: AnalysisStatus) -> None:
    batch_id, running = await stopped_while_one_runs(database, AnalysisStatus.CANCELED)
    assert await do(database, retry_batch, VIEWER, batch_id, LATER) == 2
    deadline = LATER + timedelta(seconds=60)
    async with database.read() as connection:
        assert await next_deadline(connection) == deadline
    if end is AnalysisStatus.CANCELED:
        assert await do(database, request_batch_stop, VIEWER, batch_id, end, LATER)
    else:
        assert await do(database, time_out_batches, deadline) == [batch_id]
    items = await items_of(database, batch_id)
    assert [(item.status, item.stop_requested) for item in items] == [
        ("RUNNING", "CANCELED"),
        (end.value, None),
        (end.value, None),
    ]
    await do(database, finish.finish, [Outcome(running.id, running.lease, End.CANCELED)], deadline)
    assert (await batch_row(database, batch_id)).status == end.value
    await assert_consistent(database)


async def test_a_large_batch_is_stopped_slice_by_slice(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.batches.STOP_SLICE", 3)
    batch_id = await submit(database, 8)
    [running] = await claim(database, 1)
    assert await do(database, request_batch_stop, VIEWER, batch_id, AnalysisStatus.CANCELED, NOW)
    # Before the next slice is stopped, one more item is claimed, and one is requeued.
    [late] = await claim(database, 1)
    again = Outcome(running.id, running.lease, End.GIVEN_BACK)
    await do(database, finish.finish, [again], NOW)
    async with database.read() as connection:
        due = await next_deadline(connection)
    assert due is not None
    assert due <= LATER
    canceled = []
    for _ in range(3):
        await assert_consistent(database)
        canceled.append((await batch_row(database, batch_id)).canceled)
        await do(database, go_on_stopping, LATER)
    assert canceled == [4, 7, 7]
    row = next(row for row in await items_of(database, batch_id) if row.id == late.id)
    assert (row.status, row.stop_requested) == ("RUNNING", "CANCELED")
    async with database.read() as connection:
        assert await next_deadline(connection) is None
    await do(database, finish.finish, [Outcome(late.id, late.lease, End.CANCELED)], LATER)
    batch = await batch_row(database, batch_id)
    assert (batch.status, batch.canceled) == ("CANCELED", 8)
    await assert_consistent(database)


async def test_a_retry_of_no_items_leaves_a_stopping_batch_unchanged(database: Database) -> None:
    batch_id = await submit(database, 1)
    await claim(database, 1)
    assert await do(database, request_batch_stop, VIEWER, batch_id, AnalysisStatus.CANCELED, NOW)
    before = await batch_row(database, batch_id)
    assert await do(database, retry_batch, VIEWER, batch_id, LATER) == 0
    assert await batch_row(database, batch_id) == before


async def test_a_large_batch_is_retried_slice_by_slice(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.queue.retries.RETRY_SLICE", 3)
    other = await submit(database, 1)
    batch_id = await submit(database, 9)
    rows = await claim(database, 1) + await claim(database, 9)
    assert [row.batch_id for row in rows] == [other] + [batch_id] * 9
    kinds = [End.FAILED, End.COMPLETED] + [End.FAILED, End.TIMED_OUT, End.CANCELED, End.FAILED] * 2
    results = {End.COMPLETED: "{}"}
    outcomes = [Outcome(row.id, row.lease, end, results.get(end)) for row, end in zip(rows, kinds, strict=True)]
    await do(database, finish.finish, outcomes, NOW)
    assert await do(database, retry_batch, VIEWER, batch_id, LATER) == 3
    # The first slice ends before the next is queued: the batch stays open, and items that failed again are not retried.
    async with database.read() as connection:
        assert await next_deadline(connection) == LATER
    again = await claim(database, 9)
    await do(database, finish.finish, [Outcome(row.id, row.lease, End.FAILED) for row in again], LATER + SECOND)
    batch = await batch_row(database, batch_id)
    assert (batch.status, batch.queued, batch.failed, batch.finished_at) == ("RUNNING", 0, 4, None)
    counts = []
    for number in range(2, 5):
        await assert_consistent(database)
        await do(database, go_on_retrying, LATER + number * SECOND)
        counts.append((await batch_row(database, batch_id)).queued)
    assert counts == [3, 5, 5]
    items = await items_of(database, batch_id)
    queued = [item for item in items if item.status == "QUEUED"]
    assert len({item.turn for item in again} | {item.turn for item in queued}) == 3  # slices queue one after another
    assert {item.id for item in items if item.status == "FAILED"} == {row.id for row in again}
    async with database.read() as connection:
        assert await next_deadline(connection) == LATER + timedelta(seconds=60)
    outcomes = [Outcome(row.id, row.lease, End.COMPLETED, "{}") for row in await claim(database, 9)]
    await do(database, finish.finish, outcomes, LATER + 5 * SECOND)
    batch = await batch_row(database, batch_id)
    assert (batch.status, batch.processed, batch.failed) == ("COMPLETED", 6, 3)
    assert (await batch_row(database, other)).failed == 1
    await assert_consistent(database)


async def test_a_batch_ends_with_the_last_slice_of_a_retry(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.queue.retries.RETRY_SLICE", 2)
    batch_id = await submit(database, 2)
    for instant in (NOW, LATER):
        outcomes = [Outcome(row.id, row.lease, End.FAILED) for row in await claim(database, 2)]
        await do(database, finish.finish, outcomes, instant)
        if instant == NOW:
            assert await do(database, retry_batch, VIEWER, batch_id, NOW) == 2
    assert (await batch_row(database, batch_id)).status == "RUNNING"
    await do(database, go_on_retrying, LATER)
    batch = await batch_row(database, batch_id)
    assert (batch.status, batch.failed, batch.retry_before) == ("COMPLETED", 2, None)
    await assert_consistent(database)


async def test_a_stop_cancels_the_rest_of_a_retry(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.queue.retries.RETRY_SLICE", 2)
    batch_id = await submit(database, 5)
    outcomes = [Outcome(row.id, row.lease, End.FAILED) for row in await claim(database, 5)]
    await do(database, finish.finish, outcomes, NOW)
    assert await do(database, retry_batch, VIEWER, batch_id, LATER) == 2
    assert await do(database, request_batch_stop, VIEWER, batch_id, AnalysisStatus.CANCELED, LATER)
    await do(database, go_on_retrying, LATER)
    batch = await batch_row(database, batch_id)
    assert (batch.status, batch.canceled, batch.failed) == ("CANCELED", 2, 3)
    await assert_consistent(database)


async def test_a_large_batch_is_deleted_slice_by_slice(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.batches.DELETE_SLICE", 3)
    batch_id, kept = await submit(database, 7), await submit(database, 1)
    outcomes = [Outcome(row.id, row.lease, End.FAILED) for row in await claim(database, 7)]
    await do(database, finish.finish, outcomes, NOW)
    assert not await do(database, delete_batch, VIEWER, kept, NOW)
    assert await do(database, delete_batch, VIEWER, batch_id, NOW)
    async with database.read() as connection:
        assert await batch_by_id(connection, VIEWER, batch_id) is None
        assert await count_batches(connection, VIEWER, BatchFilter()) == 1
        assert await next_deadline(connection) == NOW
    left = await items_of(database, batch_id)
    assert [item.position for item in left] == [3, 4, 5, 6]
    # The remaining items belong to no batch that could be retried or deleted again.
    assert not await do(database, delete_batch, VIEWER, batch_id, NOW)
    assert await do(database, retry_batch, VIEWER, batch_id, LATER) == 0
    assert await do(database, retry_analyses, VIEWER, tables.analysis.c.id == left[0].id, now=LATER) == []
    going = []
    for _ in range(3):
        going.append(await do(database, go_on_deleting))
    assert going == [True, True, False]
    assert await items_of(database, batch_id) == []
    async with database.read() as connection:
        statement = select(tables.batch.c.id)
        assert (await connection.execute(statement)).scalars().all() == [kept]
        assert await next_deadline(connection) == NOW + timedelta(seconds=60)
    await assert_consistent(database)
