"""A worker in its process: it runs until a signal, and then shuts down in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from jobs.supervision import Ending
from jobs.worker import Worker

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def working(worker: Worker, ending: Ending) -> AsyncIterator[None]:
    """Run the worker inside the block. On exit, running analyses get the remaining time, then go back."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run())
        try:
            yield
        finally:
            ending.begin()
            await worker.stop(ending.seconds_left)


async def work_until_told(worker: Worker, ending: Ending) -> None:
    """Run the worker until SIGTERM or SIGINT. A second signal returns the running analyses to the queue at once."""
    told = asyncio.Event()

    def tell() -> None:
        if told.is_set():
            worker.hurry()
        told.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    async with working(worker, ending):
        log.info("worker started", worker=worker.id)
        await told.wait()
        log.info("worker stopping", worker=worker.id)
    log.info("worker stopped", worker=worker.id, completed=worker.completed, failed=worker.failed)
