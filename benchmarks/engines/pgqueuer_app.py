"""PgQueuer alone on PostgreSQL: one job for each item, batches of 100; the record of a job is a line of its log."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import asyncpg
import psycopg
from pgqueuer import AsyncpgDriver, AsyncpgPoolDriver, Job, PgQueuer, Queries

from benchmarks.engines.work import TEXT, count_words

_URL = os.environ["BENCH_POSTGRESQL"]


def enqueue(items: int) -> Any:
    """Enqueue a thousand jobs with each statement."""

    async def run() -> None:
        connection = await asyncpg.connect(_URL)
        queries = Queries(AsyncpgDriver(connection))
        for first in range(0, items, 1000):
            count = min(1000, items - first)
            await queries.enqueue(["work"] * count, [TEXT.encode()] * count, [0] * count)
        await connection.close()

    asyncio.run(run())


def ended() -> int:
    """Return the number of successful jobs in the log."""
    with psycopg.connect(_URL) as connection:
        found = connection.execute("SELECT count(*) FROM pgqueuer_log WHERE status = 'successful'").fetchone()
    return int(found[0]) if found else 0


async def prepare() -> None:
    """Create the tables."""
    connection = await asyncpg.connect(_URL)
    await Queries(AsyncpgDriver(connection)).install()
    await connection.close()


async def main() -> None:
    """Run the worker."""
    async with asyncpg.create_pool(_URL, min_size=2, max_size=4) as pool:
        queuer = PgQueuer(AsyncpgPoolDriver(pool))

        @queuer.entrypoint("work")
        async def work(job: Job) -> None:
            count_words((job.payload or b"").decode())

        await queuer.run(batch_size=100, max_concurrent_tasks=400)


if __name__ == "__main__":
    asyncio.run(main())
