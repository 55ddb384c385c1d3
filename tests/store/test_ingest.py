"""Batches with streamed items: open until the stream ends, and then complete or canceled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from asyncpg.transaction import Transaction
from sqlalchemy import event

from store.analyses import page_of_results
from store.batches import batch_by_id, next_deadline, request_batch_stop, time_out_batches
from store.ingest import (
    SILENCE,
    StreamBroken,
    StreamClosed,
    break_silent_streams,
    break_stream,
    close_stream,
    extend_stream,
    insert_batch_stream,
    open_stream,
)
from store.queue import claims, finish
from store.queue.enqueue import NewAnalysis
from store.queue.finish import End, Outcome
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.paging import PageArguments
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.sql.viewer import Role, Viewer
from store.tables import AnalysisStatus, BatchRow
from tests.store.truth import assert_consistent
from tests.support import until

NOW = utcnow()
STRANGER = Viewer("stranger", "elsewhere", Role.ADMIN)


def items(count: int, **values: object) -> list[NewAnalysis]:
    return [NewAnalysis("text", "{}", 5, input_text=f"{n}", **values) for n in range(count)]  # type: ignore[arg-type]


async def opened(database: Database, count: int = 0) -> str:
    """Open a batch, and add `count` items. Returns its id."""
    batch_id = new_id("batch")
    async with database.write() as connection:
        await open_stream(connection, VIEWER, batch_id, "a stream", NOW, timeout_seconds=600)
    if count:
        await extended(database, batch_id, items(count))
    return batch_id


async def extended(database: Database, batch_id: str, more: Sequence[NewAnalysis]) -> None:
    async with database.write() as connection:
        await extend_stream(connection, VIEWER, batch_id, more, NOW, max_attempts=3)


async def closed(database: Database, batch_id: str) -> None:
    async with database.write() as connection:
        await close_stream(connection, VIEWER, batch_id, NOW)


async def run(database: Database, count: int) -> None:
    """Claim and complete `count` queued items."""
    async with database.write() as connection:
        rows = await claims.claim(connection, "worker", lambda _: count, NOW)
    assert len(rows) == count
    outcomes = [Outcome(row.id, row.lease, End.COMPLETED, "{}") for row in rows]
    async with database.write() as connection:
        assert len(await finish.finish(connection, outcomes, NOW)) == count


async def batch(database: Database, batch_id: str) -> BatchRow:
    async with database.read() as connection:
        row = await batch_by_id(connection, VIEWER, batch_id)
    assert row is not None
    return row


async def state(database: Database, batch_id: str) -> tuple[str, int, int, int, int]:
    """Check the database's consistency. Returns the batch's status, total, queued, processed and canceled items."""
    await assert_consistent(database)
    row = await batch(database, batch_id)
    return (row.status, row.total_items, row.queued, row.processed, row.canceled)


async def test_a_batch_does_not_end_before_its_stream(database: Database) -> None:
    batch_id = await opened(database, 2)
    assert await state(database, batch_id) == ("QUEUED", 2, 2, 0, 0)
    await run(database, 2)
    assert await state(database, batch_id) == ("RUNNING", 2, 0, 2, 0)
    await extended(database, batch_id, items(1))
    await run(database, 1)
    assert await state(database, batch_id) == ("RUNNING", 3, 0, 3, 0)
    await closed(database, batch_id)
    assert await state(database, batch_id) == ("COMPLETED", 3, 0, 3, 0)


async def test_the_batch_of_a_closed_stream_ends_with_its_last_item(database: Database) -> None:
    batch_id = await opened(database, 2)
    await closed(database, batch_id)
    assert await state(database, batch_id) == ("QUEUED", 2, 2, 0, 0)
    await run(database, 2)
    assert await state(database, batch_id) == ("COMPLETED", 2, 0, 2, 0)


async def test_items_keep_the_order_of_their_arrival(database: Database) -> None:
    batch_id = await opened(database, 2)
    await extended(database, batch_id, items(3))
    async with database.read() as connection:
        page = await page_of_results(connection, VIEWER, batch_id, None, PageArguments(10))
    assert [(row.position, row.input_text) for row in page.rows] == [(0, "0"), (1, "1"), (2, "0"), (3, "1"), (4, "2")]


async def test_invalid_items_leave_the_batch_open(database: Database) -> None:
    batch_id = await opened(database)
    await extended(database, batch_id, items(2, fault=Fault("INPUT_UNREADABLE", "`text`: empty.")))
    row = await batch(database, batch_id)
    assert (row.status, row.total_items, row.failed, row.finished_at) == ("QUEUED", 2, 2, None)
    await closed(database, batch_id)
    assert await state(database, batch_id) == ("COMPLETED", 2, 0, 0, 0)


async def test_one_item_may_not_take_the_time_of_a_whole_batch(database: Database) -> None:
    batch_id = await opened(database, 1)
    async with database.read() as connection:
        page = await page_of_results(connection, VIEWER, batch_id, None, PageArguments(1))
    assert page.rows[0].timeout_seconds == 300
    assert (await batch(database, batch_id)).timeout_seconds == 600


async def test_a_closed_stream_accepts_no_more_items(database: Database) -> None:
    batch_id = await opened(database, 1)
    await closed(database, batch_id)
    with pytest.raises(StreamClosed):
        await extended(database, batch_id, items(1))
    with pytest.raises(StreamClosed):
        await closed(database, batch_id)
    async with database.write() as connection:
        assert not await break_stream(connection, VIEWER, batch_id, "why", NOW)
    assert await state(database, batch_id) == ("QUEUED", 1, 1, 0, 0)


async def test_a_stream_belongs_to_its_workspace(database: Database) -> None:
    batch_id = await opened(database, 1)
    async with database.write() as connection:
        with pytest.raises(StreamClosed):
            await extend_stream(connection, STRANGER, batch_id, items(1), NOW, max_attempts=3)
    async with database.write() as connection:
        with pytest.raises(StreamClosed):
            await close_stream(connection, STRANGER, batch_id, NOW)
    async with database.write() as connection:
        assert not await break_stream(connection, STRANGER, batch_id, "why", NOW)
    assert await state(database, batch_id) == ("QUEUED", 1, 1, 0, 0)


@pytest.mark.parametrize("done", [0, 2, 3])
async def test_a_broken_stream_cancels_the_batch_with_a_reason(database: Database, done: int) -> None:
    batch_id = await opened(database, 3)
    if done:
        await run(database, done)
    async with database.write() as connection:
        assert await break_stream(connection, VIEWER, batch_id, "Line 4 is no JSON.", NOW)
    assert await state(database, batch_id) == ("CANCELED", 3, 0, done, 3 - done)
    row = await batch(database, batch_id)
    assert (row.stop_reason, row.finished_at, row.open_until) == ("Line 4 is no JSON.", NOW, None)


@pytest.mark.parametrize("done", [False, True])
async def test_a_canceled_batch_accepts_no_more_items(database: Database, done: bool) -> None:
    batch_id = await opened(database, 1)
    if done:
        await run(database, 1)
    async with database.write() as connection:
        assert await request_batch_stop(connection, VIEWER, batch_id, AnalysisStatus.CANCELED, NOW)
    with pytest.raises(StreamClosed):
        await extended(database, batch_id, items(1))
    assert await state(database, batch_id) == ("CANCELED", 1, 0, int(done), int(not done))
    assert (await batch(database, batch_id)).stop_reason is None


async def test_only_a_silent_stream_is_broken_off(database: Database) -> None:
    silent, alive = await opened(database, 2), await opened(database, 1)
    later = NOW + SILENCE
    async with database.write() as connection:
        assert await break_silent_streams(connection, later - timedelta(milliseconds=1)) == []
        await extend_stream(connection, VIEWER, alive, [], later, max_attempts=3)
        assert await next_deadline(connection) == later
        assert await break_silent_streams(connection, later) == [silent]
        assert await break_silent_streams(connection, later) == []
        assert await next_deadline(connection) == later + SILENCE
    assert await state(database, silent) == ("CANCELED", 2, 0, 0, 2)
    assert await state(database, alive) == ("QUEUED", 1, 1, 0, 0)
    assert (await batch(database, silent)).stop_reason == (
        "The items stopped arriving before the end: submit the batch again."
    )


async def test_a_timed_out_batch_accepts_no_more_items(database: Database) -> None:
    batch_id = await opened(database, 1)
    async with database.write() as connection:
        assert await time_out_batches(connection, NOW + timedelta(seconds=600)) == [batch_id]
    with pytest.raises(StreamClosed):
        await extended(database, batch_id, items(1))
    assert (await batch(database, batch_id)).status == "TIMED_OUT"


class Source:
    """A source of slices that a test supplies. The source raises a supplied exception, and ends at None."""

    def __init__(self) -> None:
        self.given: asyncio.Queue[list[NewAnalysis] | Exception | None] = asyncio.Queue()

    async def slices(self) -> AsyncIterator[list[NewAnalysis]]:
        while (item := await self.given.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item


def stream(database: Database, batch_id: str, source: Source, silence: timedelta = SILENCE) -> asyncio.Task[int]:
    return asyncio.create_task(
        insert_batch_stream(
            database, VIEWER, batch_id, None, source.slices(), timeout_seconds=600, max_attempts=3, silence=silence
        )
    )


async def total(database: Database, batch_id: str) -> int:
    async with database.read() as connection:
        row = await batch_by_id(connection, VIEWER, batch_id)
    return -1 if row is None else row.total_items


async def test_slices_are_queued_as_they_arrive(database: Database) -> None:
    batch_id, source = new_id("batch"), Source()
    task = stream(database, batch_id, source)
    for count in (3, 5):
        source.given.put_nowait(items(3 if count == 3 else 2))

        async def has_come(count: int = count) -> bool:
            return await total(database, batch_id) == count

        await until(has_come, what=f"{count} items")
        assert await state(database, batch_id) == ("QUEUED", count, count, 0, 0)
    source.given.put_nowait(None)
    assert await task == 5
    assert (await batch(database, batch_id)).open_until is None
    await run(database, 5)
    assert await state(database, batch_id) == ("COMPLETED", 5, 0, 5, 0)


async def test_a_slow_source_is_not_silent(database: Database) -> None:
    batch_id, source = new_id("batch"), Source()
    task = stream(database, batch_id, source, silence=timedelta(seconds=0.3))
    source.given.put_nowait(items(1))
    first = None

    async def was_renewed_twice() -> bool:
        nonlocal first
        if await total(database, batch_id) < 1:
            return False
        row = await batch(database, batch_id)
        assert row.open_until is not None
        first = first or row.open_until
        return row.open_until > first + timedelta(seconds=0.15)

    await until(was_renewed_twice, what="two renewals")
    source.given.put_nowait(None)
    assert await task == 1


async def test_an_empty_stream_makes_no_batch(database: Database) -> None:
    batch_id, source = new_id("batch"), Source()
    source.given.put_nowait([])
    source.given.put_nowait(None)
    assert await stream(database, batch_id, source) == 0
    assert await total(database, batch_id) == -1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StreamBroken("Line 4 is no JSON."), "Line 4 is no JSON."),
        (OSError("/a/path"), "The submission was interrupted."),
    ],
)
async def test_an_error_of_the_source_breaks_the_stream_off(database: Database, error: Exception, reason: str) -> None:
    batch_id, source = new_id("batch"), Source()
    source.given.put_nowait(items(3))
    source.given.put_nowait(error)
    with pytest.raises(type(error)):
        await stream(database, batch_id, source)
    assert await state(database, batch_id) == ("CANCELED", 3, 0, 0, 3)
    assert (await batch(database, batch_id)).stop_reason == reason


async def test_a_canceled_reader_breaks_the_stream_off(database: Database) -> None:
    batch_id, source = new_id("batch"), Source()
    source.given.put_nowait(items(3))
    task = stream(database, batch_id, source)

    async def has_come() -> bool:
        return await total(database, batch_id) == 3

    await until(has_come, what="3 items")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await state(database, batch_id) == ("CANCELED", 3, 0, 0, 3)


async def test_a_reader_canceled_during_its_first_commit_leaves_no_open_batch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id, source = new_id("batch"), Source()
    commits = []

    def cancel(_connection: object) -> None:
        commits.append(1)
        if len(commits) == 1:
            task.cancel()  # takes effect at the next wait: that for the database's answer to COMMIT

    async def commit(transaction: Transaction) -> None:
        cancel(transaction)
        await real_commit(transaction)

    real_commit = Transaction.commit
    monkeypatch.setattr(Transaction, "commit", commit)
    event.listen(database._writer.sync_engine, "commit", cancel)  # of SQLite
    source.given.put_nowait(items(3))
    task = stream(database, batch_id, source)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(commits) == 2
    async with database.read() as connection:
        row = await batch_by_id(connection, VIEWER, batch_id)
    assert row is None or (row.status, row.open_until) == ("CANCELED", None)
    assert row is not None or not database.is_sqlite  # PostgreSQL may have undone the canceled commit


async def test_a_stream_whose_batch_is_canceled_stops_reading(database: Database) -> None:
    batch_id, source = new_id("batch"), Source()
    task = stream(database, batch_id, source)
    source.given.put_nowait(items(3))

    async def has_come() -> bool:
        return await total(database, batch_id) == 3

    await until(has_come, what="3 items")
    async with database.write() as connection:
        assert await request_batch_stop(connection, VIEWER, batch_id, AnalysisStatus.CANCELED, utcnow())
    source.given.put_nowait(items(1))
    with pytest.raises(StreamClosed):
        await task
    assert await state(database, batch_id) == ("CANCELED", 3, 0, 0, 3)
