"""The recorder: the bounds of its backlog, and the order and size of its transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select

from jobs import recorder
from jobs.recorder import BACKLOG, BACKLOG_BYTES, Progress, Recorder
from store import tables
from store.batches import insert_batch
from store.queue import claims
from store.queue.claims import Claimed
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.finish import End, Origin, Outcome
from store.queue.transitions import _lock_key, lock_batches
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from tests.store.waiting import waits
from tests.support import until


@asynccontextmanager
async def running(recorder: Recorder) -> AsyncIterator[None]:
    task = asyncio.create_task(recorder.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def has_room(recorder: Recorder) -> bool:
    """Return whether a slot may continue now. The recorder's tasks do not run, so the answer can't change meanwhile."""
    task = asyncio.create_task(recorder.has_room())
    for _ in range(3):  # let the task run until it waits
        await asyncio.sleep(0)
    done = task.done()
    task.cancel()
    await asyncio.wait([task])
    return done


def outcome(number: int, result: str | None = None) -> Outcome:
    return Outcome(str(number), "lease", End.COMPLETED, result)


async def test_slots_wait_while_the_backlog_has_too_many_outcomes(database: Database) -> None:
    recorder = Recorder(database)
    recorder.put([outcome(number) for number in range(BACKLOG)])
    assert await has_room(recorder)
    recorder.put([outcome(BACKLOG)])
    assert not await has_room(recorder)
    async with running(recorder), asyncio.timeout(300):
        await recorder.has_room()
        await recorder.is_empty()
    assert await has_room(recorder)


@pytest.mark.parametrize("character", ["x", "ж", "𝄞"])
async def test_slots_wait_while_the_backlog_has_too_many_bytes(
    database: Database, monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    assert BACKLOG_BYTES == 64 * 1024 * 1024
    monkeypatch.setattr(recorder, "BACKLOG_BYTES", 40_000)
    waiting = Recorder(database)
    result = character * (15_000 // len(character.encode()))
    waiting.put([outcome(1, result), outcome(2, result)])
    assert await has_room(waiting)
    waiting.put([outcome(3, result)])
    assert not await has_room(waiting)
    async with running(waiting), asyncio.timeout(300):
        await waiting.has_room()
        await waiting.is_empty()
    assert await has_room(waiting)


async def test_a_result_larger_than_the_whole_backlog_is_written(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "BACKLOG_BYTES", 1000)
    waiting = Recorder(database)
    async with running(waiting), asyncio.timeout(300):
        waiting.put([outcome(1, "x" * 2000)])
        await waiting.has_room()
        waiting.put([outcome(2, "x" * 2000)])
        await waiting.is_empty()
    assert await has_room(waiting)


async def test_progress_in_several_batches_is_written_once_the_turns_of_all_are_free(database: Database) -> None:
    rows: list[Claimed] = []
    for _ in range(2):
        items = [NewAnalysis("text", "{}", 5, input_text="x")]
        async with database.write() as connection:
            await insert_batch(
                connection, VIEWER, new_id("batch"), None, items, utcnow(), timeout_seconds=60, max_attempts=3
            )
            rows += await claims.claim(connection, "w", lambda analyzer: 1, utcnow())
    rows.sort(key=lambda row: _lock_key(row.batch_id or ""))
    writer = Recorder(database)

    async def written() -> bool:
        async with database.read() as connection:
            return set((await connection.execute(select(tables.analysis.c.progress))).scalars()) == {0.5}

    async with running(writer):
        async with database.write() as connection:
            await lock_batches(connection, [rows[0].batch_id])
            for row in reversed(rows):
                writer.put_progress(row.id, Progress(row.lease, 0.5, None))
            await until(lambda: waits(database), what="the recorder to wait")
            # A recorder that waits for the first turn must not hold the second, which this transaction takes next.
            await lock_batches(connection, [rows[1].batch_id])
        await until(written, what="the progress to be written")


async def test_outcomes_of_single_analyses_are_written_before_the_backlog_of_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "GROUP", 1)
    item = NewAnalysis("text", "{}", 5, input_text="x")
    terms: Any = {"timeout_seconds": 60, "max_attempts": 3}
    async with database.write() as connection:
        await insert_batch(connection, VIEWER, new_id("batch"), None, [item] * 50, utcnow(), **terms)
        rows = await claims.claim(connection, "w", lambda analyzer: 50, utcnow())
        await insert_analyses(connection, VIEWER, [item] * 3, utcnow(), **terms)
        alone = await claims.claim(connection, "w", lambda analyzer: 3, utcnow())
    assert [row.batch_id for row in alone] == [None] * 3
    writer = Recorder(database)
    ends = [
        Outcome(
            row.id,
            row.lease,
            End.COMPLETED,
            "{}",
            origin=Origin(row.workspace, row.batch_id, row.attempt, row.analyzer),
        )
        for row in rows + alone
    ]
    writer.put(ends)
    assert writer.leases == {rows[0].lease, alone[0].lease}
    async with running(writer), asyncio.timeout(300):
        await writer.is_empty()
    assert writer.completed == 53
    event = tables.event.c
    log = select(event.subject).where(event.type == "ANALYSIS_COMPLETED").order_by(event.position)
    async with database.read() as connection:
        order = (await connection.execute(log)).scalars().all()
    # Single analyses alternate with the batch's: they do not wait behind its backlog.
    assert sorted(order) == sorted(row.id for row in rows + alone)
    assert max(order.index(row.id) for row in alone) < 25


async def test_transactions_are_small_while_another_writer_waits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "SMALL_GROUP", 2)
    terms: Any = {"timeout_seconds": 60, "max_attempts": 3}
    async with database.write() as connection:
        items = [NewAnalysis("text", "{}", 5, input_text="x")] * 12
        await insert_batch(connection, VIEWER, new_id("batch"), None, items, utcnow(), **terms)
        rows = await claims.claim(connection, "w", lambda analyzer: 12, utcnow())
    commits: list[frozenset[str]] = []
    database.on_commit(commits.append)
    writer = Recorder(database)
    ended = [
        Outcome(
            row.id,
            row.lease,
            End.COMPLETED,
            "{}",
            origin=Origin(row.workspace, row.batch_id, row.attempt, row.analyzer),
        )
        for row in rows
    ]
    async with running(writer), asyncio.timeout(300):
        writer.put(ended[:6])
        await writer.is_empty()
        assert len(commits) == 1
        writer.somebody_waits()
        writer.put(ended[6:])
        await writer.is_empty()
    assert writer.completed == 12
    assert len(commits) == 4
