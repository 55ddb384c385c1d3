"""Many concurrent workers and clients: no item is claimed twice, no deadlock occurs, and the rows stay consistent."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from store import tables
from store.batches import insert_batch, request_batch_stop
from store.queue import claims, finish
from store.queue.claims import Claimed
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.finish import End, Outcome
from store.queue.retries import retry_batch
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisEventType, AnalysisStatus, BatchEventType
from tests.store.truth import assert_consistent, whole_log


def items(count: int) -> list[NewAnalysis]:
    return [NewAnalysis("text", "{}", 5, input_text="x") for _ in range(count)]


async def submit_batches(database: Database, count: int, size: int) -> list[str]:
    batch_ids = [new_id("batch") for _ in range(count)]
    for batch_id in batch_ids:
        async with database.write() as connection:
            await insert_batch(
                connection, VIEWER, batch_id, None, items(size), utcnow(), timeout_seconds=60, max_attempts=3
            )
    return batch_ids


async def work(database: Database, worker_id: str, kinds: list[End]) -> list[Claimed]:
    """Claim and finish items until none is left, in groups other than the claims. Returns all claims."""
    claimed: list[Claimed] = []
    unfinished: list[Claimed] = []
    while True:
        async with database.write() as connection:
            rows = await claims.claim(connection, worker_id, lambda analyzer: random.randint(1, 9), utcnow())
        claimed += rows
        unfinished += rows
        random.shuffle(unfinished)
        part = unfinished[: random.randint(1, 12)] if rows else unfinished
        if not part:
            return claimed
        outcomes = [
            Outcome(row.id, row.lease, end, "{}" if end is End.COMPLETED else None)
            for row in part
            for end in [random.choice(kinds)]
        ]
        async with database.write() as connection:
            held = await finish.finish(connection, outcomes, utcnow())
        assert {outcome.id for outcome in held} == {row.id for row in part}
        del unfinished[: len(part)]


async def test_no_item_is_claimed_twice(database: Database) -> None:
    batch_ids = await submit_batches(database, 3, 60)
    async with database.write() as connection:
        await insert_analyses(connection, VIEWER, items(20), utcnow(), timeout_seconds=60, max_attempts=3)
    claims = await asyncio.gather(*(work(database, f"w{number}", [End.COMPLETED]) for number in range(8)))
    times = Counter(row.id for rows in claims for row in rows)
    assert len(times) == 200
    assert set(times.values()) == {1}
    ends = Counter(event.type for event in await whole_log(database))
    assert ends[AnalysisEventType.ANALYSIS_COMPLETED] == 200
    assert ends[BatchEventType.BATCH_COMPLETED] == len(batch_ids)
    await assert_consistent(database)


async def test_workers_and_clients_do_not_block_each_other(database: Database) -> None:
    batch_ids = await submit_batches(database, 4, 60)

    async def stop_and_retry(batch_id: str) -> None:
        for _ in range(5):
            async with database.write() as connection:
                await request_batch_stop(connection, VIEWER, batch_id, AnalysisStatus.CANCELED, utcnow())
            async with database.write() as connection:
                await retry_batch(connection, VIEWER, batch_id, utcnow())

    ends = [End.COMPLETED, End.COMPLETED, End.FAILED, End.GIVEN_BACK]
    async with asyncio.timeout(300):
        await asyncio.gather(
            *(work(database, f"w{number}", ends) for number in range(6)), *map(stop_and_retry, batch_ids)
        )
        await work(database, "last", [End.COMPLETED])
    await assert_consistent(database)
    async with database.read() as connection:
        open_rows = (await connection.execute(tables.analysis.select().where(tables.unended))).all()
    assert open_rows == []
