"""A database with workers and a keeper, for tests that submit analyses and check their outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from jobs.keeper import Keeper
from jobs.worker import Worker
from settings import Settings
from store import tables
from store.analyses import analyses_by_id
from store.batches import batch_by_id, insert_batch, request_batch_stop
from store.queue.claims import LEASE
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.stops import request_stop
from store.tables import AnalysisRow, AnalysisStatus, BatchRow
from tests.jobs.analyzers_for_tests import load
from tests.jobs.processes import sandbox_processes
from tests.store.truth import assert_consistent
from tests.support import until

WHERE = "tests.jobs.analyzers_for_tests:load"


def sandboxes(worker: Worker) -> list[int]:
    """Return the ids of the processes that run a worker's analyzers."""
    return [slot.sandbox.pid for slot in worker._slots if slot.sandbox.pid is not None]


class Work:
    """A database and its workers: submits analyses, cancels them and reads their rows."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self._workers: list[tuple[Worker, asyncio.Task[None]]] = []

    def start(self, *, slots: int = 3, lease: timedelta = LEASE, lacks: str = "") -> Worker:
        """Start a worker in this process, without the analyzer `lacks` if given. `close` stops it."""
        analyzers = {name: analyzer for name, analyzer in load().items() if name != lacks}
        worker = Worker(self.database, analyzers, slots=slots, instance="test", where=WHERE, lease=lease)
        self._workers.append((worker, asyncio.create_task(worker.run())))
        return worker

    async def close(self) -> None:
        """Stop the workers, and assert that none has failed."""
        for worker, task in self._workers:
            async with asyncio.timeout(300):
                await worker.stop(0)
                await task
        self._workers.clear()

    async def submit(
        self,
        analyzer: str,
        *texts: str,
        batch_id: str | None = None,
        priority: int = 5,
        timeout_seconds: int = 60,
        max_attempts: int = 3,
        **options: Any,
    ) -> list[str]:
        """Queue an analysis for each text, as the items of a new batch if `batch_id` is given."""
        ids = [new_id("analysis") for _ in texts]
        given = orjson.dumps({"folder": str(self.folder), **options}).decode()
        items = [NewAnalysis(analyzer, given, priority, text, text) for text in texts]
        async with self.database.write() as connection:
            if batch_id is None:
                submit = partial(insert_analyses, connection, LOCAL_ADMINISTRATOR, items, utcnow(), ids=ids)
            else:
                submit = partial(insert_batch, connection, LOCAL_ADMINISTRATOR, batch_id, None, items, utcnow())
            await submit(timeout_seconds=timeout_seconds, max_attempts=max_attempts)
        if batch_id is not None:
            ids = [row.id for row in await self.items(batch_id)]
        return ids

    async def items(self, batch_id: str) -> list[AnalysisRow]:
        """Return the items of a batch, in their order."""
        statement = select(tables.analysis).where(tables.analysis.c.batch_id == batch_id)
        async with self.database.read() as connection:
            rows = (await connection.execute(statement.order_by(tables.analysis.c.position))).all()
        return list(rows)  # type: ignore[arg-type]

    async def rows(self, ids: list[str]) -> list[AnalysisRow]:
        """Return the rows of these ids, in their order."""
        async with self.database.read() as connection:
            found = await analyses_by_id(connection, LOCAL_ADMINISTRATOR, ids)
        return [found[each] for each in ids]

    async def ended(self, ids: list[str]) -> list[AnalysisRow]:
        """Return the rows once all analyses have ended."""

        async def all_ended() -> bool:
            return all(AnalysisStatus(row.status).ended for row in await self.rows(ids))

        await until(all_ended, what="the analyses to end")
        return await self.rows(ids)

    async def batch(self, batch_id: str) -> BatchRow:
        """Return the batch's row."""
        async with self.database.read() as connection:
            row = await batch_by_id(connection, LOCAL_ADMINISTRATOR, batch_id)
        assert row is not None
        return row

    async def batch_ended(self, batch_id: str) -> BatchRow:
        """Return the batch's row once the batch has ended."""

        async def has_ended() -> bool:
            return (await self.batch(batch_id)).finished_at is not None

        await until(has_ended, what="the batch to end")
        return await self.batch(batch_id)

    async def cancel(self, analysis_id: str) -> AnalysisRow | None:
        """As a client does."""
        async with self.database.write() as connection:
            return await request_stop(connection, LOCAL_ADMINISTRATOR, analysis_id, AnalysisStatus.CANCELED, utcnow())

    async def cancel_batch(self, batch_id: str) -> bool:
        """As a client does."""
        async with self.database.write() as connection:
            return await request_batch_stop(
                connection, LOCAL_ADMINISTRATOR, batch_id, AnalysisStatus.CANCELED, utcnow()
            )

    def starts(self, text: str) -> int:
        """Return the number of times that an analyzer has started with this text."""
        return len(list(self.folder.glob(f"{text}.*")))

    async def has_started(self, *texts: str) -> None:
        """Return once the analysis of each text has begun."""
        await until(lambda: all(self.starts(text) for text in texts), what=f"{texts} to begin")


@asynccontextmanager
async def working(database_url: str, folder: Path) -> AsyncIterator[Work]:
    """Yield a migrated database with a keeper. Afterwards, check that its rows agree and no process or task is left."""
    tasks = asyncio.all_tasks()
    database = Database(Settings(database_url=database_url).database)
    await migrate(database)
    (folder / "starts").mkdir()
    work = Work(database, folder / "starts")
    keeper = asyncio.create_task(Keeper(database).run())
    try:
        yield work
        await work.close()
        await assert_consistent(database)
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])
        await work.close()
        await database.close()
    assert not sandbox_processes()
    await until(lambda: asyncio.all_tasks() <= tasks | {asyncio.current_task()}, what="the end of all tasks")
