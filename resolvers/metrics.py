"""Metrics: counters, measurements and stored amounts. Each part is read only if a client selects it.

Figures of batches, the queue and stored rows cover the viewer's workspace. For a viewer without sign-in, and for the
programs of the installation, they cover all workspaces. Subscribers in one workspace share each read.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime

from resolvers.context import Context, Services
from resolvers.monitor import Disk, Memory, read_disk, read_memory
from resolvers.user_errors import check_number, require_none
from store import tables
from store.queue.timings import Timings, WorkFigures, all_timings, work_figures
from store.queue.workers import SILENCE, all_workers
from store.sql.clock import utcnow
from store.sql.scope import mine
from store.sql.viewer import LOCAL_ADMINISTRATOR, Viewer
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
from store.workspace_figures import analyzers_of, queue_of, storage_of, work_of_workspace
from telemetry import OperationTelemetry

LEAST_INTERVAL_SECONDS, MOST_INTERVAL_SECONDS, DEFAULT_INTERVAL_SECONDS = 0.5, 60.0, 5.0

# The folder in the data folder that holds uploaded and made files.
BLOBS = "blobs"


@dataclass(frozen=True, slots=True)
class Metrics:
    """The moment and instance of a set of metrics. Their parts are read by their own fields."""

    timestamp: datetime
    instance: str
    uptime_seconds: float


@dataclass(frozen=True, slots=True)
class SystemFigures:
    """Load of the machine in percent, and resident memory of this server's processes in MiB."""

    cpu_percent: float
    memory_percent: float
    memory_mb: float
    disk_percent: float


def metrics(context: Context) -> Metrics:
    """Return the metrics of this instance, now."""
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
        # Until the next multiple of the interval since the beginning: the time of answers does not add up, and an
        # answer that took longer than an interval is not made up for.
        passed = math.floor((loop.time() - began) / interval) + 1
        await asyncio.sleep(began + passed * interval - loop.time())


async def system(services: Services) -> SystemFigures:
    """Return the load of the machine and this server's memory."""
    used, folder = await asyncio.gather(memory(services), disk(services))
    return SystemFigures(services.monitor.cpu_percent, used.percent, used.server_mb, folder.percent)


async def memory(services: Services) -> Memory:
    """Return the memory of the machine and of this server."""
    return await services.monitor.memory.get(lambda: asyncio.to_thread(read_memory))


async def disk(services: Services) -> Disk:
    """Return the disk of the data folder."""
    return await asyncio.to_thread(read_disk, services.settings.data_dir)


def _covered(viewer: Viewer) -> str | None:
    """Return the workspace that the figures for a viewer cover. None, for all, without sign-in and for programs."""
    return None if viewer.is_local else viewer.workspace


def operations(context: Context) -> Sequence[OperationTelemetry]:
    """Return the operations by name. Callers choose the names: only administrators see those of all callers."""
    return context.services.telemetry.operations() if context.viewer.is_administrator else []


async def queue(services: Services, viewer: Viewer = LOCAL_ADMINISTRATOR) -> QueueFigures:
    """Return the figures of the queue."""

    async def read() -> QueueFigures:
        async with services.database.read() as connection:
            if viewer.is_local:
                return await queue_figures(connection, utcnow())
            return await queue_of(connection, viewer, utcnow())

    return await services.monitor.queue.get(_covered(viewer), read)


async def batches(services: Services, viewer: Viewer = LOCAL_ADMINISTRATOR) -> BatchFigures:
    """Return the figures of all stored batches."""

    async def read() -> BatchFigures:
        async with services.database.read() as connection:
            if viewer.is_local:
                return await batch_figures(connection, utcnow())
            return await batch_figures(connection, utcnow(), mine(tables.batch, viewer))

    return await services.monitor.batches.get(_covered(viewer), read)


async def analyzer_depths(services: Services, viewer: Viewer = LOCAL_ADMINISTRATOR) -> list[AnalyzerFigures]:
    """Return the numbers of queued analyses by analyzer."""

    async def read() -> list[AnalyzerFigures]:
        async with services.database.read() as connection:
            if viewer.is_local:
                return await analyzer_figures(connection)
            return await analyzers_of(connection, viewer)

    return await services.monitor.analyzers.get(_covered(viewer), read)


async def work(services: Services, viewer: Viewer = LOCAL_ADMINISTRATOR) -> WorkFigures:
    """Return the recent throughput and durations of all workers, on all servers."""

    async def read() -> WorkFigures:
        async with services.database.read() as connection:
            if viewer.is_local:
                return await work_figures(connection, utcnow())
            return await work_of_workspace(connection, viewer, utcnow())

    return await services.monitor.work.get(_covered(viewer), read)


async def timings(services: Services) -> Timings:
    """Return the counters of all workers since the database was created, on all servers."""
    async with services.database.read() as connection:
        return await all_timings(connection)


async def storage(services: Services, viewer: Viewer = LOCAL_ADMINISTRATOR) -> StorageFigures:
    """Return the size and contents of the database."""

    async def read() -> StorageFigures:
        async with services.database.read() as connection:
            if viewer.is_local:
                return await storage_figures(connection)
            return await storage_of(connection, viewer)

    return await services.monitor.storage.get(_covered(viewer), read)


async def files(services: Services) -> FileFigures:
    """Return the number and size of files in the data folder."""
    folder = services.settings.data_dir / BLOBS
    return await services.monitor.files.get(lambda: asyncio.to_thread(file_figures, folder))


async def workers(services: Services) -> list[WorkerRow]:
    """Return all workers that have not signed off, oldest first."""
    async with services.database.read() as connection:
        return await all_workers(connection)


def is_alive(worker: WorkerRow, now: datetime) -> bool:
    """Whether the last heartbeat of a worker is recent enough."""
    return now - worker.last_seen_at <= SILENCE
