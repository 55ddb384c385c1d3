"""A real worker's counts and times of real analyses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.queue.timings import all_timings
from store.queue.workers import all_workers
from store.sql.ids import new_id
from tests.jobs.working import Work, working
from tests.support import until


@pytest.fixture
async def work(database_url: str, tmp_path: Path) -> AsyncIterator[Work]:
    async with working(database_url, tmp_path) as work:
        yield work


async def test_every_analysis_is_counted_once(work: Work) -> None:
    work.start(slots=2)
    batch_id = new_id("batch")
    ids = await work.submit("echo", *(f"text {number}" for number in range(200)), batch_id=batch_id)
    ids += await work.submit("refuse", "refused")
    ids += await work.submit("flaky", "flaky", failures=1)
    await work.ended(ids)
    await work.close()
    async with work.database.read() as connection:
        found = await all_timings(connection)
    assert found.ends == {"COMPLETED": 201, "FAILED": 1}
    assert sum(found.seconds.values()) == 202
    assert (found.waiting.count, found.processing.count, found.total.count) == (202, 202, 202)
    # The total contains waiting and processing.
    assert found.total.microseconds >= found.waiting.microseconds
    assert found.total.microseconds >= found.processing.microseconds


async def test_a_heartbeat_names_the_running_analyses(work: Work) -> None:
    work.start(slots=2)
    done = work.folder / "done"
    (running,) = await work.submit("echo", "running", until=str(done))
    await work.has_started("running")

    async def told() -> tuple[int, int, str]:
        async with work.database.read() as connection:
            (row,) = await all_workers(connection)
        return row.slots, row.busy, row.current

    async def tells_of_it() -> bool:
        return await told() == (2, 1, f'["{running}"]')

    await until(tells_of_it, what="the running analysis")
    done.touch()
    await work.ended([running])

    async def tells_of_nothing() -> bool:
        return await told() == (2, 0, "[]")

    await until(tells_of_nothing, what="idle slots")
