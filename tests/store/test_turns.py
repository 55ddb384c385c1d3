"""Two transactions on the same rows: the second waits for the first, and then acts on the rows as they are."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import select

from settings import Settings
from store import tables
from store.batches import batch_by_id, delete_batch, insert_batch, request_batch_stop, time_out_batches
from store.deletions import delete_analysis
from store.queue import claims
from store.queue import finish as finishing
from store.queue.claims import Claimed
from store.queue.enqueue import NewAnalysis
from store.queue.finish import End, Origin, Outcome
from store.queue.leases import renew, wake_waiting
from store.queue.retries import retry_analyses, retry_batch
from store.queue.transitions import lock_batches, share_batches
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.script import run
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.stops import request_stop
from store.tables import AnalysisRow, AnalysisStatus
from tests.store.truth import assert_consistent
from tests.store.waiting import waits
from tests.support import until

T = TypeVar("T")
NOW = utcnow()
CANCELED = AnalysisStatus.CANCELED


async def do(database: Database, function: Any, *arguments: Any, **named: Any) -> Any:
    """Call a function of the store in a transaction of its own."""
    async with database.write() as connection:
        return await function(connection, *arguments, **named)


async def begun(database: Database, other: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start the other transaction. Returns its task once it has ended, or waits for the test's open transaction."""
    task = asyncio.create_task(other)
    await until(lambda: task.done() or waits(database), what="the other transaction to wait")
    return task


async def submit(database: Database, count: int) -> str:
    batch_id = new_id("batch")
    items = [NewAnalysis("text", "{}", 5, input_text="x") for _ in range(count)]
    await do(database, insert_batch, VIEWER, batch_id, None, items, NOW, timeout_seconds=60, max_attempts=3)
    return batch_id


async def claim(database: Database) -> list[Claimed]:
    rows: list[Claimed] = await do(database, claims.claim, "w", lambda analyzer: 100, NOW)
    return rows


async def items_of(database: Database, batch_id: str) -> list[AnalysisRow]:
    statement = select(tables.analysis).where(tables.analysis.c.batch_id == batch_id)
    async with database.read() as connection:
        return list((await connection.execute(statement.order_by(tables.analysis.c.position))).all())  # type: ignore[arg-type]


async def test_a_retry_waits_for_an_uncommitted_end(database: Database) -> None:
    await submit(database, 1)
    [row] = await claim(database)
    async with database.write() as connection:
        await finishing.finish(connection, [Outcome(row.id, row.lease, End.FAILED)], NOW)
        retry = do(database, retry_analyses, VIEWER, tables.analysis.c.id == row.id, now=NOW)
        task = await begun(database, retry)
    assert await task == [row.id]
    await assert_consistent(database)


async def test_an_item_of_a_batch_being_reopened_is_not_deleted(database: Database) -> None:
    batch_id = await submit(database, 2)
    await do(database, request_batch_stop, VIEWER, batch_id, CANCELED, NOW)
    first, second = [item.id for item in await items_of(database, batch_id)]
    async with database.write() as connection:
        assert await retry_analyses(connection, VIEWER, tables.analysis.c.id == first, now=NOW) == [first]
        task = await begun(database, do(database, delete_analysis, VIEWER, second, NOW))
    assert not await task
    assert [item.status for item in await items_of(database, batch_id)] == ["QUEUED", "CANCELED"]
    await assert_consistent(database)


async def test_a_batch_being_reopened_is_not_deleted(database: Database) -> None:
    batch_id = await submit(database, 2)
    await do(database, request_batch_stop, VIEWER, batch_id, CANCELED, NOW)
    async with database.write() as connection:
        assert await retry_batch(connection, VIEWER, batch_id, NOW) == 2
        task = await begun(database, do(database, delete_batch, VIEWER, batch_id, NOW))
    assert not await task
    assert [item.status for item in await items_of(database, batch_id)] == ["QUEUED", "QUEUED"]
    await assert_consistent(database)


