"""The port of a worker without a server: liveness, readiness, and its own figures for Prometheus.

Alive: the event loop turns, and the fork server of the sandbox processes answers. Ready: alive, the database answers
and has the tables, and the worker is not stopping.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from events.bus import Bus
from jobs.supervision import side_tasks
from jobs.worker import Worker
from resolvers.health import Health, round_trip_ms
from resolvers.health_checks import Component
from resolvers.monitor import Monitor, read_memory
from store.sql.database import Database
from store.tables import HealthStatus
from telemetry import Telemetry
from web.health import Readiness, gauge, metrics_response, probe_routes, readiness_response
from web.middleware import RequestMiddleware
from web.responses import refusal
from web.serving.run import serving_beside


@asynccontextmanager
async def answering(
    listening: list[socket.socket], worker: Worker, database: Database, bus: Bus
) -> AsyncIterator[None]:
    """Answer probes and scrapes on the bound sockets inside the block."""
    telemetry, monitor, readiness = Telemetry(), Monitor(), Readiness("worker")
    readiness.begin()

    async def live(_request: Request) -> Response:
        return readiness_response(Health([await sandbox()]))

    async def ready(_request: Request) -> Response:
        if worker.stopping:
            readiness.end()
        health = await readiness.look(database)
        return readiness_response(Health([*health.components, await sandbox()]))

    async def sandbox() -> Component:
        if await worker.can_fork():
            return Component("sandbox", HealthStatus.HEALTHY, "The process that analyzers are forked from answers.")
        message = "The process that analyzers are forked from does not answer."
        return Component("sandbox", HealthStatus.UNHEALTHY, message)

    async def prometheus(_request: Request) -> Response:
        memory = await monitor.memory.get(lambda: asyncio.to_thread(read_memory))
        forks, answers = await asyncio.gather(worker.can_fork(), round_trip_ms(database))
        found: list[Metric] = [
            gauge("assay_uptime_seconds", "Seconds since the worker started.", telemetry.uptime_seconds),
            gauge("assay_memory_bytes", "Resident memory of the worker and its processes.", memory.server_bytes),
            gauge("assay_event_loop_lag_seconds", "Longest in the last ten seconds.", monitor.loop_lag_seconds),
            gauge("assay_bus_live", "Whether news comes by the bus (1) or by polling (0).", bus.live),
            CounterMetricFamily("assay_bus_reconnects", "Attempts to connect the bus again.", value=bus.reconnects),
            gauge("assay_database_up", "Whether the database answered.", answers is not None),
            gauge("assay_worker_sandbox_up", "Whether the parent of the sandbox processes answered.", forks),
            gauge("assay_worker_slots", "Analyses that this worker may run at once.", worker.slots),
            gauge("assay_worker_busy", "Slots of this worker with work.", worker.busy),
            CounterMetricFamily("assay_worker_completed", "Analyses that this worker completed.", worker.completed),
            CounterMetricFamily("assay_worker_failed", "Analyses that failed on this worker.", worker.failed),
        ]
        return metrics_response(found)

    app = Starlette(
        routes=probe_routes(live, ready, prometheus),
        middleware=[Middleware(RequestMiddleware, telemetry=telemetry)],
        exception_handlers={HTTPException: refusal},
    )
    async with serving_beside(app, listening), side_tasks(monitor=monitor.run):
        yield
