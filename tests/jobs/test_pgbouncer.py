"""New work behind PgBouncer, which passes on no notifications to its clients but takes their own."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

import pytest
from pgqueuer.models import Job

from jobs import distributed
from jobs.distributed import Distributed
from settings import Settings
from store.sql.database import Database
from tests.jobs.working import working
from tests.support import until

pytestmark = pytest.mark.needs("postgresql", "pgbouncer")


@pytest.fixture(autouse=True)
def no_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers look for work only when they are woken."""
    monkeypatch.setattr(distributed, "POLL_SECONDS", 3_600.0)


async def test_a_commit_wakes_the_worker_of_its_process(pgbouncer_url: str, tmp_path: Path) -> None:
    async with working(pgbouncer_url, tmp_path) as work:
        worker = work.start()
        for number in range(3):  # a worker looks once at its start: that is not enough for all
            await work.ended(await work.submit("echo", f"item{number}"))
        assert worker.completed == 3


async def test_work_of_a_client_of_pgbouncer_wakes_a_direct_worker(
    pgbouncer_url: str, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Collection[Job]] = []

    async def look() -> Collection[Job]:
        looks.append(await take())
        return looks[-1]

    async with working(pgbouncer_url, tmp_path) as work:
        direct = Database(Settings(database_url=postgresql_url).database)
        engine = Distributed(direct)
        take = engine._take
        monkeypatch.setattr(engine, "_take", look)
        running = asyncio.create_task(engine.run())
        try:
            await until(lambda: engine._queries, what="the worker to listen")
            await engine.receive()  # the look at the start
            await engine.done(found=False)
            waiting = asyncio.create_task(engine.receive())
            await until(lambda: looks, what="a look that finds nothing")
            await work.submit("echo", "item")
            async with asyncio.timeout(300):
                await waiting
            assert [len(found) for found in looks] == [0, 1]
        finally:
            running.cancel()
            await asyncio.wait([running])
            await direct.close()
        worker = work.start()
        await until(lambda: worker.completed == 1, what="the analysis to end")
