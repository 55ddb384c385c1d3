"""A worker and a keeper in a process of their own: `python -m tests.jobs.worker_process URL SLOTS LEASE_SECONDS`."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta

import uvloop

from jobs.keeper import Keeper
from jobs.worker import Worker
from store.database import Database
from tests.jobs.analyzers_for_tests import load
from tests.jobs.working import WHERE

GRACE_SECONDS = 1.0


async def main(url: str, slots: str, lease_seconds: str) -> None:
    lease = timedelta(seconds=float(lease_seconds))
    database = Database(url)
    worker = Worker(database, load(), slots=int(slots), instance="process", where=WHERE, lease=lease)
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    keeper = asyncio.create_task(Keeper(database, lease).run())
    run = asyncio.create_task(worker.run())
    await asked.wait()
    await worker.stop(GRACE_SECONDS)
    await run
    keeper.cancel()
    await asyncio.wait([keeper])
    await database.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
