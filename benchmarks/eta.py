"""Measure the error of a batch's ETA: the events of a real worker on SQLite against the actual end.

    python -m benchmarks.eta [--shapes steady,noisy,…] [--json FILE]

The error of a BATCH_PROGRESS event is a share of the actual remaining time. The table has the error after a quarter, a
half and three quarters of the items, and the worst error between a quarter and nine tenths: later, a single item
decides. For comparison, it has the error of the plain mean since the start, at a quarter: on a shared machine, the rate
of steady work varies too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from jobs.worker import Worker
from logs import configure_logging
from settings import Settings
from store import tables
from store.batches import batch_by_id, insert_batch
from store.queue.enqueue import NewAnalysis
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.tables import BatchEventType
from tests.jobs.analyzers_for_tests import load
from tests.support import until

SLOTS = 3
FROM, TO = 0.25, 0.9


@dataclass(frozen=True, slots=True)
class Shape:
    """Batches to submit in immediate succession, each as the seconds of its items."""

    about: str
    batches: Sequence[Sequence[float]]


def noisy(count: int, median: float, sigma: float, seed: int) -> list[float]:
    """Return lognormal times: with a sigma of 1, one item in forty takes more than seven times the median."""
    source = random.Random(seed)
    return [source.lognormvariate(0, sigma) * median for _ in range(count)]


SHAPES: dict[str, Callable[[], Shape]] = {
    "steady": lambda: Shape("1,500 items of 20 ms", [[0.02] * 1500]),
    "noisy": lambda: Shape("1,000 items, lognormal, median 20 ms, sigma 1", [noisy(1000, 0.02, 1.0, seed=1)]),
    "two": lambda: Shape("two batches of 500 items of 20 ms at once", [[0.02] * 500, [0.02] * 500]),
    "slow": lambda: Shape("90 items of 0.5 s", [[0.5] * 90]),
    "slower": lambda: Shape("40 items of 3 s", [[3.0] * 40]),
    "short": lambda: Shape("10,000 items of no duration", [[0.0] * 10_000]),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Errors as shares of the remaining time. `ends` has the recorded times (in seconds) and their items."""

    shape: str
    about: str
    seconds: float
    at: dict[str, float | None]
    mean: float | None
    worst: float
    ends: list[tuple[float, int]]


async def measure(name: str, shape: Shape) -> list[Figures]:
    """Run a shape, and return the figures of each batch."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Settings(data_dir=Path(folder)).database)
        await migrate(database)
        worker = Worker(
            database, load(), slots=SLOTS, instance="benchmark", where="tests.jobs.analyzers_for_tests:load"
        )
        running = asyncio.create_task(worker.run())
        try:
            await finish(database, [await submit(database, [0.0] * SLOTS)])  # starts the processes
            ids = [await submit(database, batch) for batch in shape.batches]
            await finish(database, ids)
            return [await look(database, name, shape, id_) for id_ in ids]
        finally:
            await worker.stop(1)
            await running
            await database.close()


async def submit(database: Database, seconds: Sequence[float]) -> str:
    id_ = new_id("batch")
    items = [
        NewAnalysis("echo", orjson.dumps({"seconds": each}).decode(), 5, str(number), "x")
        for number, each in enumerate(seconds)
    ]
    async with database.write() as connection:
        await insert_batch(
            connection, LOCAL_ADMINISTRATOR, id_, None, items, utcnow(), timeout_seconds=3600, max_attempts=1
        )
    return id_


async def finish(database: Database, ids: Sequence[str]) -> None:
    async def ended() -> bool:
        async with database.read() as connection:
            rows = [await batch_by_id(connection, LOCAL_ADMINISTRATOR, id_) for id_ in ids]
        return all(row is not None and row.finished_at is not None for row in rows)

    await until(ended, what="the batches", seconds=600)


async def look(database: Database, name: str, shape: Shape, id_: str) -> Figures:
    event, analysis = tables.event.c, tables.analysis.c
    async with database.read() as connection:
        row = await batch_by_id(connection, LOCAL_ADMINISTRATOR, id_)
        told = select(event.occurred_at, event.data).where(
            event.batch_id == id_, event.type == BatchEventType.BATCH_PROGRESS.value
        )
        events = (await connection.execute(told.order_by(event.position))).all()
        counted = select(analysis.finished_at, func.count()).where(analysis.batch_id == id_)
        ends = (await connection.execute(counted.group_by(analysis.finished_at).order_by(analysis.finished_at))).all()
    assert row is not None
    assert row.started_at is not None
    assert row.finished_at is not None
    begin, end = row.started_at, row.finished_at
    errors = [found for each in events if (found := error_of(each.occurred_at, orjson.loads(each.data), begin, end))]
    return Figures(
        shape=name,
        about=shape.about,
        seconds=round((end - begin).total_seconds(), 2),
        at={
            f"{share:.0%}": next((each[1] for each in errors if each[0] >= share), None) for share in (0.25, 0.5, 0.75)
        },
        mean=next((each[2] for each in errors if each[0] >= FROM), None),
        worst=max((abs(each[1]) for each in errors if FROM <= each[0] <= TO), default=0.0),
        ends=[((at - begin).total_seconds(), count) for at, count in ends],
    )


def error_of(
    at: datetime, data: dict[str, float | None], begin: datetime, end: datetime
) -> tuple[float, float, float] | None:
    """Return the ended fraction, the error of the ETA as a share (negative: too short), and the error of the mean."""
    left, eta, fraction = (end - at).total_seconds(), data["eta_seconds"], data["fraction"]
    if eta is None or not fraction or left <= 0:
        return None
    mean = (at - begin).total_seconds() * (1 - fraction) / fraction
    return fraction, (eta - left) / left, (mean - left) / left


def show(figures: Sequence[Figures]) -> None:
    """Print the figures as a table."""
    table = Table("batch", "duration, s", "at 25 %", "at 50 %", "at 75 %", "mean at 25 %", "worst, 25 to 90 %")
    for each in figures:
        shares = ["–" if error is None else f"{error:+.1%}" for error in (*each.at.values(), each.mean)]
        table.add_row(each.about, f"{each.seconds:.1f}", *shares, f"{each.worst:.1%}")
    Console().print(table)


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eta", description=__doc__)
    parser.add_argument("--shapes", default=",".join(SHAPES), help="Shapes to run, separated by commas.")
    parser.add_argument("--json", type=Path, help="File for the figures.")
    given = parser.parse_args()
    configure_logging(log_level="error")
    figures: list[Figures] = []
    for name in given.shapes.split(","):
        figures += await measure(name, SHAPES[name]())
    show(figures)
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in figures], indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
