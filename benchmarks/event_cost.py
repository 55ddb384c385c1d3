"""Measure the CPU time of one event: to write it to the log, and to read it, in this checkout and in another one.

    python -m benchmarks.event_cost --against CHECKOUT [--events 5000] [--rounds 7]

In each round the checkouts take turns on SQLite and on PostgreSQL, each in a process with an empty database. It writes
the events in batches, as the engine does, by each of three functions of the store, and reads them in pages by two. CPU
time is that of the process and of its PostgreSQL sessions, in microseconds for each event. The ratio is the median of
the rounds' ratios: above 1, this checkout takes more. PostgreSQL is the benchmark's own: in older checkouts a
transaction of any other database holds back the events.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Any

import psutil
import uvloop
from sqlalchemy import text

if TYPE_CHECKING:
    from tests.torture.postgresql import Cluster

ROOT = Path(__file__).resolve().parent.parent
# Events of one transaction: the engine claims and records up to 512 analyses at once, and mostly fewer.
BATCH = 128
FEED_PAGE = 1_000
CLIENT_PAGE = 100
# A process measures each figure this many times and reports the smallest: other programs only add to CPU time.
REPEATS = 3


def named(name: str, *modules: str) -> Any:
    """Return what the first of these modules has under this name; checkouts differ in the modules."""
    for module in modules:
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"{name} is in none of {modules}")


class Log:
    """The event log of the checkout on the path, in a database of its own."""

    def __init__(self, url: str, events: int) -> None:
        self.url, self.events = url, events
        self.transitions = ("store.queue.transitions", "store.changes")
        database: Any = named("Database", "store.sql.database", "store.database")
        settings: Any = named("Settings", "settings")
        self.database = database(settings(database_url=url).database)
        self.viewer = named("LOCAL_ADMINISTRATOR", "store.sql.viewer", "store.viewer")
        self.now = named("utcnow", "store.sql.clock", "store.columns")()
        self.reading: Any = import_module("store.events")
        self.tables: Any = import_module("store.tables")

    async def cpu_seconds(self) -> float:
        """Return the CPU time of this process and of its PostgreSQL sessions."""
        seconds = process_time()
        if self.url.startswith("postgresql"):
            async with self.database.read() as connection:
                listed = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
                pids = list((await connection.execute(listed)).scalars())
            seconds += sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)
        return seconds

    async def microseconds(self, work: Callable[[], Awaitable[int]]) -> float:
        """Return the CPU time of this work for each of the events that it returns."""
        found = []
        for _ in range(REPEATS):
            began = await self.cpu_seconds()
            count = await work()
            found.append((await self.cpu_seconds() - began) / count * 1e6)
        return min(found)

    async def write(self, batch: Callable[[Any, list[str]], Awaitable[None]]) -> int:
        """Write the events in transactions of a batch each."""
        for first in range(0, self.events, BATCH):
            ids = [f"anl_{number:026}" for number in range(first, min(first + BATCH, self.events))]
            async with self.database.write() as connection:
                await batch(connection, ids)
        return self.events

    async def append(self, connection: Any, ids: list[str]) -> None:
        """Write events by `append`."""
        new_event = named("new_event", "store.events", "store.log")
        append = named("append", "store.events", "store.log")
        data = '{"status":"COMPLETED","attempt":1,"fraction":1.0,"step":null,"error":null}'
        type_, workspace = self.event_types().ANALYSIS_COMPLETED, self.viewer.workspace
        if "subject" in signature(new_event).parameters:
            events = [new_event(workspace, type_, each, self.now, data) for each in ids]
        else:  # before events had subjects
            events = [new_event(workspace, type_, self.now, data, analysis_id=each) for each in ids]
        await append(connection, events)

    def event_types(self) -> Any:
        """Return the enum with the types of an analysis's events."""
        return getattr(self.tables, "AnalysisEventType", None) or self.tables.EventType

    def step(self) -> tuple[Any, ...]:
        """The fields that a `Change` and a `Step` share, from the former status on."""
        status, type_ = self.tables.AnalysisStatus, self.event_types()
        return (status.RUNNING, status.COMPLETED, type_.ANALYSIS_COMPLETED, 1, 1.0)

    async def record(self, connection: Any, ids: list[str]) -> None:
        """Write events by `record`."""
        change = named("Change", *self.transitions)
        changes = [change(each, self.viewer.workspace, None, *self.step()) for each in ids]
        await named("record", *self.transitions)(connection, changes, self.now)

    async def record_alike(self, connection: Any, ids: list[str]) -> None:
        """Write events by `record_alike`."""
        run = named("run", "store.sql.script", "store.script")
        record_alike = named("record_alike", *self.transitions)
        steps = {named("Step", *self.transitions)(self.viewer.workspace, None, *self.step()): ids}
        await run(connection, lambda script: record_alike(script, steps, self.now))

    async def feed(self) -> int:
        """Read the log as the feed does."""
        place, count = self.reading.START, 0
        async with self.database.read() as connection:
            while events := (await self.reading.events_after(connection, place, FEED_PAGE))[0]:
                place, count = self.reading.place_of(events[-1]), count + len(events)
        return count

    async def pages(self) -> int:
        """Read the log as clients do, page by page."""
        place, count, where = self.reading.START, 0, self.reading.EventFilter()
        async with self.database.read() as connection:
            while events := await self.reading.page_of_events(connection, self.viewer, where, place, CLIENT_PAGE):
                place, count = self.reading.place_of(events[-1]), count + len(events)
        return count

    async def measure(self) -> dict[str, float]:
        """Return every figure."""
        await named("migrate", "store.sql.migrate", "store.migrate")(self.database)
        figures = {}
        for batch in (self.append, self.record, self.record_alike):
            await self.write(batch)  # the connection has its statements prepared
            figures[f"write, {batch.__name__}"] = await self.microseconds(partial(self.write, batch))
        figures[f"read, events_after, {FEED_PAGE:,} a page"] = await self.microseconds(self.feed)
        figures[f"read, page_of_events, {CLIENT_PAGE} a page"] = await self.microseconds(self.pages)
        await self.database.close()
        return figures


