"""Endpoints for operators: liveness, readiness, and metrics for Prometheus.

They are open to every client that can reach the server, except `/metrics` of a closed server, which requires a token.
Their answers therefore hold no exception messages, addresses or names chosen by clients, except the names of
operations, which `telemetry` bounds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from hmac import compare_digest
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from execution.errors import ErrorCode
from resolvers import metrics
from resolvers.context import Services
from resolvers.health import Health, round_trip_ms
from resolvers.health_checks import DATABASE_LIMIT_SECONDS, Component, check_database
from store.bounds import MAX_PRIORITY, MIN_PRIORITY
from store.queue.timings import Timings
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.migrate import is_current
from store.statistics import log_figures
from store.tables import AnalysisStatus, HealthStatus
from telemetry import exposed_buckets, exposition
from web.responses import error_response, json_response

log = structlog.stdlib.get_logger(__name__)

LIVE, READY, METRICS = "/health/live", "/health/ready", "/metrics"
PROBES = frozenset((LIVE, READY, METRICS))

PRIORITIES = range(MIN_PRIORITY, MAX_PRIORITY + 1)
_BOUNDS = [2**power for power in range(9, 33)]  # microseconds: 0.5 ms to 72 minutes

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class Readiness:
    """Whether this instance takes requests or work: from the end of its startup to the beginning of its shutdown."""

    def __init__(self, name: str = "server") -> None:
        self.name = name
        self.message = f"The {name} is starting."
        self.begun = False
        self.migrated = False

    def begin(self) -> None:
        """Note the end of the startup."""
        self.begun, self.message = True, f"The {self.name} has started."

    def end(self) -> None:
        """Note the beginning of the shutdown: a load balancer must send no further requests to this instance."""
        self.begun, self.message = False, f"The {self.name} is stopping."

    async def look(self, database: Database) -> Health:
        """Return the components that readiness depends on. Queries the database each time, for at most two seconds."""
        if not self.begun:
            return Health([Component(self.name, HealthStatus.UNHEALTHY, self.message)])
        server = Component(self.name, HealthStatus.HEALTHY, self.message)
        answering = check_database(await round_trip_ms(database))
        if answering.latency_ms is None:
            return Health([server, answering])
        return Health([server, answering, await self._migrations(database)])

    async def _migrations(self, database: Database) -> Component:
        # Current once is current for good: a newer program that migrates the database during a rolling update must not
        # make the remaining instances refuse requests.
        if not self.migrated:
            try:
                async with asyncio.timeout(DATABASE_LIMIT_SECONDS):
                    self.migrated = await is_current(database)
            except Exception as error:
                log.warning("the migrations can't be read", error=repr(error))
        if self.migrated:
            return Component("migrations", HealthStatus.HEALTHY, "The migrations are current.")
        message = "The database lacks migrations of this program, or has others."
        return Component("migrations", HealthStatus.UNHEALTHY, message)


def health_routes(services: Services, readiness: Readiness, *, is_closed: bool = False) -> Sequence[BaseRoute]:
    """Return the routes `/health/live`, `/health/ready` and `/metrics`, for GET and HEAD.

    On a closed server, `/metrics` requires ASSAY_METRICS_TOKEN.
    """
    authorization = f"Bearer {services.settings.metrics_token}".encode()

    async def live(_request: Request) -> Response:
        """Answer 200 while the event loop runs."""
        return json_response({"status": HealthStatus.HEALTHY})

    async def ready(_request: Request) -> Response:
        """Answer 200 if the instance takes requests, else 503, with the components."""
        return readiness_response(await readiness.look(services.database))

    async def prometheus(request: Request) -> Response:
        """Answer with the counters, and with gauges read now."""
        if is_closed:
            given = request.headers.get("authorization", "").encode()
            if not services.settings.metrics_token or not compare_digest(given, authorization):
                message = "/metrics requires ASSAY_METRICS_TOKEN: send it as `Authorization: Bearer TOKEN`."
                headers = {"www-authenticate": "Bearer"}
                return error_response(401, ErrorCode.UNAUTHENTICATED, message, headers=headers)
        return metrics_response(await read_gauges(services), exposition(services.telemetry))

    return probe_routes(live, ready, prometheus)


def probe_routes(live: Endpoint, ready: Endpoint, prometheus: Endpoint) -> Sequence[BaseRoute]:
    """Return the three routes, for GET and HEAD."""
    endpoints = {LIVE: live, READY: ready, METRICS: prometheus}
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints.items()]


def readiness_response(health: Health) -> Response:
    """Return 200, or 503 for an unhealthy instance, with the components."""
    body = {
        "status": health.status,
        "components": [
            {
                "name": component.name,
                "status": component.status,
                "message": component.message,
                "latencyMs": component.latency_ms,
            }
            for component in health.components
        ],
    }
    return json_response(body, status=503 if health.status is HealthStatus.UNHEALTHY else 200)


def metrics_response(read: Iterable[Metric], counted: bytes = b"") -> Response:
    """Return metrics that were read now, after the text of counters."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Read(read))
    body = counted + generate_latest(registry)
    return Response(body, headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4, "cache-control": "no-store"})


