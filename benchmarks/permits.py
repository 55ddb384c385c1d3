"""Measure the cost and benefit of permits on PostgreSQL: Assay's engine, no permits, and PgQueuer's manager, in turns.

    python -m benchmarks.permits [--items 10000] [--rounds 3]

Without permits, a worker learns only of submissions by its own process. The manager prefetches permits, so a busy
worker can hold a permit while another worker is idle.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from unittest.mock import patch
from uuid import uuid4

import asyncpg
import structlog
import uvloop
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from rich.console import Console
from rich.table import Table

from jobs.distributed import REDELIVERY, Distributed
from jobs.engine import POLL_SECONDS, Embedded, Engine
from jobs.supervision import wait_for
from jobs.worker import Worker
from settings import Settings
from store.queue.permits import CHANNEL, ENTRYPOINT, queries
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from tests.jobs.analyzers_for_tests import load
from tests.jobs.working import WHERE, Work
from tests.support import POSTGRESQL_URL, until

LONE = 100


class Managed:
    """An engine on PgQueuer's manager, which fetches permits and holds each until the worker has polled the queue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._news = asyncio.Event()
        self._news.set()
        self._held: list[asyncio.Event] = []

    async def run(self) -> None:
        """Fetch permits until cancelled."""
        async with self._database.apart("assay permits") as connection:
            manager = QueueManager(queries(connection), CHANNEL)

            @manager.entrypoint(ENTRYPOINT)
            async def chunk(_: Job) -> None:
                used = asyncio.Event()
                self._held.append(used)
                self._news.set()
                await used.wait()

            # The minimum: twice the number of permits fetched at once.
            task = asyncio.create_task(manager.run(batch_size=1, max_concurrent_tasks=2, heartbeat_timeout=REDELIVERY))
            try:
                await asyncio.shield(task)
            finally:  # the manager waits for fetched permits, and fetches more until its shutdown is set
                manager.shutdown.set()
                while not task.done():
                    for used in self._held:
                        used.set()
                    await asyncio.wait([task], timeout=0.1)

    async def receive(self) -> None:
        """Wait for a permit, at most `POLL_SECONDS`."""
        if not self._held:
            await wait_for(self._news, POLL_SECONDS)
        self._news.clear()

    async def done(self, *, found: bool) -> None:
        """Return the permit, and look again if work was found."""
        if self._held:
            self._held.pop(0).set()
        if found:
            self.wake()

    def wake(self) -> None:
        """Wake the worker without a permit."""
        self._news.set()


async def _leave_none(*_: object) -> None:
    """Replace the function that writes a transaction's permits."""


WAYS: dict[str, Callable[[Database], Engine]] = {"none": Embedded, "permits": Distributed, "manager": Managed}
_names = count()


@asynccontextmanager
async def working(work: Work, way: str, workers: int, slots: int) -> AsyncIterator[None]:
    """Run warm workers with this engine."""
    with patch("store.queue.announcements._leave_permits", _leave_none) if way == "none" else nullcontext():
        running = []
        for number in range(workers):
            engine = WAYS[way](work.database)
            worker = Worker(work.database, load(), slots=slots, instance=f"{number}", where=WHERE, engine=engine)
            running.append((worker, asyncio.create_task(worker.run())))
        await until(lambda: all(len(worker._free) == slots for worker, _ in running))
        await lone(work)
        try:
            yield
        finally:
            for worker, task in running:
                await worker.stop(0)
                await task


async def lone(work: Work) -> float:
    """Return the milliseconds from before the submission of one item until its end is visible."""
    began = perf_counter()
    ids = await work.submit("echo", f"lone{next(_names)}", folder="")
    while (await work.rows(ids))[0].finished_at is None:  # noqa: ASYNC110 — another connection's commit is no event
        await asyncio.sleep(0.001)
    return (perf_counter() - began) * 1000


async def throughput(work: Work, way: str, items: int) -> float:
    """Return the items a second of one batch, from its submission."""
    async with working(work, way, 1, 2):
        batch_id = new_id("batch")
        await work.submit("echo", *(f"{number}" for number in range(items)), batch_id=batch_id, folder="")
        began = perf_counter()
        await work.batch_ended(batch_id)
        return items / (perf_counter() - began)


async def latency(work: Work, way: str) -> list[float]:
    """Return the milliseconds of lone items, in sequence."""
    async with working(work, way, 1, 2):
        return [await lone(work) for _ in range(LONE)]


async def beside_a_busy_worker(work: Work, way: str) -> list[float]:
    """Return the milliseconds of lone items while one of two workers is busy."""
    gate = Path(work.folder) / uuid4().hex
    async with working(work, way, 2, 1):
        number = next(_names)
        (busy,) = await work.submit("echo", f"busy{number}", until=str(gate))
        await work.has_started(f"busy{number}")
        found = [await lone(work) for _ in range(LONE // 5)]
        gate.touch()
        await work.ended([busy])
        return found


async def main(items: int, rounds: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    connection = await asyncpg.connect(POSTGRESQL_URL)
    name = f"assay_bench_{uuid4().hex}"
    await connection.execute(f"CREATE DATABASE {name}")
    database = Database(Settings(database_url=POSTGRESQL_URL.rpartition("/")[0] + f"/{name}").database)
    figures: dict[str, list[list[float]]] = {way: [[], [], []] for way in WAYS}
    try:
        await migrate(database)
        with tempfile.TemporaryDirectory() as folder:
            work = Work(database, Path(folder))
            for number in range(rounds):
                for way in sorted(WAYS, reverse=number % 2 == 1):
                    figures[way][0].append(await throughput(work, way, items))
                    figures[way][1] += await latency(work, way)
                    figures[way][2] += await beside_a_busy_worker(work, way)
    finally:
        await database.close()
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()
    table = Table("", "items a second", "lone item ms, p50 / p99", "the same beside a busy worker")
    for way, (speeds, lone_ms, beside_ms) in figures.items():
        table.add_row(way, f"{median(speeds):,.0f}", *(_two(each) for each in (lone_ms, beside_ms)))
    Console().print(table)


def _two(values: list[float]) -> str:
    return f"{median(values):.1f} / {quantiles(values, n=100)[98]:.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the cost and benefit of permits.")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    uvloop.run(main(given.items, given.rounds))
