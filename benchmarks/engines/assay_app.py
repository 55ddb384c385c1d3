"""Assay: items of a batch, each with a record, a result and three events in the log."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Any

import psycopg
import uvloop
from pydantic import Field

from analyzers.base import Analyzer, Job, Request, Result
from benchmarks.engines.work import PROCESSES, TEXT, count_words
from jobs.keeper import Keeper
from jobs.process import work_until_told
from jobs.supervision import Ending, side_tasks
from jobs.worker import Worker
from store.batches import insert_batch
from store.queue.enqueue import NewAnalysis
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR

_SQLITE = os.environ.get("BENCH_DATABASE", "")
_URL = os.environ.get("BENCH_POSTGRESQL") or f"sqlite:///{_SQLITE}"
# The maximum of the mutation `batchProcess`.
_BATCH = 10_000


class Count(Request):
    """A text."""

    text: str = Field(description="Any text.")


def _run(request: Count, _job: Job) -> Result:
    return Result(summary=f"{count_words(request.text)['words']} words")


def load() -> Mapping[str, Analyzer[Any, Any]]:
    """Return the analyzer by its name."""
    count = Analyzer(name="count", version="1", description="Counts words.", request=Count, result=Result, run=_run)
    return {"count": count}


def enqueue(items: int) -> Any:
    """Submit batches of 10,000 items, as the mutation does."""

    async def run() -> None:
        database = Database(_url())
        for first in range(0, items, _BATCH):
            given = [NewAnalysis("count", "{}", 5, input_text=TEXT) for _ in range(min(_BATCH, items - first))]
            async with database.write() as connection:
                await insert_batch(
                    connection,
                    LOCAL_ADMINISTRATOR,
                    new_id("batch"),
                    None,
                    given,
                    utcnow(),
                    timeout_seconds=3600,
                    max_attempts=3,
                )
        await database.close()

    asyncio.run(run())


def ended() -> int:
    """Return the number of completed items, by the counters of the batches."""
    statement = "SELECT coalesce(sum(processed), 0) FROM batch"
    connection: Any = sqlite3.connect(_SQLITE) if _SQLITE else psycopg.connect(_URL)
    try:
        return int(connection.execute(statement).fetchone()[0])
    finally:
        connection.close()


def _url() -> str:
    scheme, _, rest = _URL.partition("://")
    return f"{'sqlite+aiosqlite' if scheme == 'sqlite' else 'postgresql+asyncpg'}://{rest}"


async def prepare() -> None:
    """Create the tables."""
    database = Database(_url())
    await migrate(database)
    await database.close()


async def main() -> None:
    """Run the worker in the same way as `server.py worker`."""
    database = Database(_url())
    where = "benchmarks.engines.assay_app:load"
    worker = Worker(database, load(), slots=PROCESSES, instance="bench", where=where)
    async with side_tasks(keeper=Keeper(database).run, watch=partial(database.watch, worker.wake)):
        await work_until_told(worker, Ending(1))
    await database.close()


if __name__ == "__main__":
    uvloop.run(main())
