"""`server.py worker`: a worker in a process without HTTP."""

from __future__ import annotations

from functools import partial

import uvloop

from analyzers.registry import load_analyzers
from events.bus import Bus
from jobs.cleanup import Ages
from jobs.keeper import Keeper
from jobs.process import work_until_told
from jobs.supervision import Ending, side_tasks
from jobs.worker import Worker
from settings import WorkerSettings
from store.sql.database import Database
from telemetry import configure_logging, default_instance


def work(settings: WorkerSettings) -> None:
    """Run analyses until SIGTERM or SIGINT."""
    configure_logging(settings.log_format, settings.log_level)
    uvloop.run(_work(settings))


async def _work(settings: WorkerSettings) -> None:
    database = Database(settings.database)
    bus = Bus(settings.bus)
    worker = Worker(database, load_analyzers(), slots=settings.workers, instance=default_instance())
    keeper = Keeper(database, ages=Ages.of(settings))
    database.on_commit(bus.publish)
    bus.listen(worker.hear)
    print(f"The worker runs up to {settings.workers} analyses at once, from {database.name}.", flush=True)
    try:
        async with side_tasks(bus=bus.run, keeper=keeper.run, watch=partial(database.watch, worker.wake)):
            await work_until_told(worker, Ending(settings.stop_seconds))
    finally:
        await database.close()
