"""Measure the job engine alone: the store, a real worker and its sandbox processes, without HTTP and GraphQL.

    python -m benchmarks.jobs [--items 20000] [--rounds 3] [--slots 3] [--database URL] [--before CHECKOUT]

A round is a separate process with a new database (with URL, a PostgreSQL database that may be emptied). It submits the
items in one batch, runs them, and waits until the batch has ended; all results and events are stored. `CPU` is the
CPU time of the worker's process for each item, which depends little on other programs. Then it submits lone items in
sequence, on an idle worker and beside a batch. CHECKOUT is another version of this program, measured in turns with this
one.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import uvloop

from benchmarks.trivial import load
from jobs.keeper import Keeper
from jobs.worker import Worker
from settings import Settings
from store.analyses import analysis_by_id
from store.batches import batch_by_id, insert_batch, request_batch_stop
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisStatus, BatchRow

ROOT = Path(__file__).resolve().parent.parent
LONE = 100
TERMS: dict[str, Any] = {"timeout_seconds": 3600, "max_attempts": 3}
FIGURES = {
    "rate": ("items a second", "{:,.0f}"),
    "submitted": ("items submitted a second", "{:,.0f}"),
    "cpu": ("CPU of the worker's process an item, µs", "{:,.1f}"),
    "working": ("items of 0.1 ms of work a second", "{:,.0f}"),
    "idle_p50": ("lone item, idle worker: median, ms", "{:,.1f}"),
    "idle_p99": ("lone item, idle worker: p99, ms", "{:,.1f}"),
    "beside_p50": ("lone item, beside a batch: median, ms", "{:,.1f}"),
    "beside_p99": ("lone item, beside a batch: p99, ms", "{:,.1f}"),
}
SMALLER_IS_BETTER = {"cpu", "idle_p50", "idle_p99", "beside_p50", "beside_p99"}


class Bench:
    """A database with a running worker."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._news = asyncio.Event()
        database.on_commit(lambda news: self._news.set() if "events" in news else None)

    async def submit(self, count: int, microseconds: int = 0) -> str:
        """Submit a batch, and return its id."""
        batch_id, options = new_id("batch"), f'{{"microseconds":{microseconds}}}'
        item = NewAnalysis("trivial", options, 5, input_text="a few words to count")
        async with self.database.write() as connection:
            await insert_batch(connection, VIEWER, batch_id, None, [item] * count, utcnow(), **TERMS)
        return batch_id

    async def ended(self, batch_id: str) -> BatchRow:
        """Wait until the batch has ended, and return it."""
        while True:
            async with self.database.read() as connection:
                row = await batch_by_id(connection, VIEWER, batch_id)
            assert row is not None
            if row.finished_at is not None:
                return row
            await asyncio.sleep(0.02)

    async def timed(self, count: int, microseconds: int = 0) -> tuple[float, float, float]:
        """Return the seconds to submit a batch, the seconds from then to its end, and this process's CPU seconds."""
        began = time.perf_counter()
        batch_id = await self.submit(count, microseconds)
        submitted, cpu = time.perf_counter(), time.process_time()
        row = await self.ended(batch_id)
        assert row.processed == count, row
        return submitted - began, time.perf_counter() - submitted, time.process_time() - cpu

    async def alone(self) -> float:
        """Return the milliseconds from the submission of one item until its completion is visible."""
        began, typed_id = time.perf_counter(), new_id("analysis")
        item = NewAnalysis("trivial", "{}", 5, input_text="a few words to count")
        async with self.database.write() as connection:
            await insert_analyses(connection, VIEWER, [item], utcnow(), ids=[typed_id], **TERMS)
        while True:
            self._news.clear()
            async with self.database.read() as connection:
                row = await analysis_by_id(connection, VIEWER, typed_id)
            if row is not None and row.status == AnalysisStatus.COMPLETED:
                return (time.perf_counter() - began) * 1000
            await self._news.wait()