@asynccontextmanager
async def empty_database(cluster: Cluster | None) -> AsyncIterator[str]:
    """The address of a new database, SQLite's if there is no cluster, deleted afterwards."""
    if cluster is None:
        with tempfile.TemporaryDirectory(prefix="assay-event-cost-") as folder:
            yield f"sqlite:///{folder}/assay.db"
        return
    import asyncpg

    connection = await asyncpg.connect(cluster.url)
    await connection.execute("CREATE DATABASE assay")
    try:
        yield cluster.url.removesuffix("postgres") + "assay"
    finally:
        await connection.execute("DROP DATABASE assay WITH (FORCE)")
        await connection.close()


async def one_round(root: Path, cluster: Cluster | None, events: int) -> dict[str, float]:
    """Measure the checkout in this folder, in a process."""
    async with empty_database(cluster) as url:
        command = [sys.executable, "-P", "-B", str(Path(__file__)), "--one", url, str(events)]
        environment = os.environ | {"PYTHONPATH": str(root)}
        process = await asyncio.create_subprocess_exec(*command, cwd=root, env=environment, stdout=subprocess.PIPE)
        answer, _ = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"the process of {root} failed")
    figures: dict[str, float] = json.loads(answer.splitlines()[-1])
    return figures


async def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.event_cost", description="Measure the CPU time of one event.")
    parser.add_argument("--against", type=Path, required=True, help="another checkout, measured in turns with this one")
    parser.add_argument("--events", type=int, default=5_000, help="events written by each function")
    parser.add_argument("--rounds", type=int, default=7, help="how often everything is measured")
    options = parser.parse_args()

    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from tests.torture.postgresql import Cluster

    roots = (ROOT, options.against.resolve())
    rounds: dict[str, list[list[dict[str, float]]]] = {"SQLite": [], "PostgreSQL": []}
    console = Console()
    cluster = await asyncio.to_thread(Cluster)
    try:
        await asyncio.to_thread(cluster.start)
        with Progress(console=console) as progress:
            bar = progress.add_task("rounds", total=options.rounds * len(rounds) * len(roots))
            for number in range(options.rounds):
                for kind, found in rounds.items():
                    figures: dict[Path, dict[str, float]] = {}
                    for root in roots if number % 2 else reversed(roots):
                        figures[root] = await one_round(root, cluster if kind == "PostgreSQL" else None, options.events)
                        progress.update(bar, advance=1)
                    found.append([figures[root] for root in roots])
    finally:
        await asyncio.to_thread(cluster.close)
    table = Table("", "", "this, µs", "other, µs", "ratio", title=f"CPU an event, medians of {options.rounds} rounds")
    for kind, found in rounds.items():
        for name in found[0][0]:
            pairs = [(this[name], other[name]) for this, other in found]
            values = (median(this for this, _ in pairs), median(other for _, other in pairs))
            ratio = median(this / other for this, other in pairs)
            table.add_row(kind, name, *(f"{value:.2f}" for value in values), f"{ratio:.3f}")
    console.print(table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(uvloop.run(Log(sys.argv[2], int(sys.argv[3])).measure())))
    else:
        asyncio.run(main())
