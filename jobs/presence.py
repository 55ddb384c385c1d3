"""A worker's row in the database: registration, heartbeats, removal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable, Sequence

import orjson

from jobs.keeper import is_gone, own_process, reclaim
from jobs.recorder import Recorder
from jobs.usage import Usage
from store.queue import workers
from store.sql.clock import utcnow
from store.sql.database import Database
from store.tables import WorkerRow


class Presence:
    """The row of one worker. `analyzers`: the names of its analyzers. The recorder has the counters."""

    def __init__(
        self, database: Database, recorder: Recorder, worker_id: str, instance: str, analyzers: Collection[str]
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._worker_id = worker_id
        self._instance = instance
        self._analyzers = sorted(analyzers)
        self._usage = Usage()
        self._started_at = utcnow()
        # Held during a heartbeat and during the removal: no heartbeat follows the removal.
        self._saying = asyncio.Lock()
        self._has_gone = False

    async def register(self, slots: int) -> None:
        """Insert the worker's row, and reclaim the analyses of dead workers of this machine."""
        now = utcnow()
        host, pid, start = own_process()
        async with self._database.write() as connection:
            gone = [worker.id for worker in await workers.all_workers(connection) if is_gone(worker)]
            row = WorkerRow(
                id=self._worker_id,
                instance=self._instance,
                host=host,
                pid=pid,
                process_start=start,
                started_at=self._started_at,
                last_seen_at=now,
                slots=slots,
                analyzers=orjson.dumps(self._analyzers).decode(),
            )
            await workers.register(connection, row)
        if gone:
            await reclaim(self._database, gone)

    async def say_alive(self, pids: Iterable[int | None], *, slots: int, busy: int, current: Sequence[str]) -> None:
        """Write a heartbeat with the CPU and memory use of this process and `pids`; the rest as in `workers.beat`."""
        async with self._saying:
            if self._has_gone:
                return
            cpu_percent, memory_mb = self._usage.look([os.getpid(), *(pid for pid in pids if pid is not None)])
            now = utcnow()
            async with self._database.write() as connection:
                known = await workers.beat(
                    connection,
                    self._worker_id,
                    now,
                    completed=self._recorder.completed,
                    failed=self._recorder.failed,
                    cpu_percent=cpu_percent,
                    memory_mb=memory_mb,
                    slots=slots,
                    busy=busy,
                    current=current,
                )
                await self._recorder.timekeeper.write(connection, self._worker_id, now)
            self._recorder.timekeeper.written(now)
            if not known:
                await self.register(slots)

    async def say_goodbye(self) -> None:
        """Write the last timings and delete the row; later heartbeats do nothing."""
        async with self._saying, self._database.write() as connection:
            await self._recorder.timekeeper.write(connection, self._worker_id, utcnow())
            await workers.forget(connection, [self._worker_id])
            self._has_gone = True
