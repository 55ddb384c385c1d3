"""Measure the cost and benefit of permits on PostgreSQL: Assay's engine beside three others, in turns.

    python -m benchmarks.permits [--ways bus permits] [--workers 1] [--items 10000] [--rounds 3]

The ways are `none`: no permits, so that a worker learns only of submissions by its own process; `bus`: no permits, and
the bus announces new work to every worker; `permits`: Assay's own; `manager`: PgQueuer's manager, which prefetches
permits, so that a busy worker can hold a permit while another worker is idle. Except with `none`, a worker has a
database connection and a bus apart from the submitter's, as in a process of its own. CPU time is that of this process
and of PostgreSQL's sessions, without the sandboxes. The last row compares the first two ways.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from unittest.mock import patch
from uuid import uuid4

import asyncpg
import psutil
import structlog
import uvloop
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from events.bus import SHARED, Bus
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
        async with self._database.apart("permits") as connection:
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


WAYS: dict[str, Callable[[Database], Engine]] = {
    "none": Embedded,
    "bus": Embedded,
    "permits": Distributed,
    "manager": Managed,
}
_names = count()


@asynccontextmanager
async def working(work: Work, way: str, workers: int, slots: int) -> AsyncIterator[asyncio.Event]:
    """Run warm workers with this engine. The event is set after each commit of theirs."""
    committed = asyncio.Event()
    async with AsyncExitStack() as stack:
        if way in ("none", "bus"):
            stack.enter_context(patch("store.queue.announcements._leave_permits", _leave_none))
        if way == "bus":
            stack.enter_context(patch("events.bus.SHARED", SHARED | {"queue"}))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        buses = []
        running = []

        def connect(database: Database, listener: Callable[[frozenset[str]], None]) -> None:
            bus = Bus(Settings(database_url=work.database.url.render_as_string(hide_password=False)).bus)
            database.on_commit(bus.publish)
            stack.callback(database._listeners.remove, bus.publish)
            bus.listen(listener)
            stack.callback(tasks.create_task(bus.run()).cancel)
            buses.append(bus)

        connect(work.database, lambda _news: None)
        for number in range(workers):
            database = work.database
            if way != "none":
                database = Database(work.database.url.render_as_string(hide_password=False))
                stack.push_async_callback(database.close)
            database.on_commit(lambda _news: committed.set())
            engine = WAYS[way](database)
            worker = Worker(database, load(), slots=slots, instance=f"{number}", where=WHERE, engine=engine)
            if way != "none":
                connect(database, _hearer(worker, engine))
            running.append(worker)
            stack.push_async_callback(_stop, worker, tasks.create_task(worker.run()))
        await until(lambda: all(len(worker._free) == slots for worker in running) and all(bus.live for bus in buses))
        await lone(work, committed)
        yield committed


def _hearer(worker: Worker, engine: Engine) -> Callable[[frozenset[str]], None]:
    def hear(news: frozenset[str]) -> None:
        worker.hear(news)
        if "queue" in news:
            engine.wake()

    return hear


async def _stop(worker: Worker, task: asyncio.Task[None]) -> None:
    await worker.stop(0)
    await task


async def lone(work: Work, committed: asyncio.Event) -> float:
    """Return the milliseconds from before the submission of one item until its end is visible."""
    began = perf_counter()
    ids = await work.submit("echo", f"lone{next(_names)}", folder="")
    while True:
        committed.clear()
        if (await work.rows(ids))[0].finished_at is not None:
            return (perf_counter() - began) * 1000
        await committed.wait()


async def cpu_seconds(work: Work) -> float:
    """Return the CPU time of this process, and of PostgreSQL's open sessions if they run on this machine."""
    async with work.database.read() as connection:
        listed = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        pids = list((await connection.execute(listed)).scalars())
    seconds = process_time()
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            seconds += sum(psutil.Process(pid).cpu_times()[:2])
    return seconds


@dataclass(slots=True)
class Figures:
    """One way's figures over all rounds: speeds by round, times by item, CPU time by round and item."""

    items_a_second: list[float] = field(default_factory=list)
    batch_cpu_us: list[float] = field(default_factory=list)
    lone_ms: list[float] = field(default_factory=list)
    lone_cpu_ms: list[float] = field(default_factory=list)
    beside_ms: list[float] = field(default_factory=list)

    async def add(self, work: Work, way: str, workers: int, items: int) -> None:
        """Measure one round."""
        async with working(work, way, workers, 2) as committed:
            batch_id = new_id("batch")
            await work.submit("echo", *(f"{number}" for number in range(items)), batch_id=batch_id, folder="")
            began, cpu = perf_counter(), await cpu_seconds(work)
            await work.batch_ended(batch_id)
            self.items_a_second.append(items / (perf_counter() - began))
            self.batch_cpu_us.append((await cpu_seconds(work) - cpu) / items * 1e6)
            cpu = await cpu_seconds(work)
            self.lone_ms += [await lone(work, committed) for _ in range(LONE)]
            self.lone_cpu_ms.append((await cpu_seconds(work) - cpu) / LONE * 1e3)
        gate = Path(work.folder) / uuid4().hex
        async with working(work, way, 2, 1) as committed:
            number = next(_names)
            (busy,) = await work.submit("echo", f"busy{number}", until=str(gate))
            await work.has_started(f"busy{number}")
            self.beside_ms += [await lone(work, committed) for _ in range(LONE // 5)]
            gate.touch()
            await work.ended([busy])

    def summary(self) -> list[float]:
        """The medians, and the 99th percentiles of the times."""
        lone, beside = ((median(each), _p99(each)) for each in (self.lone_ms, self.beside_ms))
        return [median(self.items_a_second), median(self.batch_cpu_us), *lone, median(self.lone_cpu_ms), *beside]


COLUMNS = ("items a second", "CPU µs an item", "lone ms, p50", "p99", "CPU ms each", "beside busy ms, p50", "p99")


async def main(ways: list[str], workers: int, items: int, rounds: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    connection = await asyncpg.connect(POSTGRESQL_URL)
    name = f"assay_bench_{uuid4().hex}"
    await connection.execute(f"CREATE DATABASE {name}")
    database = Database(Settings(database_url=POSTGRESQL_URL.rpartition("/")[0] + f"/{name}").database)
    figures = {way: Figures() for way in ways}
    try:
        await migrate(database)
        with tempfile.TemporaryDirectory() as folder:
            work = Work(database, Path(folder))
            for number in range(rounds):
                for way in ways if number % 2 == 0 else reversed(ways):
                    await figures[way].add(work, way, workers, items)
    finally:
        await database.close()
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()
    table = Table("", *COLUMNS, title=f"Medians of {rounds} rounds, {workers} workers")
    summaries = {way: each.summary() for way, each in figures.items()}
    for way, values in summaries.items():
        table.add_row(way, *(f"{value:,.1f}" for value in values))
    if len(ways) > 1:
        first, second = ways[:2]
        ratios = zip(summaries[first], summaries[second], strict=True)
        table.add_row(f"{first} / {second}", *(f"{one / other:.2f}" for one, other in ratios))
    Console(width=140).print(table)


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the cost and benefit of permits.")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["none", "permits", "manager"])
    parser.add_argument("--workers", type=int, default=1, help="workers, each of two slots")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    uvloop.run(main(given.ways, given.workers, given.items, given.rounds))
