"""Metrics and health in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from execution.prices import priced
from resolvers import health as resolve_health
from resolvers import metrics as resolve
from schema.access import VIEWER
from schema.common import Info, Node
from schema.scalars import BigInt
from store.sql.clock import utcnow
from store.statistics import BatchFigures
from store.tables import HealthStatus, WorkerRow
from telemetry import HttpTelemetry, OperationTelemetry

if TYPE_CHECKING:
    from schema.analyses import Analysis

Interval = Annotated[float | None, strawberry.argument(description="Interval in seconds: 0.5 to 60. Null means 5.")]


@strawberry.type(
    description=(
        "Latency percentiles in milliseconds, over the last five minutes. Null without measurements in that period."
    )
)
class Latency:
    p50_ms: float | None = strawberry.field(description="50th percentile, in milliseconds.")
    p95_ms: float | None = strawberry.field(description="95th percentile, in milliseconds.")
    p99_ms: float | None = strawberry.field(description="99th percentile, in milliseconds.")


@strawberry.type(description="Load of the machine or container, and memory of this server.")
class SystemMetrics:
    cpu_percent: float = strawberry.field(
        description=(
            "CPU utilization over the last second, from 0 to 100: of the container's quota, or without one of all "
            "processors of the machine."
        )
    )
    memory_percent: float = strawberry.field(
        description=(
            "Memory utilization, from 0 to 100: of the container's limit, or without one of the machine. Page cache "
            "that can be freed at once does not count for a container."
        )
    )
    memory_mb: float = strawberry.field(
        description=(
            "Resident memory of this server and its workers, in MiB. Memory shared by processes counts for "
            "each of them."
        )
    )
    disk_percent: float = strawberry.field(description="Disk utilization of the data folder's disk, from 0 to 100.")


@strawberry.type(description="Metrics of the GraphQL operations with one name, over all transports.")
class OperationMetrics:
    name: str = strawberry.field(
        description=(
            "Operation name in the document; `anonymous` for operations without a name. `other` counts all operations "
            "whose names have over 100 characters, never ran without errors, or came while 200 other names were in use "
            "within five minutes."
        )
    )
    count: BigInt = strawberry.field(
        description="Number of operations since the server started, or since the name replaced an unused one."
    )
    errors: BigInt = strawberry.field(description="Number of operations answered with errors.")

    @strawberry.field(description="Latency from request to response. Subscriptions are not measured.")
    def latency(root: strawberry.Parent[OperationTelemetry]) -> Latency:
        return root.latency.percentiles()


@strawberry.type(description="HTTP requests, and GraphQL operations over all transports, since this server started.")
class HttpMetrics:
    requests_total: BigInt = strawberry.field(description="Number of HTTP requests.")
    errors_total: BigInt = strawberry.field(
        description="Number of HTTP requests answered with a status of 400 or higher."
    )
    in_flight: int = strawberry.field(description="Number of HTTP requests in progress, including this one.")

    @strawberry.field(
        description="Latency of HTTP requests, from arrival to the end of the response. Streams are not measured."
    )
    def latency(root: strawberry.Parent[HttpTelemetry]) -> Latency:
        return root.latency.percentiles()

    @strawberry.field(
        description=(
            "GraphQL operations by name, most frequent first; at most 201. Empty for callers without administration of "
            "the installation."
        )
    )
    def operations(self, info: Info) -> list[OperationMetrics]:
        return resolve.operations(info.context)


@strawberry.type(
    description=(
        "Batch counts and throughput, across all servers that share the database. On a server with sign-in, they cover "
        "the caller's workspace."
    )
)
class BatchMetrics:
    total: BigInt = strawberry.field(description="Number of stored batches, in any state.")
    running: int = strawberry.field(description="Number of batches that have started and not ended.")
    items_processed: BigInt = strawberry.field(description="Number of COMPLETED items of stored batches.")
    items_failed: BigInt = strawberry.field(description="Number of FAILED items of stored batches.")

    @strawberry.field(
        description=(
            "Throughput in ended items per second, in any final state, over the ten seconds before the last "
            "one. Includes analyses without a batch."
        )
    )
    async def items_per_second(self, info: Info) -> float:
        return (await resolve.work(info.context.services, info.context.viewer)).last_ten_seconds

    @strawberry.field(description="Latency of batches, from the start to the end of the last item.")
    def latency(root: strawberry.Parent[BatchFigures]) -> Latency:
        return root.durations


@strawberry.type(description="Number of queued analyses with one priority.")
class PriorityDepth:
    priority: int = strawberry.field(description="Priority, from 1 (lowest) to 10 (highest).")
    depth: int = strawberry.field(description="Number of queued analyses with this priority.")
    oldest_seconds: float | None = strawberry.field(
        description=(
            "Waiting time in seconds of the oldest analysis with this priority that is ready to run. Null if "
            "no analysis is ready."
        )
    )


@strawberry.type(description="Number of queued analyses of one analyzer.")
class AnalyzerDepth:
    analyzer: str = strawberry.field(description="Name of the analyzer.")
    depth: int = strawberry.field(description="Number of queued analyses of this analyzer.")


@strawberry.type(
    description=(
        "Throughput in analyses ended by workers per second, in any final state. The last second is not "
        "included, because workers report with a delay of up to one second."
    )
)
class Throughput:
    last_ten_seconds: float = strawberry.field(description="Ended analyses per second, over ten seconds.")
    last_five_minutes: float = strawberry.field(description="Ended analyses per second, over five minutes.")


@strawberry.type(
    description=(
        "Latency of analyses run by workers, over the last five minutes. Each percentile is accurate to 3.2 %. On a "
        "server with sign-in, of the newest 1,000 analyses in the caller's workspace."
    )
)
class AnalysisLatency:
    waiting: Latency = strawberry.field(
        description="Time in the queue before the first attempt, until a worker claims the analysis."
    )
    processing: Latency = strawberry.field(
        description="Duration of the final attempt, in the process that runs the analyzer."
    )
    total: Latency = strawberry.field(
        description=(
            "Time from queueing to the recorded end, including all attempts and the waiting time between them."
        )
    )


@strawberry.type(
    description=(
        "Queued and running analyses, across all servers that share the database. On a server with sign-in, they cover "
        "the caller's workspace."
    )
)
class QueueMetrics:
    depth: int = strawberry.field(description="Number of queued analyses, including those waiting for a retry.")
    running: int = strawberry.field(
        description=(
            "Number of analyses claimed by workers and not ended. A worker claims short analyses by the "
            "hundred and runs them one after another; `Worker.busy` counts the slots at work."
        )
    )
    oldest_seconds: float | None = strawberry.field(
        description=(
            "Waiting time in seconds of the oldest analysis that is ready to run. Null if no analysis is ready."
        )
    )
    by_priority: list[PriorityDepth] = strawberry.field(
        description="Number of queued analyses by priority, highest priority first."
    )

    @strawberry.field(
        description=(
            "Number of queued analyses by analyzer, largest number first. Up to a minute old if the queue is long."
        ),
        metadata=priced(10),
    )
    async def by_analyzer(self, info: Info) -> list[AnalyzerDepth]:
        return await resolve.analyzer_depths(info.context.services, info.context.viewer)

    @strawberry.field(description="Throughput of all workers.")
    async def throughput(self, info: Info) -> Throughput:
        return await resolve.work(info.context.services, info.context.viewer)

    @strawberry.field(description="Waiting and processing times of recent analyses.")
    async def latency(self, info: Info) -> AnalysisLatency:
        return await resolve.work(info.context.services, info.context.viewer)


@strawberry.type(description="A process that runs analyses. The server's own process if the server runs them itself.")
class Worker(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `worker_…`.")
    instance: str = strawberry.field(description="Server instance of the worker, identified by host and process.")
    host: str = strawberry.field(description="Name of the machine that runs the worker.")
    pid: int = strawberry.field(description="Process id of the worker on its machine.")
    slots: int = strawberry.field(description="Maximum number of analyses that the worker runs at the same time.")
    busy: int = strawberry.field(description="Number of slots with work at the last heartbeat.")
    last_seen_at: datetime = strawberry.field(
        description="Time of the last heartbeat. A worker sends one every second."
    )
    started_at: datetime = strawberry.field(description="Start of the worker.")
    completed: BigInt = strawberry.field(description="Number of analyses completed since the worker started.")
    failed: BigInt = strawberry.field(description="Number of analyses failed since the worker started.")
    cpu_percent: float = strawberry.field(
        description="CPU utilization of the worker and its processes. 100 is one full CPU core."
    )
    memory_mb: float = strawberry.field(description="Resident memory of the worker and its processes, in MiB.")

    @strawberry.field(description="Whether the last heartbeat is at most 5 seconds old.")
    def alive(root: strawberry.Parent[WorkerRow]) -> bool:
        return resolve.is_alive(root, utcnow())

    @strawberry.field(
        description=(
            "Running analyses of the worker that are visible to the caller, oldest first. Read from the last "
            "heartbeat: an analysis that starts and ends between two heartbeats is not listed."
        )
    )
    async def current(
        root: strawberry.Parent[WorkerRow], info: Info
    ) -> list[Annotated[Analysis, strawberry.lazy("schema.analyses")]]:
        return await info.context.work.load(root.id)

    @classmethod
    def is_type_of(cls, value: Any, _info: object) -> bool:
        return getattr(value, "id", "").startswith("worker_")


@strawberry.type(
    description=(
        "Contents of the database and the data folder. Up to a minute old if there is much to count. On a server with "
        "sign-in, analyses and events are those of the caller's workspace; sizes and files are those of the "
        "installation."
    )
)
class StorageMetrics:
    database_bytes: BigInt = strawberry.field(description="Size of the database on disk, in bytes.")
    analyses: BigInt = strawberry.field(
        description="Number of stored analyses. On PostgreSQL, from 100,000 on, the planner's estimate."
    )
    events: BigInt = strawberry.field(
        description="Number of events in the log. On PostgreSQL, from 100,000 on, the planner's estimate."
    )

    @strawberry.field(description="Total size of stored files, in bytes. Excludes the database.")
    async def file_bytes(self, info: Info) -> BigInt:
        return (await resolve.files(info.context.services)).file_bytes

    @strawberry.field(description="Number of stored files. Excludes the database.")
    async def files(self, info: Info) -> BigInt:
        return (await resolve.files(info.context.services)).files


@strawberry.type(description="Subscriptions of this server.")
class SubscriptionMetrics:
    connections: int = strawberry.field(description="Number of open WebSocket connections and HTTP streams.")
    active: int = strawberry.field(description="Number of running subscriptions.")
    delivered: BigInt = strawberry.field(
        description="Number of responses sent to subscribers since the server started."
    )
    overflowed: BigInt = strawberry.field(
        description="Number of slow subscribers that the server disconnected. Each received a cursor to resume from."
    )


@strawberry.type(description="Health of one component.")
class ComponentHealth:
    name: str = strawberry.field(
        description=(
            "Name of the component: database, bus, events, workers, queue, disk, memory, analyzers, event_loop or "
            "limits."
        )
    )
    status: HealthStatus = strawberry.field(description="Status of the component.")
    message: str | None = strawberry.field(
        description=(
            "Human-readable finding. Null for the queue and callers without administration of the installation."
        )
    )
    latency_ms: float | None = strawberry.field(
        description="Response time or delay of the component, in milliseconds. Null if there is nothing to measure."
    )


@strawberry.type(description="Health of the server.")
class Health:
    status: HealthStatus = strawberry.field(description="Worst status of all components.")
    components: list[ComponentHealth] = strawberry.field(description="Health of each component.")
    recommendations: list[str] = strawberry.field(
        description=(
            "Recommended actions for the operator. Empty if all components are healthy. Those about the queue are for "
            "administrators of the installation."
        )
    )


@strawberry.type(description="Metrics of the server at one point in time. Each part is read only if selected.")
class Metrics:
    timestamp: datetime = strawberry.field(description="Time of measurement.")
    instance: str = strawberry.field(description="Server instance that answered, identified by host and process.")
    uptime_seconds: float = strawberry.field(description="Seconds since the server started.")

    @strawberry.field(description="Load of the machine and memory of this server.")
    async def system(self, info: Info) -> SystemMetrics:
        return await resolve.system(info.context.services)

    @strawberry.field(description="HTTP requests, and GraphQL operations over all transports.")
    def http(self, info: Info) -> HttpMetrics:
        return info.context.services.telemetry.http

    @strawberry.field(description="Batch counts and throughput.")
    async def batches(self, info: Info) -> BatchMetrics:
        return await resolve.batches(info.context.services, info.context.viewer)

    @strawberry.field(description="Queued and running analyses.", metadata=priced(5))
    async def queue(self, info: Info) -> QueueMetrics:
        return await resolve.queue(info.context.services, info.context.viewer)

    @strawberry.field(description="Registered workers, oldest first. A worker that shuts down leaves the list.")
    async def workers(self, info: Info) -> list[Worker]:
        return await resolve.workers(info.context.services)

    @strawberry.field(description="Contents of the database and the data folder.")
    async def storage(self, info: Info) -> StorageMetrics:
        return await resolve.storage(info.context.services, info.context.viewer)

    @strawberry.field(description="Subscriptions of this server.")
    def subscriptions(self, info: Info) -> SubscriptionMetrics:
        return info.context.services.telemetry.subscriptions

    @strawberry.field(description="Health of the server.", metadata=priced(10))
    async def health(self, info: Info) -> Health:
        return await resolve_health.health_for(info.context)


@strawberry.type
class MetricsQuery:
    @strawberry.field(directives=VIEWER, description="Returns current metrics of the server.", metadata=priced(10))
    def metrics(self, info: Info) -> Metrics:
        return resolve.metrics(info.context)

    @strawberry.field(
        directives=VIEWER, description="Returns the health of the server, with recommendations.", metadata=priced(10)
    )
    async def health(self, info: Info) -> Health:
        return await resolve_health.health_for(info.context)


@strawberry.type
class MetricsSubscription:
    @strawberry.subscription(
        directives=VIEWER, description="Sends metrics immediately and then once per interval.", metadata=priced(10)
    )
    async def metrics(
        self, info: Info, interval_seconds: Interval = resolve.DEFAULT_INTERVAL_SECONDS
    ) -> AsyncGenerator[Metrics, None]:
        return resolve.follow_metrics(info.context, interval_seconds)