async def measure(url: str, items: int, slots: int, lone: int) -> dict[str, float]:
    """Run one round."""
    async with AsyncExitStack() as stack:
        database = Database(Settings(database_url=url).database)
        stack.push_async_callback(database.close)
        await migrate(database)
        bench = Bench(database)
        worker = Worker(database, load(), slots=slots, instance="benchmark", where="benchmarks.trivial:load")
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(worker.run())
        keeper = tasks.create_task(Keeper(database).run())
        stack.callback(keeper.cancel)
        stack.push_async_callback(worker.stop, 5)
        await bench.timed(500)  # starts the processes, and lets the worker estimate its chunks
        gc.collect()
        gc.freeze()  # like the server
        submitting, running, cpu = await bench.timed(items)
        figures = {"rate": items / running, "submitted": items / submitting, "cpu": cpu / items * 1e6}
        if lone:
            count = max(1000, items // 4)
            figures["working"] = count / (await bench.timed(count, 100))[1]
            idle = [await bench.alone() for _ in range(lone)]
            batch_id = await bench.submit(items, 100)
            beside: list[float] = []
            while len(beside) < lone and not (await batch_row(database, batch_id)).finished_at:
                beside.append(await bench.alone())
            async with database.write() as connection:
                await request_batch_stop(connection, VIEWER, batch_id, AnalysisStatus.CANCELED, utcnow())
            await bench.ended(batch_id)
            for name, times in (("idle", idle), ("beside", beside * 2)):
                figures[f"{name}_p50"] = median(times)
                figures[f"{name}_p99"] = quantiles(times, n=100, method="inclusive")[98]
        return figures


async def batch_row(database: Database, batch_id: str) -> BatchRow:
    """Return the current state of the batch."""
    async with database.read() as connection:
        row = await batch_by_id(connection, VIEWER, batch_id)
    assert row is not None
    return row


def one_round(root: Path, options: argparse.Namespace) -> dict[str, float]:
    """Run one round in a new process, with the version of the program in this folder."""
    with tempfile.TemporaryDirectory(prefix="assay-jobs-") as folder:
        url = options.database or f"sqlite:///{folder}/assay.db"
        if options.database:
            asyncio.run(emptied(options.database))
        program = str(root / "benchmarks" / "jobs.py")
        numbers = map(str, (options.items, options.slots, options.lone))
        command = [sys.executable, "-P", program, "--one", url, *numbers]
        environment = os.environ | {"PYTHONPATH": str(root)}
        answer = subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return figures


async def emptied(url: str) -> None:
    """Drop all tables of a PostgreSQL database."""
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    finally:
        await connection.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.jobs", description="Measure the job engine alone.")
    parser.add_argument("--items", type=int, default=20_000, help="items in the batch")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds; the median counts")
    parser.add_argument("--slots", type=int, default=3, help="sandbox processes")
    parser.add_argument("--lone", type=int, default=LONE, help="items submitted alone; 0 skips this part")
    parser.add_argument("--database", help="postgresql://…, a database to empty; by default a new SQLite file")
    parser.add_argument("--before", type=Path, help="a checkout to measure in turns with this one")
    options = parser.parse_args(arguments)

    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    console = Console()
    now: list[dict[str, float]] = []
    before: list[dict[str, float]] = []
    with Progress(console=console) as progress:
        bar = progress.add_task("rounds", total=options.rounds * (1 + (options.before is not None)))
        for _ in range(options.rounds):
            if options.before is not None:
                before.append(one_round(options.before, options))
                progress.update(bar, advance=1)
            now.append(one_round(ROOT, options))
            progress.update(bar, advance=1)
    table = Table(
        title=f"{options.items:,} items, {options.slots} slots, {'PostgreSQL' if options.database else 'SQLite'}"
    )
    for column in ("", "now", *(("before", "better by") if before else ())):
        table.add_column(column, justify="right" if column else "left")
    for name, (title, form) in FIGURES.items():
        if name not in now[0]:
            continue
        mine = median(figures[name] for figures in now)
        cells = [title, form.format(mine)]
        if before:
            theirs = median(figures[name] for figures in before)
            cells += [form.format(theirs), f"{theirs / mine if name in SMALLER_IS_BETTER else mine / theirs:.2f}"]
        table.add_row(*cells)
    console.print(table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(uvloop.run(measure(sys.argv[2], *map(int, sys.argv[3:6])))))
    else:
        main()
