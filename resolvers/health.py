"""Health: the current state of every component, and recommendations. The checks: `resolvers.health_checks`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import structlog

from resolvers import metrics
from resolvers.context import Context, Services
from resolvers.health_checks import (
    DATABASE_LIMIT_SECONDS,
    Component,
    check_analyzers,
    check_bus,
    check_database,
    check_disk,
    check_events,
    check_limits,
    check_loop,
    check_memory,
    check_queue,
    check_workers,
)
from resolvers.monitor import read_disk
from store.queue.controls import control_rows
from store.sql.clock import utcnow
from store.sql.database import Database
from store.statistics import LogFigures, QueueFigures, log_figures, touch
from store.tables import ControlRow, HealthStatus, WorkerRow

log = structlog.stdlib.get_logger(__name__)

ValueT = TypeVar("ValueT")

_SEVERITY = {status: severity for severity, status in enumerate(HealthStatus)}


@dataclass(frozen=True, slots=True)
class Health:
    """All components. The status of the whole is the worst of theirs."""

    components: Sequence[Component]

    @property
    def status(self) -> HealthStatus:
        """The status of the worst component."""
        return max((component.status for component in self.components), key=_SEVERITY.__getitem__)

    @property
    def recommendations(self) -> list[str]:
        """Recommendations, those of the worst components first."""
        ordered = sorted(self.components, key=lambda component: -_SEVERITY[component.status])
        return [sentence for component in ordered for sentence in component.advice]


async def health(services: Services) -> Health:
    """Check all components. Never raises: a component whose figures can't be read is UNHEALTHY, with a log line."""
    shared, local = await asyncio.gather(shared_components(services), local_components(services))
    database = shared[0]
    return Health([*shared, *(() if database.latency_ms is not None else _unknown()), *local])


async def health_for(context: Context) -> Health:
    """Return `health` for the viewer. What the queue has of all workspaces is for administrators."""
    found = await health(context.services)
    if context.viewer.is_administrator:
        return found
    return Health(
        [replace(each, message=None, advice=()) if each.name == "queue" else each for each in found.components]
    )


async def shared_components(services: Services) -> Sequence[Component]:
    """Check the components that all instances share. Without an answer of the database, only itself and the bus."""
    database = await _checked("database", services, _database, lambda component: component)
    kept = await _kept(services, services.settings.workers) if database.latency_ms is not None else ()
    return [database, check_bus(services.bus, sqlite=services.database.is_sqlite), *kept]


async def local_components(services: Services) -> Sequence[Component]:
    """Check the components of this instance and its machine."""
    wanted = services.settings.workers
    disk, memory = await asyncio.gather(
        _checked("disk", services, metrics.disk, check_disk),
        _checked("memory", services, metrics.memory, lambda memory: check_memory(memory, wanted)),
    )
    analyzers = check_analyzers(len(services.analyzers), services.plugin_failures)
    limits = services.charging.limits
    shared = [check_limits(limits)] if limits.has_redis else []
    return [disk, memory, analyzers, check_loop(services.monitor.loop_lag_seconds), *shared]


async def _kept(services: Services, wanted: int) -> Sequence[Component]:
    """Return the components whose figures come from the database."""
    return await asyncio.gather(
        _checked("events", services, _log_figures, lambda figures: check_events(*figures)),
        _checked("workers", services, metrics.workers, lambda rows: check_workers(rows, wanted, utcnow())),
        _checked("queue", services, _queue, lambda found: check_queue(*found)),
    )


def _unknown() -> Sequence[Component]:
    message = "The state is unknown while the database does not answer."
    return [Component(name, HealthStatus.UNHEALTHY, message) for name in ("events", "workers", "queue")]


async def round_trip_ms(database: Database) -> float | None:
    """Return the milliseconds of a minimal query without a write; None if the database does not answer.

    The time limit includes connecting and waiting for a connection; the figure does not.
    """
    try:
        async with asyncio.timeout(DATABASE_LIMIT_SECONDS), database.read() as connection:
            began = perf_counter()
            await touch(connection)
    except Exception as error:  # any error of the driver, in one log line without traceback: probes are frequent
        log.warning("the database does not answer", error=repr(error))
        return None
    return round((perf_counter() - began) * 1000, 3)


async def _database(services: Services) -> Component:
    database, disk = services.database, None
    latency_ms = await round_trip_ms(database)
    if latency_ms is not None and database.is_sqlite and database.url.database:
        disk = await asyncio.to_thread(read_disk, Path(database.url.database).parent)
    return check_database(latency_ms, disk)


async def _checked(
    name: str,
    services: Services,
    read: Callable[[Services], Awaitable[ValueT]],
    check: Callable[[ValueT], Component],
) -> Component:
    try:
        async with asyncio.timeout(DATABASE_LIMIT_SECONDS):
            return check(await read(services))
    except TimeoutError:
        log.warning("a health check took too long", component=name, limit_seconds=DATABASE_LIMIT_SECONDS)
        return Component(
            name, HealthStatus.UNHEALTHY, f"The state was not available within {DATABASE_LIMIT_SECONDS:g} s."
        )
    except Exception:
        log.exception("a health check failed", component=name)
        return Component(name, HealthStatus.UNHEALTHY, "The figures can't be read; the log has the reason.")


async def _log_figures(services: Services) -> tuple[LogFigures, float]:
    async with services.database.read() as connection:
        figures = await log_figures(connection, utcnow())
    return figures, await services.feed.lag_seconds()


async def _queue(services: Services) -> tuple[QueueFigures, Sequence[WorkerRow], int, Sequence[ControlRow]]:
    """Return the queue, the workers that are alive, the configured slots of this server, and the controls."""
    figures, rows, held = await asyncio.gather(metrics.queue(services), metrics.workers(services), _held(services))
    now = utcnow()
    return figures, [row for row in rows if metrics.is_alive(row, now)], services.settings.workers, held


async def _held(services: Services) -> Sequence[ControlRow]:
    async with services.database.read() as connection:
        return await control_rows(connection)
