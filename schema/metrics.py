"""Metrics and health in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from resolvers import health as resolve_health
from resolvers import metrics as resolve
from resolvers.health_checks import HealthStatus
from schema.common import Info, Node
from schema.scalars import BigInt, describe
from store.sql.clock import utcnow
from store.statistics import BatchFigures
from store.tables import WorkerRow
from telemetry import HttpTelemetry, OperationTelemetry

if TYPE_CHECKING:
    from schema.analyses import Analysis

describe(
    HealthStatus,
    "How well a part of the server, or the whole, does.",
    {
        "HEALTHY": "All is well.",
        "DEGRADED": "It works, but not as it should: somebody should look.",
        "UNHEALTHY": "It does not do what it is for: somebody must look.",
    },
)

Interval = Annotated[
    float | None, strawberry.argument(description="Seconds from one to the next: 0.5 to 60; 5 where it is null.")
]


@strawberry.type(description="Milliseconds, over the last five minutes. Null where nothing was measured in them.")
class Latency:
    p50_ms: float | None = strawberry.field(description="Half took no longer than this.")
    p95_ms: float | None = strawberry.field(description="95 of 100 took no longer than this.")
    p99_ms: float | None = strawberry.field(description="99 of 100 took no longer than this.")


@strawberry.type(description="The machine, and this server's share of it.")
class SystemMetrics:
    cpu_percent: float = strawberry.field(
        description="How busy the machine's processors are, all together, over the last second: 0 to 100."
    )
    memory_percent: float = strawberry.field(description="How much of the machine's memory is taken: 0 to 100.")
    memory_mb: float = strawberry.field(
        description=(
            "Resident memory of this server and its workers, in MiB. What processes share counts for each of them."
        )
    )
    disk_percent: float = strawberry.field(description="How full the disk of the data folder is: 0 to 100.")


@strawberry.type(description="The operations of one name, over every transport.")
class OperationMetrics:
    name: str = strawberry.field(
        description=(
            "As the document names it; `anonymous` where it names none. Beyond 200 names, the rest is counted together "
            "as `other`."
        )
    )
    count: BigInt = strawberry.field(description="Since the server started.")
    errors: BigInt = strawberry.field(description="Those that were answered with errors.")

    @strawberry.field(description="From request to answer; of subscriptions there is none.")
    def latency(root: strawberry.Parent[OperationTelemetry]) -> Latency:
        return root.latency.percentiles()


@strawberry.type(description="Requests over HTTP and operations over any transport, of this server, since it started.")
class HttpMetrics:
    requests_total: BigInt = strawberry.field(description="Requests over HTTP.")
    errors_total: BigInt = strawberry.field(description="Requests that were answered with a status of 400 or more.")
    in_flight: int = strawberry.field(description="Requests that are being answered now, this one among them.")

    @strawberry.field(description="Of requests, from their arrival to the end of their answer.")
    def latency(root: strawberry.Parent[HttpTelemetry]) -> Latency:
        return root.latency.percentiles()

    @strawberry.field(description="Operations by name, the most frequent first; at most 201.")
    def operations(self, info: Info) -> list[OperationMetrics]:
        return info.context.services.telemetry.operations()


@strawberry.type(description="Batches that are kept, of every server that shares the database.")
class BatchMetrics:
    total: BigInt = strawberry.field(description="All of them, whatever their status.")
    running: int = strawberry.field(description="Those that have begun and not ended.")
    items_processed: BigInt = strawberry.field(description="Their items that completed.")
    items_failed: BigInt = strawberry.field(description="Their items that failed.")

    @strawberry.field(
        description=(
            "Analyses that workers ended a second, over the ten seconds before the last one: items of batches and "
            "those of no batch, whatever their end."
        )
    )
    async def items_per_second(self, info: Info) -> float:
        return (await resolve.work(info.context.services)).last_ten_seconds

    @strawberry.field(description="Of batches, from their start to their last item's end.")
    def latency(root: strawberry.Parent[BatchFigures]) -> Latency:
        return root.durations


@strawberry.type(description="How much waits at one priority.")
class PriorityDepth:
    priority: int = strawberry.field(description="From 1 (last) to 10 (first).")
    depth: int = strawberry.field(description="Analyses that wait at it.")
    oldest_seconds: float | None = strawberry.field(
        description=(
            "For how many seconds the one has waited that has waited longest; null where none could be taken now."
        )
    )


@strawberry.type(description="How much waits for one analyzer.")
class AnalyzerDepth:
    analyzer: str = strawberry.field(description="Its name.")
    depth: int = strawberry.field(description="Analyses that wait for it.")


@strawberry.type(
    description=(
        "Analyses that workers ended a second, whatever their end. Workers tell of a second up to a second later: the "
        "last one is not among them."
    )
)
class Throughput:
    last_ten_seconds: float = strawberry.field(description="Over ten seconds.")
    last_five_minutes: float = strawberry.field(description="Over five minutes.")


@strawberry.type(description="How long the analyses took that workers took and ended of late; within 3.2 %.")
class AnalysisLatency:
    waiting: Latency = strawberry.field(description="From the queue to a worker, for the first try of each.")
    processing: Latency = strawberry.field(description="The try that ended it, in its process.")
    total: Latency = strawberry.field(
        description="From the queue to the recorded end, with all tries and what it waited between them."
    )


@strawberry.type(description="What waits and what runs, of every server that shares the database.")
class QueueMetrics:
    depth: int = strawberry.field(
        description="Analyses that wait for a worker, those that wait for their next try among them."
    )
    running: int = strawberry.field(
        description=(
            "Analyses that a worker has taken and that have not ended. Workers take short ones by the hundred, to run "
            "them one after the other: what runs at this moment is `busy` of the workers."
        )
    )
    oldest_seconds: float | None = strawberry.field(
        description=(
            "For how many seconds the one has waited that has waited longest; null where none could be taken now."
        )
    )
    by_priority: list[PriorityDepth] = strawberry.field(
        description="Where something waits, the highest priority first."
    )

    @strawberry.field(
        description=(
            "For which analyzers something waits, the most first. Counting takes long where much waits, so that the "
            "figures may then be up to a minute old."
        )
    )
    async def by_analyzer(self, info: Info) -> list[AnalyzerDepth]:
        return await resolve.analyzer_depths(info.context.services)

    @strawberry.field(description="How much gets done.")
    async def throughput(self, info: Info) -> Throughput:
        return await resolve.work(info.context.services)

    @strawberry.field(description="How long it takes.")
    async def latency(self, info: Info) -> AnalysisLatency:
        return await resolve.work(info.context.services)


@strawberry.type(description="A process that runs analyses: the server's own, where it runs them itself.")
class Worker(Node):
    id: strawberry.ID = strawberry.field(description="The id, `worker_…`.")
    instance: str = strawberry.field(description="The server that it belongs to, by host and process.")
    host: str = strawberry.field(description="The machine that it runs on.")
    pid: int = strawberry.field(description="Its process there.")
    slots: int = strawberry.field(description="Analyses that it runs at once.")
    busy: int = strawberry.field(description="Slots that had work at its last sign of life.")
    last_seen_at: datetime = strawberry.field(description="Its last sign of life; it gives one every second.")
    started_at: datetime = strawberry.field(description="When it began.")
    completed: BigInt = strawberry.field(description="Analyses that it completed since it began.")
    failed: BigInt = strawberry.field(description="Analyses that it ran and that failed, since it began.")
    cpu_percent: float = strawberry.field(
        description="How busy it and its processes keep the processors: 100 is one processor in full."
    )
    memory_mb: float = strawberry.field(description="Resident memory of it and its processes, in MiB.")

    @strawberry.field(description="False where its last sign of life is older than it may be: 5 seconds.")
    def alive(root: strawberry.Parent[WorkerRow]) -> bool:
        return resolve.is_alive(root, utcnow())

    @strawberry.field(
        description=(
            "What ran in its slots at its last sign of life and still runs, oldest first, of what the caller may see. "
            "Short ones come and go between two signs of life."
        )
    )
    async def current(
        root: strawberry.Parent[WorkerRow], info: Info
    ) -> list[Annotated[Analysis, strawberry.lazy("schema.analyses")]]:
        return await info.context.work.load(root.id)

    @classmethod
    def is_type_of(cls, value: Any, _info: object) -> bool:
        return getattr(value, "id", "").startswith("worker_")


@strawberry.type(description="What is kept. Counting much takes long, so that figures may then be up to a minute old.")
class StorageMetrics:
    database_bytes: BigInt = strawberry.field(description="What the database takes on disk, in bytes.")
    analyses: BigInt = strawberry.field(
        description="Analyses that are kept; on PostgreSQL, from 100,000 on, its own estimate."
    )
    events: BigInt = strawberry.field(
        description="Events in the log; on PostgreSQL, from 100,000 on, its own estimate."
    )

    @strawberry.field(description="What files take in the data folder, in bytes: uploads and what analyses made.")
    async def file_bytes(self, info: Info) -> BigInt:
        return (await resolve.files(info.context.services)).file_bytes

    @strawberry.field(description="Files in the data folder: uploads and what analyses made.")
    async def files(self, info: Info) -> BigInt:
        return (await resolve.files(info.context.services)).files


@strawberry.type(description="Subscriptions on this server.")
class SubscriptionMetrics:
    connections: int = strawberry.field(description="WebSockets and HTTP streams that are open.")
    active: int = strawberry.field(description="Subscriptions that run on them.")
    delivered: BigInt = strawberry.field(description="Answers sent to subscribers since the server started.")
    overflowed: BigInt = strawberry.field(
        description="Subscribers ended because they did not keep up; each was told where to resume."
    )


@strawberry.type(description="How one part of the server does.")
class ComponentHealth:
    name: str = strawberry.field(
        description="One of database, bus, events, workers, queue, disk, memory, analyzers, event_loop."
    )
    status: HealthStatus = strawberry.field(description="How well it does.")
    message: str | None = strawberry.field(description="What was found, in words.")
    latency_ms: float | None = strawberry.field(
        description="Milliseconds that it took to answer, or was late by; null where there is nothing to time."
    )


@strawberry.type(description="How the server does.")
class Health:
    status: HealthStatus = strawberry.field(description="The worst of its components'.")
    components: list[ComponentHealth] = strawberry.field(description="Each part of the server that can fail.")
    recommendations: list[str] = strawberry.field(
        description="What an operator should do, in words; empty where all is well."
    )


@strawberry.type(description="The server's own figures at one moment. A part is read only where it is selected.")
class Metrics:
    timestamp: datetime = strawberry.field(description="The moment.")
    instance: str = strawberry.field(description="The server that answers, by host and process.")
    uptime_seconds: float = strawberry.field(description="Seconds since it started.")

    @strawberry.field(description="The machine, and this server's share of it.")
    async def system(self, info: Info) -> SystemMetrics:
        return await resolve.system(info.context.services)

    @strawberry.field(description="Requests over HTTP and operations over any transport.")
    def http(self, info: Info) -> HttpMetrics:
        return info.context.services.telemetry.http

    @strawberry.field(description="Batches, and how fast their items end.")
    async def batches(self, info: Info) -> BatchMetrics:
        return await resolve.batches(info.context.services)

    @strawberry.field(description="What waits and what runs.")
    async def queue(self, info: Info) -> QueueMetrics:
        return await resolve.queue(info.context.services)

    @strawberry.field(description="Every worker that has not said goodbye, oldest first.")
    async def workers(self, info: Info) -> list[Worker]:
        return await resolve.workers(info.context.services)

    @strawberry.field(description="What the database and the data folder hold.")
    async def storage(self, info: Info) -> StorageMetrics:
        return await resolve.storage(info.context.services)

    @strawberry.field(description="Subscriptions on this server.")
    def subscriptions(self, info: Info) -> SubscriptionMetrics:
        return info.context.services.telemetry.subscriptions

    @strawberry.field(description="How the server does.")
    async def health(self, info: Info) -> Health:
        return await resolve_health.health(info.context.services)


@strawberry.type
class MetricsQuery:
    @strawberry.field(description="The server's own figures, now.")
    def metrics(self, info: Info) -> Metrics:
        return resolve.metrics(info.context)

    @strawberry.field(description="How the server does, and what to do about it.")
    async def health(self, info: Info) -> Health:
        return await resolve_health.health(info.context.services)


@strawberry.type
class MetricsSubscription:
    @strawberry.subscription(
        description="The server's own figures at once, then every interval; from 0.5 to 60 seconds."
    )
    async def metrics(
        self, info: Info, interval_seconds: Interval = resolve.DEFAULT_INTERVAL_SECONDS
    ) -> AsyncGenerator[Metrics, None]:
        return resolve.follow_metrics(info.context, interval_seconds)