async def test_a_batch_is_deleted_in_its_turn(database: Database) -> None:
    batch_id = await submit(database, 2)
    await do(database, request_batch_stop, VIEWER, batch_id, CANCELED, NOW)
    async with database.write() as connection:
        await lock_batches(connection, [batch_id])
        items = select(tables.analysis.c.id).where(tables.analysis.c.batch_id == batch_id).with_for_update()
        await connection.execute(items)
        # The deletion must not lock the batch while it waits for the items: this transaction locks the batch next.
        task = await begun(database, do(database, delete_batch, VIEWER, batch_id, NOW))
        assert await retry_batch(connection, VIEWER, batch_id, NOW) == 2
    assert not await task
    await assert_consistent(database)


async def test_a_batch_being_retried_is_not_timed_out_by_its_old_deadline(database: Database) -> None:
    late, retried = await submit(database, 1), await submit(database, 1)
    past = NOW + timedelta(seconds=60)
    async with database.write() as connection:
        assert await request_batch_stop(connection, VIEWER, retried, CANCELED, past)
        assert await retry_batch(connection, VIEWER, retried, past) == 1
        task = await begun(database, do(database, time_out_batches, past))
    assert await task == [late]
    assert [item.status for item in await items_of(database, late)] == ["TIMED_OUT"]
    assert [item.status for item in await items_of(database, retried)] == ["QUEUED"]
    assert await do(database, time_out_batches, past + timedelta(seconds=60)) == [retried]
    await assert_consistent(database)


@pytest.mark.parametrize("end", [End.AGAIN, End.GIVEN_BACK])
async def test_a_stop_during_a_requeue_leaves_no_item_queued(database: Database, end: End) -> None:
    batch_id = await submit(database, 1)
    [row] = await claim(database)
    async with database.write() as connection:
        held = await finishing.finish(connection, [Outcome(row.id, row.lease, end, retry_at=NOW)], NOW)
        assert [outcome.end for outcome in held] == [end]
        task = await begun(database, do(database, request_batch_stop, VIEWER, batch_id, CANCELED, NOW))
    assert await task
    assert [item.status for item in await items_of(database, batch_id)] == ["CANCELED"]
    await assert_consistent(database)


@pytest.mark.parametrize("end", [End.AGAIN, End.GIVEN_BACK])
async def test_a_requeue_during_a_stop_leaves_no_item_queued(database: Database, end: End) -> None:
    batch_id = await submit(database, 1)
    [row] = await claim(database)
    async with database.write() as connection:
        assert await request_batch_stop(connection, VIEWER, batch_id, CANCELED, NOW)
        finish = do(database, finishing.finish, [Outcome(row.id, row.lease, end, retry_at=NOW)], NOW)
        task = await begun(database, finish)
    assert [outcome.end for outcome in await task] == [End.CANCELED]
    assert [item.status for item in await items_of(database, batch_id)] == ["CANCELED"]
    await assert_consistent(database)


async def test_leases_are_renewed_in_their_turn(database: Database) -> None:
    await submit(database, 20)
    rows = await claim(database)
    # Begin in the middle, so that this order differs from the other transaction's, ascending or descending.
    rows = rows[10:] + rows[:10]
    async with database.write() as connection:
        first, *others = rows
        assert await finishing.report_progress(connection, first.lease, first.id, 0.5, None, NOW)
        task = await begun(database, do(database, renew, "w", {first.lease}, NOW + claims.LEASE))
        for row in others:
            assert await finishing.report_progress(connection, row.lease, row.id, 0.5, None, NOW)
    await task
    async with database.read() as connection:
        statement = select(tables.analysis.c.lease_expires_at, tables.analysis.c.progress).distinct()
        assert (await connection.execute(statement)).all() == [(NOW + 2 * claims.LEASE, 0.5)]
    await assert_consistent(database)


