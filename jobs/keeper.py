"""What must happen in time though nobody asks: deadlines of batches, next tries, leases that ran out, old keys.

Any number of keepers may watch one database: each thing they do is one conditional statement, or fenced by a lease.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Collection
from datetime import timedelta

import psutil
import structlog

from jobs import retry
from jobs.supervision import keep_running, wait_for
from store import queue, workers
from store.batches import next_deadline, time_out_batches
from store.columns import utcnow
from store.database import Database
from store.idempotency import trim_keys
from store.tables import WorkerRow

POLL_SECONDS = 1.0
TRIM_SECONDS = 3600.0
# A silent worker keeps its row for so long, shown as not alive, in case it comes back.
FORGET = timedelta(minutes=2)

log = structlog.stdlib.get_logger(__name__)


class Keeper:
    """The timers of one server. `wake` makes it look at what is due next."""

    def __init__(self, database: Database, lease: timedelta = queue.LEASE) -> None:
        self._database = database
        self._lease = lease
        self._news = asyncio.Event()
        database.on_commit(lambda news: self.wake() if "waiting" in news else None)

    def wake(self) -> None:
        """A row waits for its next try: it may be due before the next look."""
        self._news.set()

    async def run(self) -> None:
        """Keep time until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_running("timers", self._keep_time))
            tasks.create_task(keep_running("lost leases", self._find_lost))
            tasks.create_task(keep_running("idempotency keys", self._trim))

    async def _keep_time(self) -> None:
        while True:
            async with self._database.read() as connection:
                deadline, wake = await next_deadline(connection), await queue.next_wake(connection)
            now = utcnow()
            due = min((when for when in (deadline, wake) if when is not None), default=None)
            if due is not None and due <= now:
                async with self._database.write() as connection:
                    late = await time_out_batches(connection, now)
                    await queue.wake_waiting(connection, now)
                for batch_id in late:
                    log.info("batch timed out", batch=batch_id)
            else:
                seconds = POLL_SECONDS if due is None else min(POLL_SECONDS, (due - now).total_seconds())
                if await wait_for(self._news, seconds):
                    self._news.clear()

    async def _find_lost(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(min(POLL_SECONDS, self._lease.total_seconds() / 3))
            if time.monotonic() - before > max(2 * POLL_SECONDS, self._lease.total_seconds() / 2):
                continue  # this process stood still, and so may all of its machine have: let the living renew first
            now = utcnow()
            async with self._database.read() as connection:
                gone = {
                    worker.id
                    for worker in await workers.all_workers(connection)
                    if now - worker.last_seen_at > FORGET or is_gone(worker)
                }
                lost = await queue.lost(connection, gone, now)
            if gone or lost:
                await reclaim(self._database, gone)

    async def _trim(self) -> None:
        while True:
            async with self._database.write() as connection:
                await trim_keys(connection, utcnow())
            await asyncio.sleep(TRIM_SECONDS)


async def reclaim(database: Database, gone: Collection[str]) -> None:
    """End what runs under a lease that ran out, or of workers that are gone, and forget those workers."""
    async with database.write() as connection:
        now = utcnow()
        outcomes = [retry.lost(row, now) for row in await queue.lost(connection, gone, now)]
        held = await queue.finish(connection, outcomes, now)
        await workers.forget(connection, list(gone))
    if gone or held:
        log.warning("worker lost", workers=sorted(gone), analyses=len(held))


def is_gone(worker: WorkerRow) -> bool:
    """Whether this is a worker of this host whose process is no more: its id is free, or another process has it."""
    if worker.host != socket.gethostname():
        return False
    try:
        process = psutil.Process(worker.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        started: float = process.create_time()
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
    return started > worker.started_at.timestamp() + 1
