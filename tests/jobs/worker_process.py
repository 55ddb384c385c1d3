"""A process with a worker and a keeper: `python -m tests.jobs.worker_process URL SLOTS LEASE_SECONDS`."""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial

import uvloop

from jobs.keeper import Keeper
from jobs.process import work_until_told
from jobs.supervision import Ending, side_tasks
from jobs.worker import Worker
from logs import configure_logging
from store.sql.database import Database
from tests.jobs.analyzers_for_tests import load
from tests.jobs.working import WHERE

GRACE_SECONDS = 1.0


async def main(url: str, slots: str, lease_seconds: str) -> None:
    configure_logging()  # structlog's default rendering of a traceback takes seconds
    lease = timedelta(seconds=float(lease_seconds))
    database = Database(url)
    worker = Worker(database, load(), slots=int(slots), instance="process", where=WHERE, lease=lease)
    async with side_tasks(keeper=Keeper(database, lease).run, watch=partial(database.watch, worker.wake)):
        await work_until_told(worker, Ending(GRACE_SECONDS))
    await database.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
