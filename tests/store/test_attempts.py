"""Attempts of an analysis: all of them, over retries by the server and by clients, also without the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from store import tables
from store.queue import attempts as kept
from store.queue import claims, finish
from store.queue.attempts import Attempt, attempts_by_id
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.finish import End, Origin, Outcome
from store.queue.leases import wake_waiting
from store.queue.retries import retry_analyses
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.stops import request_stop
from store.tables import AnalysisStatus

NOW = utcnow()
FAULT = Fault("ANALYZER_FAILED", "It failed.", retryable=True)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def do(database: Database, function: Any, *arguments: Any, **named: Any) -> Any:
    """Call a function of the store in a transaction of its own."""
    async with database.write() as connection:
        return await function(connection, *arguments, **named)


async def submit(database: Database) -> str:
    id_ = new_id("analysis")
    items = [NewAnalysis("text", "{}", 5, input_text="x")]
    await do(database, insert_analyses, VIEWER, items, NOW, timeout_seconds=60, max_attempts=10, ids=[id_])
    return id_


async def attempt(database: Database, began: float, ended: float, end: End, worker: str = "worker_a") -> None:
    """Claim the analysis, and end its attempt."""
    await do(database, wake_waiting, at(began))
    [row] = await do(database, claims.claim, worker, lambda analyzer: 1, at(began))
    outcome = Outcome(row.id, row.lease, end, processing_time_ms=5)
    if end is End.COMPLETED:
        outcome = outcome._replace(result="{}", origin=Origin(row.workspace, row.batch_id, row.attempt, row.analyzer))
    elif end is not End.GIVEN_BACK:
        outcome = outcome._replace(fault=FAULT, retry_at=at(ended) if end is End.AGAIN else None)
    assert len(await do(database, finish.finish, [outcome], at(ended))) == 1


async def retry(database: Database, id_: str, seconds: float) -> None:
    assert await do(database, retry_analyses, VIEWER, tables.analysis.c.id == id_, now=at(seconds)) == [id_]


async def attempts(database: Database, id_: str) -> list[Attempt]:
    async with database.read() as connection:
        return (await attempts_by_id(connection, VIEWER, [id_]))[id_]


async def stored(database: Database, id_: str) -> Any:
    async with database.read() as connection:
        statement = select(tables.analysis.c.attempts).where(tables.analysis.c.id == id_)
        return (await connection.execute(statement)).scalar_one()


async def test_a_completed_analysis_stores_nothing_more(database: Database) -> None:
    id_ = await submit(database)
    assert await attempts(database, id_) == []
    await attempt(database, 1, 2, End.COMPLETED)
    assert await attempts(database, id_) == [Attempt(1, 1, at(1), at(2), "worker_a", None)]
    assert await stored(database, id_) is None


async def test_attempts_over_all_runs(database: Database) -> None:
    id_ = await submit(database)
    await attempt(database, 1, 2, End.AGAIN)
    first = Attempt(1, 1, at(1), at(2), "worker_a", FAULT)
    assert await attempts(database, id_) == [first]
    await do(database, wake_waiting, at(3))
    await do(database, claims.claim, "worker_b", lambda analyzer: 1, at(3))
    assert await attempts(database, id_) == [first, Attempt(2, 1, at(3), None, "worker_b", None)]
    async with database.read() as connection:
        lease = (await connection.execute(select(tables.analysis.c.lease))).scalar_one()
    await do(database, finish.finish, [Outcome(id_, lease, End.FAILED, fault=FAULT)], at(4))
    second = Attempt(2, 1, at(3), at(4), "worker_b", FAULT)
    assert await attempts(database, id_) == [first, second]
    await retry(database, id_, 10)
    assert await attempts(database, id_) == [first, second]
    await attempt(database, 11, 12, End.COMPLETED)
    third = Attempt(3, 2, at(11), at(12), "worker_a", None)
    assert await attempts(database, id_) == [first, second, third]
    async with database.write() as connection:  # as the clean-up of the log does
        await connection.execute(delete(tables.event))
    assert await attempts(database, id_) == [first, second, third]


async def test_a_stop_in_the_pause_before_an_attempt_adds_none(database: Database) -> None:
    id_ = await submit(database)
    await attempt(database, 1, 2, End.AGAIN)
    await do(database, request_stop, VIEWER, id_, AnalysisStatus.CANCELED, at(3))
    first = Attempt(1, 1, at(1), at(2), "worker_a", FAULT)
    assert await attempts(database, id_) == [first]
    await retry(database, id_, 4)
    assert await attempts(database, id_) == [first]
    await attempt(database, 5, 6, End.FAILED)
    assert await attempts(database, id_) == [first, Attempt(2, 2, at(5), at(6), "worker_a", FAULT)]


async def test_an_attempt_given_back_does_not_count(database: Database) -> None:
    id_ = await submit(database)
    await attempt(database, 1, 2, End.GIVEN_BACK)
    assert await attempts(database, id_) == []
    await attempt(database, 3, 4, End.AGAIN)
    await attempt(database, 5, 6, End.GIVEN_BACK)
    assert await attempts(database, id_) == [Attempt(1, 1, at(3), at(4), "worker_a", FAULT)]
    await do(database, request_stop, VIEWER, id_, AnalysisStatus.CANCELED, at(7))
    await retry(database, id_, 8)
    await do(database, request_stop, VIEWER, id_, AnalysisStatus.CANCELED, at(9))
    await retry(database, id_, 10)  # the second run had no attempt
    await attempt(database, 11, 12, End.COMPLETED)
    assert [(each.number, each.run) for each in await attempts(database, id_)] == [(1, 1), (2, 3)]


async def test_the_newest_attempts_are_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept.MOST_ATTEMPTS == 100
    monkeypatch.setattr(kept, "MOST_ATTEMPTS", 3)
    id_ = await submit(database)
    for number in range(4):
        await attempt(database, 10 * number, 10 * number + 1, End.FAILED)
        await retry(database, id_, 10 * number + 2)
    assert [each.number for each in await attempts(database, id_)] == [2, 3, 4]
    await attempt(database, 90, 91, End.COMPLETED)
    found = await attempts(database, id_)
    assert [(each.number, each.run) for each in found] == [(3, 3), (4, 4), (5, 5)]
    assert found[-1] == Attempt(5, 5, at(90), at(91), "worker_a", None)