async def test_waking_and_stopping_items_do_not_deadlock(database: Database) -> None:
    batch_id = await submit(database, 20)
    rows = await claim(database)
    outcomes = [Outcome(row.id, row.lease, End.AGAIN, retry_at=NOW) for row in rows]
    await do(database, finishing.finish, outcomes, NOW)
    rows = rows[10:] + rows[:10]
    async with database.write() as connection:
        assert await request_stop(connection, VIEWER, rows[0].id, CANCELED, NOW)
        task = await begun(database, do(database, wake_waiting, NOW))
        for row in rows[1:]:
            assert await request_stop(connection, VIEWER, row.id, CANCELED, NOW)
    await task
    assert {item.status for item in await items_of(database, batch_id)} == {"CANCELED"}
    await assert_consistent(database)


@pytest.fixture
async def postgresql(postgresql_url: str) -> AsyncIterator[Database]:
    database = Database(Settings(database_url=postgresql_url).database)
    await migrate(database)
    yield database
    await database.close()


@pytest.mark.needs("postgresql")
async def test_claims_continue_beside_ends_and_each_kind_takes_turns(postgresql: Database) -> None:
    batch_id = await submit(postgresql, 200)
    [*rows] = await claim(postgresql)
    async with postgresql.write() as connection:
        await run(connection, lambda script: share_batches(script, "end ", [batch_id]))
        assert len(await claim(postgresql)) == 100
        task = await begun(postgresql, do(postgresql, finishing.finish, [completed(row) for row in rows], NOW))
        assert not task.done()
    assert len(await task) == 100
    async with postgresql.write() as connection:
        await run(connection, lambda script: share_batches(script, "claim ", [batch_id]))
        stop = await begun(postgresql, do(postgresql, request_batch_stop, VIEWER, batch_id, CANCELED, NOW))
        assert not stop.done()
    assert await stop
    await assert_consistent(postgresql)


def completed(row: Claimed) -> Outcome:
    return Outcome(
        row.id, row.lease, End.COMPLETED, "{}", origin=Origin(row.workspace, row.batch_id, row.attempt, row.analyzer)
    )


async def test_claims_and_ends_of_every_kind_do_not_deadlock(database: Database) -> None:
    batch_id = await submit(database, 600)
    queued = list(await asyncio.gather(*(claim(database) for _ in range(3))))

    async def work() -> None:
        while rows := queued.pop() if queued else await claim(database):
            failed = [Outcome(row.id, row.lease, End.FAILED) for row in rows[::10]]
            outcomes = failed + [completed(row) for row in rows if row not in rows[::10]]
            assert len(await do(database, finishing.finish, outcomes, NOW)) == len(rows)

    async with asyncio.timeout(300):
        await asyncio.gather(*(work() for _ in range(4)))
    async with database.read() as connection:
        batch = await batch_by_id(connection, VIEWER, batch_id)
    assert batch is not None
    assert (batch.status, batch.processed, batch.failed) == ("COMPLETED", 540, 60)
    await assert_consistent(database)


async def test_deletions_retries_and_stops_of_a_batch_do_not_deadlock(database: Database) -> None:
    for _ in range(25):
        batch_id = await submit(database, 30)
        await do(database, request_batch_stop, VIEWER, batch_id, CANCELED, NOW)
        last = (await items_of(database, batch_id))[-1].id
        async with asyncio.timeout(300):
            deleted, _, _, _, item_deleted = await asyncio.gather(
                do(database, delete_batch, VIEWER, batch_id, NOW),
                do(database, retry_batch, VIEWER, batch_id, NOW),
                do(database, request_batch_stop, VIEWER, batch_id, CANCELED, NOW),
                do(database, retry_analyses, VIEWER, tables.analysis.c.id == last, now=NOW),
                do(database, delete_analysis, VIEWER, last, NOW),
            )
        async with database.read() as connection:
            assert (await batch_by_id(connection, VIEWER, batch_id) is None) == deleted
        assert (await items_of(database, batch_id) == []) == deleted
        await assert_consistent(database, {batch_id: Counter({CANCELED.value: int(item_deleted)})})
        # Delete the rest before the next round.
        await do(database, request_batch_stop, VIEWER, batch_id, CANCELED, NOW)
        assert await do(database, delete_batch, VIEWER, batch_id, NOW) == (not deleted)
