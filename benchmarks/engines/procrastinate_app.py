"""Procrastinate on PostgreSQL: one job for each item, enqueued in bulk; the record of a job is its row."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector

from benchmarks.engines.work import TEXT, count_words

_URL = os.environ["BENCH_POSTGRESQL"]
app = App(connector=PsycopgConnector(conninfo=_URL), import_paths=["benchmarks.engines.procrastinate_app"])


@app.task(name="work")
async def work(text: str) -> dict[str, int]:
    """Process one item."""
    return count_words(text)


def enqueue(items: int) -> Any:
    """Enqueue a thousand jobs with each statement."""

    async def run() -> None:
        async with app.open_async():
            for first in range(0, items, 1000):
                await work.batch_defer_async(*({"text": TEXT} for _ in range(min(1000, items - first))))

    asyncio.run(run())


def ended() -> int:
    """Return the number of succeeded jobs."""
    with psycopg.connect(_URL) as connection:
        found = connection.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'").fetchone()
    return int(found[0]) if found else 0


async def prepare() -> None:
    """Create the tables."""
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