async def read_gauges(services: Services) -> list[Metric]:
    """Read the gauges; without the database, only those that do not need it."""
    monitor, bus = services.monitor, services.bus
    memory = await metrics.memory(services)
    gauges: list[Metric] = [
        gauge("assay_uptime_seconds", "Seconds since the server started.", services.telemetry.uptime_seconds),
        gauge("assay_memory_bytes", "Resident memory of the server and its processes.", memory.server_bytes),
        gauge("assay_event_loop_lag_seconds", "Longest in the last ten seconds.", monitor.loop_lag_seconds),
        gauge("assay_bus_live", "Whether news comes by the bus (1) or by polling (0).", bus.live),
        CounterMetricFamily("assay_bus_reconnects", "Attempts to connect the bus again.", value=bus.reconnects),
    ]
    refusals = CounterMetricFamily("assay_limits_refusals", "Operations refused for lack of points.", labels=["limit"])
    for name, count in services.charging.refusals.items():
        refusals.add_metric([name], count)
    about = "Whether all servers share the limits of use (1) or this one has its own (0)."
    gauges += [gauge("assay_limits_shared", about, services.charging.limits.shared), refusals]
    if bus.round_trip_seconds is not None:
        about = "How long the bus's last heartbeat took to come back."
        gauges.append(gauge("assay_bus_round_trip_seconds", about, bus.round_trip_seconds))
    try:
        async with asyncio.timeout(DATABASE_LIMIT_SECONDS):
            kept = await _database_gauges(services)
    except Exception as error:
        log.warning("the database does not answer", error=repr(error))
        kept = []
    return [*gauges, gauge("assay_database_up", "Whether the database answered.", bool(kept)), *kept]


async def _database_gauges(services: Services) -> list[Metric]:
    queue, batches, storage, workers, timings = await asyncio.gather(
        metrics.queue(services),
        metrics.batches(services),
        metrics.storage(services),
        metrics.workers(services),
        metrics.timings(services),
    )
    now = utcnow()
    async with services.database.read() as connection:
        held_back = (await log_figures(connection, now)).held_back_seconds
    lag = await services.feed.lag_seconds()
    alive = [worker for worker in workers if metrics.is_alive(worker, now)]
    waiting = {each.priority: each for each in queue.by_priority}
    depth = GaugeMetricFamily("assay_queue_depth", "Analyses that wait for a worker.", labels=["priority"])
    oldest = GaugeMetricFamily(
        "assay_queue_priority_oldest_seconds", "How long the oldest of it has waited; 0 if none.", labels=["priority"]
    )
    for priority in PRIORITIES:
        found = waiting.get(priority)
        depth.add_metric([str(priority)], found.depth if found else 0)
        oldest.add_metric([str(priority)], (found.oldest_seconds if found else None) or 0)
    return [
        depth,
        oldest,
        *_timings(timings),
        gauge("assay_queue_oldest_seconds", "How long the oldest has waited; 0 if none.", queue.oldest_seconds or 0),
        gauge("assay_running", "Analyses that a worker has taken.", queue.running),
        gauge("assay_workers_alive", "Workers alive.", len(alive)),
        gauge("assay_slots", "Slots of the workers alive.", sum(worker.slots for worker in alive)),
        gauge("assay_slots_busy", "Those of them that have work.", sum(worker.busy for worker in alive)),
        gauge("assay_batches_running", "Batches that have begun and not ended.", batches.running),
        gauge("assay_batches", "Batches that are kept.", batches.total),
        gauge("assay_analyses", "Analyses that are kept.", storage.analyses),
        gauge("assay_events", "Events in the log.", storage.events),
        gauge("assay_events_held_back_seconds", "The age of the oldest that an open transaction hides.", held_back),
        gauge("assay_feed_lag_seconds", "The age of the oldest that this server's subscribers wait for.", lag),
        gauge("assay_database_bytes", "What the database takes on disk.", storage.database_bytes),
    ]


def _timings(timings: Timings) -> Iterable[Metric]:
    """Yield the counters of all workers since the database was created, on all servers that share it."""
    for name, about, histogram in (
        ("assay_analysis_waiting_seconds", "From the queue to a worker.", timings.waiting),
        ("assay_analysis_processing_seconds", "The try that ended it, in its process.", timings.processing),
        ("assay_analysis_seconds", "From the queue to the recorded end.", timings.total),
    ):
        family = HistogramMetricFamily(name, about)
        family.add_metric([], exposed_buckets(histogram, _BOUNDS), histogram.microseconds / 1e6)
        yield family
    ended = CounterMetricFamily("assay_analyses_ended", "Analyses that workers ended.", labels=["status"])
    for status in AnalysisStatus:
        if status.ended:
            ended.add_metric([status.value], timings.ends[status.value])
    yield ended


def gauge(name: str, documentation: str, value: float) -> Metric:
    """Return a gauge without labels."""
    return GaugeMetricFamily(name, documentation, value=float(value))


class _Read(Collector):
    """A collector of gauges that were read before, since a collector can't await."""

    def __init__(self, gauges: Iterable[Metric]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        return self._gauges
