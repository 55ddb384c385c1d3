"""A worker process that is killed, stopped or terminated: no analysis is lost and none is recorded twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.keeper import Keeper
from store.queue.workers import all_workers
from store.sql.ids import new_id
from store.tables import AnalysisEventType, AnalysisStatus, BatchStatus
from tests.jobs.processes import Process, runs, stall
from tests.jobs.working import Work, working
from tests.store.truth import history, whole_log
from tests.support import until

pytestmark = pytest.mark.long


@pytest.fixture
async def work(database_url: str, tmp_path: Path) -> AsyncIterator[Work]:
    async with working(database_url, tmp_path) as work:
        yield work


async def test_a_killed_worker_loses_nothing_and_records_nothing_twice(work: Work, processes: list[Process]) -> None:
    batch_id = new_id("batch")
    texts = [f"item{index:03}" for index in range(400)]
    await work.submit("echo", *texts, batch_id=batch_id, seconds=0.004, max_attempts=9)

    for kill_at in sorted(random.sample(range(20, 380), 3)):
        process = Process(work.database)
        processes.append(process)

        async def far_enough(count: int = kill_at) -> bool:
            return (await work.batch(batch_id)).processed >= count

        await until(far_enough, what=f"{kill_at} items")
        await process.kill()
    processes.append(Process(work.database))
    batch = await work.batch_ended(batch_id)

    assert (batch.status, batch.processed) == (BatchStatus.COMPLETED, 400)
    ends = Counter(
        event.subject for event in await whole_log(work.database) if event.type == AnalysisEventType.ANALYSIS_COMPLETED
    )
    assert ends == dict.fromkeys([row.id for row in await work.items(batch_id)], 1)
    assert all(work.starts(text) <= row.attempt for text, row in zip(texts, await work.items(batch_id), strict=True))


async def test_the_claims_of_a_killed_worker_are_requeued_at_once(
    work: Work, processes: list[Process], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    ids = await work.submit("echo", "first", "second", until=str(gate))
    process = Process(work.database, lease_seconds=3600)
    processes.append(process)
    await work.has_started("first", "second")
    await process.kill()
    gate.touch()
    work.start()
    rows = await work.ended(ids)
    assert [(row.status, row.attempt) for row in rows] == [("COMPLETED", 2)] * 2
    retried = [f"ANALYSIS_{name}" for name in ("QUEUED", "STARTED", "RETRYING", "STARTED", "COMPLETED")]
    assert [await history(work.database, each) for each in ids] == [retried] * 2
    async with work.database.read() as connection:
        assert [row.pid for row in await all_workers(connection)] == [os.getpid()]


async def test_a_killed_workers_item_without_attempts_left_fails(
    work: Work, processes: list[Process], tmp_path: Path
) -> None:
    ids = await work.submit("echo", "only", until=str(tmp_path / "never"), max_attempts=1)
    process = Process(work.database)
    processes.append(process)
    await work.has_started("only")
    await process.kill()
    (row,) = await work.ended(ids)
    assert (row.status, row.attempt, row.error_code, row.error_retryable) == ("FAILED", 1, "WORKER_LOST", True)


async def test_a_cancel_outlives_its_worker(work: Work, processes: list[Process], tmp_path: Path) -> None:
    ids = await work.submit("echo", "only", until=str(tmp_path / "never"))
    process = Process(work.database)
    processes.append(process)
    await work.has_started("only")
    await stall(process.popen.pid, work.database.url)
    await work.cancel(ids[0])
    process.signal(signal.SIGKILL)
    (row,) = await work.ended(ids)
    assert (row.status, row.attempt) == (AnalysisStatus.CANCELED, 1)


async def test_a_worker_that_stalled_past_its_lease_overwrites_nothing(
    work: Work, processes: list[Process], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    batch_id = new_id("batch")
    await work.submit("echo", "one", "two", "three", batch_id=batch_id, until=str(gate))
    stalled = Process(work.database)
    processes.append(stalled)
    await work.has_started("one", "two", "three")
    await stall(stalled.popen.pid, work.database.url)
    await _leases_are_over(work, batch_id)

    second = work.start()
    await until(lambda: all(work.starts(text) == 2 for text in ("one", "two", "three")), what="the second attempts")
    gate.touch()
    assert (await work.batch_ended(batch_id)).processed == 3
    await until(lambda: second.completed == 3)
    before = [event.position for event in await whole_log(work.database)]

    stalled.signal(signal.SIGCONT)
    # Once the worker runs another analysis, it has read the outcomes of its processes.
    (more,) = await work.submit("echo", "more")
    await work.ended([more])
    stalled.signal(signal.SIGTERM)
    assert await stalled.ended() == 0
    items = await work.items(batch_id)
    assert [(row.status, row.attempt) for row in items] == [("COMPLETED", 2)] * 3
    after = [event for event in await whole_log(work.database) if event.subject != more]
    assert [event.position for event in after] == before


async def test_a_worker_that_stalled_past_its_lease_stops_its_lost_items(
    work: Work, processes: list[Process], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    batch_id = new_id("batch")
    await work.submit("echo", "one", "two", batch_id=batch_id, until=str(gate))
    stalled = Process(work.database, slots=2, lease_seconds=6)
    processes.append(stalled)
    await work.has_started("one", "two")
    await stall(stalled.popen.pid, work.database.url)
    await _leases_are_over(work, batch_id)
    work.start(slots=2)
    await until(lambda: work.starts("one") == work.starts("two") == 2, what="the second attempts")

    # The other worker has no free slot; the resumed one has, once it learns of its lost leases.
    stalled.signal(signal.SIGCONT)
    ids = await work.submit("echo", "three", "four", until=str(gate))
    await work.has_started("three", "four")
    gate.touch()
    await work.batch_ended(batch_id)
    rows = await work.ended(ids) + await work.items(batch_id)
    assert [(row.status, row.attempt) for row in rows] == [("COMPLETED", 1)] * 2 + [("COMPLETED", 2)] * 2


async def _leases_are_over(work: Work, batch_id: str) -> None:
    """Return once the whole batch is queued again.

    The keeper's short lease would expire for working workers too: none may run meanwhile.
    """

    async def waiting() -> bool:
        return {row.status for row in await work.items(batch_id)} == {"QUEUED"}

    hasty = asyncio.create_task(Keeper(work.database, timedelta(seconds=1)).run())
    try:
        await until(waiting, what="the leases to be over")
    finally:
        hasty.cancel()
        await asyncio.wait([hasty])


async def test_sigterm_requeues_running_work(work: Work, processes: list[Process], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    batch_id = new_id("batch")
    await work.submit("echo", *(f"item{index}" for index in range(10)), batch_id=batch_id, until=str(gate))
    process = Process(work.database, lease_seconds=3600)
    processes.append(process)
    await until(lambda: len(list(work.folder.iterdir())) == 3, what="three items to begin")
    children = process.children()
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    assert not any(map(runs, children))
    assert [(row.status, row.attempt) for row in await work.items(batch_id)] == [("QUEUED", 0)] * 10
    async with work.database.read() as connection:
        assert await all_workers(connection) == []
    gate.touch()
    work.start()
    assert (await work.batch_ended(batch_id)).processed == 10
