"""The order of claims within one priority, and the indexes that find it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.batches import insert_batch, request_batch_stop
from store.queue import claims, fairness
from store.queue import finish as finishing
from store.queue.claims import Claimed
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.fairness import Lane
from store.queue.finish import End, Outcome
from store.queue.leases import wake_waiting
from store.queue.retries import retry_batch
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisStatus
from tests.store.truth import assert_consistent

NOW = utcnow()
TERMS: dict[str, Any] = {"timeout_seconds": 60, "max_attempts": 3}


def item(analyzer: str = "text", priority: int = 5) -> NewAnalysis:
    return NewAnalysis(analyzer, "{}", priority, input_text="x")


async def submit(database: Database, count: int, analyzer: str = "text", priority: int = 5) -> str:
    """Submit a batch. Returns its id."""
    batch_id = new_id("batch")
    async with database.write() as connection:
        await insert_batch(connection, VIEWER, batch_id, None, [item(analyzer, priority)] * count, NOW, **TERMS)
    return batch_id


async def submit_alone(database: Database, analyzer: str = "text", priority: int = 5) -> str:
    typed_id = new_id("analysis")
    async with database.write() as connection:
        await insert_analyses(connection, VIEWER, [item(analyzer, priority)], NOW, ids=[typed_id], **TERMS)
    return typed_id


async def claim(
    database: Database, most: int, analyzers: Sequence[str] | None = None, lane: Lane | None = None
) -> list[Claimed]:
    async with database.write() as connection:
        return await claims.claim(connection, "w", lambda _: most, NOW, analyzers=analyzers, lane=lane)


async def finish(database: Database, rows: Sequence[Claimed], end: End) -> None:
    async with database.write() as connection:
        await finishing.finish(connection, [Outcome(row.id, row.lease, end, retry_at=NOW) for row in rows], NOW)


async def turns_of(database: Database, batch_id: str) -> list[int]:
    statement = select(tables.analysis.c.turn).where(tables.analysis.c.batch_id == batch_id)
    async with database.read() as connection:
        return list((await connection.execute(statement.order_by(tables.analysis.c.position))).scalars())


async def test_a_single_analysis_is_claimed_before_the_rest_of_a_batch(database: Database) -> None:
    await submit(database, 10_000)
    await claim(database, 300)
    alone = await submit_alone(database)
    assert [row.id for row in await claim(database, 300)] == [alone]


async def test_two_batches_share_the_claims(database: Database) -> None:
    first = await submit(database, 2000)
    await claim(database, 500)
    second = await submit(database, 2000)
    served: Counter[str | None] = Counter()
    for _ in range(12):
        served.update(row.batch_id for row in await claim(database, 50))
        assert abs(served[first] - served[second]) <= 100
    assert served.total() == 600
    await assert_consistent(database)


async def test_many_single_analyses_leave_room_for_a_batch(database: Database) -> None:
    await submit(database, 100)
    alone = [await submit_alone(database) for _ in range(40)]
    seen: list[Claimed] = []
    while len(seen) < 140:
        seen += await claim(database, 1)
    assert [row.id for row in seen if row.batch_id is None] == alone
    assert seen[0].id == alone[0]
    assert any(row.batch_id for row in seen[:20])


async def test_an_empty_lane_keeps_the_virtual_time_of_the_others(database: Database) -> None:
    await submit(database, 1000)
    await claim(database, 500)
    other = await submit(database, 1000, "other")
    served: Counter[str] = Counter()
    for _ in range(10):
        served.update(row.analyzer for row in await claim(database, 16))
    assert abs(served["text"] - served["other"]) <= 32
    assert (await turns_of(database, other))[0] > 400


@pytest.mark.parametrize("end", [End.GIVEN_BACK, End.AGAIN])
async def test_requeued_items_do_not_hold_virtual_time_back(database: Database, end: End) -> None:
    await submit(database, 2000)
    early = await claim(database, 3)
    await claim(database, 1000)
    await finish(database, early, end)
    async with database.write() as connection:
        assert await wake_waiting(connection, NOW) == (3 if end is End.AGAIN else 0)
    later = await submit(database, 10)
    assert min(await turns_of(database, later)) >= 1000 - fairness.BLOCK
    assert [row.id for row in await claim(database, 3)] == [row.id for row in early]


async def test_a_retried_batch_queues_at_the_current_virtual_time(database: Database) -> None:
    again = await submit(database, 100)
    async with database.write() as connection:
        await request_batch_stop(connection, VIEWER, again, AnalysisStatus.CANCELED, NOW)
    await submit(database, 1000)
    await claim(database, 640)
    async with database.write() as connection:
        assert await retry_batch(connection, VIEWER, again, NOW) == 100
    turns = await turns_of(database, again)
    assert turns == sorted(turns)
    assert (turns[0], turns[-1]) == (641, 641 + 96)


async def test_later_items_of_a_batch_queue_behind_its_earlier_ones(database: Database) -> None:
    batch_id = await submit(database, 100)
    async with database.write() as connection:
        await insert_analyses(connection, VIEWER, [item()] * 32, NOW, batch_id=batch_id, first_position=100, **TERMS)
    turns = await turns_of(database, batch_id)
    assert turns == sorted(turns)
    assert turns[99] < turns[100] <= turns[99] + fairness.BLOCK


async def test_claims_are_limited_to_the_given_analyzers_and_lanes(database: Database) -> None:
    for analyzer, priority in (("a", 9), ("b", 5), ("b", 1), ("c", 7)):
        await submit(database, 1, analyzer, priority)

    async def claimed(analyzers: Sequence[str] | None = None, lane: Lane | None = None) -> list[Lane]:
        return [Lane(row.analyzer, row.priority) for row in await claim(database, 5, analyzers, lane)]

    assert await claimed([]) == []
    assert await claimed(["gone"]) == []
    assert await claimed(["a"], Lane("b", 1)) == [("b", 1)]
    assert await claimed(lane=Lane("b", 1)) == []
    assert await claimed(["b", "c"]) == [("c", 7)]
    assert await claimed() == [("a", 9)]
    assert await claimed(["b", "c"]) == [("b", 5)]
    assert await claimed() == []


async def test_every_lane_has_a_head(database: Database) -> None:
    for analyzer, priority, count in (("b", 3, 2), ("a", 1, 1), ("a", 10, 3), ("c", 3, 1)):
        await submit(database, count, analyzer, priority)
    alone = [await submit_alone(database, "b", 3) for _ in range(3)]
    async with database.read() as connection:
        heads = await fairness.heads(connection)
    assert [head.lane for head in heads] == [("a", 10), ("a", 1), ("b", 3), ("c", 3)]
    assert [(head.id == alone[0], head.last_alone) for head in heads] == [
        (False, None),
        (False, None),
        (True, heads[2].turn + 2),
        (False, None),
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_only_rows_at_heads_are_read(database: Database) -> None:
    async def plan(connection: AsyncConnection, statement: str, *values: object) -> list[str]:
        found = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return [row.detail for row in found.all() if "analysis" in row.detail or " next " in row.detail]

    async with database.read() as connection:
        first = await plan(connection, fairness._FIRST, '["text"]')
        heads = await plan(connection, fairness._HEADS)
    for line in first + heads:
        assert "analysis_queue" in line or "analysis_alone" in line or "(id=?)" in line, line
