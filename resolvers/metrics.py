"""Metrics: what the server counts, measures and keeps, part by part, each read only where it is asked for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

from resolvers.context import Context, Services
from resolvers.monitor import Disk, Memory, read_disk, read_memory
from resolvers.user_errors import check_number, require_none
from store.queue.timings import Timings, WorkFigures, all_timings, work_figures
from store.queue.workers import SILENCE, all_workers
from store.sql.clock import utcnow
from store.statistics import (
    AnalyzerFigures,
    BatchFigures,
    FileFigures,
    QueueFigures,
    StorageFigures,
    analyzer_figures,
    batch_figures,
    file_figures,
    queue_figures,
    storage_figures,
)
from store.tables import WorkerRow

LEAST_INTERVAL_SECONDS, MOST_INTERVAL_SECONDS, DEFAULT_INTERVAL_SECONDS = 0.5, 60.0, 5.0

# The folder in the data folder that holds uploaded and made files.
BLOBS = "blobs"


@dataclass(frozen=True, slots=True)
class Metrics:
    """A moment of this instance; the parts are read when they are asked for."""

    timestamp: datetime
    instance: str
    uptime_seconds: float


@dataclass(frozen=True, slots=True)
class SystemFigures:
    """Of the machine in percent, and what this server's processes hold of its memory in MiB."""

    cpu_percent: float
    memory_percent: float
    memory_mb: float
    disk_percent: float


def metrics(context: Context) -> Metrics:
    """Now, here."""
    services = context.services
    return Metrics(utcnow(), services.instance, services.telemetry.uptime_seconds)


def follow_metrics(context: Context, interval_seconds: float | None) -> AsyncGenerator[Metrics, None]:
    """Yield metrics at once, then after every interval. Raise Refused for an interval out of bounds."""
    interval = DEFAULT_INTERVAL_SECONDS if interval_seconds is None else interval_seconds
    name = "intervalSeconds"
    require_none(check_number(name, interval, LEAST_INTERVAL_SECONDS, MOST_INTERVAL_SECONDS, [name]))
    return _follow_metrics(context, interval)


async def _follow_metrics(context: Context, interval: float) -> AsyncGenerator[Metrics, None]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        yield metrics(context)
        # To the next whole interval since the beginning: what an answer takes does not add up, and one that took
        # longer than the interval is not made up for.
        passed = math.floor((loop.time() - began) / interval) + 1
        await asyncio.sleep(began + passed * interval - loop.time())


async def system(services: Services) -> SystemFigures:
    """The machine and this server's share of it."""
    used, folder = await asyncio.gather(memory(services), disk(services))
    return SystemFigures(services.monitor.cpu_percent, used.percent, used.server_mb, folder.percent)


async def memory(services: Services) -> Memory:
    """The machine's memory and this server's."""
    return await services.monitor.memory.get(lambda: asyncio.to_thread(read_memory))


async def disk(services: Services) -> Disk:
    """The disk of the data folder."""
    return await asyncio.to_thread(read_disk, services.settings.data_dir)


async def queue(services: Services) -> QueueFigures:
    """What waits and what runs."""

    async def read() -> QueueFigures:
        async with services.database.read() as connection:
            return await queue_figures(connection, utcnow())

    return await services.monitor.queue.get(read)


async def batches(services: Services) -> BatchFigures:
    """All batches that are kept."""

    async def read() -> BatchFigures:
        async with services.database.read() as connection:
            return await batch_figures(connection, utcnow())

    return await services.monitor.batches.get(read)


async def analyzer_depths(services: Services) -> list[AnalyzerFigures]:
    """What waits, by analyzer."""

    async def read() -> list[AnalyzerFigures]:
        async with services.database.read() as connection:
            return await analyzer_figures(connection)

    return await services.monitor.analyzers.get(read)


async def work(services: Services) -> WorkFigures:
    """What the workers of every server did of late."""

    async def read() -> WorkFigures:
        async with services.database.read() as connection:
            return await work_figures(connection, utcnow())

    return await services.monitor.work.get(read)


async def timings(services: Services) -> Timings:
    """What the workers of every server ever did."""
    async with services.database.read() as connection:
        return await all_timings(connection)


async def storage(services: Services) -> StorageFigures:
    """What the database holds."""

    async def read() -> StorageFigures:
        async with services.database.read() as connection:
            return await storage_figures(connection)

    return await services.monitor.storage.get(read)


async def files(services: Services) -> FileFigures:
    """What lies in the data folder beside the database."""
    folder = services.settings.data_dir / BLOBS
    return await services.monitor.files.get(lambda: asyncio.to_thread(file_figures, folder))


async def workers(services: Services) -> list[WorkerRow]:
    """Every worker that has not said goodbye, oldest first."""
    async with services.database.read() as connection:
        return await all_workers(connection)


def is_alive(worker: WorkerRow, now: datetime) -> bool:
    """Whether its last sign of life is no older than it may be."""
    return now - worker.last_seen_at <= SILENCE
