"""`server.py worker`: a worker in a process of its own. The caller may serve its probes and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial

import uvloop

from analyzers.registry import load_analyzers
from events.bus import Bus
from jobs.alerts import Alerts
from jobs.cleanup import Ages
from jobs.history import History
from jobs.keeper import Keeper
from jobs.orphans import reap_orphans
from jobs.process import work_until_told
from jobs.supervision import Ending, side_tasks
from jobs.worker import Worker
from logs import configure_logging, default_instance
from resolvers.health_checks import Component, check_disk, check_loop, check_memory
from resolvers.monitor import Monitor, read_disk, read_memory
from settings import WorkerSettings
from store.sql.database import Database

Answering = Callable[[Worker, Database, Bus], AbstractAsyncContextManager[None]]
"""Answers probes inside the block."""


def work(settings: WorkerSettings, answering: Answering = lambda *_: nullcontext()) -> None:
    """Run analyses until SIGTERM or SIGINT."""
    configure_logging(settings.log_format, settings.log_level)
    uvloop.run(_work(settings, answering))


async def _work(settings: WorkerSettings, answering: Answering) -> None:
    database = Database(settings.database, connections=settings.database_connections)
    bus = Bus(settings.bus)
    worker = Worker(database, load_analyzers(), slots=settings.workers, instance=default_instance())
    keeper = Keeper(database, ages=Ages.of(settings))
    monitor = Monitor()

    async def components() -> Sequence[Component]:
        """Check the components of this process and its machine."""
        disk, memory = await asyncio.gather(
            asyncio.to_thread(read_disk, settings.data_dir), asyncio.to_thread(read_memory)
        )
        return [check_disk(disk), check_memory(memory, settings.workers), check_loop(monitor.loop_lag_seconds)]

    database.on_commit(bus.publish)
    bus.listen(worker.hear)
    print(f"The worker runs up to {settings.workers} analyses at once, from {database.name}.", flush=True)
    try:
        async with (
            answering(worker, database, bus),
            side_tasks(
                bus=bus.run,
                keeper=keeper.run,
                history=History(database, worker.id, worker.timekeeper).run,
                monitor=monitor.run,
                alerts=Alerts(database, worker.id, components).run,
                orphans=partial(reap_orphans, lambda: worker.child),
                watch=partial(database.watch, worker.wake),
            ),
        ):
            await work_until_told(worker, Ending(settings.stop_seconds))
    finally:
        await database.close()
